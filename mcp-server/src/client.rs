//! The way to the backend, in the order in which a call meets it: cache, deadline, retry, circuit
//! breaker, connection pool.
//!
//! Every write carries a `request_id`, made here when the caller gave none, so that the backend
//! can recognise a repeated one and every call can be retried safely.

mod answer;
mod attempts;
pub mod breaker;
mod cache;
mod failure;
mod feed;
mod request_ids;
mod route;
mod transport;

use std::{
    sync::{
        Arc,
        atomic::{AtomicI64, Ordering},
    },
    time::Duration,
};

use reqwest::header::HeaderMap;
use serde::Deserialize;
use serde_json::Value;
use shared_types::{
    Error, ErrorCode, Operation, Spec,
    guarded::GuardReport,
    health::{ClientFigures, ClientHealth},
};
use tokio::{sync::broadcast, time::Instant};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

pub use answer::Answer;
pub use feed::ChangeNotice;

use crate::{
    config::Config,
    disclosure,
    lifecycle::{Backend, Leave},
};
use breaker::{BreakerSettings, SharedBreaker};
use cache::{Cache, Miss};
use feed::Feed;
use request_ids::RequestIds;
use route::Prepared;
use transport::Transport;

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
    retries: AtomicI64,
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
            retries: AtomicI64::new(0),
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
        self.answer(spec, input, options).await.map(|answer| Arc::clone(answer.value()))
    }

    /// As [`Client::call`], with the forms in which the answer is told on.
    ///
    /// # Errors
    /// As [`Client::call`].
    pub async fn answer(
        &self,
        spec: &Spec,
        input: Value,
        options: &CallOptions,
    ) -> Result<Arc<Answer>, Error> {
        self.ask(spec, input, options).await.map_err(|error| self.disclose(spec.name, error))
    }

    /// `error` as a caller may see it; a fault is logged on the way.
    pub(crate) fn disclose(&self, operation: &str, error: Error) -> Error {
        disclosure::disclose(operation, error, self.shared.production)
    }

    async fn ask(&self, spec: &Spec, input: Value, options: &CallOptions) -> Result<Arc<Answer>, Error> {
        let deadline = Instant::now() + self.shared.timeout;
        let cache = &self.shared.cache;
        if !spec.is_read() {
            let request = Prepared::new(spec, self.shared.request_ids.complete(input))?;
            let _invalidation = cache.invalidate_at_end();
            return self.shared.send(&request, &transport::headers(options), deadline).await;
        }
        // An answer that tells what the guard did to this input is for nobody else.
        let Some(key) = cache::key(spec, &input).filter(|_| options.guard.is_none()) else {
            cache.miss(Miss::NotCacheable);
            let request = Prepared::new(spec, input)?;
            return self.shared.send(&request, &transport::headers(options), deadline).await;
        };
        let why = match cache.get(&key).await {
            Ok(stored) => return Ok(stored),
            Err(why) => why,
        };
        let request = Prepared::new(spec, input)?;
        self.read(key, why, request, transport::headers(options), deadline).await
    }

    /// The answer for `key`, which the cache has not: from an equal read underway, or from the backend.
    async fn read(
        &self,
        key: String,
        why: Miss,
        request: Prepared,
        headers: HeaderMap,
        deadline: Instant,
    ) -> Result<Arc<Answer>, Error> {
        let cache = &self.shared.cache;
        let Some(generation) = cache.generation() else {
            cache.miss(why);
            return self.shared.send(&request, &headers, deadline).await;
        };
        let (shared, own_key) = (Arc::clone(&self.shared), key.clone());
        let work = async move {
            let answer = shared.send(&request, &headers, deadline).await?;
            shared.cache.put(own_key, generation, &answer).await;
            Ok(answer)
        };
        cache.board(&key, generation, why, work).await
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

    /// How the way to the backend is; with `detail`, all figures.
    pub fn health(&self, detail: bool) -> ClientHealth {
        let shared = &self.shared;
        let millis = |wait: Duration| i64::try_from(wait.as_millis()).unwrap_or(i64::MAX);
        ClientHealth {
            circuit_breaker: shared.breaker.name().to_owned(),
            retry_after_ms: shared.breaker.retry_after().map(millis),
            cache_hit_rate: shared.cache.hit_rate(),
            retries: shared.retries.load(Ordering::Relaxed),
            figures: detail.then(|| self.figures()),
        }
    }

    fn figures(&self) -> ClientFigures {
        let mut figures =
            ClientFigures { failures: self.shared.breaker.failures().into(), ..ClientFigures::default() };
        self.shared.transport.fill(&mut figures);
        self.shared.cache.fill(&mut figures);
        figures
    }

    /// Closes the feed, and stops the backend if this process started it and nobody else uses it.
    pub async fn shutdown(&self) {
        let shared = &self.shared;
        // Asked while our own feed is open and counted, so that the number is not in motion.
        let own_leases = u64::from(shared.cache.is_told_of_changes());
        let is_shared = shared.backend.is_shared(own_leases).await;
        tracing::info!(health = ?self.health(true), "leaving the backend");
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
