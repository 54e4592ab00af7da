//! Child processes: the bare pipe and ours.

mod bare;
mod echo;
mod idle;
mod pool;
mod start;

use anyhow::Context;
use process_host::spec::{ChildSpec, Command, Stdio};

use crate::measure::{Effort, Goal, Row, alone, compare};

/// Every row.
pub(crate) fn run(effort: Effort) -> anyhow::Result<Vec<Row>> {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    let child = echo_child()?;
    let (one_by_one, pipelined) = (effort.of(50_000), effort.of(400_000));
    let half = Goal::RatioAtLeast(0.5);
    Ok(vec![
        compare(
            "echo, one after the other",
            "calls/s",
            Goal::RatioAtLeast(0.6),
            effort,
            || bare::sequential(&child, one_by_one),
            || runtime.block_on(echo::sequential(&child, one_by_one)),
        )?,
        compare(
            "echo, 64 at a time",
            "calls/s",
            half,
            effort,
            || bare::pipelined(&child, pipelined),
            || runtime.block_on(echo::pipelined(&child, pipelined)),
        )?,
        alone("messages each way, 64 at a time", "/s", Goal::AtLeast(50_000.0), effort, || {
            runtime.block_on(echo::pipelined(&child, pipelined))
        })?,
        alone("pool, checkout and return", "µs", Goal::AtMost(5.0), effort, || {
            runtime.block_on(pool::checkout(&child, effort.of(200_000)))
        })?,
        compare(
            "/bin/cat, start to first reply",
            "µs",
            Goal::RatioAtMost(2.0),
            effort,
            || start::bare(effort.of(500)),
            || runtime.block_on(start::ours(effort.of(500))),
        )?,
        // Once: what a round gives back, the next one would take again.
        alone("host memory for one of 1 000 idle children", "KB", Goal::AtMost(20.0), effort.once(), || {
            runtime.block_on(idle::memory(effort.of(1000).max(100)))
        })?,
    ])
}

/// The child that answers: this program again.
fn echo_child() -> anyhow::Result<ChildSpec> {
    let mut spec = ChildSpec::new("echo", Command::new(std::env::current_exe()?).arg("echo"));
    spec.stdio = Stdio::JsonRpc;
    Ok(spec)
}

fn program(spec: &ChildSpec) -> std::process::Command {
    let mut command = std::process::Command::new(spec.command.program());
    command.args(spec.command.arguments());
    command
}

fn pipe<T>(end: Option<T>) -> anyhow::Result<T> {
    end.context("a pipe was asked for")
}
