//! What is decided about a connection, and about a call.

use std::time::Duration;

use serde::Deserialize;
use serde_json::value::RawValue;
use tokio::{sync::mpsc, time::Instant};

/// What is decided about a connection when it is opened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConnectionOptions {
    /// Bytes in one message, either way, without what frames it.
    pub line_bytes: usize,
    /// Calls that wait for an answer at one time; one more is refused.
    pub pending_requests: usize,
    /// What is done about output that is no message.
    pub noise: Noise,
    /// How the peer is told that nobody waits for an answer any more.
    pub cancel: Cancel,
    /// Notifications and requests of the peer that wait to be taken.
    pub incoming: usize,
    /// Items of a stream that the peer may send ahead of the reader; at least 1.
    pub credit: u32,
    /// How long to look for an answer before sleeping until it comes, while one call waits; adapts
    /// to peers that take longer. Of use with a reader that can be asked again at once, as that of
    /// a [`Port`](crate::Port); zero for others.
    pub busy_poll: Duration,
}

impl Default for ConnectionOptions {
    fn default() -> Self {
        Self {
            line_bytes: 1 << 20,
            pending_requests: 1024,
            noise: Noise::Tolerate,
            cancel: Cancel::default(),
            incoming: 256,
            credit: 16,
            busy_poll: Duration::ZERO,
        }
    }
}

/// What is done about output that is no message, such as a stray `print`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Noise {
    /// It is counted, its end is kept, and reading goes on.
    #[default]
    Tolerate,
    /// The connection is closed.
    Fatal,
}

/// The notification that tells the peer that nobody waits for an answer any more.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cancel {
    /// Its method.
    pub method: String,
    /// The member of its params that names the request.
    pub member: String,
}

impl Default for Cancel {
    fn default() -> Self {
        Self::new("$/cancelRequest", "id")
    }
}

impl Cancel {
    /// This method, with the request's id in this member of the params.
    pub fn new(method: impl Into<String>, member: impl Into<String>) -> Self {
        Self { method: method.into(), member: member.into() }
    }
}

/// What is decided about one call.
#[derive(Debug, Clone)]
pub struct CallOptions {
    /// When it has failed: covers the wait for a place, and the flight. Without one, a call ends with
    /// its answer or with the connection.
    pub deadline: Option<Instant>,
    /// Where the peer's progress reports go; those that find it full are dropped and counted.
    pub progress: Option<mpsc::Sender<Box<RawValue>>>,
}

impl Default for CallOptions {
    /// 30 seconds, and no progress.
    fn default() -> Self {
        Self::within(Duration::from_secs(30))
    }
}

impl CallOptions {
    /// It has failed when so much time has passed.
    pub fn within(timeout: Duration) -> Self {
        Self { deadline: Instant::now().checked_add(timeout), progress: None }
    }

    /// It has failed at this time.
    pub fn until(deadline: Instant) -> Self {
        Self { deadline: Some(deadline), progress: None }
    }

    /// As it is, with progress reports sent to `progress`.
    pub fn with_progress(self, progress: mpsc::Sender<Box<RawValue>>) -> Self {
        Self { progress: Some(progress), ..self }
    }
}
