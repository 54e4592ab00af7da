//! The change feed: what happened after a given change, and then what happens.

use std::{collections::VecDeque, sync::Arc};

use shared_types::{Error, ErrorCode};
use tokio::sync::broadcast::{Receiver, error::RecvError};
use tokio_util::sync::CancellationToken;

use crate::{
    app::App,
    leases::Lease,
    store::{ChangeEvent, Store},
};

/// How many changes are read from the store at once.
const PAGE: i64 = 500;

/// What the feed delivers.
#[derive(Debug)]
pub(crate) enum Delivery {
    /// A change.
    Change(Arc<ChangeEvent>),
    /// All changes up to this one have been delivered; said once.
    Ready(i64),
}

/// One reader of the change feed. It is also the lease that keeps a managed backend.
pub(crate) struct Feed {
    store: Store,
    live: Receiver<Arc<ChangeEvent>>,
    missed: VecDeque<ChangeEvent>,
    /// The last change that was delivered.
    seq: i64,
    /// Whether the store holds changes that `live` no longer brings.
    behind: bool,
    ready: bool,
    stop: CancellationToken,
    _lease: Lease,
}

impl Feed {
    /// Opens a feed of the changes after `after`, or of those to come.
    ///
    /// # Errors
    /// `overloaded` when too many are open, or what reading the store returns.
    pub(crate) async fn open(app: &App, after: Option<i64>) -> Result<Self, Error> {
        let lease = app.leases().take().ok_or_else(|| {
            Error::new(ErrorCode::Overloaded, "too many change feeds are open")
                .suggest("Close feeds that are no longer read.")
        })?;
        let store = app.store().clone();
        // Subscribed before the position is read, so that no commit falls between the two.
        let live = store.subscribe();
        let last = store.last_seq().await?;
        // A position from another database can lie ahead: `ready` then tells the reader.
        let seq = after.map_or(last, |after| after.clamp(0, last));
        let stop = app.options().stop.clone();
        Ok(Self {
            store,
            live,
            missed: VecDeque::new(),
            seq,
            behind: seq < last,
            ready: false,
            stop,
            _lease: lease,
        })
    }

    /// The next delivery; `None` when the backend stops or the store can no longer be read.
    pub(crate) async fn next(&mut self) -> Option<Delivery> {
        loop {
            if self.stop.is_cancelled() {
                return None;
            }
            if let Some(change) = self.missed.pop_front() {
                self.seq = change.seq;
                return Some(Delivery::Change(Arc::new(change)));
            }
            if self.behind {
                self.read_missed().await?;
            } else if !self.ready {
                self.ready = true;
                return Some(Delivery::Ready(self.seq));
            } else if let Some(change) = self.receive().await? {
                return Some(Delivery::Change(change));
            }
        }
    }

    async fn read_missed(&mut self) -> Option<()> {
        let page = self.store.changes_after(self.seq, PAGE).await;
        let cut = |error: &Error| tracing::warn!(code = %error.code, seq = self.seq, "change feed cut");
        let page = page.inspect_err(cut).ok()?;
        self.behind = !page.is_empty();
        self.missed = page.into();
        Some(())
    }

    /// The next live change, unless it was delivered already or some were dropped before it.
    async fn receive(&mut self) -> Option<Option<Arc<ChangeEvent>>> {
        let received = tokio::select! {
            () = self.stop.cancelled() => return None,
            received = self.live.recv() => received,
        };
        match received {
            Ok(change) if change.seq <= self.seq => Some(None),
            Ok(change) => {
                self.seq = change.seq;
                Some(Some(change))
            }
            Err(RecvError::Lagged(dropped)) => {
                tracing::debug!(dropped, seq = self.seq, "change feed is slow, catching up");
                self.behind = true;
                Some(None)
            }
            Err(RecvError::Closed) => None,
        }
    }
}
