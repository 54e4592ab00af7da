//! Progress of a call, told to a client that asked for it.

use rmcp::{
    RoleServer,
    model::ProgressNotificationParam,
    service::{Peer, RequestContext},
};
use tokio::sync::mpsc;

use crate::executor::Progress;

/// Reports that wait to be sent; more are left out, since a later one says more.
const WAITING: usize = 8;

/// The protocol wants every report to be further than the one before.
const STEP: f64 = 1e-6;

/// Sends each report to the client of `context`, if it gave a token for that. What it reports never
/// goes back.
pub(super) fn reporter(context: &RequestContext<RoleServer>) -> Box<dyn FnMut(Progress) + Send> {
    let Some(progress_token) = context.meta.get_progress_token() else { return Box::new(drop) };
    let (reports, queue) = mpsc::channel(WAITING);
    // Ends when the reporter is dropped.
    tokio::spawn(send(context.peer.clone(), queue));
    let mut last = 0.0;
    Box::new(move |report| {
        last = report.fraction.unwrap_or(last).max(last + STEP);
        let progress = last;
        let mut params = ProgressNotificationParam::new(progress_token.clone(), progress).with_total(1.0);
        params.message = report.message;
        let _ = reports.try_send(params);
    })
}

async fn send(peer: Peer<RoleServer>, mut queue: mpsc::Receiver<ProgressNotificationParam>) {
    while let Some(params) = queue.recv().await {
        if peer.notify_progress(params).await.is_err() {
            return;
        }
    }
}
