//! How large a pool is, and what it says of itself.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::spec::millis;

/// How large a pool is and how patient.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct PoolConfig {
    /// Members that are kept even when nobody needs them.
    pub min: usize,
    /// Members that are kept while they are needed.
    #[serde(alias = "size")]
    pub max: usize,
    /// Members opened above `max` for one use each.
    pub max_overflow: usize,
    /// Callers that may wait at one time.
    pub max_waiting: usize,
    /// How long a caller waits for a member.
    #[serde(rename = "checkout_timeout_ms", with = "millis")]
    pub checkout_timeout: Duration,
    /// A member idle for so long is closed, down to `min`; a session idle for so long is ended.
    #[serde(rename = "idle_timeout_ms", with = "millis")]
    pub idle_timeout: Duration,
    /// A member idle for so long must answer before it is given out.
    #[serde(rename = "check_after_ms", with = "millis")]
    pub check_after: Duration,
}

impl Default for PoolConfig {
    fn default() -> Self {
        Self {
            min: 2,
            max: 10,
            max_overflow: 5,
            max_waiting: 100,
            checkout_timeout: Duration::from_secs(5),
            idle_timeout: Duration::from_secs(60),
            check_after: Duration::from_secs(5),
        }
    }
}

/// A pool in figures.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct PoolStatus {
    /// Members that wait for a caller.
    pub idle: usize,
    /// Members in use.
    pub busy: usize,
    /// Members being opened.
    pub opening: usize,
    /// Callers in line.
    pub waiting: usize,
    /// Members given out since the start.
    pub checkouts_total: u64,
    /// Members opened since the start.
    pub opened_total: u64,
    /// Members closed since the start because they no longer worked.
    pub broken_total: u64,
    /// Members closed since the start because nobody needed them.
    pub reaped_total: u64,
    /// Openings that failed since the start.
    pub failed_total: u64,
    /// Callers that waited in vain since the start.
    pub timeouts_total: u64,
    /// Callers that were refused because the line was full, since the start.
    pub refused_total: u64,
}
