//! Committing a group: each job in its savepoint, all in one transaction, answers after the commit.

use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    sync::{Arc, atomic::Ordering},
    thread,
    time::{Duration, Instant},
};

use shared_types::{Error, ErrorCode};

use super::{Desk, job::Job};
use crate::store::{
    fault::{self, Fault},
    feed::ChangeEvent,
    sql::Sql,
    transaction::Tx,
};

/// How often the writer tries to get the lock, each time after SQLite's own busy timeout.
const LOCK_ATTEMPTS: u32 = 3;

/// A job that was run, and what came of it.
type Outcome = (Box<dyn Job>, Result<(), Error>);

/// Why the transaction, and with it the whole group, is lost.
pub(super) struct Lost(pub(super) rusqlite::Error);

impl Desk {
    /// Runs and commits `group`, and leaves it empty.
    pub(super) fn commit(&mut self, group: &mut Vec<Box<dyn Job>>) {
        group.retain(|job| !job.is_abandoned());
        if group.is_empty() {
            return;
        }
        let mut outcomes: Vec<Outcome> = Vec::with_capacity(group.len());
        let mut events = Vec::new();
        match self.transact(group, &mut outcomes, &mut events) {
            Ok(()) => {
                self.trail.committed(&events);
                if let Some(last) = events.last() {
                    self.position.store(last.seq, Ordering::SeqCst);
                }
                self.note_disk(outcomes.iter().map(|(_, verdict)| verdict));
                for event in events {
                    // Nobody subscribed is no error.
                    let _ = self.feed.send(Arc::new(event));
                }
                settle(outcomes);
            }
            Err(Lost(error)) => {
                self.recover();
                let lost = Fault::Database(error).into_error("writer.commit");
                self.note_disk([&Err(lost.clone())].into_iter());
                // What the caller did wrong is still what it did wrong.
                let verdicts =
                    outcomes.into_iter().map(|(job, verdict)| (job, verdict.and(Err(lost.clone()))));
                settle(verdicts.collect());
                settle(group.drain(..).map(|job| (job, Err(lost.clone()))).collect());
            }
        }
    }

    /// Notes whether the disk takes writes, as far as these `verdicts` tell.
    fn note_disk<'v>(&self, mut verdicts: impl Iterator<Item = &'v Result<(), Error>> + Clone) {
        let mut errors = verdicts.clone().filter_map(|verdict| verdict.as_ref().err());
        let refusal = errors.find(|error| error.code == ErrorCode::StorageUnavailable);
        if refusal.is_some() || verdicts.any(Result::is_ok) {
            self.metrics.wrote(refusal.cloned());
        }
    }

    /// Moves the jobs of `group` to `outcomes` as they are run.
    fn transact(
        &mut self,
        group: &mut Vec<Box<dyn Job>>,
        outcomes: &mut Vec<Outcome>,
        events: &mut Vec<ChangeEvent>,
    ) -> Result<(), Lost> {
        self.begin()?;
        // Jobs that are never reached stay in the group: they too are to be answered.
        group.reverse();
        let mut alone = 0;
        while let Some(mut batch) = next_batch(group, &mut alone) {
            let begun = Instant::now();
            let sole = group.is_empty() && outcomes.is_empty();
            let attempted =
                if sole { self.attempt_sole(&mut batch, events) } else { self.attempt(&mut batch, events) };
            let verdict = match attempted {
                Ok(verdict) => verdict,
                Err(lost) => {
                    outcomes.extend(batch.into_iter().map(|job| (job, Ok(()))));
                    return Err(lost);
                }
            };
            if verdict.is_err() && batch.len() > 1 {
                // One by one it shows whose fault it is, and the others go through.
                alone = batch.len();
                group.extend(batch.into_iter().rev());
                continue;
            }
            let (name, failed) = (batch[0].name(), verdict.as_ref().is_err_and(Fault::is_ours));
            self.metrics.ran(name, begun.elapsed(), failed, self.clock.now());
            let verdict = verdict.map_err(|fault| fault.into_error(name));
            outcomes.extend(batch.into_iter().map(|job| (job, verdict.clone())));
        }
        let rows = Arc::clone(&self.rows);
        let _closed = rows.close(events.iter());
        let begun = Instant::now();
        let committed = self.execute("COMMIT");
        self.metrics.ran("writer.commit", begun.elapsed(), committed.is_err(), self.clock.now());
        committed
    }

    /// Takes the write lock at once: a transaction that begins by reading could fail to get it later.
    pub(super) fn begin(&mut self) -> Result<(), Lost> {
        let mut attempt = 1;
        loop {
            match self.execute("BEGIN IMMEDIATE") {
                Err(Lost(error)) if fault::is_busy(&error) && attempt < LOCK_ATTEMPTS => {
                    self.metrics.busy();
                    tracing::warn!(attempt, "another process holds the database");
                    thread::sleep(Duration::from_millis(50) * attempt);
                    attempt += 1;
                }
                outcome => return outcome,
            }
        }
    }

    /// Runs jobs beside which there are no others in the transaction. When that fails, another one is
    /// begun in its place.
    fn attempt_sole(
        &mut self,
        batch: &mut [Box<dyn Job>],
        events: &mut Vec<ChangeEvent>,
    ) -> Result<Result<(), Fault>, Lost> {
        match self.run(batch) {
            Ok(mut heard) => {
                events.append(&mut heard);
                Ok(Ok(()))
            }
            Err(fault) => {
                let again = match self.execute("ROLLBACK") {
                    Ok(()) => self.begin(),
                    lost => lost,
                };
                or_lost(fault, again)
            }
        }
    }

    /// Runs jobs that are done together. When that fails, what they did is taken back and the others
    /// go on; when even that fails, SQLite has rolled back everything and the group is lost.
    fn attempt(
        &mut self,
        batch: &mut [Box<dyn Job>],
        events: &mut Vec<ChangeEvent>,
    ) -> Result<Result<(), Fault>, Lost> {
        self.execute("SAVEPOINT job")?;
        match self.run(batch) {
            Ok(mut heard) => {
                self.execute("RELEASE job")?;
                events.append(&mut heard);
                Ok(Ok(()))
            }
            Err(fault) => {
                let undone = match self.execute("ROLLBACK TO job") {
                    Ok(()) => self.execute("RELEASE job"),
                    lost => lost,
                };
                or_lost(fault, undone)
            }
        }
    }

    /// Runs jobs that are done together and returns their events. A panic ends these jobs, not the
    /// writer.
    fn run(&mut self, batch: &mut [Box<dyn Job>]) -> Result<Vec<ChangeEvent>, Fault> {
        let Some((job, others)) = batch.split_first_mut() else { return Ok(Vec::new()) };
        let name = job.name();
        let mut tx = Tx {
            connection: &self.connection,
            now: self.clock.now(),
            roles: &self.roles,
            caller: Arc::default(),
            request_id: None,
            events: Vec::new(),
            ids: &mut self.ids,
        };
        match catch_unwind(AssertUnwindSafe(|| job.run(others, &mut tx))) {
            Ok(outcome) => outcome.map(|()| tx.events),
            Err(_) => {
                tracing::error!(operation = name, "an operation panicked; it was rolled back");
                Err(Error::new(ErrorCode::Internal, "the operation failed; nothing was changed").into())
            }
        }
    }

    pub(super) fn execute(&mut self, statement: &'static str) -> Result<(), Lost> {
        self.connection.run(statement, ()).map(drop).map_err(Lost)
    }

    /// Makes the connection ready for the next group, by a new one if need be.
    pub(super) fn recover(&mut self) {
        // Fails when SQLite has rolled back already; what matters is whether a transaction can begin.
        let _ = self.execute("ROLLBACK");
        if self.connection.run("SELECT 1", ()).is_ok() {
            return;
        }
        match self.options.writer() {
            Ok(connection) => self.connection = connection,
            Err(error) => {
                tracing::error!(%error, "the writer cannot reach the database; it tries again with the next write")
            }
        }
    }
}

/// What jobs come to that failed with `fault`, and were then taken back, or not.
fn or_lost(fault: Fault, taken_back: Result<(), Lost>) -> Result<Result<(), Fault>, Lost> {
    match (taken_back, fault) {
        (Ok(()), fault) => Ok(Err(fault)),
        // The first error says why; that nothing is there to be taken back only follows from it.
        (Err(_), Fault::Database(cause)) => Err(Lost(cause)),
        (Err(lost), _) => Err(lost),
    }
}

/// Takes the next job off the end of `group`, with those behind it that it takes along, unless jobs are
/// to be run `alone`.
fn next_batch(group: &mut Vec<Box<dyn Job>>, alone: &mut usize) -> Option<Vec<Box<dyn Job>>> {
    let mut batch = vec![group.pop()?];
    if *alone > 0 {
        *alone -= 1;
        return Some(batch);
    }
    while let Some(next) = group.pop_if(|next| batch[0].takes_along(&**next)) {
        batch.push(next);
    }
    Some(batch)
}

fn settle(outcomes: Vec<Outcome>) {
    for (job, verdict) in outcomes {
        job.settle(verdict);
    }
}
