//! The full-text index trails the commits: it is brought up to date when nobody writes, when a search
//! asks for it, and beside the writes when too much is waiting.

use std::{
    sync::{
        Arc,
        atomic::{AtomicI64, Ordering::SeqCst},
    },
    time::{Duration, Instant},
};

use shared_types::{Error, history::Action, search::EntityKind};
use tokio::sync::oneshot;

use super::{Desk, group::Lost};
use crate::store::{fault::Fault, feed::ChangeEvent, text};

/// How long nobody writes before the rest is indexed.
const IDLE: Duration = Duration::from_millis(50);

/// How long nobody writes before it is tried again, when it failed.
const RETRY: Duration = Duration::from_secs(5);

/// How many tasks are indexed in one transaction. More would hold up the writes that come meanwhile,
/// fewer would cost more each.
const CHUNK: i64 = 256;

/// How many tasks may wait to be indexed. A search that comes then waits for all of them.
const MOST_WAITING: i64 = 4096;

/// How many tasks were committed since the start, and how many indexed; shared with the searches.
#[derive(Debug, Default)]
pub(in crate::store) struct Backlog {
    committed: AtomicI64,
    indexed: AtomicI64,
}

impl Backlog {
    /// The backlog that an earlier process left.
    pub(in crate::store) fn of(waiting: i64) -> Self {
        Self { committed: AtomicI64::new(waiting), indexed: AtomicI64::new(0) }
    }

    fn waiting(&self) -> i64 {
        self.committed.load(SeqCst) - self.indexed.load(SeqCst)
    }

    /// How many have to be indexed before everything that is committed now can be found; `None` when
    /// it can be already.
    pub(super) fn target(&self) -> Option<i64> {
        let committed = self.committed.load(SeqCst);
        (self.indexed.load(SeqCst) < committed).then_some(committed)
    }
}

/// A search that waits for the index.
pub(super) struct Waiting {
    pub(super) target: i64,
    pub(super) reply: oneshot::Sender<Result<(), Error>>,
}

/// What the writer knows about the index.
pub(in crate::store) struct Trail {
    backlog: Arc<Backlog>,
    searches: Vec<Waiting>,
    /// Whether nobody has written for a while.
    quiet: bool,
    /// Whether the last attempt failed; the next is made with the next write, or after a while.
    failed: bool,
}

impl Trail {
    pub(in crate::store) fn new(backlog: Arc<Backlog>) -> Self {
        Self { backlog, searches: Vec::new(), quiet: false, failed: false }
    }

    pub(super) fn backlog(&self) -> Arc<Backlog> {
        Arc::clone(&self.backlog)
    }

    /// Notes what a commit added; to be called before anybody is answered.
    pub(super) fn committed(&mut self, events: &[ChangeEvent]) {
        let added =
            |event: &&ChangeEvent| event.entity == EntityKind::Task && event.action == Action::Created;
        self.backlog.committed.fetch_add(events.iter().filter(added).count() as i64, SeqCst);
        (self.quiet, self.failed) = (false, false);
    }

    /// Notes that nobody has written for a while.
    pub(super) fn quiet(&mut self) {
        (self.quiet, self.failed) = (true, false);
    }

    /// Lets a search wait.
    pub(super) fn wait(&mut self, search: Waiting) {
        self.searches.push(search);
        self.failed = false;
    }

    /// Whether something is to be indexed now.
    pub(super) fn is_due(&self) -> bool {
        let enough = if self.quiet { 0 } else { MOST_WAITING };
        !self.failed && (!self.searches.is_empty() || self.backlog.waiting() > enough)
    }

    /// After how long without a write it is quiet; `None` when nothing waits for that.
    pub(super) fn pause(&self) -> Option<Duration> {
        let pause = if self.failed { RETRY } else { IDLE };
        (self.backlog.waiting() > 0).then_some(pause)
    }

    /// How many tasks are indexed next. A large batch of tasks is made up for at once, so that what
    /// waits stays bounded.
    fn portion(&self) -> i64 {
        CHUNK.max(self.backlog.waiting() - MOST_WAITING)
    }

    /// Takes in what an attempt to index `portion` tasks came to, and answers the searches that can go
    /// on, or never will.
    fn reached(&mut self, portion: i64, outcome: Result<i64, Error>) {
        match outcome {
            Ok(done) if done < portion => {
                self.backlog.indexed.store(self.backlog.committed.load(SeqCst), SeqCst)
            }
            Ok(done) => drop(self.backlog.indexed.fetch_add(done, SeqCst)),
            Err(_) => (self.quiet, self.failed) = (false, true),
        }
        let indexed = self.backlog.indexed.load(SeqCst);
        for search in self.searches.extract_if(.., |search| outcome.is_err() || search.target <= indexed) {
            // A search that has gone away needs no answer.
            let _ = search.reply.send(outcome.clone().map(drop));
        }
    }
}

impl Desk {
    /// Indexes a portion of what waits, in a transaction of its own.
    pub(super) fn index(&mut self) {
        let portion = self.trail.portion();
        let begun = Instant::now();
        let outcome = self.index_portion(portion);
        self.metrics.ran("writer.index", begun.elapsed(), outcome.is_err(), self.clock.now());
        let outcome = match outcome {
            Ok(done) => Ok(done),
            Err(Lost(error)) => {
                self.recover();
                Err(Fault::Database(error).into_error("writer.index"))
            }
        };
        self.trail.reached(portion, outcome);
    }

    fn index_portion(&mut self, portion: i64) -> Result<i64, Lost> {
        self.begin()?;
        let done = text::index(&self.connection, portion).map_err(Lost)?;
        self.execute("COMMIT")?;
        Ok(done)
    }
}
