//! How many requests were answered, how, and in what time.

use std::{
    sync::atomic::{AtomicU64, Ordering::Relaxed},
    time::Duration,
};

use shared_types::{Error, operation::OPERATIONS};

/// How a request ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// As asked.
    Ok,
    /// Refused, for a reason the caller can change.
    Refused,
    /// Failed, for a reason of ours.
    Failed,
}

impl Outcome {
    /// Every outcome.
    pub(crate) const ALL: [Self; 3] = [Self::Ok, Self::Refused, Self::Failed];

    /// The outcome as it is logged and exported.
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Refused => "refused",
            Self::Failed => "failed",
        }
    }

    /// How this result counts.
    pub(crate) const fn of<T>(result: &Result<T, Error>) -> Self {
        match result {
            Ok(_) => Self::Ok,
            Err(error) if error.code.http_status() >= 500 => Self::Failed,
            Err(_) => Self::Refused,
        }
    }
}

/// Counters by operation; they only go up.
#[derive(Debug)]
pub(crate) struct Requests {
    counts: Vec<Counts>,
}

#[derive(Debug, Default)]
struct Counts {
    outcomes: [AtomicU64; Outcome::ALL.len()],
    elapsed_us: AtomicU64,
}

impl Default for Requests {
    fn default() -> Self {
        Self { counts: OPERATIONS.iter().map(|_| Counts::default()).collect() }
    }
}

impl Requests {
    /// Counts one request to the operation at this place in the list.
    pub(crate) fn record(&self, operation: usize, outcome: Outcome, elapsed: Duration) {
        if let Some(counts) = self.counts.get(operation) {
            counts.outcomes[outcome as usize].fetch_add(1, Relaxed);
            counts.elapsed_us.fetch_add(u64::try_from(elapsed.as_micros()).unwrap_or(u64::MAX), Relaxed);
        }
    }

    /// How many requests to this operation ended so.
    pub(crate) fn count(&self, operation: usize, outcome: Outcome) -> u64 {
        self.counts.get(operation).map_or(0, |counts| counts.outcomes[outcome as usize].load(Relaxed))
    }

    /// The time that all requests to this operation took together.
    pub(crate) fn elapsed(&self, operation: usize) -> Duration {
        self.counts
            .get(operation)
            .map_or(Duration::ZERO, |counts| Duration::from_micros(counts.elapsed_us.load(Relaxed)))
    }

    /// How many requests ended so, whatever they asked.
    pub(crate) fn total(&self, outcome: Outcome) -> u64 {
        (0..self.counts.len()).map(|operation| self.count(operation, outcome)).sum()
    }
}
