//! The operations that are about the process itself: its health and its pool.

use shared_types::{
    Error,
    health::{Health, HealthCheck, HealthStatus, Nothing, PoolHealth, PoolMetrics},
    operation,
};

use crate::{
    app::App,
    handle::{Caller, Handle},
    requests::Outcome,
    store::pool_health,
};

impl Handle<operation::HealthCheck> for App {
    async fn handle(&self, input: HealthCheck, _: &Caller) -> Result<Health, Error> {
        let (verdict, pool) = self.verdict().await;
        Ok(Health {
            status: verdict.status,
            version: env!("CARGO_PKG_VERSION").to_owned(),
            workspace: self.options().workspace.display().to_string(),
            database: self.options().database.display().to_string(),
            database_id: self.store().database_id().to_owned(),
            schema_version: self.store().schema_version(),
            uptime_seconds: i64::try_from(self.uptime().as_secs()).unwrap_or(i64::MAX),
            resident_bytes: resident_bytes(),
            recommendations: verdict.recommendations,
            pool: pool.filter(|_| input.detail),
            client: None,
        })
    }
}

impl Handle<operation::GetPoolMetrics> for App {
    async fn handle(&self, _: Nothing, _: &Caller) -> Result<PoolMetrics, Error> {
        self.pool_metrics().await
    }
}

impl Handle<operation::GetPoolHealth> for App {
    async fn handle(&self, _: Nothing, _: &Caller) -> Result<PoolHealth, Error> {
        Ok(self.judge(&self.pool_metrics().await?))
    }
}

impl App {
    /// The pool's figures, with those of the requests, which the store does not see.
    pub(crate) async fn pool_metrics(&self) -> Result<PoolMetrics, Error> {
        let count = |outcome| i64::try_from(self.requests().total(outcome)).unwrap_or(i64::MAX);
        let mut metrics = self.store().pool_metrics().await?;
        metrics.request_count = Outcome::ALL.map(count).iter().sum();
        metrics.request_failures = count(Outcome::Failed);
        Ok(metrics)
    }

    /// How the store is. A health check that cannot reach the store has an answer all the same.
    async fn verdict(&self) -> (PoolHealth, Option<PoolMetrics>) {
        let reached = async {
            self.store().ping().await?;
            self.pool_metrics().await
        };
        match reached.await {
            Ok(metrics) => (self.judge(&metrics), Some(metrics)),
            Err(error) => {
                let error = self.disclose("health_check", error);
                let recommendation = format!("The store does not answer: {error}");
                let verdict = PoolHealth {
                    status: HealthStatus::Unhealthy,
                    problems: vec![error.message],
                    recommendations: vec![recommendation],
                };
                (verdict, None)
            }
        }
    }

    /// A store whose disk refuses to write, or that is damaged somewhere, can still be read.
    fn judge(&self, metrics: &PoolMetrics) -> PoolHealth {
        let mut verdict = pool_health(metrics);
        if let Some(error) = self.store().refused_by_disk() {
            let error = self.disclose("health_check", error);
            verdict.status = verdict.status.max(HealthStatus::Degraded);
            verdict.recommendations.push(format!("The last write was refused: {error}"));
            verdict.problems.push(error.message);
        }
        if let Some(error) = self.store().damage() {
            let error = self.disclose("health_check", error);
            verdict.status = verdict.status.max(HealthStatus::Degraded);
            verdict.recommendations.push(error.to_string());
            verdict.problems.push(error.message);
        }
        verdict
    }
}

/// Resident memory as Linux tells it.
fn resident_bytes() -> Option<i64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    let kibibytes: i64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    kibibytes.checked_mul(1024)
}
