//! Reads underway, so that equal ones at the same time cost one request.
//!
//! Those who wait for a flight drive it together: one that gives up takes nothing from the others,
//! and the last one that does ends it.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Instant,
};

use futures::{
    FutureExt,
    future::{BoxFuture, Shared, WeakShared},
};
use shared_types::Error;

use super::{Answer, currency::CURRENT_FOR};

/// What a flight ends with. A failure is told to those who waited for it, and kept for nobody.
type Outcome = Result<Arc<Answer>, Error>;

/// A read underway, for each who waits for it.
pub(in crate::client) type Flight = Shared<BoxFuture<'static, Outcome>>;

/// The reads underway, by key.
#[derive(Debug, Clone, Default)]
pub(super) struct Flights {
    underway: Arc<Mutex<HashMap<String, Underway>>>,
}

#[derive(Debug)]
struct Underway {
    generation: u64,
    begun: Instant,
    flight: WeakShared<BoxFuture<'static, Outcome>>,
}

impl Underway {
    /// Whether it reads what a read that begins now has to read: it began after every change known
    /// by now, and after every write that was acknowledged long enough ago to be owed.
    fn takes(&self, generation: u64, now: Instant) -> bool {
        self.generation == generation && now.saturating_duration_since(self.begun) < CURRENT_FOR
    }
}

impl Flights {
    /// The flight under `key` if there is one that a read in `generation` may join, and else one
    /// that does `work`; and whether it was joined.
    pub(super) fn board(
        &self,
        key: &str,
        generation: u64,
        work: impl Future<Output = Outcome> + Send + 'static,
    ) -> (Flight, bool) {
        let mut underway = self.lock();
        let now = Instant::now();
        let found = underway.get(key).filter(|found| found.takes(generation, now));
        if let Some(flight) = found.and_then(|found| found.flight.upgrade()) {
            return (flight, true);
        }
        let landing = Landing { flights: self.clone(), key: key.to_owned(), begun: now };
        let flight = async move {
            let outcome = work.await;
            drop(landing);
            outcome
        };
        let flight = flight.boxed().shared();
        if let Some(weak) = flight.downgrade() {
            underway.insert(key.to_owned(), Underway { generation, begun: now, flight: weak });
        }
        (flight, false)
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<String, Underway>> {
        self.underway.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Takes a flight off the list when it ends or is given up.
struct Landing {
    flights: Flights,
    key: String,
    begun: Instant,
}

impl Drop for Landing {
    fn drop(&mut self) {
        let mut underway = self.flights.lock();
        // A later flight may have taken the place.
        if underway.get(&self.key).is_some_and(|found| found.begun == self.begun) {
            underway.remove(&self.key);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::{future::pending, time::Duration};

    use serde_json::json;
    use shared_types::ErrorCode;
    use tokio::sync::oneshot;

    use super::*;

    fn answer() -> Outcome {
        Ok(Arc::new(Answer::from(json!(1))))
    }

    #[tokio::test]
    async fn a_waiter_that_gives_up_takes_nothing_from_the_others() {
        let flights = Flights::default();
        let (land, landed) = oneshot::channel::<()>();
        let work = async {
            let _ = landed.await;
            answer()
        };
        let (mut first, joined) = flights.board("key", 1, work);
        assert!(!joined && futures::poll!(&mut first).is_pending());
        let (second, joined) = flights.board("key", 1, pending());
        assert!(joined);
        drop(first);
        land.send(()).unwrap();
        assert_eq!(second.await, answer());
        assert!(flights.lock().is_empty());
    }

    #[tokio::test]
    async fn the_last_that_gives_up_ends_it() {
        let flights = Flights::default();
        let (first, _) = flights.board("key", 1, pending());
        let (second, _) = flights.board("key", 1, pending());
        drop((first, second));
        assert!(flights.lock().is_empty());
    }

    #[tokio::test]
    async fn a_read_after_a_change_joins_nothing_from_before_it() {
        let flights = Flights::default();
        let (_old, _) = flights.board("key", 1, pending());
        let (_new, joined) = flights.board("key", 2, pending());
        assert!(!joined);
        drop(_old);
        assert_eq!(flights.lock().len(), 1, "the place is the later one's");
    }

    #[tokio::test]
    async fn a_flight_that_began_too_long_ago_is_not_joined() {
        let flights = Flights::default();
        let (_slow, _) = flights.board("key", 1, pending());
        tokio::time::sleep(CURRENT_FOR + Duration::from_millis(1)).await;
        assert!(!flights.board("key", 1, pending()).1);
    }

    #[tokio::test]
    async fn a_failure_is_kept_for_nobody() {
        let flights = Flights::default();
        let failure = Err(Error::new(ErrorCode::NotFound, "gone"));
        let failing = failure.clone();
        let (flight, _) = flights.board("key", 1, async { failing });
        assert_eq!(flight.await, failure);
        let (next, joined) = flights.board("key", 1, async { answer() });
        assert_eq!((next.await, joined), (answer(), false));
    }
}
