//! From the start of a process to its first answer.

use std::time::{Duration, Instant};

use crate::{
    load,
    measure::{Effort, Goal, Row, alone, compare},
    server::{Server, binary},
};

/// Every row.
pub(crate) fn run(effort: Effort) -> anyhow::Result<Vec<Row>> {
    let starts = effort.of(50).max(2);
    // Built now, and not within the first start.
    binary("bindery-backend")?;
    Ok(vec![
        compare(
            "start to first answer",
            "ms",
            Goal::RatioAtMost(2.0),
            effort,
            || first_answer(starts, Server::hello, "/"),
            || first_answer(starts, || Server::backend(&[]), "/health/ready"),
        )?,
        alone("backend's memory, idle", "MB", Goal::AtMost(25.0), effort.once(), || {
            let server = Server::backend(&[])?;
            std::thread::sleep(Duration::from_secs(1));
            Ok(server.resident()? as f64 / 1e6)
        })?,
    ])
}

/// Milliseconds, the median of so many starts, each followed by a stop in order.
pub(crate) fn first_answer(
    starts: usize,
    start: impl Fn() -> anyhow::Result<Server>,
    target: &str,
) -> anyhow::Result<f64> {
    let mut request = Vec::new();
    load::get(target, &mut request);
    let mut took = Vec::new();
    for _ in 0..starts {
        let begun = Instant::now();
        let server = start()?;
        load::ask(&server.tcp, &request)?;
        took.push(begun.elapsed().as_secs_f64() * 1e3);
        server.stop()?;
    }
    Ok(crate::measure::median(took))
}
