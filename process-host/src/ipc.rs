//! Calls take turns on a connection that may come and go.
//!
//! An [`IpcManager`] stands between many callers and one child that may be restarted: so many calls are
//! in flight, so many wait, the urgent ones first, and one more is refused at once. While there is no
//! connection calls wait, each until its deadline. A call is made again only if the peer cannot have
//! seen it, or if it was said to be idempotent.
//!
//! ```
//! use std::{future::pending, time::Duration};
//!
//! use process_host::{
//!     connection::{Connection, ConnectionOptions},
//!     ipc::{IpcManager, Priority, QueueConfig, RequestOptions},
//! };
//! use serde_json::{Value, json};
//! use tokio::{
//!     io::{AsyncBufReadExt, AsyncWriteExt, BufReader, duplex, split},
//!     sync::watch,
//! };
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! # let (ours, theirs) = duplex(1024);
//! # tokio::spawn(async move {
//! #     let (reader, mut writer) = split(theirs);
//! #     let mut lines = BufReader::new(reader).lines();
//! #     while let Ok(Some(line)) = lines.next_line().await {
//! #         let request: Value = serde_json::from_str(&line).unwrap();
//! #         let id = &request["id"];
//! #         let chunk = json!({"jsonrpc": "2.0", "method": "$/chunk", "params": {"id": id, "data": "page 1"}});
//! #         let answer = json!({"jsonrpc": "2.0", "id": id, "result": request["params"]});
//! #         let chunk = if request["credit"].is_null() { String::new() } else { format!("{chunk}\n") };
//! #         writer.write_all(format!("{chunk}{answer}\n").as_bytes()).await.unwrap();
//! #     }
//! # });
//! # let (reader, writer) = split(ours);
//! # let (connection, _incoming) = Connection::open(reader, writer, ConnectionOptions::default(), pending());
//! # let (_supervisor, connections) = watch::channel(Some(connection));
//! let config = QueueConfig {
//!     max_concurrent_requests: 20,
//!     max_queue_size: 200,
//!     default_timeout: Duration::from_millis(30_000),
//!     max_retries: 3,
//!     retry_delay: Duration::from_millis(1000),
//!     enable_priority_queue: true,
//!     ..QueueConfig::default()
//! };
//! // `connections` is kept up to date by whoever starts the child.
//! let ipc = IpcManager::new(config, connections);
//!
//! let result = ipc.call("search", &json!({"query": "test"})).await?;
//! assert_eq!(result.get(), r#"{"query":"test"}"#);
//!
//! let urgent = RequestOptions { priority: Some(Priority::Critical), ..RequestOptions::default() };
//! ipc.call_with("session_update", &json!({"id": 1}), urgent).await?;
//!
//! let params = json!({"file_path": "document.pdf"});
//! let mut pages = ipc.call_streaming("process_document", &params, Some(Duration::from_secs(300))).await?;
//! while let Some(page) = pages.next().await? {
//!     assert_eq!(page.get(), r#""page 1""#);
//! }
//! pages.finish().await?;
//! assert_eq!(ipc.snapshot().successful_requests, 3);
//! # Ok(())
//! # }
//! ```

mod attempts;
mod config;
mod metrics;
mod queue;
mod stream;
mod turn;

use std::{sync::Arc, time::Duration};

use serde::{Deserialize, Serialize};
use serde_json::value::{RawValue, to_raw_value};
use tokio::{
    sync::{mpsc, watch},
    time::{Instant, timeout},
};

use crate::connection::{CallError, CallOptions, Connection};
use turn::Shared;

pub use config::{MethodConfig, Priority, QueueConfig};
pub use metrics::{IpcSnapshot, MethodSnapshot, QueueDepth};
pub use stream::IpcStream;

/// A handle of a queue of calls; see the [module](self). Clones share one queue.
#[derive(Clone)]
pub struct IpcManager {
    shared: Arc<Shared>,
}

/// What is different for one call. What is absent is as for its method.
#[derive(Debug, Clone, Default)]
pub struct RequestOptions {
    /// How urgent it is.
    pub priority: Option<Priority>,
    /// How long it may take, its wait and its retries included.
    pub timeout: Option<Duration>,
    /// How often it is made again, if it may be.
    pub max_retries: Option<u32>,
    /// Whether it does no harm when the peer gets it twice.
    pub idempotent: Option<bool>,
    /// Where the peer's progress reports go; those that find it full are dropped.
    pub progress: Option<mpsc::Sender<Box<RawValue>>>,
}

impl IpcManager {
    /// A queue for whichever connection `connections` has; while it has none, calls wait.
    pub fn new(config: QueueConfig, connections: watch::Receiver<Option<Connection>>) -> Self {
        Self { shared: Arc::new(Shared::new(config, connections)) }
    }

    /// Asks the peer, as its method was configured.
    ///
    /// # Errors
    ///
    /// As [`IpcManager::call_with`].
    pub async fn call(
        &self,
        method: &str,
        params: &(impl Serialize + ?Sized),
    ) -> Result<Box<RawValue>, CallError> {
        self.call_with(method, params, RequestOptions::default()).await
    }

    /// Asks the peer. Dropped before the answer, the call leaves the queue or is cancelled in flight.
    ///
    /// # Errors
    ///
    /// Every [`CallError`]: `QueueFull` at once when too many wait, `Cancelled` when the time to
    /// [drain](IpcManager::drain) is over.
    pub async fn call_with(
        &self,
        method: &str,
        params: &(impl Serialize + ?Sized),
        options: RequestOptions,
    ) -> Result<Box<RawValue>, CallError> {
        let params = encoded(params)?;
        let params = &*params;
        let attempt =
            |connection: Connection, options| async move { connection.call(method, params, options).await };
        self.run(method, options, attempt).await
    }

    /// Passes a message on as it is, as [`Connection::relay`] does, when its turn comes.
    ///
    /// # Errors
    ///
    /// As [`IpcManager::call_with`], except `Remote`.
    pub async fn relay(
        &self,
        message: &RawValue,
        options: RequestOptions,
    ) -> Result<Option<Box<RawValue>>, CallError> {
        #[derive(Deserialize)]
        struct Named {
            #[serde(default)]
            method: String,
        }
        let Named { method } =
            serde_json::from_str(message.get()).map_err(|error| CallError::Invalid(error.to_string()))?;
        let attempt =
            |connection: Connection, options| async move { connection.relay(message, options).await };
        self.run(&method, options, attempt).await
    }

    /// Asks the peer for an answer in pieces. It keeps its turn until its end, or until it is
    /// dropped, and is never made again.
    ///
    /// # Errors
    ///
    /// As [`IpcManager::call_with`], except `Remote`.
    pub async fn call_streaming(
        &self,
        method: &str,
        params: &(impl Serialize + ?Sized),
        timeout: Option<Duration>,
    ) -> Result<IpcStream, CallError> {
        let params = encoded(params)?;
        let plan = self.plan(method, RequestOptions { timeout, ..RequestOptions::default() });
        let mut active = self.begin(method, plan.since)?;
        let started = async {
            let (turn, connection) =
                self.shared.turn(plan.priority, plan.since, plan.deadline, false).await?;
            let options = CallOptions { deadline: Some(plan.deadline), progress: plan.progress };
            Ok((turn, connection.stream(method, &*params, options).await?))
        };
        match self.unless_aborted(started).await {
            Ok((turn, items)) => Ok(IpcStream::new(items, turn, active)),
            Err(error) => {
                active.end(Some(&error));
                Err(error)
            }
        }
    }

    /// How the calls fare, and what waits.
    pub fn snapshot(&self) -> IpcSnapshot {
        let mut state = self.shared.lock();
        let throughput_per_second = state.metrics.throughput(Instant::now());
        let (queue, metrics) = (&state.queue, &state.metrics);
        IpcSnapshot {
            total_requests: metrics.total,
            successful_requests: metrics.succeeded,
            failed_requests: metrics.failed,
            timeouts: metrics.timeouts,
            retries: metrics.retries,
            refused_requests: metrics.refused,
            cancelled_requests: metrics.cancelled,
            error_rate: metrics.error_rate(),
            throughput_per_second,
            in_flight: state.in_flight,
            queue_depth: QueueDepth {
                critical: queue.depth(Priority::Critical),
                high: queue.depth(Priority::High),
                normal: queue.depth(Priority::Normal),
                low: queue.depth(Priority::Low),
            },
            waiting_to_retry: state.waiting_to_retry,
            methods: metrics.methods(),
        }
    }

    /// Takes no new calls, and waits for those there are; when `limit` is over they are cancelled.
    /// Says whether all came to their own end.
    pub async fn drain(&self, limit: Duration) -> bool {
        self.shared.lock().draining = true;
        let drained = timeout(limit, self.idle()).await.is_ok();
        self.shared.abort.cancel();
        drained
    }

    async fn idle(&self) {
        loop {
            let idle = self.shared.idle.notified();
            if self.shared.lock().active == 0 {
                return;
            }
            idle.await;
        }
    }
}

/// Once for all attempts.
fn encoded(params: &(impl Serialize + ?Sized)) -> Result<Box<RawValue>, CallError> {
    to_raw_value(params).map_err(|error| CallError::Invalid(error.to_string()))
}
