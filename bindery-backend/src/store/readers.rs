//! Connections that read: lent to one reader at a time, and kept for the next.

use std::{
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, AtomicUsize, Ordering::SeqCst},
    },
    time::{Duration, Instant},
};

use rusqlite::Connection;
use tokio::{
    sync::{Notify, OwnedSemaphorePermit, Semaphore},
    task::JoinHandle,
    time::{MissedTickBehavior, interval, timeout},
};

use super::StoreOptions;

/// How far a brief read may go, in steps of SQLite's virtual machine: about half a millisecond.
const BRIEF_STEPS: i32 = 20_000;

/// How often to see which connections are no longer needed, at most.
const LOOK: Duration = Duration::from_secs(60);

/// The connections.
#[derive(Debug)]
pub(super) struct Readers {
    shared: Arc<Shared>,
    keeper: JoinHandle<()>,
}

#[derive(Debug)]
struct Shared {
    options: StoreOptions,
    /// One place for each connection that there may be, given in the order of asking.
    places: Arc<Semaphore>,
    /// Those that wait for the next reader, the last used at the end; `None` once closed.
    spare: Mutex<Option<Vec<Kept>>>,
    open: Arc<Open>,
}

/// How many connections are open, in use or not.
#[derive(Debug, Default)]
struct Open {
    count: AtomicUsize,
    /// Told when one is closed.
    closed: Notify,
}

/// An open connection.
#[derive(Debug)]
struct Kept {
    connection: Connection,
    /// Whether statements end after [`BRIEF_STEPS`].
    is_brief: Arc<AtomicBool>,
    opened: Instant,
    used: Instant,
    /// Dropped after the connection.
    _counted: Counted,
}

/// Counts as open until dropped.
#[derive(Debug)]
struct Counted(Arc<Open>);

/// A connection in use. Dropped, it is closed: what SQLite said, or a panic, may have spoilt it.
#[derive(Debug)]
pub(super) struct Reader {
    kept: Kept,
    shared: Arc<Shared>,
    /// Given up last, so that who waits for it finds the connection.
    place: OwnedSemaphorePermit,
}

/// Ends what is being read on a connection, unless it is brief, once this is dropped. To be dropped before
/// the connection goes to the next reader.
#[derive(Debug)]
pub(super) struct Awaited(Arc<AtomicBool>);

/// Why there is no connection.
#[derive(Debug, thiserror::Error)]
pub(super) enum NoReader {
    #[error("no connection became free in time")]
    TimedOut,
    #[error("the connections are closed")]
    Closed,
    #[error("no connection can be opened: {0}")]
    Open(#[from] rusqlite::Error),
}

/// How many connections there are, and how many of them are in use.
#[derive(Debug, Clone, Copy)]
pub(super) struct Use {
    pub(super) size: i64,
    pub(super) in_use: i64,
    /// Those in use among the most there may be, from 0 to 1.
    pub(super) share: f64,
}

impl Readers {
    /// To be called within a runtime. The first connections are opened beside what else there is to do.
    pub(super) fn new(options: &StoreOptions) -> Self {
        let shared = Arc::new(Shared {
            options: options.clone(),
            places: Arc::new(Semaphore::new(options.max_connections as usize)),
            spare: Mutex::new(Some(Vec::new())),
            open: Arc::default(),
        });
        let keeper = tokio::spawn(keep(Arc::clone(&shared)));
        Self { shared, keeper }
    }

    /// Waits for a connection, behind those who came before.
    ///
    /// # Errors
    /// When none is free in time or can be opened, or all are closed.
    pub(super) async fn acquire(&self) -> Result<Reader, NoReader> {
        let places = || Arc::clone(&self.shared.places);
        let place = match places().try_acquire_owned() {
            Ok(place) => place,
            Err(_) => timeout(self.shared.options.acquire_timeout, places().acquire_owned())
                .await
                .map_err(|_| NoReader::TimedOut)?
                .map_err(|_| NoReader::Closed)?,
        };
        let kept = self.shared.take_or_open()?;
        Ok(Reader { kept, shared: Arc::clone(&self.shared), place })
    }

    /// A connection that is open and free at this moment.
    pub(super) fn try_acquire(&self) -> Option<Reader> {
        let place = Arc::clone(&self.shared.places).try_acquire_owned().ok()?;
        let kept = self.shared.spare().as_mut()?.pop()?;
        Some(Reader { kept, shared: Arc::clone(&self.shared), place })
    }

    pub(super) fn in_use(&self) -> Use {
        let most = self.shared.options.max_connections;
        let in_use = (most as usize).saturating_sub(self.shared.places.available_permits());
        let [in_use, open] =
            [in_use, self.shared.open.count()].map(|count| i64::try_from(count).unwrap_or(i64::MAX));
        // One that is in use may not be open yet.
        Use { size: open.max(in_use), in_use, share: in_use as f64 / f64::from(most.max(1)) }
    }

    /// Refuses new readers, and returns when all connections are closed.
    pub(super) async fn close(&self) {
        self.keeper.abort();
        self.shared.places.close();
        drop(self.shared.spare().take());
        loop {
            let closed = self.shared.open.closed.notified();
            if self.shared.open.count() == 0 {
                return;
            }
            closed.await;
        }
    }
}

impl Drop for Readers {
    fn drop(&mut self) {
        self.keeper.abort();
    }
}

impl Shared {
    fn take_or_open(&self) -> Result<Kept, NoReader> {
        let spare = self.spare().as_mut().ok_or(NoReader::Closed)?.pop();
        match spare {
            Some(kept) => Ok(kept),
            None => self.open(),
        }
    }

    fn open(&self) -> Result<Kept, NoReader> {
        // Counted first: who closes all either waits for this one, or is seen to have closed them.
        let counted = Counted::new(&self.open);
        if self.spare().is_none() {
            return Err(NoReader::Closed);
        }
        let connection = self.options.reader()?;
        let is_brief = Arc::new(AtomicBool::new(false));
        let asked = Arc::clone(&is_brief);
        connection.progress_handler(BRIEF_STEPS, Some(move || asked.load(SeqCst)))?;
        let now = Instant::now();
        Ok(Kept { connection, is_brief, opened: now, used: now, _counted: counted })
    }

    fn put_back(&self, mut kept: Kept) {
        kept.used = Instant::now();
        let is_old = kept.opened.elapsed() >= self.options.max_lifetime;
        let mut spare = self.spare();
        // What a reader has begun and not ended must not go on to the next.
        if !is_old
            && kept.connection.is_autocommit()
            && let Some(spare) = spare.as_mut()
        {
            spare.push(kept);
        }
    }

    /// Closes those that nobody has needed for a while, but for the fewest that are to stay.
    fn close_idle(&self) {
        let fewest = self.options.min_connections as usize;
        let idle = {
            let mut spare = self.spare();
            let Some(spare) = spare.as_mut() else { return };
            let idle = spare.partition_point(|kept| kept.used.elapsed() >= self.options.idle_timeout);
            let surplus = self.open.count().saturating_sub(fewest);
            spare.drain(..idle.min(surplus)).collect::<Vec<_>>()
        };
        // Not behind the lock, for it can take a moment.
        drop(idle);
    }

    /// Opens the fewest that are to be there.
    fn open_fewest(&self) -> Result<(), NoReader> {
        for _ in self.open.count()..self.options.min_connections as usize {
            let kept = self.open()?;
            self.put_back(kept);
        }
        Ok(())
    }

    fn spare(&self) -> MutexGuard<'_, Option<Vec<Kept>>> {
        self.spare.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Keeps as many connections as are needed.
async fn keep(shared: Arc<Shared>) {
    let mut looks = interval(LOOK.min(shared.options.idle_timeout).max(Duration::from_millis(1)));
    looks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        looks.tick().await;
        let shared = Arc::clone(&shared);
        let kept = tokio::task::spawn_blocking(move || {
            shared.close_idle();
            shared.open_fewest()
        });
        if let Ok(Err(error)) = kept.await {
            tracing::warn!(%error, "no connection to the database is kept ready");
        }
    }
}

impl Open {
    fn count(&self) -> usize {
        self.count.load(SeqCst)
    }
}

impl Counted {
    fn new(open: &Arc<Open>) -> Self {
        open.count.fetch_add(1, SeqCst);
        Self(Arc::clone(open))
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        self.0.count.fetch_sub(1, SeqCst);
        self.0.closed.notify_waiters();
    }
}

impl Drop for Awaited {
    fn drop(&mut self) {
        self.0.store(true, SeqCst);
    }
}

impl Reader {
    /// The connection, for statements of any length while they are [`Reader::awaited`].
    pub(super) fn connection(&self) -> &Connection {
        &self.kept.connection
    }

    /// The connection, for statements that are interrupted unless they are brief.
    pub(super) fn brief_connection(&self) -> &Connection {
        self.kept.is_brief.store(true, SeqCst);
        &self.kept.connection
    }

    /// While this is there, somebody waits for what is read, however long it takes.
    pub(super) fn awaited(&self) -> Awaited {
        self.kept.is_brief.store(false, SeqCst);
        Awaited(Arc::clone(&self.kept.is_brief))
    }

    /// Gives the connection to the next reader.
    pub(super) fn pass_on(self) {
        let Self { kept, shared, place } = self;
        shared.put_back(kept);
        drop(place);
    }
}

#[cfg(test)]
mod tests {
    use futures::FutureExt;
    use tempfile::TempDir;

    use super::*;

    fn one_connection() -> (TempDir, Readers) {
        let folder = tempfile::tempdir().unwrap();
        let options = StoreOptions {
            max_connections: 1,
            min_connections: 0,
            acquire_timeout: Duration::from_millis(50),
            ..StoreOptions::new(folder.path().join("tasks.db"))
        };
        drop(options.writer().unwrap());
        (folder, Readers::new(&options))
    }

    #[tokio::test]
    async fn a_connection_goes_on_to_who_waits() {
        let (_folder, readers) = one_connection();
        let first = readers.acquire().await.unwrap();
        first.connection().execute_batch("CREATE TEMP TABLE mine (x)").unwrap_err();
        first.connection().execute_batch("PRAGMA cache_size = 7").unwrap();
        let mut next = Box::pin(readers.acquire());
        assert!(next.as_mut().now_or_never().is_none());
        assert_eq!((readers.in_use().size, readers.in_use().in_use), (1, 1));
        first.pass_on();
        let next = next.now_or_never().unwrap().unwrap();
        let pages: i64 = next.connection().query_row("PRAGMA cache_size", (), |row| row.get(0)).unwrap();
        assert_eq!(pages, 7);
        next.pass_on();
        assert_eq!((readers.in_use().size, readers.in_use().in_use), (1, 0));
    }

    #[tokio::test]
    async fn one_that_is_dropped_or_in_a_transaction_is_closed() {
        let (_folder, readers) = one_connection();
        drop(readers.acquire().await.unwrap());
        assert_eq!(readers.in_use().size, 0);
        let reader = readers.acquire().await.unwrap();
        reader.connection().execute_batch("BEGIN").unwrap();
        reader.pass_on();
        assert_eq!(readers.in_use().size, 0);
    }

    #[tokio::test]
    async fn who_waits_too_long_is_told() {
        let (_folder, readers) = one_connection();
        let _first = readers.acquire().await.unwrap();
        assert!(matches!(readers.acquire().await, Err(NoReader::TimedOut)));
    }

    #[tokio::test]
    async fn the_end_waits_for_who_is_in_and_lets_nobody_in() {
        let (_folder, readers) = one_connection();
        let reader = readers.acquire().await.unwrap();
        let mut end = Box::pin(readers.close());
        assert!(end.as_mut().now_or_never().is_none());
        assert!(matches!(readers.acquire().await, Err(NoReader::Closed)));
        reader.pass_on();
        end.await;
        assert_eq!(readers.in_use().size, 0);
    }

    fn count(connection: &Connection, to: i64) -> rusqlite::Result<i64> {
        let counted = "WITH RECURSIVE n (x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM n WHERE x < ?1)
                       SELECT count(*) FROM n";
        connection.query_row(counted, [to], |row| row.get(0))
    }

    #[tokio::test]
    async fn only_what_is_brief_comes_to_its_end_where_that_was_asked() {
        let (_folder, readers) = one_connection();
        let reader = readers.acquire().await.unwrap();
        assert_eq!(count(reader.brief_connection(), 100).unwrap(), 100);
        let refusal = count(reader.brief_connection(), 1_000_000).unwrap_err();
        assert_eq!(refusal.sqlite_error_code(), Some(rusqlite::ErrorCode::OperationInterrupted));
        let _awaited = reader.awaited();
        assert_eq!(count(reader.connection(), 1_000_000).unwrap(), 1_000_000);
    }

    #[tokio::test]
    async fn what_nobody_waits_for_any_more_is_ended() {
        let (_folder, readers) = one_connection();
        let reader = readers.acquire().await.unwrap();
        let connection = reader.connection();
        let awaited = reader.awaited();
        std::thread::scope(|scope| {
            scope.spawn(|| {
                std::thread::sleep(Duration::from_millis(50));
                drop(awaited);
            });
            let refusal = count(connection, i64::MAX).unwrap_err();
            assert_eq!(refusal.sqlite_error_code(), Some(rusqlite::ErrorCode::OperationInterrupted));
        });
    }

    #[tokio::test]
    async fn connections_that_may_not_be_kept_are_not_opened_without_end() {
        let (_folder, readers) = one_connection();
        let options = StoreOptions {
            min_connections: 1,
            max_lifetime: Duration::ZERO,
            ..readers.shared.options.clone()
        };
        Readers::new(&options).shared.open_fewest().unwrap();
    }

    #[tokio::test(start_paused = true)]
    async fn those_that_nobody_needs_are_closed_but_for_the_fewest() {
        let folder = tempfile::tempdir().unwrap();
        let options = StoreOptions {
            min_connections: 2,
            idle_timeout: Duration::ZERO,
            ..StoreOptions::new(folder.path().join("tasks.db"))
        };
        drop(options.writer().unwrap());
        let readers = Readers::new(&options);
        let all = [readers.acquire().await, readers.acquire().await, readers.acquire().await];
        all.into_iter().for_each(|reader| reader.unwrap().pass_on());
        assert_eq!(readers.in_use().size, 3);
        readers.shared.close_idle();
        assert_eq!(readers.in_use().size, 2);
        readers.shared.close_idle();
        assert_eq!(readers.in_use().size, 2);
    }
}
