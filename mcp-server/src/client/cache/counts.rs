//! How often the cache helped, and why it did not.

use std::sync::atomic::{AtomicI64, Ordering};

use shared_types::health::CacheMisses;

/// Why an answer did not come from the cache.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::client) enum Miss {
    /// It must not be kept.
    NotCacheable,
    /// No feed is open.
    FeedDown,
    /// None is stored.
    Absent,
    /// Something changed since it was stored.
    Changed,
    /// The backend did not confirm in time that nothing changed.
    Unproven,
}

/// The figures.
#[derive(Debug, Default)]
pub(super) struct Counts {
    hits: AtomicI64,
    joined: AtomicI64,
    misses: [AtomicI64; 5],
}

impl Counts {
    /// Counts an answer from the cache.
    pub(super) fn hit(&self) {
        self.hits.fetch_add(1, Ordering::Relaxed);
    }

    /// Counts an answer that another read was waiting for already.
    pub(super) fn joined(&self) {
        self.joined.fetch_add(1, Ordering::Relaxed);
    }

    /// Counts an answer that was asked for.
    pub(super) fn miss(&self, why: Miss) {
        self.of(why).fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn hits(&self) -> i64 {
        self.hits.load(Ordering::Relaxed)
    }

    pub(super) fn shared(&self) -> i64 {
        self.joined.load(Ordering::Relaxed)
    }

    pub(super) fn misses(&self) -> CacheMisses {
        let count = |why| self.of(why).load(Ordering::Relaxed);
        CacheMisses {
            absent: count(Miss::Absent),
            changed: count(Miss::Changed),
            unproven: count(Miss::Unproven),
            feed_down: count(Miss::FeedDown),
            not_cacheable: count(Miss::NotCacheable),
        }
    }

    fn of(&self, why: Miss) -> &AtomicI64 {
        let [not_cacheable, feed_down, absent, changed, unproven] = &self.misses;
        match why {
            Miss::NotCacheable => not_cacheable,
            Miss::FeedDown => feed_down,
            Miss::Absent => absent,
            Miss::Changed => changed,
            Miss::Unproven => unproven,
        }
    }
}
