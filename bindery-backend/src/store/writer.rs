//! The one writer: a queue, and a task that commits what is queued in groups.

mod group;
mod job;
#[cfg(test)]
mod tests;

use std::sync::{Arc, Mutex, PoisonError, atomic::AtomicI64};

use shared_types::{Error, ErrorCode};
use sqlx::{SqliteConnection, sqlite::SqliteConnectOptions};
use tokio::{
    sync::{broadcast, mpsc, oneshot},
    task::JoinHandle,
};
use tokio_util::sync::CancellationToken;

use self::job::{Job, Request};
use super::{
    Store, clock::Clock, feed::ChangeEvent, ids::IdGenerator, metrics::Metrics, replay::Write, rows::Rows,
};
use crate::{
    handle::{Caller, Handle},
    roles::Roles,
};

/// How many writes may wait. A full queue refuses: waiting longer would only end in a timeout.
const QUEUE: usize = 1024;

/// How many writes share a commit at most.
const GROUP: usize = 256;

/// The way to the task that writes.
#[derive(Debug)]
pub(super) struct Writer {
    queue: mpsc::Sender<Box<dyn Job>>,
    stop: CancellationToken,
    task: Mutex<Option<JoinHandle<SqliteConnection>>>,
}

/// What the writing task owns.
pub(super) struct Desk {
    pub(super) connection: SqliteConnection,
    /// To open the connection again, should it be lost.
    pub(super) options: SqliteConnectOptions,
    pub(super) ids: IdGenerator,
    pub(super) clock: Clock,
    pub(super) roles: Arc<Roles>,
    pub(super) metrics: Arc<Metrics>,
    /// The kept tasks, of which those are dropped that a commit changes.
    pub(super) rows: Arc<Rows>,
    pub(super) feed: broadcast::Sender<Arc<ChangeEvent>>,
    /// The number of the last committed change, set before anybody is answered.
    pub(super) position: Arc<AtomicI64>,
}

impl Writer {
    /// Starts the task. It ends with [`Writer::stop`], or when the last handle is gone.
    pub(super) fn start(desk: Desk) -> Self {
        let (queue, jobs) = mpsc::channel(QUEUE);
        let stop = CancellationToken::new();
        let task = tokio::spawn(work(desk, jobs, stop.clone()));
        Self { queue, stop, task: Mutex::new(Some(task)) }
    }

    /// How many writes wait.
    pub(super) fn queued(&self) -> i64 {
        i64::try_from(self.queue.max_capacity() - self.queue.capacity()).unwrap_or(i64::MAX)
    }

    /// Refuses new writes, answers those that wait, and hands back the connection.
    pub(super) async fn stop(&self) -> Option<SqliteConnection> {
        self.stop.cancel();
        let task = self.task.lock().unwrap_or_else(PoisonError::into_inner).take()?;
        task.await.inspect_err(|error| tracing::error!(%error, "the writer ended in disorder")).ok()
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
    mut jobs: mpsc::Receiver<Box<dyn Job>>,
    stop: CancellationToken,
) -> SqliteConnection {
    let mut group = Vec::with_capacity(GROUP);
    loop {
        tokio::select! {
            taken = jobs.recv_many(&mut group, GROUP) => if taken == 0 { break },
            // Closed, the queue refuses what comes and gives out what is there, down to the last.
            () = stop.cancelled(), if !jobs.is_closed() => jobs.close(),
        }
        if !group.is_empty() {
            desk.commit(&mut group).await;
        }
    }
    desk.connection
}

impl<Op: Write> Handle<Op> for Store {
    async fn handle(&self, input: Op::Input, caller: &Caller) -> Result<Op::Output, Error> {
        let (reply, answer) = oneshot::channel();
        self.inner.writer.enqueue(Box::new(Request::<Op>::new(input, caller.clone(), reply)))?;
        // The writer answers every job, unless it is gone.
        answer.await.unwrap_or_else(|_| Err(stopping()))
    }
}
