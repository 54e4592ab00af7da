//! Tasks as they were last sent, kept as bytes: one that is asked for again touches no SQL, and a list
//! needs it only to know what is on the page.
//!
//! The store is the only one that writes its database, so it knows when what is kept is no longer
//! so. Before the writer commits, it closes the gates of the tasks that will look different, and drops
//! these; after the commit, and before anybody is answered, it opens them. Nothing gets in through a gate
//! that is closed, or that was closed since the reader began: it may have seen the state before.

use std::sync::{
    Mutex, MutexGuard, PoisonError,
    atomic::{AtomicU64, Ordering::Relaxed},
};

use bytes::Bytes;
use quick_cache::{Weighter, sync::Cache};
use shared_types::TaskId;

use super::feed::ChangeEvent;

/// More gates than writes that share a commit: one that is closed keeps few others out.
const GATES: usize = 1024;

/// About the bytes of a task, to begin with.
const USUAL_BYTES: usize = 1024;

/// What is kept beside the bytes of a task: its key and its places in the cache.
const BESIDE: u64 = 128;

/// The kept tasks.
#[derive(Debug)]
pub(super) struct Rows {
    kept: Cache<(TaskId, Form), Kept, Weight>,
    most_bytes: usize,
    gates: Vec<Mutex<Gate>>,
    hits: AtomicU64,
    misses: AtomicU64,
}

/// What a task was sent as.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Form {
    /// The answer to who asks for it.
    Whole,
    /// A row of a list that shows what lists usually show.
    Listed,
}

impl Form {
    const ALL: [Self; 2] = [Self::Whole, Self::Listed];
}

#[derive(Debug, Clone)]
struct Kept {
    version: i64,
    json: Bytes,
}

#[derive(Debug, Default)]
struct Gate {
    /// How often it was closed.
    closings: u64,
    closed: bool,
}

/// Leave to keep a task, given before it is read.
#[derive(Debug)]
pub(super) struct Leave {
    id: TaskId,
    closings: u64,
}

/// The gates that a commit has closed; they open when it is dropped.
#[derive(Debug)]
pub(super) struct Closed<'a> {
    rows: &'a Rows,
    gates: Vec<usize>,
}

/// How much is kept, and of what use it was.
#[derive(Debug, Clone, Copy)]
pub(crate) struct RowFigures {
    pub(crate) bytes: u64,
    pub(crate) hits: u64,
    pub(crate) misses: u64,
}

#[derive(Debug, Clone)]
struct Weight;

impl Weighter<(TaskId, Form), Kept> for Weight {
    fn weight(&self, _: &(TaskId, Form), kept: &Kept) -> u64 {
        u64::try_from(kept.json.len()).unwrap_or(u64::MAX).saturating_add(BESIDE)
    }
}

impl Rows {
    /// Keeps at most so many bytes; none with 0.
    pub(super) fn new(most_bytes: usize) -> Self {
        let capacity = u64::try_from(most_bytes).unwrap_or(u64::MAX);
        Self {
            kept: Cache::with_weighter(most_bytes.div_ceil(USUAL_BYTES), capacity, Weight),
            most_bytes,
            gates: (0..GATES).map(|_| Mutex::default()).collect(),
            hits: AtomicU64::new(0),
            misses: AtomicU64::new(0),
        }
    }

    /// Whether any are kept.
    pub(super) fn are_kept(&self) -> bool {
        self.most_bytes > 0
    }

    /// The task as who asks for it is answered, if it is kept.
    pub(super) fn get(&self, id: TaskId) -> Option<Bytes> {
        self.find(id, Form::Whole, |_| true)
    }

    /// The task as a row of a list, if it is kept in this version. It may be newer than that in what
    /// follows from other tasks.
    pub(super) fn listed(&self, id: TaskId, version: i64) -> Option<Bytes> {
        self.find(id, Form::Listed, |kept| kept.version == version)
    }

    fn find(&self, id: TaskId, form: Form, is_meant: impl FnOnce(&Kept) -> bool) -> Option<Bytes> {
        let found = self.kept.get(&(id, form)).filter(is_meant)?;
        self.hits.fetch_add(1, Relaxed);
        Some(found.json)
    }

    /// To be asked for before the task is read from the database; `None` while it is being changed.
    pub(super) fn leave(&self, id: TaskId) -> Option<Leave> {
        self.misses.fetch_add(1, Relaxed);
        let gate = self.gate(place(id))?;
        (!gate.closed).then_some(Leave { id, closings: gate.closings })
    }

    /// Keeps a copy of what was read, which takes no more room than it needs, unless it may have changed since.
    pub(super) fn keep(&self, leave: &Leave, form: Form, version: i64, json: &[u8]) {
        let Some(gate) = self.gate(place(leave.id)) else { return };
        if gate.closings == leave.closings {
            self.kept.insert((leave.id, form), Kept { version, json: Bytes::copy_from_slice(json) });
        }
    }

    /// Drops what `events` are about, and keeps none of it until the commit is over.
    pub(super) fn close<'e>(&self, events: impl IntoIterator<Item = &'e ChangeEvent>) -> Closed<'_> {
        let mut closed = Closed { rows: self, gates: Vec::new() };
        for event in events {
            // Projects and documents have ids of the same form, and are never kept.
            let ids = event.affects.iter().chain([&event.entity_id]).filter_map(|id| id.parse().ok());
            ids.for_each(|id| closed.add(id));
        }
        closed
    }

    pub(super) fn figures(&self) -> RowFigures {
        let (hits, misses) = (self.hits.load(Relaxed), self.misses.load(Relaxed));
        RowFigures { bytes: self.kept.weight(), hits, misses }
    }

    /// Nothing that could panic runs behind a gate, so that its state is good whatever happened.
    fn gate(&self, place: usize) -> Option<MutexGuard<'_, Gate>> {
        self.gates.get(place).map(|gate| gate.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Closed<'_> {
    fn add(&mut self, id: TaskId) {
        let place = place(id);
        let Some(mut gate) = self.rows.gate(place) else { return };
        if !gate.closed {
            gate.closed = true;
            gate.closings += 1;
            self.gates.push(place);
        }
        for form in Form::ALL {
            self.rows.kept.remove(&(id, form));
        }
    }
}

impl Drop for Closed<'_> {
    fn drop(&mut self) {
        for place in &self.gates {
            if let Some(mut gate) = self.rows.gate(*place) {
                gate.closed = false;
            }
        }
    }
}

/// Ids of one millisecond count up, so that neighbours are at different gates.
fn place(id: TaskId) -> usize {
    (id.row_id().unsigned_abs() % GATES as u64) as usize
}

#[cfg(test)]
mod tests {
    use shared_types::{Timestamp, history::Action, search::EntityKind};

    use super::*;

    fn id(number: i64) -> TaskId {
        TaskId::from_row_id(number)
    }

    fn change(of: i64, affects: &[i64]) -> ChangeEvent {
        ChangeEvent {
            seq: 1,
            at: Timestamp::from_millis(0),
            entity: EntityKind::Task,
            entity_id: id(of).to_string(),
            action: Action::Updated,
            version: 2,
            actor: None,
            affects: affects.iter().map(|number| id(*number).to_string()).collect(),
        }
    }

    fn keep(rows: &Rows, number: i64) {
        let leave = rows.leave(id(number)).unwrap();
        rows.keep(&leave, Form::Whole, 1, b"{}");
    }

    #[test]
    fn a_change_drops_its_task_and_those_it_affects_and_no_other() {
        let rows = Rows::new(1 << 20);
        (1..=3).for_each(|number| keep(&rows, number));
        drop(rows.close(&[change(1, &[2])]));
        assert_eq!([1, 2, 3].map(|number| rows.get(id(number)).is_some()), [false, false, true]);
        let RowFigures { bytes, hits, misses } = rows.figures();
        assert_eq!((bytes, hits, misses), (2 + BESIDE, 1, 3));
    }

    #[test]
    fn what_was_read_before_or_during_a_commit_is_not_kept() {
        let rows = Rows::new(1 << 20);
        let before = rows.leave(id(1)).unwrap();
        let closed = rows.close(&[change(1, &[])]);
        rows.keep(&before, Form::Whole, 1, b"");
        assert!(rows.leave(id(1)).is_none() && rows.leave(id(2)).is_some());
        drop(closed);
        rows.keep(&before, Form::Whole, 1, b"");
        assert!(rows.get(id(1)).is_none());
        keep(&rows, 1);
        assert!(rows.get(id(1)).is_some());
    }

    #[test]
    fn a_row_of_a_list_is_of_its_version_and_goes_with_the_task() {
        let rows = Rows::new(1 << 20);
        let leave = rows.leave(id(1)).unwrap();
        rows.keep(&leave, Form::Listed, 3, b"{}");
        assert!(rows.get(id(1)).is_none());
        assert_eq!([2, 3, 4].map(|version| rows.listed(id(1), version).is_some()), [false, true, false]);
        drop(rows.close(&[change(2, &[1])]));
        assert!(rows.listed(id(1), 3).is_none());
    }

    #[test]
    fn the_bytes_are_bounded_and_none_are_kept_where_there_is_no_room() {
        let (rows, none) = (Rows::new(64 << 10), Rows::new(0));
        for number in 0..1000 {
            keep(&rows, number);
            keep(&none, number);
        }
        assert!(rows.figures().bytes <= 64 << 10 && rows.figures().bytes > 0);
        assert_eq!(none.figures().bytes, 0);
    }
}
