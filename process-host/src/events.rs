//! What happened to the children of a supervisor: the last of it kept, all of it there to follow.

mod event;
mod rfc3339;

use std::{
    collections::VecDeque,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::SystemTime,
};

use tokio::sync::Notify;

pub use event::{Event, EventKind, Resource};

/// The last events of a tree of supervisors. Clones share them.
#[derive(Debug, Clone)]
pub struct Events(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    kept: Mutex<Kept>,
    grown: Notify,
}

#[derive(Debug)]
struct Kept {
    events: VecDeque<Event>,
    capacity: usize,
    last: u64,
}

/// Events in order, and how many between them and those asked after were not kept.
#[derive(Debug, Clone, Default)]
pub struct Batch {
    /// Events that whoever asked was too late for.
    pub missed: u64,
    /// The events that are kept.
    pub events: Vec<Event>,
}

impl Events {
    /// Keeps the last `capacity` events.
    pub(crate) fn new(capacity: usize) -> Self {
        let kept = Kept { events: VecDeque::new(), capacity, last: 0 };
        Self(Arc::new(Shared { kept: Mutex::new(kept), grown: Notify::new() }))
    }

    /// The events after the one numbered `sequence`; 0 for all that are kept.
    pub fn after(&self, sequence: u64) -> Batch {
        let kept = self.kept();
        let oldest = kept.last + 1 - kept.events.len() as u64;
        let missed = oldest.saturating_sub(sequence.saturating_add(1));
        // Events are numbered without gaps, so those asked for are found without a search.
        let skip = usize::try_from(sequence.saturating_add(1).saturating_sub(oldest)).unwrap_or(usize::MAX);
        Batch { missed, events: kept.events.iter().skip(skip).cloned().collect() }
    }

    /// The events after the one numbered `sequence`; waits until there is one.
    pub async fn next_after(&self, sequence: u64) -> Batch {
        loop {
            let grown = self.0.grown.notified();
            let batch = self.after(sequence);
            if !batch.events.is_empty() {
                return batch;
            }
            grown.await;
        }
    }

    /// The number of the last event; 0 before the first.
    pub fn last(&self) -> u64 {
        self.kept().last
    }

    pub(crate) fn publish(&self, path: &Arc<str>, kind: EventKind) {
        let mut kept = self.kept();
        kept.last += 1;
        let event = Event { sequence: kept.last, at: SystemTime::now(), path: path.clone(), kind };
        tracing::debug!(target: "process_host::events", "{event}");
        kept.events.push_back(event);
        if kept.events.len() > kept.capacity {
            kept.events.pop_front();
        }
        drop(kept);
        self.0.grown.notify_waiters();
    }

    fn kept(&self) -> MutexGuard<'_, Kept> {
        self.0.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sequences(batch: &Batch) -> Vec<u64> {
        batch.events.iter().map(|event| event.sequence).collect()
    }

    #[test]
    fn who_comes_late_is_told_how_much_is_missing() {
        let events = Events::new(3);
        assert_eq!(events.after(0).missed, 0);
        let path = "a".into();
        (0..5).for_each(|_| events.publish(&path, EventKind::Running { pid: None }));
        let all = events.after(0);
        assert_eq!((all.missed, sequences(&all)), (2, vec![3, 4, 5]));
        let some = events.after(3);
        assert_eq!((some.missed, sequences(&some)), (0, vec![4, 5]));
        let none = events.after(u64::MAX);
        assert_eq!((none.missed, sequences(&none)), (0, vec![]));
    }

    #[tokio::test]
    async fn whoever_follows_is_woken() {
        let events = Events::new(3);
        let follower = tokio::spawn({
            let events = events.clone();
            async move { events.next_after(0).await }
        });
        tokio::task::yield_now().await;
        events.publish(&"a".into(), EventKind::Starting);
        assert_eq!(sequences(&follower.await.unwrap()), [1]);
    }
}
