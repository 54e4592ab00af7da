//! Ours: calls over a connection, with ids, deadlines and answers that are parsed.

use std::{sync::Arc, time::Instant};

use process_host::{CallOptions, Connection, Log, Port, spec::ChildSpec};
use serde::Serialize;

#[derive(Serialize)]
struct Message {
    message: &'static str,
}

/// Calls per second, each after the answer to the one before.
pub(super) async fn sequential(spec: &ChildSpec, calls: usize) -> anyhow::Result<f64> {
    let port = Port::open(spec, &Log::new(1000)).await?;
    let connection = connection(&port)?;
    let start = Instant::now();
    tokio::spawn(repeat(connection, calls)).await??;
    let rate = calls as f64 / start.elapsed().as_secs_f64();
    port.stop(&spec.shutdown).await;
    Ok(rate)
}

/// Calls per second of 64 callers at one time.
pub(super) async fn pipelined(spec: &ChildSpec, calls: usize) -> anyhow::Result<f64> {
    const CALLERS: usize = 64;
    let port = Port::open(spec, &Log::new(1000)).await?;
    let connection = Arc::new(connection(&port)?);
    let each = calls.div_ceil(CALLERS);
    let start = Instant::now();
    let callers: Vec<_> = (0..CALLERS).map(|_| tokio::spawn(repeat((*connection).clone(), each))).collect();
    for caller in callers {
        caller.await??;
    }
    let rate = (each * CALLERS) as f64 / start.elapsed().as_secs_f64();
    port.stop(&spec.shutdown).await;
    Ok(rate)
}

async fn repeat(connection: Connection, calls: usize) -> anyhow::Result<()> {
    for _ in 0..calls {
        connection.call("echo", &Message { message: "hello" }, CallOptions::default()).await?;
    }
    Ok(())
}

fn connection(port: &Port) -> anyhow::Result<Connection> {
    super::pipe(port.connection().cloned())
}
