//! The requests that are being worked on, and how many may be.

use std::{
    collections::{HashMap, HashSet},
    sync::{Mutex, MutexGuard, PoisonError},
};

use futures::stream::AbortHandle;
use rmcp::model::RequestId;
use tokio::sync::Notify;

/// Requests worked on at once. Subscriptions, which stay open, are counted apart.
pub(super) const IN_FLIGHT: usize = 64;
/// Subscriptions open at once.
const SUBSCRIPTIONS: usize = 64;

/// Why a request gets no place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum NoPlace {
    /// There will be one.
    Yet,
    /// A request with its id is not answered yet.
    IdInUse,
    /// It would stay open, and too many do already.
    Subscriptions,
}

/// The places of one connection.
#[derive(Debug, Default)]
pub(super) struct Places {
    taken: Mutex<Taken>,
    landed: Notify,
}

#[derive(Debug, Default)]
struct Taken {
    /// With what ends those that rmcp knows nothing of.
    requests: HashMap<RequestId, Option<AbortHandle>>,
    subscriptions: HashSet<RequestId>,
}

impl Places {
    /// Takes a place for the request `id`; `abort` ends it when it is cancelled.
    pub(super) fn take(&self, id: &RequestId, abort: Option<AbortHandle>) -> Result<(), NoPlace> {
        let mut taken = self.free_id(id)?;
        if taken.requests.len() >= IN_FLIGHT {
            return Err(NoPlace::Yet);
        }
        taken.requests.insert(id.clone(), abort);
        Ok(())
    }

    /// Takes a place for a request that stays open.
    pub(super) fn subscribe(&self, id: &RequestId) -> Result<(), NoPlace> {
        let mut taken = self.free_id(id)?;
        if taken.subscriptions.len() >= SUBSCRIPTIONS {
            return Err(NoPlace::Subscriptions);
        }
        taken.subscriptions.insert(id.clone());
        Ok(())
    }

    fn free_id(&self, id: &RequestId) -> Result<MutexGuard<'_, Taken>, NoPlace> {
        let taken = self.taken();
        match taken.requests.contains_key(id) || taken.subscriptions.contains(id) {
            true => Err(NoPlace::IdInUse),
            false => Ok(taken),
        }
    }

    /// Gives back the place of a request that was answered or cancelled, and ends it.
    pub(super) fn leave(&self, id: &RequestId) {
        let mut taken = self.taken();
        let left = match taken.requests.remove(id) {
            Some(abort) => {
                abort.inspect(AbortHandle::abort);
                true
            }
            None => taken.subscriptions.remove(id),
        };
        if left {
            self.landed.notify_waiters();
        }
    }

    /// Waits until fewer than `places` requests are being worked on.
    pub(super) async fn fewer_than(&self, places: usize) {
        loop {
            let landed = self.landed.notified();
            tokio::pin!(landed);
            landed.as_mut().enable();
            if self.taken().requests.len() < places {
                return;
            }
            landed.await;
        }
    }

    fn taken(&self) -> MutexGuard<'_, Taken> {
        self.taken.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
