//! Members that belong to a session: the same one at every call.

use std::{
    collections::HashMap,
    fmt,
    ops::{Deref, DerefMut},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use tokio::{sync::OwnedMutexGuard, time::Instant};

use super::{CheckoutError, Guard, Manage, Pool};

/// Sessions over a pool, by name. The members they hold count as in use.
pub struct Sessions<M: Manage> {
    pool: Pool<M>,
    idle_timeout: Duration,
    by_name: Mutex<HashMap<String, Arc<tokio::sync::Mutex<Session<M>>>>>,
}

struct Session<M: Manage> {
    guard: Option<Guard<M>>,
    used: Instant,
}

/// The member of a session, for one call. Others of the same session wait, first come, first served.
pub struct Pinned<M: Manage> {
    session: OwnedMutexGuard<Session<M>>,
}

impl<M: Manage> Sessions<M> {
    /// Sessions that end when they were not used for `idle_timeout`. They are looked at when any of
    /// them is used, and by [`expire`](Self::expire).
    pub fn new(pool: Pool<M>, idle_timeout: Duration) -> Self {
        Self { pool, idle_timeout, by_name: Mutex::default() }
    }

    /// The member of the session `name`: the one it had at its last call, unless that died.
    ///
    /// # Errors
    /// [`CheckoutError`], when it has none and the pool gives none.
    pub async fn checkout(&self, name: &str) -> Result<Pinned<M>, CheckoutError<M::Error>> {
        self.expire();
        let session = Arc::clone(self.by_name().entry(name.to_owned()).or_insert_with(|| {
            Arc::new(tokio::sync::Mutex::new(Session { guard: None, used: Instant::now() }))
        }));
        let mut session = session.lock_owned().await;
        if session.guard.as_ref().is_none_or(|guard| !guard.is_usable()) {
            // The dead one makes room first.
            session.guard = None;
            session.guard = Some(self.pool.checkout().await?);
        }
        Ok(Pinned { session })
    }

    /// Ends the session `name`; its member serves others once its current call is over.
    pub fn end(&self, name: &str) {
        self.by_name().remove(name);
    }

    /// Ends the sessions that were not used for too long.
    pub fn expire(&self) {
        self.by_name().retain(|_, session| match session.try_lock() {
            Ok(idle) => idle.used.elapsed() < self.idle_timeout,
            Err(_) => true,
        });
    }

    /// How many sessions there are.
    pub fn count(&self) -> usize {
        self.by_name().len()
    }

    fn by_name(&self) -> MutexGuard<'_, HashMap<String, Arc<tokio::sync::Mutex<Session<M>>>>> {
        self.by_name.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<M: Manage> fmt::Debug for Sessions<M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sessions").field("count", &self.count()).finish_non_exhaustive()
    }
}

impl<M: Manage> Deref for Pinned<M> {
    type Target = M::Member;

    #[expect(clippy::expect_used, reason = "put there before this was made")]
    fn deref(&self) -> &M::Member {
        self.session.guard.as_deref().expect("a pinned session has its member")
    }
}

impl<M: Manage> DerefMut for Pinned<M> {
    #[expect(clippy::expect_used, reason = "put there before this was made")]
    fn deref_mut(&mut self) -> &mut M::Member {
        self.session.guard.as_deref_mut().expect("a pinned session has its member")
    }
}

impl<M: Manage> fmt::Debug for Pinned<M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Pinned").finish_non_exhaustive()
    }
}

impl<M: Manage> Drop for Pinned<M> {
    fn drop(&mut self) {
        self.session.used = Instant::now();
    }
}
