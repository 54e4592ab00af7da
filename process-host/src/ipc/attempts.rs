//! A call is made, and perhaps again.

use std::{future::Future, sync::Arc, time::Duration};

use serde_json::value::RawValue;
use tokio::{
    sync::mpsc,
    time::{Instant, sleep},
};

use super::{IpcManager, Priority, RequestOptions, turn::Shared};
use crate::connection::{CallError, CallOptions, Closed, Connection};

/// The part of a wait before a retry that chance may take away, so that many do not come at once.
const JITTER: f64 = 0.2;

/// What was decided about one call.
pub(super) struct Plan {
    pub(super) since: Instant,
    pub(super) deadline: Instant,
    pub(super) priority: Priority,
    retries: u32,
    idempotent: bool,
    pub(super) progress: Option<mpsc::Sender<Box<RawValue>>>,
}

impl IpcManager {
    pub(super) fn plan(&self, method: &str, options: RequestOptions) -> Plan {
        let config = &self.shared.config;
        let own = config.methods.get(method).copied().unwrap_or_default();
        let since = Instant::now();
        let timeout = options.timeout.or(own.timeout).unwrap_or(config.default_timeout);
        Plan {
            since,
            // A century is longer than any child lives, and can be added to any time.
            deadline: since + timeout.min(Duration::from_secs(100 * 365 * 86_400)),
            priority: options.priority.or(own.priority).unwrap_or_default(),
            retries: options.max_retries.or(own.max_retries).unwrap_or(config.max_retries),
            idempotent: options.idempotent.or(own.idempotent).unwrap_or_default(),
            progress: options.progress,
        }
    }

    pub(super) fn begin(&self, method: &str, since: Instant) -> Result<Active, CallError> {
        let mut state = self.shared.lock();
        if state.draining {
            return Err(CallError::Closed { reason: Closed::Stopped, sent: false });
        }
        state.active += 1;
        state.metrics.total += 1;
        Ok(Active { shared: self.shared.clone(), method: method.into(), since, ended: false })
    }

    pub(super) async fn run<T, A: Future<Output = Result<T, CallError>>>(
        &self,
        method: &str,
        options: RequestOptions,
        attempt: impl Fn(Connection, CallOptions) -> A,
    ) -> Result<T, CallError> {
        let plan = self.plan(method, options);
        let mut active = self.begin(method, plan.since)?;
        let outcome = self.unless_aborted(self.attempts(&plan, attempt)).await;
        active.end(outcome.as_ref().err());
        outcome
    }

    pub(super) async fn unless_aborted<T>(
        &self,
        call: impl Future<Output = Result<T, CallError>>,
    ) -> Result<T, CallError> {
        tokio::select! {
            biased;
            outcome = call => outcome,
            () = self.shared.abort.cancelled() => Err(CallError::Cancelled),
        }
    }

    async fn attempts<T, A: Future<Output = Result<T, CallError>>>(
        &self,
        plan: &Plan,
        attempt: impl Fn(Connection, CallOptions) -> A,
    ) -> Result<T, CallError> {
        for made in 0.. {
            let again = made > 0;
            let (turn, connection) =
                self.shared.turn(plan.priority, plan.since, plan.deadline, again).await?;
            let options = CallOptions { deadline: Some(plan.deadline), progress: plan.progress.clone() };
            let outcome = attempt(connection, options).await;
            drop(turn);
            let delay = self.retry_delay(made);
            match outcome {
                Err(error)
                    if made < plan.retries
                        && error.is_safe_to_retry(plan.idempotent)
                        && Instant::now() + delay < plan.deadline =>
                {
                    tracing::debug!(%error, attempt = made + 1, "a call is made again");
                    self.wait_to_retry(delay).await;
                }
                outcome => return outcome,
            }
        }
        Err(CallError::Cancelled)
    }

    async fn wait_to_retry(&self, delay: Duration) {
        struct Waiting<'a>(&'a Shared);
        impl Drop for Waiting<'_> {
            fn drop(&mut self) {
                self.0.lock().waiting_to_retry -= 1;
            }
        }
        {
            let mut state = self.shared.lock();
            state.metrics.retries += 1;
            state.waiting_to_retry += 1;
        }
        let _waiting = Waiting(&self.shared);
        sleep(delay).await;
    }

    /// The wait after so many retries: twice the one before, less a part that chance decides.
    fn retry_delay(&self, made: u32) -> Duration {
        let doubled = self.shared.config.retry_delay.saturating_mul(2_u32.saturating_pow(made));
        let longest = Duration::from_secs(3600);
        doubled.min(longest).mul_f64(1.0 - JITTER * fastrand::f64())
    }
}

/// A call that has not ended. Dropped before it has, its caller has left.
pub(super) struct Active {
    pub(super) shared: Arc<Shared>,
    method: Box<str>,
    since: Instant,
    ended: bool,
}

impl Active {
    pub(super) fn end(&mut self, error: Option<&CallError>) {
        if std::mem::replace(&mut self.ended, true) {
            return;
        }
        let now = Instant::now();
        let mut state = self.shared.lock();
        state.metrics.finish(&self.method, error, now - self.since, now);
        state.active -= 1;
        if state.active == 0 {
            self.shared.idle.notify_waiters();
        }
    }
}

impl Drop for Active {
    fn drop(&mut self) {
        self.end(Some(&CallError::Cancelled));
    }
}
