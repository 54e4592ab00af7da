//! `/metrics`: the figures in the text format of Prometheus.

use std::fmt::{Display, Write};

use axum::{extract::State, http::header, response::IntoResponse};
use shared_types::health::PoolMetrics;

use super::problem::Problem;
use crate::{app::App, catalogue::CATALOGUE, requests::Outcome};

const MEDIA_TYPE: &str = "text/plain; version=0.0.4; charset=utf-8";

/// Serves the figures.
pub(super) async fn serve(State(app): State<App>) -> Result<impl IntoResponse, Problem> {
    let pool = app.pool_metrics().await.map_err(|error| app.disclose("metrics", error))?;
    Ok(([(header::CONTENT_TYPE, MEDIA_TYPE)], exposition(&app, &pool)))
}

fn exposition(app: &App, pool: &PoolMetrics) -> String {
    let mut page = Page::default();
    page.gauge("bindery_uptime_seconds", "Time since the backend started.", app.uptime().as_secs_f64());
    page.gauge("bindery_leases", "Open change feeds.", app.leases().count());
    requests(&mut page, app);
    let admission = app.admission();
    page.gauge("bindery_requests_in_work", "Requests carried out now.", admission.in_work());
    page.gauge("bindery_requests_waiting", "Requests waiting for that.", admission.waiting());
    page.counter("bindery_requests_overloaded_total", "Requests refused as too many.", admission.refused());
    page.gauge("bindery_pool_size", "Open connections.", pool.size);
    page.gauge("bindery_pool_idle", "Open connections that nobody uses.", pool.idle);
    page.gauge("bindery_pool_max", "The most connections that can be open.", pool.max_connections);
    page.gauge("bindery_pool_utilization", "Connections in use, of 1.", pool.utilization);
    page.gauge("bindery_pool_saturated_seconds", "Time above 0.8 utilization.", pool.saturated_seconds);
    page.gauge("bindery_pool_wait_p99_seconds", "Wait for a connection.", pool.acquire_wait.p99_ms / 1e3);
    page.counter("bindery_pool_acquires_total", "Connections asked for.", pool.acquire_count);
    page.counter("bindery_pool_acquire_failures_total", "Asked for in vain.", pool.acquire_failures);
    page.counter("bindery_queries_total", "Statements run.", pool.query_count);
    page.counter("bindery_query_failures_total", "Statements that failed.", pool.query_failures);
    page.counter("bindery_slow_queries_total", "Statements over 100 ms.", pool.slow_query_count);
    page.counter("bindery_busy_retries_total", "Statements that met a lock.", pool.busy_retries);
    page.gauge("bindery_writer_queue", "Writes waiting for the writer.", pool.writer_queue);
    let rows = app.store().row_figures();
    page.gauge("bindery_row_cache_bytes", "Bytes of tasks kept ready to be sent.", rows.bytes);
    page.counter("bindery_row_cache_hits_total", "Tasks answered from there.", rows.hits);
    page.counter("bindery_row_cache_misses_total", "Tasks read from the database instead.", rows.misses);
    page.gauge("bindery_wal_bytes", "Bytes in the write-ahead log.", pool.wal_bytes);
    page.text
}

fn requests(page: &mut Page, app: &App) {
    page.head("bindery_requests_total", "counter", "Requests by operation and outcome.");
    for entry in CATALOGUE.iter() {
        for outcome in Outcome::ALL {
            let count = app.requests().count(entry.place, outcome);
            let labels = format!("operation=\"{}\",outcome=\"{}\"", entry.spec.name, outcome.as_str());
            page.sample("bindery_requests_total", &labels, count);
        }
    }
    page.head("bindery_request_seconds_total", "counter", "Time spent on requests by operation.");
    for entry in CATALOGUE.iter() {
        let labels = format!("operation=\"{}\"", entry.spec.name);
        let elapsed = app.requests().elapsed(entry.place).as_secs_f64();
        page.sample("bindery_request_seconds_total", &labels, elapsed);
    }
}

/// The text as it grows. Writing to a `String` cannot fail, so its results are dropped.
#[derive(Default)]
struct Page {
    text: String,
}

impl Page {
    fn gauge(&mut self, name: &str, help: &str, value: impl Display) {
        self.head(name, "gauge", help);
        let _ = writeln!(self.text, "{name} {value}");
    }

    fn counter(&mut self, name: &str, help: &str, value: impl Display) {
        self.head(name, "counter", help);
        let _ = writeln!(self.text, "{name} {value}");
    }

    fn head(&mut self, name: &str, kind: &str, help: &str) {
        let _ = writeln!(self.text, "# HELP {name} {help}\n# TYPE {name} {kind}");
    }

    fn sample(&mut self, name: &str, labels: &str, value: impl Display) {
        let _ = writeln!(self.text, "{name}{{{labels}}} {value}");
    }
}
