//! One event, as data and as a line.

use std::{fmt, sync::Arc, time::SystemTime};

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::rfc3339::{self, Rfc3339};
use crate::Exit;

/// Something that happened to a child or a supervisor.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Event {
    /// Counts the events of a tree from 1, without gaps.
    pub sequence: u64,
    /// When, by the host's clock; RFC 3339 in UTC with milliseconds.
    #[serde(with = "rfc3339")]
    pub at: SystemTime,
    /// To whom: names from the outermost supervisor down, with `/` between; empty for itself.
    #[serde(serialize_with = "write_path", deserialize_with = "read_path")]
    pub path: Arc<str>,
    /// What.
    #[serde(flatten)]
    pub kind: EventKind,
}

/// What happened.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum EventKind {
    /// A process was asked for; a supervisor began to start its children.
    Starting,
    /// It is there; a supervisor's children are.
    Running {
        /// The process; absent for a supervisor.
        #[serde(skip_serializing_if = "Option::is_none")]
        pid: Option<u32>,
    },
    /// A health check failed.
    Unhealthy {
        /// Failed checks in a row.
        failures: u32,
    },
    /// A health check succeeded after others had failed.
    Healthy,
    /// It is being stopped.
    Stopping,
    /// It is down, as was asked, or because it had done its work.
    Stopped {
        /// How the process ended; absent when there was none.
        #[serde(skip_serializing_if = "Option::is_none")]
        exit: Option<Exit>,
    },
    /// It is down, as nobody asked.
    Crashed {
        /// How the process ended; absent when it could not be started.
        #[serde(skip_serializing_if = "Option::is_none")]
        exit: Option<Exit>,
        /// Why it could not be started.
        #[serde(skip_serializing_if = "Option::is_none")]
        error: Option<String>,
        /// The end of what it wrote to standard error.
        stderr_tail: String,
    },
    /// It is to be started again; a supervisor starts children again.
    Restarting {
        /// How long that is put off, in milliseconds.
        delay_ms: u64,
        /// Restarts in a row without a long run between them.
        attempt: u32,
    },
    /// It was started again as often as is allowed and is given up.
    Failed,
    /// It used more than it may, and is killed.
    Limit {
        /// Of what.
        what: Resource,
        /// How much it used, in the resource's unit.
        value: f64,
        /// How much it may use.
        limit: f64,
    },
    /// It reached what is to be reported.
    Alert {
        /// Of what.
        what: Resource,
        /// How much it uses, in the resource's unit.
        value: f64,
        /// What is to be reported.
        threshold: f64,
    },
    /// It is below what is to be reported again.
    AlertOver {
        /// Of what.
        what: Resource,
        /// How much it uses, in the resource's unit.
        value: f64,
    },
}

/// What a child uses up.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Resource {
    /// Processor time, in percent of one processor.
    CpuPercent,
    /// Resident memory, in MiB.
    RssMb,
    /// Open descriptors.
    OpenFiles,
}

fn write_path<S: Serializer>(path: &str, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(path)
}

fn read_path<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Arc<str>, D::Error> {
    String::deserialize(deserializer).map(Arc::from)
}

impl fmt::Display for Resource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::CpuPercent => "% of a processor",
            Self::RssMb => "MiB of memory",
            Self::OpenFiles => "open descriptors",
        })
    }
}

impl fmt::Display for Event {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = if self.path.is_empty() { "(all)" } else { &self.path };
        write!(f, "{} {name}: {}", Rfc3339(self.at), self.kind)
    }
}

impl fmt::Display for EventKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Starting => f.write_str("starting"),
            Self::Running { pid: Some(pid) } => write!(f, "running as process {pid}"),
            Self::Running { pid: None } => f.write_str("running"),
            Self::Unhealthy { failures } => write!(f, "unhealthy, {failures} failed checks in a row"),
            Self::Healthy => f.write_str("healthy again"),
            Self::Stopping => f.write_str("stopping"),
            Self::Stopped { exit: Some(exit) } => write!(f, "stopped, {exit}"),
            Self::Stopped { exit: None } => f.write_str("stopped"),
            Self::Crashed { exit, error, stderr_tail } => {
                f.write_str("crashed")?;
                exit.iter().try_for_each(|exit| write!(f, ", {exit}"))?;
                error.iter().try_for_each(|error| write!(f, ", {error}"))?;
                let last = stderr_tail.lines().next_back();
                last.iter().try_for_each(|line| write!(f, ", its last words {line:?}"))
            }
            Self::Restarting { delay_ms, attempt } => {
                write!(f, "restarting in {delay_ms} ms, attempt {attempt}")
            }
            Self::Failed => f.write_str("failed, restarted as often as is allowed"),
            Self::Limit { what, value, limit } => {
                write!(f, "killed, {value:.0} {what} where {limit:.0} are allowed")
            }
            Self::Alert { what, value, threshold } => {
                write!(f, "alert, {value:.0} {what}, {threshold:.0} reached")
            }
            Self::AlertOver { what, value } => write!(f, "alert over, {value:.0} {what}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn event(kind: EventKind) -> Event {
        let at = SystemTime::UNIX_EPOCH + Duration::from_millis(1_709_210_096_007);
        Event { sequence: 9, at, path: "tools/python".into(), kind }
    }

    #[test]
    fn an_event_is_one_line_for_people() {
        let crashed = event(EventKind::Crashed {
            exit: Some(Exit::Code(3)),
            error: None,
            stderr_tail: "Traceback\nKeyError: 'a'".into(),
        });
        assert_eq!(
            crashed.to_string(),
            r#"2024-02-29T12:34:56.007Z tools/python: crashed, exit code 3, its last words "KeyError: 'a'""#
        );
    }

    #[test]
    fn an_event_is_one_flat_object_for_programs() {
        let limit = event(EventKind::Limit { what: Resource::RssMb, value: 12.5, limit: 10.0 });
        let object = serde_json::json!({
            "sequence": 9, "at": "2024-02-29T12:34:56.007Z", "path": "tools/python",
            "kind": "limit", "what": "rss_mb", "value": 12.5, "limit": 10.0
        });
        assert_eq!(serde_json::to_value(&limit).unwrap(), object);
        assert_eq!(serde_json::from_value::<Event>(object).unwrap(), limit);
    }
}
