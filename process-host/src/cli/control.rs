//! How a running host is asked: JSON-RPC 2.0, a message a line, over a Unix socket of its user.
//!
//! | method | params | result |
//! |---|---|---|
//! | `status` | | [`HostStatus`] |
//! | `log` | `path`, `after`, `follow` | [`LogAnswer`]: the lines after that number |
//! | `events` | `after`, `follow` | [`EventsAnswer`]: the events after that number |
//! | `restart` | `path` | `{}`, once it runs again |
//! | `stop` | `path` | `{}`, once it is down; without `path` the host, whose end closes the connection |
//! | `call` | `path`, `method`, `params`, `timeout_ms` | what the child answers; its progress is passed on |
//!
//! With `follow`, an answer waits until it has something to tell. Whoever follows asks again after the
//! last number it has seen, so that a slow reader costs the host nothing, until `over` says that nothing
//! more will come: the host ends a moment later. Answers hold so much at a time ([`BATCH_BYTES`]): an
//! empty one says that nothing more is there.

pub(super) mod client;
pub(super) mod place;
pub(super) mod server;

use std::path::PathBuf;

use process_host::{Event, SupervisorStatus, log::LogLine};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

/// Lines and events of one answer, in bytes.
const BATCH_BYTES: usize = 256 << 10;

/// JSON-RPC's codes for requests that are not understood.
const METHOD_NOT_FOUND: i64 = -32601;
const INVALID_PARAMS: i64 = -32602;
/// The request was understood and not fulfilled; `data.code` says why in one word.
const REFUSED: i64 = -32000;

/// A host as it is now.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct HostStatus {
    /// Its process.
    pub(super) pid: u32,
    /// The file it runs.
    pub(super) file: PathBuf,
    /// Its version.
    pub(super) version: String,
    /// How long it has been there, in milliseconds.
    pub(super) uptime_ms: u64,
    /// Its children.
    pub(super) tree: SupervisorStatus,
}

/// A child, or none.
#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct PathParams {
    /// Its path.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) path: Option<String>,
}

/// Which lines are asked for.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct LogParams {
    /// The child that wrote them.
    pub(super) path: String,
    /// Those after this number.
    #[serde(default)]
    pub(super) after: u64,
    /// Wait until there is one.
    #[serde(default)]
    pub(super) follow: bool,
}

/// Lines of a child.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct LogAnswer {
    /// In the order in which it wrote them.
    pub(super) lines: Vec<LogLine>,
    /// Whether nothing more will come.
    pub(super) over: bool,
}

/// Which events are asked for.
#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct EventsParams {
    /// Those after this number.
    pub(super) after: u64,
    /// Wait until there is one.
    pub(super) follow: bool,
}

/// Events of a host.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct EventsAnswer {
    /// How many before the first of these are not kept any more.
    pub(super) missed: u64,
    /// In the order in which they happened.
    pub(super) events: Vec<Event>,
    /// Whether nothing more will come.
    pub(super) over: bool,
}

/// A call to be passed on to a child.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct CallParams {
    /// The child.
    pub(super) path: String,
    /// Its method.
    pub(super) method: String,
    /// The method's params.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) params: Option<Box<RawValue>>,
    /// How long it may take, the wait for a child that is being started included.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) timeout_ms: Option<u64>,
}

/// What a refusal is made of, beside its words.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Refusal {
    /// Why, in one word.
    pub(super) code: String,
}

impl Refusal {
    /// Whether `data` of an error says that a deadline has passed.
    pub(super) fn is_late(data: &RawValue) -> bool {
        serde_json::from_str::<Self>(data.get()).is_ok_and(|refusal| refusal.code == "deadline_exceeded")
    }
}
