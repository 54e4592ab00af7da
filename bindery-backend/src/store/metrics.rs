//! What the store counts while it works, and how it reports that.

use std::{
    collections::VecDeque,
    sync::{
        Mutex, MutexGuard, PoisonError,
        atomic::{AtomicI64, Ordering::Relaxed},
    },
    time::{Duration, Instant},
};

use hdrhistogram::{CreationError, Histogram};
use rusqlite::types::Value;
use shared_types::{
    Error, Timestamp,
    health::{Percentiles, PoolMetrics, Setting, SlowQuery},
};

use super::{Store, fault, readers::Use, sql::Sql};

/// A statement is slow from here on.
const SLOW: Duration = Duration::from_millis(100);

/// How many slow statements are remembered.
const SLOW_KEPT: usize = 16;

/// A pool this full is saturated.
pub(super) const SATURATED: f64 = 0.8;

/// The settings of a connection, and how to ask for each. Not every pragma has a table to select from.
const SETTINGS: [(&str, &str); 7] = [
    ("journal_mode", "PRAGMA journal_mode"),
    ("synchronous", "PRAGMA synchronous"),
    ("cache_size", "PRAGMA cache_size"),
    ("busy_timeout", "PRAGMA busy_timeout"),
    ("foreign_keys", "PRAGMA foreign_keys"),
    ("temp_store", "PRAGMA temp_store"),
    ("mmap_size", "PRAGMA mmap_size"),
];

/// Counts and times; shared by the readers and the writer.
#[derive(Debug)]
pub(super) struct Metrics {
    acquires: AtomicI64,
    acquire_failures: AtomicI64,
    /// In microseconds.
    waits: Mutex<Histogram<u64>>,
    queries: AtomicI64,
    query_failures: AtomicI64,
    slow_queries: AtomicI64,
    /// Newest first.
    slowest: Mutex<VecDeque<SlowQuery>>,
    busy_retries: AtomicI64,
    saturated_since: Mutex<Option<Instant>>,
    /// Why the disk did not take the last write; `None` when it did.
    refused_by_disk: Mutex<Option<Error>>,
    /// The first page that is not what was written to it.
    damaged_page: Mutex<Option<u32>>,
}

/// A panic while a figure was being written spoils at most that figure.
fn lock<T>(figure: &Mutex<T>) -> MutexGuard<'_, T> {
    figure.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Metrics {
    pub(super) fn new() -> Result<Self, CreationError> {
        Ok(Self {
            acquires: AtomicI64::new(0),
            acquire_failures: AtomicI64::new(0),
            waits: Mutex::new(Histogram::new(2)?),
            queries: AtomicI64::new(0),
            query_failures: AtomicI64::new(0),
            slow_queries: AtomicI64::new(0),
            slowest: Mutex::new(VecDeque::with_capacity(SLOW_KEPT)),
            busy_retries: AtomicI64::new(0),
            saturated_since: Mutex::new(None),
            refused_by_disk: Mutex::new(None),
            damaged_page: Mutex::new(None),
        })
    }

    /// A reader asked for a connection and got one, or not, after `waited`.
    pub(super) fn acquired(&self, waited: Duration, got: bool) {
        self.acquires.fetch_add(1, Relaxed);
        if !got {
            self.acquire_failures.fetch_add(1, Relaxed);
        }
        lock(&self.waits).saturating_record(u64::try_from(waited.as_micros()).unwrap_or(u64::MAX));
    }

    /// The statement of this name ran for `elapsed`. Names are written in the code, so no value of a
    /// caller ends here.
    pub(super) fn ran(&self, statement: &'static str, elapsed: Duration, failed: bool, at: Timestamp) {
        tracing::trace!(statement, elapsed_us = elapsed.as_micros(), failed);
        self.queries.fetch_add(1, Relaxed);
        if failed {
            self.query_failures.fetch_add(1, Relaxed);
        }
        if elapsed > SLOW {
            self.slow_queries.fetch_add(1, Relaxed);
            let mut slowest = lock(&self.slowest);
            slowest.truncate(SLOW_KEPT - 1);
            slowest.push_front(SlowQuery {
                statement: statement.to_owned(),
                elapsed_ms: millis(elapsed),
                at,
            });
        }
    }

    /// A statement met a lock and is tried again.
    pub(super) fn busy(&self) {
        self.busy_retries.fetch_add(1, Relaxed);
    }

    /// The disk took a write, or refused it.
    pub(super) fn wrote(&self, refusal: Option<Error>) {
        *lock(&self.refused_by_disk) = refusal;
    }

    /// A page of the database is not what was last written to it.
    pub(super) fn found_damage(&self, page: u32) {
        lock(&self.damaged_page).get_or_insert(page);
    }

    /// Notes how full the pool is; called whenever a connection is taken or given back.
    pub(super) fn observe(&self, utilization: f64, now: Instant) -> Duration {
        let mut since = lock(&self.saturated_since);
        if utilization > SATURATED {
            now.saturating_duration_since(*since.get_or_insert(now))
        } else {
            *since = None;
            Duration::ZERO
        }
    }

    fn waits(&self) -> Percentiles {
        let waits = lock(&self.waits);
        let at = |quantile| millis(Duration::from_micros(waits.value_at_quantile(quantile)));
        Percentiles {
            p50_ms: at(0.5),
            p95_ms: at(0.95),
            p99_ms: at(0.99),
            max_ms: millis(Duration::from_micros(waits.max())),
        }
    }
}

fn millis(duration: Duration) -> f64 {
    (duration.as_secs_f64() * 1e6).round() / 1e3
}

impl Store {
    /// Why the disk did not take the last write; `None` once it has taken one again.
    pub fn refused_by_disk(&self) -> Option<Error> {
        lock(&self.inner.metrics.refused_by_disk).clone()
    }

    /// What is wrong with the file, once a page was found that is not what was last written to it.
    pub fn damage(&self) -> Option<Error> {
        let page = (*lock(&self.inner.metrics.damaged_page))?;
        let message = format!("the database file is damaged: page {page} is not what was last written to it");
        Some(fault::damaged(&message))
    }

    /// The figures of the pool and the writer. Those of requests are left 0 for the server to fill.
    ///
    /// # Errors
    /// When no connection can tell its settings.
    pub async fn pool_metrics(&self) -> Result<PoolMetrics, Error> {
        let metrics = &self.inner.metrics;
        let max_connections = self.inner.options.max_connections;
        // Before the settings are read, or that read would count itself.
        let Use { size, in_use, share } = self.inner.readers.in_use();
        let saturated = metrics.observe(share, Instant::now());
        let slow_queries = lock(&metrics.slowest).iter().cloned().collect();
        Ok(PoolMetrics {
            size,
            idle: size - in_use,
            in_use,
            max_connections: max_connections.into(),
            min_connections: self.inner.options.min_connections.into(),
            utilization: share,
            saturated_seconds: i64::try_from(saturated.as_secs()).unwrap_or(i64::MAX),
            acquire_count: metrics.acquires.load(Relaxed),
            acquire_failures: metrics.acquire_failures.load(Relaxed),
            acquire_wait: metrics.waits(),
            query_count: metrics.queries.load(Relaxed),
            query_failures: metrics.query_failures.load(Relaxed),
            slow_query_count: metrics.slow_queries.load(Relaxed),
            slow_queries,
            busy_retries: metrics.busy_retries.load(Relaxed),
            request_count: 0,
            request_failures: 0,
            writer_queue: self.inner.writer.queued(),
            wal_bytes: self.wal_bytes().await,
            settings: self.settings().await?,
        })
    }

    /// 0 when there is no log: nothing was written since the last checkpoint.
    async fn wal_bytes(&self) -> i64 {
        let mut log = self.inner.options.path.clone().into_os_string();
        log.push("-wal");
        tokio::fs::metadata(log).await.map_or(0, |found| i64::try_from(found.len()).unwrap_or(i64::MAX))
    }

    async fn settings(&self) -> Result<Vec<Setting>, Error> {
        self.read("metrics.settings", |connection| {
            let mut settings = Vec::with_capacity(SETTINGS.len());
            for (name, statement) in SETTINGS {
                let value = match connection.one(statement, ())? {
                    Value::Integer(number) => number.to_string(),
                    Value::Text(word) => word,
                    _ => continue,
                };
                settings.push(Setting { name: name.to_owned(), value });
            }
            Ok(settings)
        })
        .await
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_last_slow_statements_are_kept_newest_first() {
        let metrics = Metrics::new().unwrap();
        for millis in 0..40 {
            let at = Timestamp::from_millis(millis);
            metrics.ran("tasks.list", Duration::from_millis(90 + millis.unsigned_abs()), false, at);
        }
        let slowest = lock(&metrics.slowest);
        assert_eq!(metrics.slow_queries.load(Relaxed), 29);
        assert_eq!(slowest.len(), SLOW_KEPT);
        assert_eq!(slowest[0].at, Timestamp::from_millis(39));
    }

    #[test]
    fn saturation_counts_from_its_beginning_and_ends_with_the_first_free_connection() {
        let metrics = Metrics::new().unwrap();
        let start = Instant::now();
        assert_eq!(metrics.observe(0.9, start), Duration::ZERO);
        assert_eq!(metrics.observe(1.0, start + Duration::from_secs(30)), Duration::from_secs(30));
        assert_eq!(metrics.observe(0.5, start + Duration::from_secs(31)), Duration::ZERO);
        assert_eq!(metrics.observe(0.9, start + Duration::from_secs(40)), Duration::ZERO);
    }
}
