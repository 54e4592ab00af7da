//! The backend's REST face beside axum that says hello, on the same transport.

use std::time::Duration;

use anyhow::Context;
use serde_json::{Value, json};

use crate::{
    load::{self, Address, Outcome},
    measure::{Effort, Goal, Row, Sample, alone, compare},
    server::Server,
};

/// Connections that ask at one time.
const CONNECTIONS: usize = 64;

/// How long one round asks.
const ROUND: Duration = Duration::from_secs(3);

/// Tasks in the store when it is asked.
const TASKS: usize = 10_000;

/// Tasks that are asked for again and again.
const HOT: usize = 100;

/// Every row.
pub(crate) fn run(effort: Effort) -> anyhow::Result<Vec<Row>> {
    let time = effort.time(ROUND);
    let hello = Server::hello()?;
    let backend = Server::backend(&[])?;
    let ids = fill(&backend, effort.of(TASKS).max(HOT))?;
    let cold = Server::backend(&[("BINDERY_ROW_CACHE", "0")])?;
    let cold_ids = fill(&cold, ids.len())?;
    let greet = |address: &Address| ask(&hello, address, time, |_, bytes| load::get("/", bytes));
    let read = |server: &Server, address: &Address, among: &[String]| {
        ask(server, address, time, |n, bytes| {
            load::get(&format!("/api/tasks/{}", among[n as usize % among.len()]), bytes);
        })
    };
    let list =
        |address: &Address| ask(&backend, address, time, |_, bytes| load::get("/api/tasks?limit=50", bytes));
    let hot = &ids[..HOT];
    Ok(vec![
        compare(
            "GET a task, over TCP",
            "/s",
            Goal::RatioAtLeast(0.8),
            effort,
            || greet(&hello.tcp),
            || read(&backend, &backend.tcp, hot),
        )?,
        compare(
            "GET a task, over a Unix socket",
            "/s",
            Goal::RatioAtLeast(0.8),
            effort,
            || greet(&hello.unix),
            || read(&backend, &backend.unix, hot),
        )?,
        compare(
            "GET a task, none kept",
            "/s",
            Goal::RatioAtLeast(0.35),
            effort,
            || greet(&hello.tcp),
            || read(&cold, &cold.tcp, &cold_ids),
        )?,
        compare(
            "GET a list of 50",
            "/s",
            Goal::RatioAtLeast(0.2),
            effort,
            || greet(&hello.tcp),
            || list(&backend.tcp),
        )?,
        compare(
            "POST a task, durable",
            "/s",
            Goal::RatioAtLeast(0.25),
            effort,
            || greet(&hello.tcp),
            || create(&backend, time),
        )?,
        alone("POST a task, p99 to p50", "×", Goal::AtMost(3.0), effort, || {
            let outcome = load::load(&backend.tcp, CONNECTIONS, time, write_task)?;
            let at = |quantile| outcome.latencies.value_at_quantile(quantile) as f64;
            Ok(at(0.99) / at(0.5))
        })?,
    ])
}

/// Requests a second, and what each cost the server.
fn ask(
    server: &Server,
    address: &Address,
    time: Duration,
    request: impl Fn(u64, &mut Vec<u8>),
) -> anyhow::Result<Sample> {
    let before = server.cpu()?;
    let outcome = load::load(address, CONNECTIONS, time, request)?;
    Ok(sample(&outcome, server.cpu()? - before))
}

fn sample(outcome: &Outcome, cpu: Duration) -> Sample {
    let cpu_us = cpu.as_secs_f64() * 1e6 / outcome.requests.max(1) as f64;
    Sample { value: outcome.per_second(), cpu_us: Some(cpu_us) }
}

/// Tasks a second, each answered when it is stored.
pub(crate) fn create(server: &Server, time: Duration) -> anyhow::Result<Sample> {
    ask(server, &server.tcp, time, write_task)
}

fn write_task(n: u64, bytes: &mut Vec<u8>) {
    load::post("/api/tasks", &task(n).to_string(), bytes);
}

fn task(n: u64) -> Value {
    json!({
        "title": format!("Look into report {n}"),
        "description": "The figures of the third quarter do not add up; compare them with the ledger.",
        "priority": "normal",
        "tags": ["report"],
    })
}

/// Fills the store with so many tasks, and returns their ids.
pub(crate) fn fill(server: &Server, count: usize) -> anyhow::Result<Vec<String>> {
    const BATCH: usize = 500;
    let mut ids = Vec::with_capacity(count);
    while ids.len() < count {
        let from = ids.len();
        let tasks: Vec<_> = (from..count.min(from + BATCH)).map(|n| task(n as u64)).collect();
        let mut request = Vec::new();
        load::post("/api/tasks", &json!({ "tasks": tasks }).to_string(), &mut request);
        let answer = load::ask(&server.tcp, &request)?;
        let created = answer["tasks"].as_array().context("a batch is answered with its tasks")?;
        ids.extend(created.iter().filter_map(|task| task["id"].as_str()).map(str::to_owned));
        anyhow::ensure!(ids.len() > from, "{answer}");
    }
    Ok(ids)
}
