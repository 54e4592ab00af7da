//! How the store and the way to it are.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The verdict.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
#[schemars(inline)]
pub enum HealthStatus {
    /// All is well.
    Healthy,
    /// It works, but something needs attention.
    Degraded,
    /// It does not work.
    Unhealthy,
}

/// Asks how things are.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct HealthCheck {
    /// Adds the pool's figures.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub detail: bool,
}

/// How the store is.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Health {
    /// The verdict.
    pub status: HealthStatus,
    /// Version of the backend.
    pub version: String,
    /// The workspace it serves.
    pub workspace: String,
    /// The database file.
    pub database: String,
    /// Identifies the database, whatever its path.
    pub database_id: String,
    /// Version of the database's schema.
    pub schema_version: i64,
    /// Seconds since the backend started.
    pub uptime_seconds: i64,
    /// Resident memory of the backend in bytes; absent where the system does not tell.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub resident_bytes: Option<i64>,
    /// What needs attention and what to do about it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub recommendations: Vec<String>,
    /// The pool's figures; with `detail`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pool: Option<PoolMetrics>,
    /// How the caller's way to the backend is; only through MCP.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub client: Option<ClientHealth>,
}

/// The way from the MCP server to the backend.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ClientHealth {
    /// `closed`, `open` or `half_open`.
    pub circuit_breaker: String,
    /// While calls are held back: milliseconds until the next is let through.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub retry_after_ms: Option<i64>,
    /// Answers taken from the cache, of 1.
    pub cache_hit_rate: f64,
    /// Calls that were repeated.
    pub retries: i64,
    /// Further figures; with `detail`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub figures: Option<ClientFigures>,
}

/// The figures of the way from the MCP server to the backend.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ClientFigures {
    /// Failures in a row that the circuit breaker has counted.
    pub failures: i64,
    /// Calls in flight.
    pub in_flight: i64,
    /// The most calls that can be in flight.
    pub max_in_flight: i64,
    /// Answers in the cache.
    pub cached_answers: i64,
    /// Bytes of text in the cache.
    pub cached_bytes: i64,
    /// Answers taken from the cache.
    pub hits: i64,
    /// Answers that another read was waiting for already.
    pub shared: i64,
    /// Answers that were asked for, by the reason.
    pub misses: CacheMisses,
}

/// Why answers did not come from the cache.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct CacheMisses {
    /// None was stored.
    pub absent: i64,
    /// Something had changed.
    pub changed: i64,
    /// The backend did not confirm in time that nothing had.
    pub unproven: i64,
    /// No change feed was open.
    pub feed_down: i64,
    /// It is never kept.
    pub not_cacheable: i64,
}

/// The figures of the connection pool.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct PoolMetrics {
    /// Open connections.
    pub size: i64,
    /// Open connections that nobody uses.
    pub idle: i64,
    /// Connections in use.
    pub in_use: i64,
    /// The most connections that can be open.
    pub max_connections: i64,
    /// The connections that stay open.
    pub min_connections: i64,
    /// `in_use` of `max_connections`, of 1.
    pub utilization: f64,
    /// How long utilization has been above 0.8 without a break, in seconds.
    pub saturated_seconds: i64,
    /// Connections asked for.
    pub acquire_count: i64,
    /// Connections asked for in vain.
    pub acquire_failures: i64,
    /// How long it took to get one.
    pub acquire_wait: Percentiles,
    /// Statements run.
    pub query_count: i64,
    /// Statements that failed.
    pub query_failures: i64,
    /// Statements that took more than 100 ms.
    pub slow_query_count: i64,
    /// The last of them, newest first.
    pub slow_queries: Vec<SlowQuery>,
    /// Times a statement met a lock and was tried again.
    pub busy_retries: i64,
    /// Requests answered.
    pub request_count: i64,
    /// Requests that failed for a reason of ours (5xx).
    pub request_failures: i64,
    /// Writes waiting for the writer.
    pub writer_queue: i64,
    /// Bytes in the write-ahead log.
    pub wal_bytes: i64,
    /// The settings of a connection, as SQLite tells them.
    pub settings: Vec<Setting>,
}

/// Milliseconds at certain ranks.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[expect(missing_docs, reason = "each is the percentile of that name")]
pub struct Percentiles {
    pub p50_ms: f64,
    pub p95_ms: f64,
    pub p99_ms: f64,
    pub max_ms: f64,
}

/// A statement that took long. Its values are never recorded.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct SlowQuery {
    /// The name of the statement.
    pub statement: String,
    /// How long it took.
    pub elapsed_ms: f64,
    /// When it ended.
    pub at: crate::Timestamp,
}

/// A setting of a connection.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Setting {
    /// Name of the pragma.
    pub name: String,
    /// Its value.
    pub value: String,
}

/// What the pool's figures mean.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct PoolHealth {
    /// The verdict.
    pub status: HealthStatus,
    /// What is wrong.
    pub problems: Vec<String>,
    /// What to do about it.
    pub recommendations: Vec<String>,
}

/// Asks for nothing but the answer.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Nothing {}
