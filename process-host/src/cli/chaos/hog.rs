//! A child never reads what it is asked.

use std::{error::Error, time::Duration};

use futures::future::join_all;
use process_host::{CallError, CallOptions, spec::Stdio};
use tokio::time::Instant;

use super::{
    Check, Report, bounded, own_memory,
    play::{Play, peer},
    stage::ECHO,
};
use crate::cli::units;

/// More than a pipe holds, many times over.
const CALLS: usize = 64;
const CALL_BYTES: usize = 64 << 10;
const DEADLINE: Duration = Duration::from_millis(500);
/// How much later than its deadline a call may fail on a busy machine.
const SLACK: Duration = Duration::from_millis(500);

pub(super) async fn play(play: &Play) -> Result<Report, Box<dyn Error>> {
    let stage =
        play.start([peer(ECHO, "echo", Stdio::JsonRpc)?, peer("chaos-hog", "hog", Stdio::JsonRpc)?]).await?;
    let hog = stage.connection("chaos-hog").await?;
    let prober = stage.prober().await?;
    let before = prober.baseline().await;
    let memory = own_memory();
    let text = "x".repeat(CALL_BYTES);
    let call = async || {
        let begun = Instant::now();
        let end = hog.call("echo", &[&text], CallOptions::within(DEADLINE)).await;
        (end, begun.elapsed())
    };
    let (times, ends) = prober.during(join_all((0..CALLS).map(|_| call()))).await;
    let failed = ends.iter().filter(|(end, _)| matches!(end, Err(CallError::Deadline { .. }))).count();
    let latest = ends.iter().map(|(_, took)| *took).max().unwrap_or_default();
    let mut checks = vec![
        Check::new(
            format!("each of {CALLS} calls fails by its deadline of {}", units::took(DEADLINE)),
            failed == CALLS && latest < DEADLINE + SLACK,
            format!("{failed} did, the last after {}", units::took(latest)),
        ),
        bounded(memory),
        times.stay_flat(&before),
    ];
    checks.extend(stage.untouched());
    stage.close().await;
    let done = format!(
        "a child beside them was asked {CALLS} times, {} each, and read nothing",
        units::bytes(CALL_BYTES as u64)
    );
    Ok(Report { done, checks, recovery: None })
}
