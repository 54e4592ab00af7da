//! A member in use, and the right to open one: both come back when they are dropped.

use std::{
    fmt,
    ops::{Deref, DerefMut},
    sync::Arc,
};

use tokio::{sync::oneshot, time::Instant};
use tokio_util::task::task_tracker::TaskTrackerToken;

use super::{Inner, Manage, Offer, shelf::Return};

/// A member in use. Dropping it returns the member; one that no longer works is replaced.
pub struct Guard<M: Manage> {
    pool: Arc<Inner<M>>,
    /// `None` only while it is being taken apart.
    member: Option<M::Member>,
    /// Since when it had been idle before.
    idle_since: Option<Instant>,
    /// Whether it was asked and has not answered yet.
    is_suspect: bool,
    /// A pool that closes waits for it.
    _tracked: TaskTrackerToken,
}

impl<M: Manage> Guard<M> {
    pub(super) fn new(pool: &Arc<Inner<M>>, member: M::Member, idle_since: Option<Instant>) -> Self {
        Self {
            pool: Arc::clone(pool),
            member: Some(member),
            idle_since,
            is_suspect: false,
            _tracked: pool.closing.token(),
        }
    }

    /// Whether it can be used right now.
    pub(super) fn is_usable(&self) -> bool {
        self.member.as_ref().is_some_and(|member| self.pool.manager.is_usable(member))
    }

    /// Whether it works; one that was idle for a while must say so itself.
    pub(super) async fn is_well(&mut self) -> bool {
        let Some(member) = &self.member else { return false };
        let manager = &self.pool.manager;
        let long_idle = self.idle_since.is_some_and(|since| since.elapsed() >= self.pool.config.check_after);
        if long_idle && manager.is_usable(member) {
            self.is_suspect = true;
            self.is_suspect = !manager.answers(member).await;
        }
        !self.is_suspect && self.is_usable()
    }

    /// Takes the member out of the pool and closes it, for one found to be in a bad state.
    pub fn discard(mut self) {
        if let Some(member) = self.member.take() {
            let next = self.pool.shelf().broken();
            Inner::discard(&self.pool, member);
            Inner::offer_place(&self.pool, next);
        }
    }
}

impl<M: Manage> Deref for Guard<M> {
    type Target = M::Member;

    #[expect(clippy::expect_used, reason = "the member leaves only when the guard does")]
    fn deref(&self) -> &M::Member {
        self.member.as_ref().expect("a guard has its member")
    }
}

impl<M: Manage> DerefMut for Guard<M> {
    #[expect(clippy::expect_used, reason = "the member leaves only when the guard does")]
    fn deref_mut(&mut self) -> &mut M::Member {
        self.member.as_mut().expect("a guard has its member")
    }
}

impl<M: Manage> fmt::Debug for Guard<M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Guard").finish_non_exhaustive()
    }
}

impl<M: Manage> Drop for Guard<M> {
    fn drop(&mut self) {
        let Some(member) = self.member.take() else { return };
        if self.is_suspect || !self.pool.manager.is_usable(&member) {
            let next = self.pool.shelf().broken();
            Inner::discard(&self.pool, member);
            return Inner::offer_place(&self.pool, next);
        }
        let outcome = self.pool.shelf().returned(member, Instant::now());
        match outcome {
            Return::Shelved => {}
            Return::Close(member) => Inner::discard(&self.pool, member),
            // If they have gone meanwhile, the guard comes back here and goes to the next.
            Return::Offer(first, member) => {
                drop(first.send(Offer::Member(Guard::new(&self.pool, member, None))));
            }
        }
    }
}

/// The right to open a member.
pub(super) struct Place<M: Manage> {
    pool: Option<Arc<Inner<M>>>,
}

impl<M: Manage> Place<M> {
    pub(super) fn new(pool: &Arc<Inner<M>>) -> Self {
        Self { pool: Some(Arc::clone(pool)) }
    }

    /// Opens a member; `None` when the pool was closed meanwhile.
    pub(super) async fn open(mut self) -> Result<Option<Guard<M>>, M::Error> {
        let Some(pool) = &self.pool else { return Ok(None) };
        let member = match pool.manager.open().await {
            Ok(member) => member,
            Err(error) => {
                self.give_up(true);
                return Err(error);
            }
        };
        let Some(pool) = self.pool.take() else { return Ok(None) };
        let is_open = pool.shelf().opened();
        let guard = Guard::new(&pool, member, None);
        Ok(is_open.then_some(guard))
    }

    fn give_up(&mut self, failed: bool) {
        if let Some(pool) = self.pool.take() {
            let next = pool.shelf().given_up(failed);
            Inner::offer_place(&pool, next);
        }
    }
}

impl<M: Manage> Drop for Place<M> {
    fn drop(&mut self) {
        self.give_up(false);
    }
}

impl<M: Manage> Inner<M> {
    /// Closes a member that is no longer counted.
    pub(super) fn discard(self: &Arc<Self>, member: M::Member) {
        let pool = Arc::clone(self);
        self.closing.spawn_on(async move { pool.manager.close(member).await }, &self.runtime);
    }

    /// Hands a counted place to whoever was first in line.
    pub(super) fn offer_place(self: &Arc<Self>, first: Option<oneshot::Sender<Offer<M>>>) {
        if let Some(first) = first {
            // Comes back, and goes to the next, if they have gone meanwhile.
            drop(first.send(Offer::Place(Place::new(self))));
        }
    }
}
