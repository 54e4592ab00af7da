//! Connections that read: a pool, and a short way from one reader to the next.
//!
//! The pool tests each connection that is given back, in a task of its own and on SQLite's thread, which
//! takes as long as a read. A connection whose last read came to its end needs no test, so it goes on
//! to the next reader as it is. The pool gets it back once a minute, to apply its limits.

use std::{
    sync::{
        Mutex, MutexGuard, PoisonError,
        atomic::{AtomicUsize, Ordering::SeqCst},
    },
    time::{Duration, Instant},
};

use sqlx::{Sqlite, SqliteConnection, SqlitePool, pool::PoolConnection};
use tokio::{
    runtime::Handle,
    sync::{Semaphore, SemaphorePermit},
    time::timeout,
};

use super::StoreOptions;

/// How long a connection is passed on before the pool sees it again.
const PASSED_ON: Duration = Duration::from_secs(60);

/// The connections.
#[derive(Debug)]
pub(super) struct Readers {
    pool: SqlitePool,
    /// One place for each connection that there may be, given in the order of asking.
    places: Semaphore,
    most: u32,
    patience: Duration,
    waiting: AtomicUsize,
    /// Those that wait for the next reader; `None` once closed.
    spare: Mutex<Option<Vec<Lent>>>,
    /// As many are kept ready when nobody waits.
    kept_ready: usize,
    /// Where the pool takes connections back.
    runtime: Handle,
}

#[derive(Debug)]
struct Lent {
    connection: PoolConnection<Sqlite>,
    /// When the pool gave it.
    since: Instant,
}

/// A connection in use. Dropped, it goes back to the pool, which tests it.
#[derive(Debug)]
pub(super) struct Reader<'r> {
    lent: Lent,
    readers: &'r Readers,
    /// Given up last, so that who waits for it finds the connection.
    _place: SemaphorePermit<'r>,
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
    /// To be called within a runtime.
    pub(super) fn new(pool: SqlitePool, options: &StoreOptions) -> Self {
        let most = options.max_connections;
        Self {
            pool,
            places: Semaphore::new(most as usize),
            most,
            patience: options.acquire_timeout,
            waiting: AtomicUsize::new(0),
            spare: Mutex::new(Some(Vec::new())),
            kept_ready: options.min_connections as usize,
            runtime: Handle::current(),
        }
    }

    /// Waits for a connection, behind those who came before.
    ///
    /// # Errors
    /// When none is free in time or can be opened, or all are closed.
    pub(super) async fn acquire(&self) -> Result<Reader<'_>, sqlx::Error> {
        let place = match self.places.try_acquire() {
            Ok(place) => place,
            Err(_) => self.wait().await?,
        };
        let spare = self.spare().as_mut().and_then(Vec::pop);
        let lent = match spare {
            Some(lent) => lent,
            None => Lent { connection: self.pool.acquire().await?, since: Instant::now() },
        };
        Ok(Reader { lent, readers: self, _place: place })
    }

    async fn wait(&self) -> Result<SemaphorePermit<'_>, sqlx::Error> {
        let _waiting = Waiting::count(&self.waiting);
        match timeout(self.patience, self.places.acquire()).await {
            Ok(place) => place.map_err(|_| sqlx::Error::PoolClosed),
            Err(_) => Err(sqlx::Error::PoolTimedOut),
        }
    }

    pub(super) fn in_use(&self) -> Use {
        let in_use = (self.most as usize).saturating_sub(self.places.available_permits());
        let in_use = i64::try_from(in_use).unwrap_or(i64::MAX);
        // One that is in use may not be open yet.
        let size = i64::from(self.pool.size()).max(in_use);
        Use { size, in_use, share: in_use as f64 / f64::from(self.most.max(1)) }
    }

    /// Refuses new readers, and closes the connections as they become free.
    pub(super) async fn close(&self) {
        self.places.close();
        drop(self.spare().take());
        self.pool.close().await;
    }

    fn spare(&self) -> MutexGuard<'_, Option<Vec<Lent>>> {
        self.spare.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Readers {
    /// The pool takes connections back in a task, and panics outside of a runtime.
    fn drop(&mut self) {
        let _entered = self.runtime.enter();
        drop(self.spare().take());
    }
}

impl Reader<'_> {
    pub(super) fn connection(&mut self) -> &mut SqliteConnection {
        &mut self.lent.connection
    }

    /// Passes the connection on. To be called when nothing is left to be read and no transaction is open.
    pub(super) fn pass_on(self) {
        let Self { lent, readers, _place } = self;
        let is_wanted = |spare: &Vec<Lent>| {
            spare.len() < readers.kept_ready || readers.waiting.load(SeqCst) > spare.len()
        };
        if lent.since.elapsed() < PASSED_ON
            && let Some(spare) = readers.spare().as_mut().filter(|spare| is_wanted(spare))
        {
            spare.push(lent);
        }
    }
}

/// One who waits, until dropped.
struct Waiting<'w>(&'w AtomicUsize);

impl<'w> Waiting<'w> {
    fn count(waiting: &'w AtomicUsize) -> Self {
        waiting.fetch_add(1, SeqCst);
        Self(waiting)
    }
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, SeqCst);
    }
}

#[cfg(test)]
mod tests {
    use futures::FutureExt;
    use sqlx::sqlite::SqlitePoolOptions;

    use super::*;

    fn one_connection() -> Readers {
        let options = StoreOptions {
            max_connections: 1,
            min_connections: 1,
            acquire_timeout: Duration::from_millis(50),
            ..StoreOptions::new("unused")
        };
        let pool = SqlitePoolOptions::new().max_connections(1).connect_lazy("sqlite::memory:").unwrap();
        Readers::new(pool, &options)
    }

    #[tokio::test]
    async fn a_connection_goes_on_to_who_waits_and_the_pool_does_not_see_it() {
        let readers = one_connection();
        let mut first = readers.acquire().await.unwrap();
        sqlx::query("CREATE TEMP TABLE mine (x)").execute(first.connection()).await.unwrap();
        let mut next = Box::pin(readers.acquire());
        assert!(next.as_mut().now_or_never().is_none());
        assert_eq!((readers.in_use().size, readers.in_use().in_use), (1, 1));
        first.pass_on();
        let mut next = next.now_or_never().unwrap().unwrap();
        sqlx::query("SELECT x FROM mine").execute(next.connection()).await.unwrap();
        next.pass_on();
        assert_eq!((readers.in_use().in_use, readers.pool.num_idle()), (0, 0));
    }

    #[tokio::test]
    async fn a_connection_that_is_dropped_is_tested_by_the_pool() {
        let readers = one_connection();
        drop(readers.acquire().await.unwrap());
        let again = readers.acquire().await.unwrap();
        assert!(again.lent.since.elapsed() < Duration::from_secs(1));
        assert_eq!(readers.spare().as_ref().map(Vec::len), Some(0));
    }

    #[test]
    fn they_can_be_dropped_outside_of_a_runtime() {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let readers = runtime.block_on(async {
            let readers = one_connection();
            readers.acquire().await.unwrap().pass_on();
            readers
        });
        drop(runtime);
        drop(readers);
    }

    #[tokio::test]
    async fn who_waits_too_long_is_told() {
        let readers = one_connection();
        let _first = readers.acquire().await.unwrap();
        assert!(matches!(readers.acquire().await, Err(sqlx::Error::PoolTimedOut)));
    }

    #[tokio::test]
    async fn the_end_waits_for_who_is_in_and_lets_nobody_in() {
        let readers = one_connection();
        let reader = readers.acquire().await.unwrap();
        let mut end = Box::pin(readers.close());
        assert!(end.as_mut().now_or_never().is_none());
        assert!(matches!(readers.acquire().await, Err(sqlx::Error::PoolClosed)));
        reader.pass_on();
        end.await;
        assert!(readers.pool.is_closed());
    }
}
