//! How calls fare.

use std::{collections::BTreeMap, time::Duration};

use hdrhistogram::Histogram;
use serde::Serialize;
use tokio::time::Instant;

use crate::connection::CallError;

/// So many methods are told apart; names may come from outside, memory must not follow them.
const METHODS: usize = 64;

/// The name under which the methods beyond the first are counted.
const OTHERS: &str = "(other)";

/// No latency is recorded as longer: an hour, in microseconds.
const LONGEST: u64 = 3_600_000_000;

/// How the calls of a queue fare, and what waits.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct IpcSnapshot {
    /// Calls that were made, refused ones among them.
    pub total_requests: u64,
    /// Calls with a result.
    pub successful_requests: u64,
    /// Calls that failed, timeouts among them.
    pub failed_requests: u64,
    /// Calls whose time was over.
    pub timeouts: u64,
    /// Attempts after the first.
    pub retries: u64,
    /// Calls that found the queue full.
    pub refused_requests: u64,
    /// Calls whose caller left.
    pub cancelled_requests: u64,
    /// The part of the finished calls that failed or were refused, from 0 to 1.
    pub error_rate: f64,
    /// Calls finished in the last minute, per second.
    pub throughput_per_second: f64,
    /// Calls in flight.
    pub in_flight: usize,
    /// Calls that wait for their turn.
    pub queue_depth: QueueDepth,
    /// Calls that wait for their next attempt.
    pub waiting_to_retry: usize,
    /// By method, the first 64 that were called.
    pub methods: BTreeMap<String, MethodSnapshot>,
}

/// Calls that wait for their turn, by priority.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
#[expect(missing_docs, reason = "the names are those of the priorities")]
pub struct QueueDepth {
    pub critical: usize,
    pub high: usize,
    pub normal: usize,
    pub low: usize,
}

/// How the calls of a method fare. Times run from the call to its end, the wait included.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[expect(missing_docs, reason = "the names say it")]
pub struct MethodSnapshot {
    pub finished: u64,
    pub failed: u64,
    pub min_ms: f64,
    pub mean_ms: f64,
    pub p50_ms: f64,
    pub p95_ms: f64,
    pub p99_ms: f64,
    pub max_ms: f64,
}

/// Counts calls.
#[derive(Debug)]
pub(super) struct Metrics {
    pub(super) total: u64,
    pub(super) succeeded: u64,
    pub(super) failed: u64,
    pub(super) timeouts: u64,
    pub(super) retries: u64,
    pub(super) refused: u64,
    pub(super) cancelled: u64,
    methods: BTreeMap<String, Method>,
    minute: Minute,
}

#[derive(Debug)]
struct Method {
    failed: u64,
    /// In microseconds, to two digits.
    latency: Histogram<u32>,
}

impl Metrics {
    pub(super) fn new(now: Instant) -> Self {
        Self {
            total: 0,
            succeeded: 0,
            failed: 0,
            timeouts: 0,
            retries: 0,
            refused: 0,
            cancelled: 0,
            methods: BTreeMap::new(),
            minute: Minute { start: now, second: 0, counts: [0; 60] },
        }
    }

    /// Counts a call that ended at `now`, `latency` after it was made.
    pub(super) fn finish(
        &mut self,
        method: &str,
        error: Option<&CallError>,
        latency: Duration,
        now: Instant,
    ) {
        match error {
            None => self.succeeded += 1,
            Some(CallError::QueueFull) => {
                self.refused += 1;
                return;
            }
            Some(CallError::Cancelled) => {
                self.cancelled += 1;
                return;
            }
            Some(error) => {
                self.failed += 1;
                self.timeouts += u64::from(matches!(error, CallError::Deadline { .. }));
            }
        }
        self.minute.count(now);
        if let Some(method) = self.method(method) {
            method.failed += u64::from(error.is_some());
            let micros = u64::try_from(latency.as_micros()).unwrap_or(LONGEST);
            method.latency.saturating_record(micros.max(1));
        }
    }

    fn method(&mut self, name: &str) -> Option<&mut Method> {
        let known = self.methods.contains_key(name) || self.methods.len() < METHODS;
        let name = if known { name } else { OTHERS };
        if !self.methods.contains_key(name) {
            let latency = Histogram::new_with_bounds(1, LONGEST, 2).ok()?;
            self.methods.insert(name.to_owned(), Method { failed: 0, latency });
        }
        self.methods.get_mut(name)
    }

    pub(super) fn methods(&self) -> BTreeMap<String, MethodSnapshot> {
        self.methods.iter().map(|(name, method)| (name.clone(), method.snapshot())).collect()
    }

    pub(super) fn error_rate(&self) -> f64 {
        let wrong = self.failed + self.refused;
        wrong as f64 / (self.succeeded + wrong).max(1) as f64
    }

    /// Calls finished in the minute before `now`, per second.
    pub(super) fn throughput(&mut self, now: Instant) -> f64 {
        self.minute.per_second(now)
    }
}

impl Method {
    fn snapshot(&self) -> MethodSnapshot {
        let millis = |micros: u64| micros as f64 / 1000.0;
        let quantile = |quantile| millis(self.latency.value_at_quantile(quantile));
        MethodSnapshot {
            finished: self.latency.len(),
            failed: self.failed,
            min_ms: millis(self.latency.min()),
            mean_ms: self.latency.mean() / 1000.0,
            p50_ms: quantile(0.50),
            p95_ms: quantile(0.95),
            p99_ms: quantile(0.99),
            max_ms: millis(self.latency.max()),
        }
    }
}

/// Counts by second over the last sixty.
#[derive(Debug)]
struct Minute {
    start: Instant,
    /// The newest second, since the start.
    second: u64,
    counts: [u64; 60],
}

impl Minute {
    fn count(&mut self, now: Instant) {
        self.advance(now);
        self.counts[(self.second % 60) as usize] += 1;
    }

    fn per_second(&mut self, now: Instant) -> f64 {
        self.advance(now);
        let total: u64 = self.counts.iter().sum();
        total as f64 / (self.second + 1).min(60) as f64
    }

    fn advance(&mut self, now: Instant) {
        let second = now.duration_since(self.start).as_secs();
        for passed in (self.second + 1..=second).take(60) {
            self.counts[(passed % 60) as usize] = 0;
        }
        // The 60 after the newest are all of them, wherever they begin.
        self.second = self.second.max(second);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn throughput_is_that_of_the_last_minute() {
        let start = Instant::now();
        let mut metrics = Metrics::new(start);
        let mut finish =
            |at| metrics.finish("m", None, Duration::from_millis(3), start + Duration::from_secs(at));
        (0..30).for_each(|_| finish(0));
        (0..60).for_each(|_| finish(9));
        let mut at = |second| metrics.throughput(start + Duration::from_secs(second));
        assert_eq!([at(9), at(59), at(60), at(68), at(69), at(1000)], [9.0, 1.5, 1.0, 1.0, 0.0, 0.0]);
    }

    #[test]
    fn each_end_is_counted_as_what_it_is() {
        let now = Instant::now();
        let mut metrics = Metrics::new(now);
        let deadline = CallError::Deadline { sent: true };
        for (error, millis) in [
            (None, 10),
            (None, 20),
            (Some(&deadline), 1000),
            (Some(&CallError::QueueFull), 0),
            (Some(&CallError::Cancelled), 0),
        ] {
            metrics.finish("m", error, Duration::from_millis(millis), now);
        }
        assert_eq!((metrics.succeeded, metrics.failed, metrics.timeouts), (2, 1, 1));
        assert_eq!((metrics.refused, metrics.cancelled, metrics.error_rate()), (1, 1, 0.5));
        let method = &metrics.methods()["m"];
        assert_eq!((method.finished, method.failed), (3, 1));
        let near = |value: f64, expected: f64| (value - expected).abs() <= expected / 50.0;
        assert!(near(method.min_ms, 10.0) && near(method.p50_ms, 20.0) && near(method.p99_ms, 1000.0));
        assert!(near(method.max_ms, 1000.0) && near(method.mean_ms, 1030.0 / 3.0), "{method:?}");
    }

    #[test]
    fn memory_does_not_follow_the_names() {
        let now = Instant::now();
        let mut metrics = Metrics::new(now);
        for number in 0..1000 {
            metrics.finish(&format!("m{number}"), None, Duration::ZERO, now);
        }
        let methods = metrics.methods();
        assert_eq!((methods.len(), methods[OTHERS].finished), (METHODS + 1, 1000 - METHODS as u64));
    }
}
