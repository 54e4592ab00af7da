//! What is known about being current.
//!
//! The feed tells of every change, but a feed can be late: the backend may be stopped between its
//! answer to the writer and its message to us. Silence proves nothing. So a stored answer needs a
//! proof that is younger than [`CURRENT_FOR`]: at a moment since then, the backend's last change
//! was one that we had heard of. Whatever was acknowledged before that moment is taken into
//! account; whatever was acknowledged later is too young to be owed.

use std::{
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use crate::lifecycle::{Endpoint, endpoint::Position};

/// How long after its acknowledgement a write may stay unseen by other processes.
pub(in crate::client) const CURRENT_FOR: Duration = Duration::from_millis(100);

/// What one client knows.
#[derive(Debug, Default)]
pub(super) struct Currency {
    known: Mutex<Known>,
}

#[derive(Debug, Default)]
struct Known {
    /// Grows with every change, our own or one that the feed tells.
    generation: u64,
    /// The open feed; without one nobody would tell us of a change.
    feed: Option<Followed>,
}

/// An open feed and how far we followed it.
#[derive(Debug)]
struct Followed {
    endpoint: Arc<Endpoint>,
    /// The last change heard.
    seq: i64,
    /// When we last were known to have heard everything.
    proven: Instant,
}

impl Currency {
    /// The generation of answers asked for now; `None` while no feed is open.
    pub(super) fn generation(&self) -> Option<u64> {
        let known = self.known();
        known.feed.is_some().then_some(known.generation)
    }

    /// Something changed: whatever was read before is old.
    pub(super) fn changed(&self) {
        self.known().generation += 1;
    }

    /// A feed of `endpoint`, opened at `asked` or later, has told everything up to `seq`. What
    /// happened before is unknown, so whatever was read before is old.
    pub(super) fn opened(&self, endpoint: Arc<Endpoint>, seq: i64, asked: Instant) {
        let mut known = self.known();
        known.generation += 1;
        known.feed = Some(Followed { endpoint, seq, proven: asked });
    }

    /// The feed told of the change `seq`.
    pub(super) fn heard(&self, seq: i64) {
        let mut known = self.known();
        known.generation += 1;
        if let Some(feed) = &mut known.feed {
            feed.seq = seq;
        }
    }

    /// The feed ended.
    pub(super) fn closed(&self) {
        let mut known = self.known();
        known.generation += 1;
        known.feed = None;
    }

    /// Where the feed comes from, while it is open.
    pub(super) fn source(&self) -> Option<Arc<Endpoint>> {
        self.known().feed.as_ref().map(|feed| Arc::clone(&feed.endpoint))
    }

    /// Takes it for proven that everything up to `position` was heard at `asked`, if it was. The
    /// backend must have told its position at `asked` or later.
    pub(super) fn prove(&self, source: &Endpoint, position: &Position, asked: Instant) {
        let mut known = self.known();
        let Some(feed) = &mut known.feed else { return };
        let is_same = std::ptr::eq(&*feed.endpoint, source)
            && source.announcement().database_id == position.database_id;
        if is_same && feed.seq >= position.seq {
            feed.proven = feed.proven.max(asked);
        }
    }

    /// Whether stored answers may be served at `now`.
    pub(super) fn is_proven(&self, now: Instant) -> bool {
        let is_young = |feed: &Followed| now.saturating_duration_since(feed.proven) < CURRENT_FOR;
        self.known().feed.as_ref().is_some_and(is_young)
    }

    fn known(&self) -> MutexGuard<'_, Known> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
