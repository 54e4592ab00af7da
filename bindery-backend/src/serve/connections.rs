//! The connections: how many there are, how long each may keep us waiting, and how they end.
//!
//! A connection is cut when it is idle or slow with a head for too long, and when it takes nothing
//! of an answer for too long. Beyond the limit, a connection is told so and closed.
//!
//! The way down has three steps. While requests are in work, connections stay open, and a request
//! that comes now learns that the backend stops. Then nothing is accepted any more, idle
//! connections close and answers are sent to their end. What is left after that is cut.

mod stall;

use std::{convert::Infallible, pin::pin, sync::Arc, time::Duration};

use axum::{Router, extract::Request, http::header, middleware, response::Response, serve::Listener};
use hyper::{body::Incoming, server::conn::http1, service::service_fn};
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::{
    io::{AsyncRead, AsyncWrite},
    sync::{OwnedSemaphorePermit, Semaphore},
};
use tokio_util::{sync::CancellationToken, task::TaskTracker};
use tower::Service;

use self::stall::Stall;
use super::Shutdown;
use crate::http;

/// How many connections beyond the limit are being told so at the same time. More than these wait
/// in the kernel's queue.
const TURNED_AWAY: usize = 32;
/// How long telling them may take.
const TURNING_AWAY: Duration = Duration::from_secs(2);
/// The most bytes of a request's head, and of what is buffered for a connection each way.
const BUFFER: usize = 64 * 1024;

/// What a listener lets its connections do.
#[derive(Debug, Clone, Copy)]
pub(super) struct Limits {
    /// How many may be open.
    pub(super) open: usize,
    /// How long the whole head of the next request may take, counted from the moment it could
    /// come. It ends idle connections and slow senders alike.
    pub(super) head: Duration,
    /// How long a connection may take nothing of what is sent.
    pub(super) stalled: Duration,
}

impl Limits {
    /// For those that anybody on this machine, or beyond, can open.
    pub(super) const TCP: Self =
        Self { open: 1024, head: Duration::from_secs(20), stalled: Duration::from_secs(30) };

    /// For programs of the owner, whose pools keep a connection for 90 s.
    pub(super) const SOCKET: Self = Self { head: Duration::from_secs(120), ..Self::TCP };
}

/// What answers the requests of a connection.
pub(super) trait Routes:
    Service<Request<Incoming>, Response = Response, Error = Infallible, Future: Send> + Clone + Send + 'static
{
}

impl<R> Routes for R where
    R: Service<Request<Incoming>, Response = Response, Error = Infallible, Future: Send>
        + Clone
        + Send
        + 'static
{
}

/// Owns all connections of the backend; clones share them.
#[derive(Debug, Clone)]
pub(super) struct Connections {
    tasks: TaskTracker,
    /// One token for each request that is not answered yet.
    requests: TaskTracker,
    close: CancellationToken,
    cut: CancellationToken,
}

impl Connections {
    /// No connections yet. Their tasks are counted in `tasks`; the hard token cuts them.
    pub(super) fn new(tasks: TaskTracker, shutdown: &Shutdown) -> Self {
        let cut = shutdown.hard().child_token();
        Self { tasks, requests: TaskTracker::new(), close: CancellationToken::new(), cut }
    }

    /// Serves `routes` on `listener` until [`Connections::finish`].
    pub(super) fn serve<L: Listener>(&self, listener: L, routes: impl Routes, limits: Limits) {
        let accept = self.clone().accept(listener, routes, limits);
        let close = self.close.clone();
        self.tasks.spawn(async move { close.run_until_cancelled(accept).await });
    }

    /// Waits until no request is in work, then until every connection has closed.
    pub(super) async fn finish(&self) {
        self.requests.close();
        self.requests.wait().await;
        self.close.cancel();
        self.tasks.close();
        self.tasks.wait().await;
    }

    /// Cuts every connection that is left.
    pub(super) fn cut(&self) {
        self.cut.cancel();
    }

    async fn accept<L: Listener>(self, mut listener: L, routes: impl Routes, limits: Limits) {
        let places = Arc::new(Semaphore::new(limits.open));
        let no_places = Arc::new(Semaphore::new(TURNED_AWAY));
        let turn_away = closing(http::too_many_connections());
        loop {
            let (stream, _) = listener.accept().await;
            if let Ok(place) = Arc::clone(&places).try_acquire_owned() {
                let serve = self.clone().carry(stream, routes.clone(), limits, place);
                self.tasks.spawn(serve);
            } else if let Ok(place) = Arc::clone(&no_places).acquire_owned().await {
                let refuse = self.clone().carry(stream, turn_away.clone(), limits, place);
                self.tasks.spawn(tokio::time::timeout(TURNING_AWAY, refuse));
            }
        }
    }

    /// Carries one connection to its end. `_place` is free again after it.
    async fn carry<S>(self, stream: S, routes: impl Routes, limits: Limits, _place: OwnedSemaphorePermit)
    where
        S: AsyncRead + AsyncWrite + Send + Unpin,
    {
        let requests = self.requests.clone();
        let service = service_fn(move |request| answer(routes.clone(), request, requests.clone()));
        let connection = http1::Builder::new()
            .timer(TokioTimer::new())
            .header_read_timeout(limits.head)
            .max_buf_size(BUFFER)
            .serve_connection(TokioIo::new(Stall::new(stream, limits.stalled)), service);
        let mut connection = pin!(connection);
        let served = async {
            tokio::select! {
                served = connection.as_mut() => served,
                () = self.close.cancelled() => {
                    connection.as_mut().graceful_shutdown();
                    connection.await
                }
            }
        };
        if let Some(Err(error)) = self.cut.run_until_cancelled(served).await {
            tracing::debug!(%error, "a connection was cut");
        }
    }
}

/// Answers one request, which is in work until there is something to send. Those that come while the
/// others are waited for are refused, and not waited for: they need not end.
async fn answer(
    mut routes: impl Routes,
    request: Request<Incoming>,
    requests: TaskTracker,
) -> Result<Response, Infallible> {
    let _in_work = (!requests.is_closed()).then(|| requests.token());
    routes.call(request).await
}

/// Tells the client of each answer that there will be no other.
fn closing(routes: Router) -> Router {
    routes.layer(middleware::map_response(async |mut response: Response| {
        response.headers_mut().insert(header::CONNECTION, header::HeaderValue::from_static("close"));
        response
    }))
}

#[cfg(test)]
mod tests;
