//! Leases: how many change feeds are open.
//!
//! An assistant's client keeps one feed open for as long as it lives, so an open feed is the
//! proof that somebody needs a managed backend. No pid is watched and none is guessed.

use std::time::Duration;

use tokio::sync::watch;

/// More feeds than this are refused: each holds a connection and a place in the broadcast.
const MOST: usize = 256;

/// Counts the open feeds.
#[derive(Debug, Clone)]
pub struct Leases {
    open: watch::Sender<usize>,
}

impl Default for Leases {
    fn default() -> Self {
        Self { open: watch::Sender::new(0) }
    }
}

impl Leases {
    /// Takes a lease, which ends when it is dropped; `None` when there are too many.
    pub fn take(&self) -> Option<Lease> {
        let taken = self.open.send_if_modified(|open| {
            let room = *open < MOST;
            *open += usize::from(room);
            room
        });
        taken.then(|| Lease { open: self.open.clone() })
    }

    /// How many are open.
    pub fn count(&self) -> usize {
        *self.open.borrow()
    }

    /// Waits until none has been open for `grace`, counted from this call.
    pub async fn unused_for(&self, grace: Duration) {
        let mut open = self.open.subscribe();
        loop {
            // The sender lives in `self`, so waiting for it cannot fail.
            let _ = open.wait_for(|open| *open == 0).await;
            if tokio::time::timeout(grace, open.wait_for(|open| *open > 0)).await.is_err() {
                return;
            }
        }
    }
}

/// One open feed.
#[derive(Debug)]
pub struct Lease {
    open: watch::Sender<usize>,
}

impl Drop for Lease {
    fn drop(&mut self) {
        self.open.send_modify(|open| *open -= 1);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const GRACE: Duration = Duration::from_millis(20);
    const LONG: Duration = Duration::from_secs(30);

    #[tokio::test]
    async fn an_open_lease_keeps_and_its_end_lets_go() {
        let leases = Leases::default();
        let lease = leases.take().unwrap();
        assert!(tokio::time::timeout(GRACE * 5, leases.unused_for(GRACE)).await.is_err());
        drop(lease);
        tokio::time::timeout(LONG, leases.unused_for(GRACE)).await.unwrap();
    }

    #[tokio::test]
    async fn grace_is_counted_from_the_start_when_nobody_ever_came() {
        tokio::time::timeout(LONG, Leases::default().unused_for(GRACE)).await.unwrap();
    }

    #[test]
    fn the_number_of_leases_is_bounded() {
        let leases = Leases::default();
        let held: Vec<_> = std::iter::from_fn(|| leases.take()).collect();
        assert_eq!(held.len(), MOST);
        drop(held);
        assert_eq!(leases.count(), 0);
    }
}
