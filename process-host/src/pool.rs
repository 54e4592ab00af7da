//! A pool of members that are costly to open: processes, most of all.
//!
//! # Theory of operation
//!
//! Up to `max` members are kept, `min` of them even when idle; when all are in use, up to
//! `max_overflow` more are opened for one use each. Beyond that callers wait in line, first come,
//! first served, until their time is over; the line is bounded. The member used last is given first,
//! so that the others become idle and are closed.
//!
//! A [`Guard`] returns its member when it is dropped: to the first in line, else to the shelf. The
//! right to open a member travels the same way as a member does, so a failed or abandoned opening
//! loses no place. The shelf is a short critical section, never held across an await.

mod config;
mod guard;
mod sessions;
mod shelf;
mod upkeep;

use std::{
    fmt,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use tokio::{
    runtime::Handle,
    sync::oneshot,
    time::{Instant, timeout_at},
};
use tokio_util::{
    sync::{CancellationToken, DropGuard},
    task::TaskTracker,
};

pub use config::{PoolConfig, PoolStatus};
pub use guard::Guard;
pub use sessions::{Pinned, Sessions};

use guard::Place;
use shelf::{Request, Shelf};

/// Opens, checks and closes the members of a pool.
pub trait Manage: Send + Sync + 'static {
    /// What is pooled.
    type Member: Send + 'static;
    /// Why one could not be opened.
    type Error: Send + 'static;

    /// Opens a member.
    fn open(&self) -> impl Future<Output = Result<Self::Member, Self::Error>> + Send;

    /// Whether a member can be used; asked at every checkout and return, so it must be quick.
    fn is_usable(&self, member: &Self::Member) -> bool;

    /// Whether a member that was idle for a while answers.
    fn answers(&self, member: &Self::Member) -> impl Future<Output = bool> + Send;

    /// Closes a member.
    fn close(&self, member: Self::Member) -> impl Future<Output = ()> + Send;
}

/// Why a checkout has no member.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CheckoutError<E> {
    /// None came back in time.
    #[error("no member was free within {} ms", waited.as_millis())]
    Timeout {
        /// How long it waited.
        waited: Duration,
    },
    /// So many wait already that another would wait in vain.
    #[error("{waiting} callers wait already")]
    Full {
        /// The length of the line.
        waiting: usize,
    },
    /// The pool is closed.
    #[error("the pool is closed")]
    Closed,
    /// A member was free to be opened and could not be.
    #[error("{0}")]
    Open(E),
}

/// A pool. Clones share it; with the last of them it closes.
pub struct Pool<M: Manage> {
    inner: Arc<Inner<M>>,
    handle: Arc<DropGuard>,
}

impl<M: Manage> Clone for Pool<M> {
    fn clone(&self) -> Self {
        Self { inner: Arc::clone(&self.inner), handle: Arc::clone(&self.handle) }
    }
}

impl<M: Manage> fmt::Debug for Pool<M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Pool").field("status", &self.status()).finish_non_exhaustive()
    }
}

struct Inner<M: Manage> {
    manager: M,
    config: PoolConfig,
    shelf: Mutex<Shelf<M>>,
    /// Members are closed on it, also when a guard is dropped elsewhere.
    runtime: Handle,
    /// Ends the upkeep.
    ended: CancellationToken,
    /// Guards in use, members being closed, and the upkeep.
    closing: TaskTracker,
}

impl<M: Manage> Inner<M> {
    fn shelf(&self) -> MutexGuard<'_, Shelf<M>> {
        self.shelf.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Closes the door and what is idle.
    fn empty(self: &Arc<Self>) {
        let idle = self.shelf().close();
        for member in idle {
            self.discard(member);
        }
    }
}

impl<M: Manage> Pool<M> {
    /// A pool that begins to open its first `min` members. Must be called inside a tokio runtime.
    pub fn start(manager: M, config: PoolConfig) -> Self {
        let ended = CancellationToken::new();
        let inner = Arc::new(Inner {
            manager,
            shelf: Mutex::new(Shelf::new(&config)),
            config,
            runtime: Handle::current(),
            ended: ended.clone(),
            closing: TaskTracker::new(),
        });
        inner.closing.spawn(upkeep::run(Arc::clone(&inner), ended.clone()));
        Self { inner, handle: Arc::new(ended.drop_guard()) }
    }

    /// A member, within the configured time.
    ///
    /// # Errors
    /// [`CheckoutError`].
    pub async fn checkout(&self) -> Result<Guard<M>, CheckoutError<M::Error>> {
        let start = Instant::now();
        match timeout_at(start + self.inner.config.checkout_timeout, self.obtain()).await {
            Ok(outcome) => outcome.inspect(|_| self.inner.shelf().count_checkout()),
            Err(_) => {
                self.inner.shelf().count_timeout();
                Err(CheckoutError::Timeout { waited: start.elapsed() })
            }
        }
    }

    /// Figures of this moment and since the start.
    pub fn status(&self) -> PoolStatus {
        self.inner.shelf().status()
    }

    /// Refuses checkouts from now on, closes what is idle at once and what is in use as it returns;
    /// waits for that until `within` is over. Returns whether all were closed.
    pub async fn close(&self, within: Duration) -> bool {
        self.inner.ended.cancel();
        self.inner.empty();
        self.inner.closing.close();
        tokio::time::timeout(within, self.inner.closing.wait()).await.is_ok()
    }

    async fn obtain(&self) -> Result<Guard<M>, CheckoutError<M::Error>> {
        loop {
            let request = self.inner.shelf().request();
            let offer = match request {
                Request::Closed => return Err(CheckoutError::Closed),
                Request::Full { waiting } => return Err(CheckoutError::Full { waiting }),
                Request::Granted(idle) => {
                    Offer::Member(Guard::new(&self.inner, idle.member, Some(idle.since)))
                }
                Request::Open => Offer::Place(Place::new(&self.inner)),
                Request::Wait(line) => line.await.map_err(|_| CheckoutError::Closed)?,
            };
            let mut guard = match offer {
                Offer::Member(guard) => guard,
                Offer::Place(place) => {
                    place.open().await.map_err(CheckoutError::Open)?.ok_or(CheckoutError::Closed)?
                }
            };
            match guard.is_well().await {
                true => return Ok(guard),
                false => guard.discard(),
            }
        }
    }
}

/// What reaches the first in line: a member, or the right to open one.
enum Offer<M: Manage> {
    Member(Guard<M>),
    Place(Place<M>),
}

type Line<M> = oneshot::Receiver<Offer<M>>;
