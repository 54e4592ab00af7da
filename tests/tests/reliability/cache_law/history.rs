//! What was read and written, and whether that was lawful.

use std::{
    collections::BTreeMap,
    fmt,
    time::{Duration, Instant},
};

/// How long after its acknowledgement a write may stay unseen by others.
const UNSEEN: Duration = Duration::from_millis(100);

/// A version of a task in an answer.
#[derive(Debug, Clone, Copy)]
pub(super) struct Seen {
    pub(super) player: usize,
    pub(super) task: usize,
    pub(super) version: i64,
    pub(super) begun: Instant,
    pub(super) ended: Instant,
}

/// All that happened.
#[derive(Debug, Default)]
pub(super) struct History {
    writes: Vec<Seen>,
    reads: Vec<Seen>,
    /// Failed calls, by what was said.
    failures: BTreeMap<String, usize>,
}

impl History {
    pub(super) fn add(&mut self, seen: Seen, is_write: bool) {
        if is_write { &mut self.writes } else { &mut self.reads }.push(seen);
    }

    pub(super) fn merge(mut self, other: Self) -> Self {
        self.writes.extend(other.writes);
        self.reads.extend(other.reads);
        for (cause, count) in other.failures {
            *self.failures.entry(cause).or_default() += count;
        }
        self
    }

    pub(super) fn fail(&mut self, cause: &str) {
        *self.failures.entry(cause.to_owned()).or_default() += 1;
    }

    pub(super) fn failed(&self) -> usize {
        self.failures.values().sum()
    }

    /// The reads that broke the law.
    pub(super) fn broken(&self) -> Vec<String> {
        let mut writes: Vec<_> = self.writes.iter().collect();
        writes.sort_by_key(|write| write.ended);
        let mut reads: Vec<_> = self.reads.iter().collect();
        reads.sort_by_key(|read| read.begun);
        let own = |read: &Seen, write: &Seen| write.player == read.player;
        let mut broken = told(&writes, &reads, Duration::ZERO, own);
        broken.extend(told(&writes, &reads, UNSEEN, |_, _| true));
        broken
    }
}

/// The reads that missed a write of those `owed` to them, acknowledged `before` they began.
fn told(
    writes: &[&Seen],
    reads: &[&Seen],
    before: Duration,
    owed: impl Fn(&Seen, &Seen) -> bool,
) -> Vec<String> {
    let mut broken = Vec::new();
    for read in reads {
        let ended = writes.partition_point(|write| write.ended + before <= read.begun);
        // Versions only grow, so the writes of the last moments hold the highest.
        let candidates = writes[..ended].iter().rev().filter(|write| write.task == read.task);
        let newest = candidates.filter(|write| owed(read, write)).take(50).max_by_key(|write| write.version);
        if let Some(missed) = newest.filter(|write| write.version > read.version) {
            let age = read.begun - missed.ended;
            broken.push(format!(
                "assistant {} read version {} of task {}, {age:?} after version {} was acknowledged to {}",
                read.player, read.version, read.task, missed.version, missed.player
            ));
        }
    }
    broken
}

impl fmt::Display for History {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { writes, reads, failures } = self;
        write!(f, "{} writes, {} rows read, failed calls {failures:?}", writes.len(), reads.len())
    }
}
