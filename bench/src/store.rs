//! What a durable write costs: beside the usual way to write, and beside one that may be lost.

use std::time::Duration;

use crate::{
    http::create,
    measure::{Effort, Goal, Row, compare},
    server::Server,
};

const ROUND: Duration = Duration::from_secs(3);

/// Every row.
pub(crate) fn run(effort: Effort) -> anyhow::Result<Vec<Row>> {
    let time = effort.time(ROUND);
    let backend = |durability| Server::backend(&[("BINDERY_DURABILITY", durability)]);
    let (ours, naive) = (backend("full")?, Server::naive()?);
    // Stores that have grown alike.
    let (full, normal) = (backend("full")?, backend("normal")?);
    Ok(vec![
        compare(
            "POST a task, beside a pool with a transaction each",
            "/s",
            Goal::RatioAtLeast(15.0),
            effort,
            || create(&naive, time),
            || create(&ours, time),
        )?,
        compare(
            "POST a task, full beside normal durability",
            "/s",
            Goal::RatioAtLeast(0.9),
            effort,
            || create(&normal, time),
            || create(&full, time),
        )?,
    ])
}
