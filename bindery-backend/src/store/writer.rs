//! The one writer: a queue, and a thread that commits what is queued in groups.

mod checkpoint;
mod group;
mod job;
#[cfg(test)]
mod tests;
mod trail;

use std::{
    io,
    sync::{Arc, Mutex, PoisonError, atomic::AtomicI64},
    thread,
};

use rusqlite::Connection;
use shared_types::{Error, ErrorCode};
use tokio::{
    runtime,
    sync::{broadcast, mpsc, oneshot},
    time::{Instant, sleep_until},
};
use tokio_util::sync::CancellationToken;

pub(super) use self::{
    checkpoint::Checkpoints,
    trail::{Backlog, Trail},
};
use self::{
    job::{Job, Request},
    trail::Waiting,
};
use super::{
    Store, StoreOptions, clock::Clock, feed::ChangeEvent, ids::IdGenerator, metrics::Metrics, replay::Write,
    rows::Rows, sums::Sums,
};
use crate::{
    handle::{Caller, Handle},
    roles::Roles,
};

/// How many writes may wait. A full queue refuses: waiting longer would only end in a timeout.
const QUEUE: usize = 1024;

/// How many writes share a commit at most.
const GROUP: usize = 256;

/// How many searches may stand in line for the writer to hear of them; more wait to stand in line.
const SEARCHES: usize = 64;

/// The way to the thread that writes.
#[derive(Debug)]
pub(super) struct Writer {
    queue: mpsc::Sender<Box<dyn Job>>,
    searches: mpsc::Sender<Waiting>,
    backlog: Arc<Backlog>,
    stop: CancellationToken,
    /// What is handed back at the end.
    end: Mutex<Option<oneshot::Receiver<(Connection, Sums)>>>,
}

/// What the writing thread owns.
pub(super) struct Desk {
    pub(super) connection: Connection,
    /// To open the connection again, should it be lost.
    pub(super) options: StoreOptions,
    pub(super) ids: IdGenerator,
    pub(super) clock: Clock,
    pub(super) roles: Arc<Roles>,
    pub(super) metrics: Arc<Metrics>,
    /// The kept tasks, of which those are dropped that a commit changes.
    pub(super) rows: Arc<Rows>,
    pub(super) feed: broadcast::Sender<Arc<ChangeEvent>>,
    /// The number of the last committed change, set before anybody is answered.
    pub(super) position: Arc<AtomicI64>,
    /// How far the full-text index is behind.
    pub(super) trail: Trail,
}

impl Writer {
    /// Starts the thread. It ends with [`Writer::stop`], or when the last handle is gone.
    ///
    /// # Errors
    /// When the system has no thread for us.
    pub(super) fn start(desk: Desk, checkpoints: Checkpoints) -> io::Result<Self> {
        let (queue, jobs) = mpsc::channel(QUEUE);
        let (searches, waiting) = mpsc::channel(SEARCHES);
        let stop = CancellationToken::new();
        let backlog = desk.trail.backlog();
        let (ended, end) = oneshot::channel();
        let work = work(desk, checkpoints, jobs, waiting, stop.clone());
        // Commits wait for the disk: nothing else should wait with them.
        let runtime = runtime::Builder::new_current_thread().enable_time().build()?;
        thread::Builder::new().name("writer".to_owned()).spawn(move || {
            // Dropped unheard when nobody stopped it; closing is SQLite's then.
            let _ = ended.send(runtime.block_on(work));
        })?;
        Ok(Self { queue, searches, backlog, stop, end: Mutex::new(Some(end)) })
    }

    /// Returns when everything that is committed now can be found by a search.
    ///
    /// # Errors
    /// When the full-text index cannot be written.
    pub(super) async fn catch_up(&self) -> Result<(), Error> {
        let Some(target) = self.backlog.target() else { return Ok(()) };
        let (reply, answer) = oneshot::channel();
        self.searches.send(Waiting { target, reply }).await.map_err(|_| stopping())?;
        answer.await.unwrap_or_else(|_| Err(stopping()))
    }

    /// How many writes wait.
    pub(super) fn queued(&self) -> i64 {
        i64::try_from(self.queue.max_capacity() - self.queue.capacity()).unwrap_or(i64::MAX)
    }

    /// Refuses new writes, answers those that wait, and hands back the connection and the sums.
    pub(super) async fn stop(&self) -> Option<(Connection, Sums)> {
        self.stop.cancel();
        let end = self.end.lock().unwrap_or_else(PoisonError::into_inner).take()?;
        end.await.inspect_err(|_| tracing::error!("the writer ended in disorder")).ok()
    }

    fn enqueue(&self, job: Box<dyn Job>) -> Result<(), Error> {
        self.queue.try_send(job).map_err(|refusal| match refusal {
            mpsc::error::TrySendError::Full(_) => {
                Error::new(ErrorCode::Overloaded, format!("{QUEUE} writes are waiting already"))
                    .suggest("Try again in a moment.")
            }
            mpsc::error::TrySendError::Closed(_) => stopping(),
        })
    }
}

fn stopping() -> Error {
    Error::new(ErrorCode::BackendUnavailable, "the store is closing").suggest("Try again in a moment.")
}

async fn work(
    mut desk: Desk,
    mut checkpoints: Checkpoints,
    mut jobs: mpsc::Receiver<Box<dyn Job>>,
    mut searches: mpsc::Receiver<Waiting>,
    stop: CancellationToken,
) -> (Connection, Sums) {
    let mut group = Vec::with_capacity(GROUP);
    let mut last_write = Instant::now();
    let mut indexed = false;
    loop {
        let (due, pause) = (desk.trail.is_due(), desk.trail.pause());
        tokio::select! {
            biased;
            // Closed, the queue refuses what comes and gives out what is there, down to the last.
            () = stop.cancelled(), if !jobs.is_closed() => jobs.close(),
            Some(search) = searches.recv() => desk.trail.wait(search),
            taken = jobs.recv_many(&mut group, GROUP) => if taken == 0 { break },
            () = std::future::ready(()), if due => {}
            () = sleep_until(last_write + pause.unwrap_or_default()), if pause.is_some() => desk.trail.quiet(),
            () = sleep_until(checkpoints.next()) => {}
        }
        let mut wrote = !group.is_empty();
        if wrote {
            desk.commit(&mut group);
        }
        // In turns, for writers wait meanwhile.
        indexed = !indexed && desk.trail.is_due();
        if indexed {
            desk.index();
            wrote = true;
        }
        if wrote {
            last_write = Instant::now();
            checkpoints.wrote();
        }
        if !indexed {
            checkpoints.tend(&desk.connection);
        }
    }
    // What is closed in order is complete; should this fail, the next start goes on from here.
    desk.trail.quiet();
    while desk.trail.is_due() {
        desk.index();
    }
    // Before SQLite does it on its own, when the last connection is closed.
    let sums = checkpoints.finish(&desk.connection);
    (desk.connection, sums)
}

impl<Op: Write> Handle<Op> for Store {
    async fn handle(&self, input: Op::Input, caller: &Caller) -> Result<Op::Output, Error> {
        let (reply, answer) = oneshot::channel();
        self.inner.writer.enqueue(Box::new(Request::<Op>::new(input, caller.clone(), reply)))?;
        // The writer answers every job, unless it is gone.
        answer.await.unwrap_or_else(|_| Err(stopping()))
    }
}
