//! A child writes 100 MB to standard error.

use std::{
    error::Error,
    time::{Duration, Instant},
};

use process_host::{
    log::{LogLine, Stream},
    spec::{Restart, Stdio},
};

use super::{
    Check, Report, bounded, own_memory,
    play::{Play, peer},
    stage::{ECHO, within},
};
use crate::cli::{
    peer::{FLOOD_BYTES, FLOOD_OVER},
    units,
};

/// What a busy machine needs for it.
const LIMIT: Duration = Duration::from_secs(60);

pub(super) async fn play(play: &Play) -> Result<Report, Box<dyn Error>> {
    let mut flood = peer("chaos-flood", "flood", Stdio::Log)?;
    flood.restart = Restart::Temporary;
    let before = own_memory();
    let begun = Instant::now();
    let stage = play.start([peer(ECHO, "echo", Stdio::JsonRpc)?, flood]).await?;
    let log = stage.supervisor.child("chaos-flood").ok_or("the flood is gone")?.log();
    let is_over = |line: &LogLine| line.stream == Stream::Stdout && line.text == FLOOD_OVER;
    let over = async {
        let mut last = 0;
        loop {
            let lines = log.next_after(last).await;
            if lines.iter().any(is_over) {
                return;
            }
            last = lines.last().map_or(last, |line| line.sequence);
        }
    };
    let prober = stage.prober().await?;
    let (times, over) = prober.during(within(LIMIT, over)).await;
    let took = begun.elapsed();
    let megabytes = FLOOD_BYTES as f64 / 1e6;
    let mut checks = vec![Check::new(
        format!("{megabytes:.0} MB are taken within {}", units::took(LIMIT)),
        over.is_some(),
        match over {
            Some(()) => {
                format!("in {}, {:.0} MB a second", units::took(took), megabytes / took.as_secs_f64())
            }
            None => "the child still writes".to_owned(),
        },
    )];
    checks.push(bounded(before));
    let kept: usize = log.after(0).iter().map(|line| line.text.len() + 1).sum();
    let most = stderr_bytes();
    checks.push(Check::new(
        format!("of what it wrote, at most the last {} are kept", units::bytes(most)),
        kept as u64 <= most,
        units::bytes(kept as u64),
    ));
    // The flood keeps the processors busy, so what is compared is with a quiet time on the same machine.
    let quiet = prober.baseline().await;
    checks.push(times.stay_flat(&quiet));
    checks.extend(stage.untouched_but("chaos-flood"));
    stage.close().await;
    Ok(Report {
        done: "a child beside them wrote 100 MB to standard error".to_owned(),
        checks,
        recovery: None,
    })
}

fn stderr_bytes() -> u64 {
    process_host::spec::Limits::default().stderr_bytes as u64
}
