//! What the pool's figures mean, and what to do about them.

use shared_types::health::{HealthStatus, PoolHealth, PoolMetrics};

use super::metrics::SATURATED;

/// A share above this of failed requests, or of slow statements, is a problem.
const TOO_MANY: f64 = 0.1;

/// Below so many events a share says nothing.
const ENOUGH_EVENTS: i64 = 20;

/// How long the pool may be saturated before that is a problem, in seconds.
const SATURATED_SECONDS: i64 = 5 * 60;

/// A log this large means that checkpoints do not come through.
const WAL_BYTES: i64 = 256 * 1024 * 1024;

/// More resident memory than this is more than the caches explain.
const RESIDENT_BYTES: i64 = 1024 * 1024 * 1024;

/// One thing that is wrong.
struct Finding {
    status: HealthStatus,
    problem: String,
    recommendation: &'static str,
}

fn degraded(problem: String, recommendation: &'static str) -> Finding {
    Finding { status: HealthStatus::Degraded, problem, recommendation }
}

/// Whether `part` is more than a tenth of `whole`, and `whole` large enough to say so.
fn too_many(part: i64, whole: i64) -> bool {
    whole >= ENOUGH_EVENTS && part as f64 > whole as f64 * TOO_MANY
}

/// Judges the figures. The verdict is that of the worst finding.
pub fn pool_health(metrics: &PoolMetrics) -> PoolHealth {
    let findings: Vec<Finding> = [
        saturation(metrics),
        acquisitions(metrics),
        requests(metrics),
        speed(metrics),
        locks(metrics),
        log(metrics),
    ]
    .into_iter()
    .flatten()
    .collect();
    PoolHealth {
        status: findings.iter().map(|finding| finding.status).max().unwrap_or(HealthStatus::Healthy),
        recommendations: findings.iter().map(|finding| finding.recommendation.to_owned()).collect(),
        problems: findings.into_iter().map(|finding| finding.problem).collect(),
    }
}

/// What to do about the process's memory, when it is too much.
pub fn memory_advice(resident_bytes: i64) -> Option<String> {
    (resident_bytes > RESIDENT_BYTES).then(|| {
        format!(
            "The backend holds {} MB of memory: lower BINDERY_ROW_CACHE or the number of connections, or \
             restart it.",
            resident_bytes / (1024 * 1024)
        )
    })
}

fn saturation(metrics: &PoolMetrics) -> Option<Finding> {
    if metrics.in_use >= metrics.max_connections && metrics.acquire_failures > 0 {
        return Some(Finding {
            status: HealthStatus::Unhealthy,
            problem: format!(
                "All {} connections are in use and {} readers got none.",
                metrics.max_connections, metrics.acquire_failures
            ),
            recommendation: "Raise the most connections, or send fewer requests at once.",
        });
    }
    (metrics.utilization > SATURATED && metrics.saturated_seconds > SATURATED_SECONDS).then(|| {
        degraded(
            format!(
                "{} of {} connections have been in use for {} minutes.",
                metrics.in_use,
                metrics.max_connections,
                metrics.saturated_seconds / 60
            ),
            "Raise the most connections, or look among the slow statements for what holds them.",
        )
    })
}

fn acquisitions(metrics: &PoolMetrics) -> Option<Finding> {
    (metrics.acquire_failures > 0 && metrics.in_use < metrics.max_connections).then(|| {
        degraded(
            format!(
                "{} of {} requests for a connection failed.",
                metrics.acquire_failures, metrics.acquire_count
            ),
            "Raise the most connections or the time a reader may wait for one; a restart resets this count.",
        )
    })
}

fn requests(metrics: &PoolMetrics) -> Option<Finding> {
    too_many(metrics.request_failures, metrics.request_count).then(|| {
        degraded(
            format!("{} of {} requests failed.", metrics.request_failures, metrics.request_count),
            "Look for the errors' correlation ids in the log.",
        )
    })
}

fn speed(metrics: &PoolMetrics) -> Option<Finding> {
    too_many(metrics.slow_query_count, metrics.query_count).then(|| {
        let last = metrics.slow_queries.first().map_or("unknown", |slow| slow.statement.as_str());
        degraded(
            format!(
                "{} of {} statements took more than 100 ms, the last of them {last}.",
                metrics.slow_query_count, metrics.query_count
            ),
            "Ask for smaller pages and narrower filters, and check that the disk is local and idle.",
        )
    })
}

fn locks(metrics: &PoolMetrics) -> Option<Finding> {
    (metrics.busy_retries > 0).then(|| {
        degraded(
            format!("The writer met a lock {} times.", metrics.busy_retries),
            "Another process writes to the database: end it, only one backend may serve a workspace.",
        )
    })
}

fn log(metrics: &PoolMetrics) -> Option<Finding> {
    (metrics.wal_bytes > WAL_BYTES).then(|| {
        degraded(
            format!("The write-ahead log has grown to {} MB.", metrics.wal_bytes / (1024 * 1024)),
            "A long read keeps it from being folded in: end long exports, or restart the backend.",
        )
    })
}

#[cfg(test)]
mod tests {
    use shared_types::health::Percentiles;

    use super::*;

    fn quiet() -> PoolMetrics {
        PoolMetrics {
            size: 8,
            idle: 6,
            in_use: 2,
            max_connections: 8,
            min_connections: 2,
            utilization: 0.25,
            saturated_seconds: 0,
            acquire_count: 1000,
            acquire_failures: 0,
            acquire_wait: Percentiles::default(),
            query_count: 1000,
            query_failures: 0,
            slow_query_count: 100,
            slow_queries: Vec::new(),
            busy_retries: 0,
            request_count: 1000,
            request_failures: 100,
            writer_queue: 0,
            wal_bytes: 0,
            settings: Vec::new(),
        }
    }

    #[test]
    fn figures_at_their_limits_are_healthy() {
        let health = pool_health(&PoolMetrics { utilization: 1.0, saturated_seconds: 300, ..quiet() });
        assert_eq!(health.status, HealthStatus::Healthy);
        assert_eq!(health.problems, Vec::<String>::new());
    }

    #[test]
    fn each_rule_has_its_problem_and_its_recommendation() {
        let cases = [
            (PoolMetrics { utilization: 0.9, saturated_seconds: 301, ..quiet() }, "in use for 5 minutes"),
            (PoolMetrics { acquire_failures: 1, ..quiet() }, "1 of 1000 requests for a connection"),
            (PoolMetrics { request_failures: 101, ..quiet() }, "101 of 1000 requests failed"),
            (PoolMetrics { slow_query_count: 101, ..quiet() }, "101 of 1000 statements"),
            (PoolMetrics { busy_retries: 3, ..quiet() }, "met a lock 3 times"),
            (PoolMetrics { wal_bytes: 300 << 20, ..quiet() }, "300 MB"),
        ];
        for (metrics, problem) in cases {
            let health = pool_health(&metrics);
            assert_eq!(health.status, HealthStatus::Degraded, "{problem}");
            assert_eq!(health.recommendations.len(), 1, "{problem}");
            assert!(health.problems[0].contains(problem), "{:?}", health.problems);
        }
    }

    #[test]
    fn a_full_pool_that_turns_readers_away_is_unhealthy() {
        let health =
            pool_health(&PoolMetrics { in_use: 8, utilization: 1.0, acquire_failures: 2, ..quiet() });
        assert_eq!(health.status, HealthStatus::Unhealthy);
        assert_eq!(health.problems.len(), 1);
    }

    #[test]
    fn memory_is_a_matter_above_a_gigabyte() {
        assert_eq!(memory_advice(RESIDENT_BYTES), None);
        assert!(memory_advice(2 * RESIDENT_BYTES).is_some_and(|advice| advice.contains("2048 MB")));
    }
}
