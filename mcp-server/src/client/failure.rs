//! What a failed attempt means, decided once, where it happened.

use std::time::Duration;

use shared_types::{Error, ErrorCode};

/// A failed attempt: what the caller is told, and what it means for the way to the backend.
#[derive(Debug, Clone)]
pub(super) struct Failure {
    pub(super) error: Error,
    pub(super) kind: Kind,
    /// How long to wait before it is worth trying again, if that was said.
    pub(super) retry_after: Option<Duration>,
}

/// The kinds of failure.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// The backend answered and said no. The same request would meet the same answer.
    Rejected,
    /// The backend asks for patience. It is alive, and may have time in a moment.
    Busy,
    /// The backend answered with a fault of its own, which it would repeat.
    Faulty,
    /// Somebody answered that the backend is not there right now.
    Unavailable,
    /// No answer came, or not a whole one.
    Disconnected,
    /// The time was up.
    TimedOut,
    /// No attempt was made: there is no backend, or calls are held back.
    NotSent,
}

impl Failure {
    pub(super) fn new(kind: Kind, error: Error) -> Self {
        Self { error, kind, retry_after: None }
    }

    /// Classes an error that the backend answered with this status.
    pub(super) fn answered(status: u16, error: Error) -> Self {
        let kind = match (status, error.code) {
            (429, _) | (_, ErrorCode::Overloaded | ErrorCode::RateLimited) => Kind::Busy,
            // A full disk refuses writes while reading goes on; a pause would not empty it.
            (_, ErrorCode::StorageUnavailable) => Kind::Rejected,
            // A program of the operator's says nothing about the backend.
            (_, ErrorCode::ExecutorFailed) => Kind::Rejected,
            (502..=504, _) => Kind::Unavailable,
            (500.., _) => Kind::Faulty,
            _ => Kind::Rejected,
        };
        Self::new(kind, error)
    }

    /// Whether another attempt may succeed.
    pub(super) fn is_retryable(&self) -> bool {
        matches!(self.kind, Kind::Busy | Kind::Unavailable | Kind::Disconnected)
    }

    /// Whether it counts against the backend.
    pub(super) fn counts(&self) -> bool {
        matches!(self.kind, Kind::Faulty | Kind::Unavailable | Kind::Disconnected | Kind::TimedOut)
    }

    /// The error, with when to try again.
    pub(super) fn into_error(self) -> Error {
        match self.retry_after {
            None => self.error,
            Some(wait) => {
                let millis = u64::try_from(wait.as_millis()).unwrap_or(u64::MAX);
                self.error.with("retry_after_ms", millis)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_code_is_classed_by_what_it_says_about_the_backend() {
        use ErrorCode::{BackendUnavailable, CircuitOpen, Internal, Overloaded, RateLimited, Timeout};

        for &code in ErrorCode::ALL {
            let failure = Failure::answered(code.http_status(), Error::new(code, ""));
            let retried = [Overloaded, RateLimited, Timeout, BackendUnavailable, CircuitOpen].contains(&code);
            let counted = [Internal, Timeout, BackendUnavailable, CircuitOpen].contains(&code);
            assert_eq!((failure.is_retryable(), failure.counts()), (retried, counted), "{code}");
        }
    }

    #[test]
    fn a_caller_error_is_neither_repeated_nor_counted() {
        for status in [400, 404, 409, 413, 422] {
            let failure = Failure::answered(status, Error::new(ErrorCode::Internal, "odd code"));
            assert!(!failure.is_retryable() && !failure.counts(), "{status}");
        }
    }

    #[test]
    fn a_lost_connection_is_both() {
        let failure = Failure::new(Kind::Disconnected, Error::new(ErrorCode::BackendUnavailable, ""));
        assert!(failure.is_retryable() && failure.counts());
    }
}
