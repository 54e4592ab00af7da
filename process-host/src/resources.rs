//! What a host may use at one time, who uses it, and the order in which it is given back.
//!
//! A [`Permit`] stands for a piece of a resource: some memory, a process, a connection. It is counted
//! until it is dropped, and it can be seen until then under its id and its holder's name. At shutdown
//! permits are revoked one by one, the last granted first, as things were built on one another.

mod limits;

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use serde::Serialize;
use tokio::{sync::Notify, time::Instant};
use tokio_util::sync::CancellationToken;

pub use limits::{Kind, ResourceLimits};

/// Grants permits within limits. Clones share them.
#[derive(Debug, Clone)]
pub struct Resources {
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    limits: ResourceLimits,
    ledger: Mutex<Ledger>,
    /// Tells whoever waits that something came back.
    returned: Notify,
}

#[derive(Debug, Default)]
struct Ledger {
    last_id: u64,
    used: [u64; Kind::ALL.len()],
    /// By id, which is the order in which they were granted.
    held: BTreeMap<u64, Entry>,
    granted: u64,
    refused: u64,
    is_closed: bool,
}

#[derive(Debug)]
struct Entry {
    kind: Kind,
    amount: u64,
    holder: String,
    since: Instant,
    revoked: CancellationToken,
}

/// A permit as the registry shows it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Held {
    /// Never used twice.
    pub id: u64,
    /// What it is a piece of.
    pub kind: Kind,
    /// How much: MiB of memory, else pieces.
    pub amount: u64,
    /// Who holds it.
    pub holder: String,
    /// For how long, in milliseconds.
    pub held_ms: u64,
}

/// One resource in figures.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Usage {
    /// Which.
    pub kind: Kind,
    /// How much is held: MiB of memory, else pieces.
    pub used: u64,
    /// How much there is.
    pub limit: u64,
}

/// Why there is no permit.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PermitError {
    /// Too little is left.
    #[error("{requested} of {} {kind} requested, {used} in use", limit)]
    Exhausted {
        /// Of what.
        kind: Kind,
        /// How much was asked for.
        requested: u64,
        /// How much is in use.
        used: u64,
        /// How much there is.
        limit: u64,
    },
    /// The host is shutting down.
    #[error("the host is shutting down")]
    Closed,
}

/// A piece of a resource; given back when dropped.
#[derive(Debug)]
pub struct Permit {
    id: u64,
    shared: Arc<Shared>,
    revoked: CancellationToken,
}

impl Resources {
    /// Grants within `limits`.
    pub fn new(limits: ResourceLimits) -> Self {
        Self { shared: Arc::new(Shared { limits, ledger: Mutex::default(), returned: Notify::new() }) }
    }

    /// A permit for `amount` of `kind`, now or not at all.
    ///
    /// # Errors
    /// [`PermitError`].
    pub fn try_acquire(
        &self,
        kind: Kind,
        amount: u64,
        holder: impl Into<String>,
    ) -> Result<Permit, PermitError> {
        let limit = self.shared.limits.of(kind);
        let mut ledger = self.shared.ledger();
        if ledger.is_closed {
            return Err(PermitError::Closed);
        }
        let used = ledger.used[kind as usize];
        if amount > limit.saturating_sub(used) {
            ledger.refused += 1;
            return Err(PermitError::Exhausted { kind, requested: amount, used, limit });
        }
        ledger.used[kind as usize] += amount;
        ledger.granted += 1;
        ledger.last_id += 1;
        let (id, revoked) = (ledger.last_id, CancellationToken::new());
        let entry =
            Entry { kind, amount, holder: holder.into(), since: Instant::now(), revoked: revoked.clone() };
        ledger.held.insert(id, entry);
        Ok(Permit { id, shared: Arc::clone(&self.shared), revoked })
    }

    /// A permit for `amount` of `kind`; waits for it until `within` is over.
    ///
    /// # Errors
    /// [`PermitError`]; [`PermitError::Exhausted`] when too little came back in time, or at once when
    /// more is asked for than there ever is.
    pub async fn acquire(
        &self,
        kind: Kind,
        amount: u64,
        holder: impl Into<String>,
        within: Duration,
    ) -> Result<Permit, PermitError> {
        let holder = holder.into();
        let attempts = async {
            loop {
                let mut returned = std::pin::pin!(self.shared.returned.notified());
                // Listening before looking: what comes back in between is not missed.
                returned.as_mut().enable();
                match self.try_acquire(kind, amount, holder.clone()) {
                    Err(PermitError::Exhausted { limit, .. }) if amount <= limit => returned.await,
                    outcome => return outcome,
                }
            }
        };
        match tokio::time::timeout(within, attempts).await {
            Ok(outcome) => outcome,
            Err(_) => self.try_acquire(kind, amount, holder),
        }
    }

    /// Every permit there is, the oldest first.
    pub fn held(&self) -> Vec<Held> {
        let ledger = self.shared.ledger();
        ledger
            .held
            .iter()
            .map(|(id, entry)| Held {
                id: *id,
                kind: entry.kind,
                amount: entry.amount,
                holder: entry.holder.clone(),
                held_ms: u64::try_from(entry.since.elapsed().as_millis()).unwrap_or(u64::MAX),
            })
            .collect()
    }

    /// How much of everything is in use.
    pub fn usage(&self) -> Vec<Usage> {
        let ledger = self.shared.ledger();
        Kind::ALL
            .map(|kind| Usage { kind, used: ledger.used[kind as usize], limit: self.shared.limits.of(kind) })
            .into()
    }

    /// Revokes the permits held for longer than `patience`, for holders that forgot them; returns
    /// what was revoked. A permit counts until its holder drops it.
    pub fn revoke_stale(&self, patience: Duration) -> Vec<Held> {
        let stale = |held: &Held| u128::from(held.held_ms) >= patience.as_millis();
        let held: Vec<_> = self.held().into_iter().filter(stale).collect();
        let ledger = self.shared.ledger();
        for entry in held.iter().filter_map(|held| ledger.held.get(&held.id)) {
            entry.revoked.cancel();
        }
        held
    }

    /// Grants nothing from now on, and takes back what is held: the permit granted last is revoked
    /// and waited for, then the one before. All of it takes at most `cleanup_timeout`; then the rest
    /// is revoked at once. Returns what was not given back.
    pub async fn shutdown(&self) -> Vec<Held> {
        self.shared.ledger().is_closed = true;
        let deadline = Instant::now() + self.shared.limits.cleanup_timeout;
        while let Some((id, revoked)) = self.last() {
            revoked.cancel();
            if tokio::time::timeout_at(deadline, self.given_back(id)).await.is_err() {
                break;
            }
        }
        self.shared.ledger().held.values().for_each(|entry| entry.revoked.cancel());
        self.held()
    }

    fn last(&self) -> Option<(u64, CancellationToken)> {
        self.shared.ledger().held.last_key_value().map(|(id, entry)| (*id, entry.revoked.clone()))
    }

    async fn given_back(&self, id: u64) {
        loop {
            let mut returned = std::pin::pin!(self.shared.returned.notified());
            returned.as_mut().enable();
            if !self.shared.ledger().held.contains_key(&id) {
                return;
            }
            returned.await;
        }
    }
}

impl Shared {
    fn ledger(&self) -> MutexGuard<'_, Ledger> {
        self.ledger.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Permit {
    /// Its number in the registry.
    pub fn id(&self) -> u64 {
        self.id
    }

    /// Waits until the host wants it back.
    pub async fn revoked(&self) {
        self.revoked.cancelled().await;
    }
}

impl Drop for Permit {
    fn drop(&mut self) {
        let mut ledger = self.shared.ledger();
        if let Some(entry) = ledger.held.remove(&self.id) {
            ledger.used[entry.kind as usize] -= entry.amount;
        }
        drop(ledger);
        self.shared.returned.notify_waiters();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn resources() -> Resources {
        Resources::new(ResourceLimits { max_processes: 2, ..ResourceLimits::default() })
    }

    #[tokio::test(start_paused = true)]
    async fn permits_are_counted_until_they_are_dropped() {
        let resources = resources();
        let first = resources.try_acquire(Kind::Processes, 1, "anna").unwrap();
        let _second = resources.try_acquire(Kind::Processes, 1, "bert").unwrap();
        let refusal = resources.try_acquire(Kind::Processes, 1, "carl").unwrap_err();
        assert_eq!(refusal.to_string(), "1 of 2 processes requested, 2 in use");
        tokio::time::advance(Duration::from_secs(3)).await;
        let held = Held { id: 1, kind: Kind::Processes, amount: 1, holder: "anna".into(), held_ms: 3000 };
        assert_eq!(resources.held()[0], held);
        assert!(resources.try_acquire(Kind::Memory, 2048, "anna").is_ok());
        assert!(resources.try_acquire(Kind::Memory, 2049, "anna").is_err());
        drop(first);
        assert_eq!(resources.try_acquire(Kind::Processes, 1, "carl").unwrap().id(), 4);
        assert_eq!(resources.held().len(), 1);
    }

    #[tokio::test(start_paused = true)]
    async fn whoever_waits_gets_what_comes_back_and_is_not_kept_for_the_impossible() {
        let resources = resources();
        let all = resources.try_acquire(Kind::Processes, 2, "anna").unwrap();
        let impossible = resources.acquire(Kind::Processes, 3, "bert", Duration::MAX / 2).await;
        assert!(matches!(impossible, Err(PermitError::Exhausted { limit: 2, .. })));
        let waiting = tokio::spawn({
            let resources = resources.clone();
            async move { resources.acquire(Kind::Processes, 1, "carl", Duration::from_secs(9)).await }
        });
        tokio::task::yield_now().await;
        drop(all);
        assert!(waiting.await.unwrap().is_ok());
        let _all = resources.try_acquire(Kind::Processes, 2, "anna").unwrap();
        assert!(resources.acquire(Kind::Processes, 1, "dora", Duration::from_secs(9)).await.is_err());
    }

    #[tokio::test(start_paused = true)]
    async fn shutdown_takes_back_in_reverse_order_and_names_what_stays() {
        let resources = resources();
        let order = Arc::new(Mutex::new(Vec::new()));
        let hold = |holder: &'static str| {
            let permit = resources.try_acquire(Kind::Tasks, 1, holder).unwrap();
            let order = Arc::clone(&order);
            tokio::spawn(async move {
                permit.revoked().await;
                order.lock().unwrap().push(holder);
            });
        };
        hold("database");
        hold("server");
        assert_eq!(resources.shutdown().await, []);
        assert_eq!(*order.lock().unwrap(), ["server", "database"]);
        assert_eq!(resources.try_acquire(Kind::Tasks, 1, "late").unwrap_err(), PermitError::Closed);

        let stubborn = super::tests::resources();
        let _kept = stubborn.try_acquire(Kind::FileHandles, 5, "forgetful").unwrap();
        let left = stubborn.shutdown().await;
        assert_eq!((left[0].holder.as_str(), left[0].held_ms), ("forgetful", 10_000));
    }

    #[tokio::test(start_paused = true)]
    async fn what_is_held_too_long_is_revoked() {
        let resources = resources();
        let old = resources.try_acquire(Kind::Connections, 1, "old").unwrap();
        tokio::time::advance(Duration::from_secs(60)).await;
        let _fresh = resources.try_acquire(Kind::Connections, 1, "fresh").unwrap();
        let revoked = resources.revoke_stale(Duration::from_secs(60));
        assert_eq!(revoked.iter().map(|held| held.holder.as_str()).collect::<Vec<_>>(), ["old"]);
        old.revoked().await;
    }
}
