//! The change feed: who else changed what, as it happens.
//!
//! The open feed is also this process's lease on the backend, so it is reopened whenever it
//! breaks. It never starts a backend: a killed backend comes back with the next call, not by
//! itself.

pub(super) mod event;

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use serde::Deserialize;
use shared_types::{history::Action, search::EntityKind};
use tokio::{
    sync::broadcast,
    time::{sleep, timeout},
};

use self::event::{Event, Events};
use super::cache::Cache;
use crate::lifecycle::{Backend, Endpoint};

/// The backend sends a comment every 15 s; when two and a half are missing it is gone.
const SILENCE: Duration = Duration::from_secs(40);
/// The longest pause between two tries to open the feed.
const LONGEST_PAUSE: Duration = Duration::from_secs(5);

/// One committed change, as the feed reports it.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct ChangeNotice {
    /// Its place in the history of the store.
    pub seq: i64,
    /// What kind of thing changed.
    pub entity: EntityKind,
    /// Which one.
    pub entity_id: String,
    /// What happened to it.
    pub action: Action,
    /// Ids of further tasks and projects that show something else because of it.
    #[serde(default)]
    pub affects: Vec<String>,
}

/// The part of an event that is needed even when the rest is from a newer backend.
#[derive(Deserialize)]
struct Place {
    seq: i64,
}

/// Follows the feed of one backend after another.
pub(super) struct Feed {
    pub(super) backend: Backend,
    pub(super) cache: Arc<Cache>,
    pub(super) notices: broadcast::Sender<ChangeNotice>,
    /// The last change seen, and in which database.
    pub(super) last: Option<(String, i64)>,
}

impl Feed {
    /// Follows it until the task is dropped.
    pub(super) async fn run(mut self) {
        let mut pause = Duration::ZERO;
        loop {
            if let Some(endpoint) = self.backend.find().await {
                let cause = self.follow(&endpoint).await;
                if self.cache.feed_closed() {
                    pause = Duration::ZERO;
                }
                tracing::debug!(cause, "change feed closed");
                self.backend.lost(&endpoint);
            }
            pause = (pause * 2).clamp(Duration::from_millis(50), LONGEST_PAUSE);
            sleep(pause).await;
            tokio::select! {
                () = self.backend.appeared() => {}
                () = sleep(LONGEST_PAUSE) => {}
            }
        }
    }

    /// Reads the feed to its end; says why it ended.
    async fn follow(&mut self, endpoint: &Arc<Endpoint>) -> &'static str {
        let database = &endpoint.announcement().database_id;
        self.last = self.last.take().filter(|(known, _)| known == database);
        let mut url = endpoint.base().clone();
        url.set_path("/api/events");
        if let Some((_, seq)) = &self.last {
            url.query_pairs_mut().append_pair("after", &seq.to_string());
        }
        let asked = Instant::now();
        let mut response = match timeout(SILENCE, endpoint.http().get(url).send()).await {
            Ok(Ok(response)) if response.status().is_success() => response,
            Ok(Ok(_)) => {
                // It may be the place in the history that it refuses: begin anew.
                self.last = None;
                return "refused";
            }
            Ok(Err(_)) | Err(_) => return "not reached",
        };
        let mut events = Events::default();
        loop {
            let chunk = match timeout(SILENCE, response.chunk()).await {
                Ok(Ok(Some(chunk))) => chunk,
                Ok(Ok(None)) => return "ended",
                Ok(Err(_)) => return "broken",
                Err(_) => return "silent",
            };
            let Ok(complete) = events.push(&chunk) else { return "not a feed" };
            for event in complete {
                self.take(endpoint, asked, &event);
            }
        }
    }

    fn take(&mut self, source: &Arc<Endpoint>, asked: Instant, event: &Event) {
        let Ok(Place { seq }) = serde_json::from_str(&event.data) else { return };
        match event.name.as_str() {
            "ready" => {
                // Told anew: a database that was taken back in time has a lower one.
                self.last = Some((source.announcement().database_id.clone(), seq));
                self.cache.feed_opened(Arc::clone(source), seq, asked);
            }
            "change" => {
                self.last = Some((source.announcement().database_id.clone(), seq));
                self.cache.feed_told(seq);
                if let Ok(notice) = serde_json::from_str(&event.data) {
                    // Without a listener there is nobody to tell.
                    let _ = self.notices.send(notice);
                }
            }
            _ => {}
        }
    }
}
