//! The way to the backend, in the order in which a call meets it: cache, deadline, retry, circuit
//! breaker, connection pool.
//!
//! Every write carries a `request_id`, made here when the caller gave none, so that the backend
//! can recognise a repeated one and every call can be retried safely.

pub mod breaker;
mod cache;
mod failure;
mod feed;
mod route;
mod transport;

use std::{
    hash::{BuildHasher, RandomState},
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use backon::{ExponentialBuilder, Retryable};
use reqwest::header::HeaderMap;
use serde::Deserialize;
use serde_json::Value;
use shared_types::{Error, ErrorCode, Operation, Spec, guarded::GuardReport, health::ClientHealth};
use tokio::{
    sync::broadcast,
    time::{Instant, timeout_at},
};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

pub use feed::ChangeNotice;

use crate::{
    config::Config,
    disclosure,
    lifecycle::{Backend, Leave, Stage},
};
use breaker::{BreakerSettings, Outcome, SharedBreaker};
use cache::Cache;
use failure::{Failure, Kind};
use feed::Feed;
use route::Prepared;
use transport::{Answer, Transport};

/// How often a failed attempt is repeated.
const RETRIES: usize = 3;
/// The pause before the first repetition; it doubles, and a random part is added.
const FIRST_PAUSE: Duration = Duration::from_millis(50);
/// Change notices kept for a listener that is slow.
const NOTICES: usize = 256;

/// Who asks, and what the guard found in what they sent.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct CallOptions {
    /// The assistant, program or person behind the call.
    pub actor: Option<String>,
    /// What the text guard changed or flagged.
    pub guard: Option<GuardReport>,
}

/// A handle to the way to the backend. Clones share one cache, one breaker, one pool.
#[derive(Debug, Clone)]
pub struct Client {
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    backend: Backend,
    timeout: Duration,
    production: bool,
    cache: Arc<Cache>,
    breaker: SharedBreaker,
    transport: Transport,
    retries: AtomicU64,
    notices: broadcast::Sender<ChangeNotice>,
    request_ids: RequestIds,
    stop: CancellationToken,
    tasks: TaskTracker,
}

impl Client {
    /// A client that follows the change feed, and so may answer from its cache. Returns at once;
    /// only calls wait for the backend. Must be called inside a tokio runtime.
    pub fn new(config: &Config, backend: Backend) -> Self {
        let client = Self::one_shot(config, backend);
        let shared = &client.shared;
        let feed = Feed {
            backend: shared.backend.clone(),
            cache: Arc::clone(&shared.cache),
            notices: shared.notices.clone(),
            last: None,
        };
        let stop = shared.stop.clone();
        shared.tasks.spawn(async move { stop.run_until_cancelled(feed.run()).await });
        client
    }

    /// A client for a few calls: it opens no feed and keeps no answers.
    pub fn one_shot(config: &Config, backend: Backend) -> Self {
        let shared = Shared {
            backend,
            timeout: config.timeout,
            production: config.production,
            cache: Arc::new(Cache::new(config.cache_ttl)),
            breaker: SharedBreaker::new(BreakerSettings::default()),
            transport: Transport::new(),
            retries: AtomicU64::new(0),
            notices: broadcast::Sender::new(NOTICES),
            request_ids: RequestIds::default(),
            stop: CancellationToken::new(),
            tasks: TaskTracker::new(),
        };
        Self { shared: Arc::new(shared) }
    }

    /// Carries out the operation `spec` with `input`.
    ///
    /// # Errors
    /// What the backend answered, or why it could not be asked, as a caller may see it.
    pub async fn call(&self, spec: &Spec, input: Value, options: &CallOptions) -> Result<Arc<Value>, Error> {
        self.ask(spec, input, options).await.map_err(|error| self.disclose(spec.name, error))
    }

    /// `error` as a caller may see it; a fault is logged on the way.
    pub(crate) fn disclose(&self, operation: &str, error: Error) -> Error {
        disclosure::disclose(operation, error, self.shared.production)
    }

    async fn ask(&self, spec: &Spec, input: Value, options: &CallOptions) -> Result<Arc<Value>, Error> {
        let shared = &*self.shared;
        let input = if spec.is_read() { input } else { shared.request_ids.complete(input) };
        // An answer that tells what the guard did to this input is for nobody else.
        let key = cache::key(spec, &input).filter(|_| options.guard.is_none());
        if let Some(key) = &key
            && let Some(stored) = shared.cache.get(key).await
        {
            return Ok(stored);
        }
        let request = Prepared::new(spec, &input)?;
        let _invalidation = (!spec.is_read()).then(|| shared.cache.invalidate_at_end());
        let generation = shared.cache.generation();
        let answer = shared.send(&request, &transport::headers(options)).await?;
        if let (Some(key), Some(generation)) = (key, generation) {
            shared.cache.put(key, generation, &answer.value, answer.bytes).await;
        }
        Ok(answer.value)
    }

    /// [`Client::call`] with the types of the operation.
    ///
    /// # Errors
    /// As [`Client::call`]; and [`ErrorCode::Internal`] when the answer has another type.
    pub async fn request<Op: Operation>(
        &self,
        input: &Op::Input,
        options: &CallOptions,
    ) -> Result<Op::Output, Error> {
        let internal = |error: serde_json::Error| {
            self.disclose(Op::SPEC.name, Error::new(ErrorCode::Internal, error.to_string()))
        };
        let input = serde_json::to_value(input).map_err(internal)?;
        let answer = self.call(&Op::SPEC, input, options).await?;
        Op::Output::deserialize(&*answer).map_err(internal)
    }

    /// The changes from now on, whoever makes them. A listener that falls behind by more than a
    /// few hundred is told how many it missed.
    pub fn changes(&self) -> broadcast::Receiver<ChangeNotice> {
        self.shared.notices.subscribe()
    }

    /// How the way to the backend is.
    pub fn health(&self) -> ClientHealth {
        let shared = &self.shared;
        let count = |number: u64| i64::try_from(number).unwrap_or(i64::MAX);
        ClientHealth {
            circuit_breaker: shared.breaker.name().to_owned(),
            cache_hit_rate: shared.cache.hit_rate(),
            cached_answers: count(shared.cache.len()),
            retries: count(shared.retries.load(Ordering::Relaxed)),
        }
    }

    /// Closes the feed, and stops the backend if this process started it and nobody else uses it.
    pub async fn shutdown(&self) {
        let shared = &self.shared;
        // Asked while our own feed is open and counted, so that the number is not in motion.
        let own_leases = u64::from(shared.cache.is_told_of_changes());
        let is_shared = shared.backend.is_shared(own_leases).await;
        self.close(if is_shared { Leave::ToItsLease } else { Leave::Stopped }).await;
    }

    /// Closes the feed, and leaves the backend to its lease for whoever comes next.
    pub async fn detach(&self) {
        self.close(Leave::ToItsLease).await;
    }

    async fn close(&self, how: Leave) {
        self.shared.stop.cancel();
        self.shared.tasks.close();
        self.shared.tasks.wait().await;
        self.shared.backend.leave(how).await;
    }
}

impl Shared {
    async fn send(&self, request: &Prepared, headers: &HeaderMap) -> Result<Answer, Error> {
        let deadline = Instant::now() + self.timeout;
        let pauses =
            ExponentialBuilder::new().with_min_delay(FIRST_PAUSE).with_max_times(RETRIES).with_jitter();
        (|| self.attempt(request, headers, deadline))
            .retry(pauses)
            .when(Failure::is_retryable)
            .adjust(|_, pause| pause.filter(|pause| Instant::now() + *pause < deadline))
            .notify(|failure, pause| {
                self.retries.fetch_add(1, Ordering::Relaxed);
                tracing::debug!(error = %failure.error, pause_ms = pause.as_millis(), "trying again");
            })
            .await
            .map_err(|failure| failure.error)
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
        match (admission, &outcome) {
            (None, _) | (_, Err(Failure { kind: Kind::NotSent, .. })) => {}
            (Some(admission), Err(failure)) if failure.counts() => admission.report(Outcome::Failed),
            (Some(admission), _) => admission.report(Outcome::Answered),
        }
        if let Err(Failure { kind: Kind::Disconnected, .. }) = &outcome {
            self.backend.lost(&endpoint);
        }
        outcome
    }
}

fn circuit_open(retry_after: Duration) -> Failure {
    let seconds = retry_after.as_secs_f64().ceil();
    let error = Error::new(ErrorCode::CircuitOpen, "the backend failed repeatedly, so calls are held back")
        .with("retry_after_ms", u64::try_from(retry_after.as_millis()).unwrap_or(u64::MAX))
        .suggest(format!("Try again in {seconds} s, or run `bindery-mcp doctor`."));
    Failure::new(Kind::NotSent, error)
}

fn still_starting(stage: Stage) -> Error {
    let (what, next) = match stage {
        Stage::Building => ("is being built from source", "Try again in a few minutes."),
        _ => ("is still starting", "Try again in a moment, or run `bindery-mcp doctor`."),
    };
    Error::new(ErrorCode::BackendUnavailable, format!("the backend {what}")).suggest(next)
}

/// Makes request ids that no other process makes.
#[derive(Debug, Default)]
struct RequestIds {
    random: RandomState,
    count: AtomicU64,
}

impl RequestIds {
    /// `input` with a `request_id`.
    fn complete(&self, mut input: Value) -> Value {
        if input.is_null() {
            input = Value::Object(shared_types::JsonObject::new());
        }
        if let Some(object) = input.as_object_mut()
            && object.get("request_id").is_none_or(Value::is_null)
        {
            object.insert("request_id".to_owned(), self.next().into());
        }
        input
    }

    fn next(&self) -> String {
        let count = self.count.fetch_add(1, Ordering::Relaxed);
        // Keyed with 128 bits from the system, and half of the input differs: 128 bits come out.
        let half = |which: u8| self.random.hash_one((which, count));
        format!("auto-{:016x}{:016x}", half(0), half(1))
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_write_gets_a_request_id_and_keeps_its_own() {
        let ids = RequestIds::default();
        let id = |input| ids.complete(input)["request_id"].as_str().unwrap().to_owned();
        assert_eq!(id(json!({ "request_id": "mine" })), "mine");
        let (first, second) = (id(json!({ "title": "x" })), id(Value::Null));
        assert!(first.starts_with("auto-") && first.len() == 37, "{first}");
        assert_ne!(first, second);
    }
}
