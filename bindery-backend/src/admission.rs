//! Admission: how many requests are carried out at once, and how many may wait for that.
//!
//! What is accepted stays quick because the queue before it is short; the rest learns at once that
//! it should come again. A longer queue would only turn refusals into timeouts.

use std::{
    sync::atomic::{AtomicU64, Ordering::Relaxed},
    time::Duration,
};

use shared_types::{Error, ErrorCode};
use tokio::{
    sync::{Semaphore, SemaphorePermit},
    time::timeout,
};

/// How many requests may wait for each that can be in work.
const QUEUE_FACTOR: usize = 4;
/// How long a request waits for its turn at most.
const PATIENCE: Duration = Duration::from_millis(100);

/// What a request is told that is one too many.
pub(crate) fn overloaded() -> Error {
    Error::new(ErrorCode::Overloaded, "too many requests are in work already")
        .suggest("Try again in a moment; give a write the same request_id.")
}

/// Lets requests in.
#[derive(Debug)]
pub(crate) struct Admission {
    places: Semaphore,
    most: usize,
    queue: Semaphore,
    longest_queue: usize,
    refused: AtomicU64,
}

/// A request's place; another takes it when this is dropped.
pub(crate) type Place<'a> = SemaphorePermit<'a>;

impl Admission {
    /// Carries out at most `most` requests at once.
    pub(crate) fn new(most: usize) -> Self {
        let most = most.min(Semaphore::MAX_PERMITS / QUEUE_FACTOR);
        let longest_queue = most * QUEUE_FACTOR;
        Self {
            places: Semaphore::new(most),
            most,
            queue: Semaphore::new(longest_queue),
            longest_queue,
            refused: AtomicU64::new(0),
        }
    }

    /// Whether as many wait as may: it is not worth reading a further request.
    pub(crate) fn is_full(&self) -> bool {
        self.places.available_permits() == 0 && self.queue.available_permits() == 0
    }

    /// Counts a request that was refused.
    pub(crate) fn count_refusal(&self) {
        self.refused.fetch_add(1, Relaxed);
    }

    /// Takes a place, after those who came before.
    ///
    /// # Errors
    /// `overloaded` when too many wait already, or none becomes free soon enough.
    pub(crate) async fn enter(&self) -> Result<Place<'_>, Error> {
        if let Ok(place) = self.places.try_acquire() {
            return Ok(place);
        }
        let place = async {
            let _waiting = self.queue.try_acquire().ok()?;
            timeout(PATIENCE, self.places.acquire()).await.ok()?.ok()
        };
        place.await.ok_or_else(|| {
            self.count_refusal();
            overloaded()
        })
    }

    /// How many requests are in work.
    pub(crate) fn in_work(&self) -> usize {
        self.most - self.places.available_permits()
    }

    /// How many wait.
    pub(crate) fn waiting(&self) -> usize {
        self.longest_queue - self.queue.available_permits()
    }

    /// How many were refused.
    pub(crate) fn refused(&self) -> u64 {
        self.refused.load(Relaxed)
    }
}

#[cfg(test)]
mod tests {
    use futures::{FutureExt, future::join_all};

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn who_waits_too_long_is_refused_and_who_waits_a_little_is_not() {
        let admission = Admission::new(1);
        let place = admission.enter().await.unwrap();
        let error = admission.enter().await.unwrap_err();
        assert_eq!((error.code, admission.refused()), (ErrorCode::Overloaded, 1));
        let (next, ()) = tokio::join!(admission.enter(), async {
            tokio::time::sleep(PATIENCE / 2).await;
            assert_eq!((admission.in_work(), admission.waiting()), (1, 1));
            drop(place);
        });
        assert!(next.is_ok());
        drop(next);
        assert_eq!((admission.in_work(), admission.waiting()), (0, 0));
    }

    #[tokio::test(start_paused = true)]
    async fn a_full_queue_refuses_at_once() {
        let admission = Admission::new(2);
        let places = join_all([admission.enter(), admission.enter()]).await;
        let mut waiting: Vec<_> = (0..2 * QUEUE_FACTOR).map(|_| Box::pin(admission.enter())).collect();
        assert!(waiting.iter_mut().all(|one| one.as_mut().now_or_never().is_none()));
        assert!(matches!(admission.enter().now_or_never(), Some(Err(_))));
        assert!(admission.is_full());
        drop(places);
        assert!(waiting.remove(0).await.is_ok());
        assert!(!admission.is_full());
    }
}
