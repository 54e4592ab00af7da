//! The store: tasks, projects, notes, documents and claims in one SQLite database.
//!
//! # Theory of operation
//! Reads take a connection from a pool and see one snapshot of the database. Writes are queued for
//! one thread that owns the one connection which may write: it gathers what is waiting into a
//! transaction, runs each request in a savepoint of its own (creations that wait together in one for
//! all; one that is alone needs none), commits, and only then answers. A request that fails leaves no
//! trace; one that succeeds has appended to the `history` table, which is its audit trail, its undo log, and
//! the feed that [`Store::subscribe`] hears.
//!
//! What is derived from rows (counts, open dependencies, tags, the full-text index) is kept by
//! triggers, in `migrations/sqlite`; new tasks are indexed a little later, and no search can tell. All SQL of the backend is in this module and there.

mod beside;
mod clock;
mod cursor;
mod dashboard;
mod documents;
mod executions;
mod fault;
mod feed;
mod history;
mod ids;
mod metrics;
mod open;
mod options;
mod pool_health;
pub mod portable;
pub mod progress;
mod projects;
mod readers;
mod record;
mod replay;
mod resolve;
mod roles;
mod rows;
mod search;
mod sql;
mod sums;
mod tasks;
mod text;
mod transaction;
pub mod upkeep;
mod writer;

use std::{
    sync::{
        Arc,
        atomic::{AtomicI64, Ordering},
    },
    time::{Duration, Instant},
};

use rusqlite::Connection;
use shared_types::{Error, ErrorCode, Timestamp};
use tokio::sync::broadcast;

pub(crate) use self::rows::RowFigures;
pub use self::{
    clock::Clock,
    feed::ChangeEvent,
    open::OpenError,
    options::{StoreOptions, Synchronous},
    pool_health::{memory_advice, pool_health},
};
use self::{
    fault::Fault,
    metrics::Metrics,
    readers::{Reader, Readers},
    rows::Rows,
    sql::Sql,
    writer::Writer,
};
use crate::roles::Roles;

/// A handle to the store; cheap to clone.
#[derive(Debug, Clone)]
pub struct Store {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    options: StoreOptions,
    database_id: String,
    roles: Arc<Roles>,
    clock: Clock,
    /// Connections that can only read.
    readers: Readers,
    /// The way to the one connection that writes.
    writer: Writer,
    metrics: Arc<Metrics>,
    rows: Arc<Rows>,
    feed: broadcast::Sender<Arc<ChangeEvent>>,
    /// The number of the last committed change.
    position: Arc<AtomicI64>,
}

impl Store {
    /// Identifies the database, whatever its path; made when the database was created.
    pub fn database_id(&self) -> &str {
        &self.inner.database_id
    }

    /// The roles that tasks can name.
    pub fn roles(&self) -> &Roles {
        &self.inner.roles
    }

    /// Hears of every change from now on, after its commit, in the order of `seq`. A subscriber that
    /// lags can catch up with [`Store::changes_after`].
    pub fn subscribe(&self) -> broadcast::Receiver<Arc<ChangeEvent>> {
        self.inner.feed.subscribe()
    }

    /// The number of the last change. Every write that was answered is among those up to it.
    pub fn position(&self) -> i64 {
        self.inner.position.load(Ordering::SeqCst)
    }

    /// The kept tasks.
    pub(crate) fn row_figures(&self) -> RowFigures {
        self.inner.rows.figures()
    }

    /// Reads the least that proves the database can be read.
    ///
    /// # Errors
    /// When it cannot.
    pub async fn ping(&self) -> Result<(), Error> {
        self.read("ping", |connection| Ok(connection.run("SELECT 1 FROM meta LIMIT 1", ()).map(drop)?)).await
    }

    /// Answers what is queued, then folds the log into the database and closes it. Writes that come
    /// later are refused.
    pub async fn close(&self) {
        let writing = self.inner.writer.stop().await;
        // Once the readers are gone the log can be emptied; SQLite removes it with the last connection.
        self.inner.readers.close().await;
        if let Some((connection, sums)) = writing {
            let closed = tokio::task::spawn_blocking(move || sums::close(connection, sums)).await;
            let _ = closed.inspect_err(|error| tracing::error!(%error, "the store was not closed in order"));
        }
    }

    fn now(&self) -> Timestamp {
        self.inner.clock.now()
    }

    /// Runs a reading statement that an index answers, on this thread, counted and timed under the name
    /// `statement`. Should it take longer than expected, it begins again where nobody else waits for it.
    async fn read<T, Q>(&self, statement: &'static str, query: Q) -> Result<T, Error>
    where
        T: Send + 'static,
        Q: Fn(&Connection) -> Result<T, Fault> + Send + 'static,
    {
        let reader = self.reader(statement).await?;
        let begun = Instant::now();
        match query(reader.brief_connection()) {
            Err(fault) if fault.is_interruption() => self.finish_aside(statement, begun, reader, query).await,
            answer => self.read_ended(statement, begun, reader, answer),
        }
    }

    /// As [`Store::read`], if a connection is free and the read is brief; `None` otherwise.
    fn try_read<T>(
        &self,
        statement: &'static str,
        query: impl FnOnce(&Connection) -> Result<T, Fault>,
    ) -> Option<Result<T, Error>> {
        let reader = self.inner.readers.try_acquire()?;
        self.inner.metrics.acquired(Duration::ZERO, true);
        let begun = Instant::now();
        match query(reader.brief_connection()) {
            Err(fault) if fault.is_interruption() => {
                reader.pass_on();
                None
            }
            answer => Some(self.read_ended(statement, begun, reader, answer)),
        }
    }

    /// Runs statements that take longer, or that have to see the same state, on a thread where they keep
    /// nobody waiting. They are ended when the caller goes away.
    async fn read_aside<T, Q>(&self, statement: &'static str, query: Q) -> Result<T, Error>
    where
        T: Send + 'static,
        Q: FnOnce(&Connection) -> Result<T, Fault> + Send + 'static,
    {
        let reader = self.reader(statement).await?;
        self.finish_aside(statement, Instant::now(), reader, query).await
    }

    async fn finish_aside<T, Q>(
        &self,
        statement: &'static str,
        begun: Instant,
        reader: Reader,
        query: Q,
    ) -> Result<T, Error>
    where
        T: Send + 'static,
        Q: FnOnce(&Connection) -> Result<T, Fault> + Send + 'static,
    {
        let awaited = reader.awaited();
        let work = tokio::task::spawn_blocking(move || {
            let answer = in_snapshot(reader.connection(), query);
            (reader, answer)
        });
        let ended = work.await;
        drop(awaited);
        match ended {
            Ok((reader, answer)) => self.read_ended(statement, begun, reader, answer),
            Err(error) => {
                tracing::error!(statement, %error, "a read ended in disorder");
                Err(Error::new(ErrorCode::Internal, "the operation failed"))
            }
        }
    }

    async fn reader(&self, statement: &'static str) -> Result<Reader, Error> {
        let asked = Instant::now();
        let reader = self.inner.readers.acquire().await;
        self.inner.metrics.acquired(asked.elapsed(), reader.is_ok());
        self.observe_pool();
        reader.map_err(|error| Fault::from(error).into_error(statement))
    }

    fn read_ended<T>(
        &self,
        statement: &'static str,
        begun: Instant,
        reader: Reader,
        answer: Result<T, Fault>,
    ) -> Result<T, Error> {
        let failed = answer.as_ref().is_err_and(Fault::is_ours);
        if !failed {
            reader.pass_on();
        }
        self.inner.metrics.ran(statement, begun.elapsed(), failed, self.now());
        self.observe_pool();
        answer.map_err(|fault| fault.into_error(statement))
    }

    fn observe_pool(&self) {
        self.inner.metrics.observe(self.inner.readers.in_use().share, Instant::now());
    }
}

/// Lets all statements of `query` see the same state.
fn in_snapshot<T>(
    connection: &Connection,
    query: impl FnOnce(&Connection) -> Result<T, Fault>,
) -> Result<T, Fault> {
    // Ends by itself when dropped.
    let snapshot = connection.unchecked_transaction()?;
    let answer = query(&snapshot)?;
    snapshot.commit()?;
    Ok(answer)
}
