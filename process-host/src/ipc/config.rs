//! What is decided about a queue of calls.

use std::{collections::BTreeMap, time::Duration};

use serde::{Deserialize, Deserializer, Serialize};

use crate::spec::millis;

/// What is decided about a queue of calls. It reads under the names that the parts have in files.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct QueueConfig {
    /// Calls in flight at one time; at least 1.
    pub max_concurrent_requests: usize,
    /// Calls that wait for their turn; one more is refused.
    pub max_queue_size: usize,
    /// How long a call may take: its wait, its flight and its retries together.
    #[serde(rename = "default_timeout_ms", with = "millis")]
    pub default_timeout: Duration,
    /// How often a call that may be made again is.
    pub max_retries: u32,
    /// The wait before the first retry; it doubles with each.
    #[serde(rename = "retry_delay_ms", with = "millis")]
    pub retry_delay: Duration,
    /// Whether priorities count; else the first to come is the first to go.
    pub enable_priority_queue: bool,
    /// What is different for some methods.
    pub methods: BTreeMap<String, MethodConfig>,
}

impl Default for QueueConfig {
    fn default() -> Self {
        Self {
            max_concurrent_requests: 10,
            max_queue_size: 100,
            default_timeout: Duration::from_secs(30),
            max_retries: 3,
            retry_delay: Duration::from_secs(1),
            enable_priority_queue: true,
            methods: BTreeMap::new(),
        }
    }
}

/// What is different for one method. What is absent is as for all.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct MethodConfig {
    /// How long a call may take.
    #[serde(rename = "timeout_ms", deserialize_with = "some_millis")]
    pub timeout: Option<Duration>,
    /// How often a call that may be made again is.
    pub max_retries: Option<u32>,
    /// How urgent its calls are.
    pub priority: Option<Priority>,
    /// Whether a call does no harm when the peer gets it twice; not so when absent.
    pub idempotent: Option<bool>,
}

/// How urgent a call is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Priority {
    /// Before all others.
    Critical,
    /// A person waits for it.
    High,
    /// Most calls.
    #[default]
    Normal,
    /// When there is nothing better to do, but within bounds.
    Low,
}

impl Priority {
    /// All of them, the most urgent first.
    pub const ALL: [Self; 4] = [Self::Critical, Self::High, Self::Normal, Self::Low];

    /// How much earlier a critical call would have had to come to be no more urgent than this one.
    pub(super) fn handicap(self) -> Duration {
        match self {
            Self::Critical => Duration::ZERO,
            Self::High => Duration::from_secs(2),
            Self::Normal => Duration::from_secs(5),
            Self::Low => Duration::from_secs(10),
        }
    }
}

fn some_millis<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Duration>, D::Error> {
    millis::deserialize(deserializer).map(Some)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_said_is_the_default_and_every_name_is_read() {
        assert_eq!(toml::from_str::<QueueConfig>("").unwrap(), QueueConfig::default());
        let read: QueueConfig = toml::from_str(
            "max_concurrent_requests = 20\nmax_queue_size = 200\ndefault_timeout_ms = 1500\n\
             max_retries = 1\nretry_delay_ms = 10\nenable_priority_queue = false\n\
             [methods.search]\ntimeout_ms = 5\nmax_retries = 9\npriority = 'high'\nidempotent = true",
        )
        .unwrap();
        let search = MethodConfig {
            timeout: Some(Duration::from_millis(5)),
            max_retries: Some(9),
            priority: Some(Priority::High),
            idempotent: Some(true),
        };
        let expected = QueueConfig {
            max_concurrent_requests: 20,
            max_queue_size: 200,
            default_timeout: Duration::from_millis(1500),
            max_retries: 1,
            retry_delay: Duration::from_millis(10),
            enable_priority_queue: false,
            methods: BTreeMap::from([("search".to_owned(), search)]),
        };
        assert_eq!(read, expected);
        assert!(toml::from_str::<QueueConfig>("max_queue = 1").is_err());
    }
}
