//! The MCP face beside rmcp that says what it was told.

pub(crate) mod session;

use std::{path::Path, process::Command, time::Instant};

use anyhow::Context;
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::{
    measure::{Effort, Goal, Row, alone, compare},
    server::{binary, resident},
};
use session::Session;

const CALLS: usize = 5_000;

/// Calls on their way at one time.
const PIPELINED: usize = 32;

/// Every row.
pub(crate) fn run(effort: Effort) -> anyhow::Result<Vec<Row>> {
    let calls = effort.of(CALLS);
    let (folder, mut ours) = assistant(&[])?;
    let (_uncached_folder, mut uncached) = assistant(&[("BINDERY_CACHE_TTL", "0")])?;
    let mut echo = echo()?;
    let read = json!({ "task_id": create(&mut ours, 0)? });
    let read_uncached = json!({ "task_id": create(&mut uncached, 0)? });
    let hello = json!({ "message": "hello" });
    let idle = resident(ours.pid())? as f64 / 1e6;
    let disk = folder.path().join("disk");
    Ok(vec![
        compare(
            "get_task, cached",
            "µs",
            Goal::RatioAtMost(1.3),
            effort,
            || p50(&mut echo, "echo", &hello, calls),
            || p50(&mut ours, "get_task", &read, calls),
        )?,
        compare(
            "get_task, not cached",
            "µs",
            Goal::RatioAtMost(2.5),
            effort,
            || p50(&mut echo, "echo", &hello, calls),
            || p50(&mut uncached, "get_task", &read_uncached, calls),
        )?,
        compare(
            "create_task, durable, beside an echo and one fsync",
            "µs",
            Goal::RatioAtMost(1.5),
            effort,
            || Ok(p50(&mut echo, "echo", &hello, calls / 4)? + fsync(&disk, calls / 4)?),
            || p50(&mut ours, "create_task", &json!({ "title": "Look into it" }), calls / 4),
        )?,
        compare(
            "get_task, 32 at a time",
            "calls/s",
            Goal::RatioAtLeast(0.7),
            effort,
            || echo.pipelined("echo", &hello, calls * 4, PIPELINED),
            || ours.pipelined("get_task", &read, calls * 4, PIPELINED),
        )?,
        alone("bindery-mcp's memory, idle", "MB", Goal::AtMost(12.0), effort.once(), || Ok(idle))?,
    ])
}

/// The median time of a call, in µs.
pub(crate) fn p50(session: &mut Session, tool: &str, arguments: &Value, calls: usize) -> anyhow::Result<f64> {
    let calls = calls.max(1);
    let mut latencies = Vec::with_capacity(calls);
    for _ in 0..calls {
        let begun = Instant::now();
        session.call(tool, arguments)?;
        latencies.push(begun.elapsed().as_secs_f64() * 1e6);
    }
    Ok(crate::measure::median(latencies))
}

/// The median time that the disk takes to keep one page, in µs.
fn fsync(path: &Path, times: usize) -> anyhow::Result<f64> {
    use std::{fs::File, os::unix::fs::FileExt};

    let file = File::create(path)?;
    let mut took = Vec::new();
    for at in 0..times.max(1) as u64 {
        let begun = Instant::now();
        file.write_all_at(&[1; 4096], at % 256 * 4096)?;
        file.sync_data()?;
        took.push(begun.elapsed().as_secs_f64() * 1e6);
    }
    Ok(crate::measure::median(took))
}

fn echo() -> anyhow::Result<Session> {
    let mut command = Command::new(std::env::current_exe()?);
    command.arg("rmcp-echo");
    Session::start(command)
}

/// An assistant's server in a workspace of its own, with its backend awake.
pub(crate) fn assistant(settings: &[(&str, &str)]) -> anyhow::Result<(TempDir, Session)> {
    let folder = tempfile::tempdir()?;
    let session = assistant_in(folder.path(), settings)?;
    Ok((folder, session))
}

/// An assistant's server in this workspace, with its backend awake.
pub(crate) fn assistant_in(workspace: &Path, settings: &[(&str, &str)]) -> anyhow::Result<Session> {
    let mut command = Command::new(binary("bindery-mcp")?);
    command.arg("--workspace").arg(workspace).envs(settings.iter().copied());
    command.env("BINDERY_BACKEND", binary("bindery-backend")?).env("BINDERY_PORT", "0");
    let mut session = Session::start(command.env("RUST_LOG", "warn").env("BINDERY_GRACE", "1"))?;
    session.call("health_check", &json!({}))?;
    Ok(session)
}

/// Creates a task and returns its id.
pub(crate) fn create(session: &mut Session, n: u64) -> anyhow::Result<String> {
    let answer = session.call("create_task", &json!({ "title": format!("Task {n}") }))?;
    let id = answer["result"]["structuredContent"]["task"]["id"].as_str();
    Ok(id.with_context(|| answer.to_string())?.to_owned())
}
