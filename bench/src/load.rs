//! Load over HTTP: connections that each ask again as soon as they are answered.

mod connection;

use std::{
    path::PathBuf,
    time::{Duration, Instant},
};

use hdrhistogram::Histogram;

use connection::Connection;

/// Where a server listens.
#[derive(Debug, Clone)]
pub(crate) enum Address {
    Tcp(String),
    Unix(PathBuf),
}

/// What a load came to.
#[derive(Debug)]
pub(crate) struct Outcome {
    pub(crate) requests: u64,
    pub(crate) elapsed: Duration,
    /// Nanoseconds from request to answer. What a stalled server kept from being asked meanwhile is
    /// counted as well, so that a stall weighs what it would weigh for callers who do not wait.
    pub(crate) latencies: Histogram<u64>,
}

impl Outcome {
    pub(crate) fn per_second(&self) -> f64 {
        self.requests as f64 / self.elapsed.as_secs_f64()
    }
}

/// Loads the server at `address` for `duration` by so many connections. `request` writes the request
/// number `n` of all; each must be answered with a status below 300.
pub(crate) fn load(
    address: &Address,
    connections: usize,
    duration: Duration,
    request: impl Fn(u64, &mut Vec<u8>),
) -> anyhow::Result<Outcome> {
    // One thread: the server needs the other processors.
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        let next = std::cell::Cell::new(0);
        let begun = Instant::now();
        let until = begun + duration;
        let workers = (0..connections).map(|_| work(address, until, &next, &request));
        let latencies = futures::future::try_join_all(workers).await?.concat();
        outcome(&latencies, connections, begun.elapsed())
    })
}

async fn work(
    address: &Address,
    until: Instant,
    next: &std::cell::Cell<u64>,
    request: &impl Fn(u64, &mut Vec<u8>),
) -> anyhow::Result<Vec<u64>> {
    let mut connection = Connection::open(address).await?;
    let mut latencies = Vec::new();
    let mut bytes = Vec::new();
    loop {
        let begun = Instant::now();
        if begun >= until {
            return Ok(latencies);
        }
        bytes.clear();
        request(next.replace(next.get() + 1), &mut bytes);
        connection.exchange(&bytes).await?;
        latencies.push(u64::try_from(begun.elapsed().as_nanos())?);
    }
}

fn outcome(latencies: &[u64], connections: usize, elapsed: Duration) -> anyhow::Result<Outcome> {
    let requests = latencies.len() as u64;
    let mut histogram = Histogram::new(3)?;
    // Each connection would have asked this often, had nothing held it up.
    let interval = elapsed.as_nanos() as u64 * connections as u64 / requests.max(1);
    for latency in latencies {
        histogram.record_correct(*latency, interval)?;
    }
    Ok(Outcome { requests, elapsed, latencies: histogram })
}

/// Asks once, and reads the answer.
pub(crate) fn ask(address: &Address, request: &[u8]) -> anyhow::Result<serde_json::Value> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        let mut connection = Connection::open(address).await?;
        Ok(serde_json::from_slice(connection.exchange(request).await?)?)
    })
}

/// Writes a GET.
pub(crate) fn get(target: &str, bytes: &mut Vec<u8>) {
    bytes.extend_from_slice(b"GET ");
    bytes.extend_from_slice(target.as_bytes());
    bytes.extend_from_slice(b" HTTP/1.1\r\nHost: localhost\r\n\r\n");
}

/// Writes a POST of JSON.
pub(crate) fn post(target: &str, body: &str, bytes: &mut Vec<u8>) {
    let head = format!(
        "POST {target} HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n",
        body.len()
    );
    bytes.extend_from_slice(head.as_bytes());
    bytes.extend_from_slice(body.as_bytes());
}
