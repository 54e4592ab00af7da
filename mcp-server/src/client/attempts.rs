//! From a request to its answer: as many attempts as the deadline, the kind of failure and the
//! circuit breaker allow.

use std::{
    sync::{Arc, atomic::Ordering},
    time::Duration,
};

use backon::{ExponentialBuilder, Retryable};
use reqwest::header::HeaderMap;
use shared_types::{Error, ErrorCode};
use tokio::time::{Instant, timeout_at};

use super::{
    Answer, Shared,
    breaker::Outcome,
    failure::{Failure, Kind},
    route::Prepared,
};
use crate::lifecycle::Stage;

/// How often a failed attempt is repeated.
const RETRIES: usize = 3;
/// The pause before the first repetition; it doubles, and a random part is added.
const FIRST_PAUSE: Duration = Duration::from_millis(50);

impl Shared {
    /// Sends `request` until it is answered, or `deadline` comes, or trying again is pointless.
    pub(super) async fn send(
        &self,
        request: &Prepared,
        headers: &HeaderMap,
        deadline: Instant,
    ) -> Result<Arc<Answer>, Error> {
        let pauses =
            ExponentialBuilder::new().with_min_delay(FIRST_PAUSE).with_max_times(RETRIES).with_jitter();
        (|| self.attempt(request, headers, deadline))
            .retry(pauses)
            .when(Failure::is_retryable)
            .adjust(|failure, pause| {
                // The backend knows better than we when it will have time.
                let pause = pause.map(|pause| failure.retry_after.map_or(pause, |asked| asked.max(pause)));
                pause.filter(|pause| Instant::now() + *pause < deadline)
            })
            .notify(|failure, pause| {
                self.retries.fetch_add(1, Ordering::Relaxed);
                tracing::debug!(error = %failure.error, pause_ms = pause.as_millis(), "trying again");
            })
            .await
            .map(Arc::new)
            .map_err(Failure::into_error)
    }

    async fn attempt(
        &self,
        request: &Prepared,
        headers: &HeaderMap,
        deadline: Instant,
    ) -> Result<Answer, Failure> {
        // A question about the health must reach the backend while other calls are held back, and
        // says nothing about them.
        let admission = match request.is_probe {
            true => None,
            false => Some(self.breaker.admit().map_err(circuit_open)?),
        };
        let endpoint = match timeout_at(deadline, self.backend.ensure()).await {
            Ok(found) => found.map_err(|error| Failure::new(Kind::NotSent, error))?,
            Err(_) => return Err(Failure::new(Kind::NotSent, still_starting(self.backend.stage()))),
        };
        let outcome = self.transport.send(&endpoint, request, headers, deadline).await;
        let is_told = match &outcome {
            Err(Failure { kind: Kind::NotSent, .. }) => false,
            // The end of one backend cuts off many calls, and is one failure.
            Err(Failure { kind: Kind::Disconnected, .. }) => self.backend.lost(&endpoint),
            _ => true,
        };
        if let Some(admission) = admission.filter(|_| is_told) {
            let failed = outcome.as_ref().is_err_and(Failure::counts);
            admission.report(if failed { Outcome::Failed } else { Outcome::Answered });
        }
        outcome
    }
}

fn circuit_open(retry_after: Duration) -> Failure {
    let seconds = retry_after.as_secs_f64().ceil();
    let error = Error::new(ErrorCode::CircuitOpen, "the backend failed repeatedly, so calls are held back")
        .suggest(format!("Try again in {seconds} s, or run `bindery-mcp doctor`."));
    Failure { retry_after: Some(retry_after), ..Failure::new(Kind::NotSent, error) }
}

fn still_starting(stage: Stage) -> Error {
    let (what, next) = match stage {
        Stage::Building => ("is being built from source", "Try again in a few minutes."),
        _ => ("is still starting", "Try again in a moment, or run `bindery-mcp doctor`."),
    };
    Error::new(ErrorCode::BackendUnavailable, format!("the backend {what}")).suggest(next)
}
