//! SIGSTOP to a child: it lives and does nothing.

use std::{error::Error, time::Instant};

use process_host::{Event, EventKind, Exit};
use rustix::process::Signal;

use super::{
    Check, Report,
    play::Play,
    stage::{event, send},
};
use crate::cli::units;

pub(super) async fn play(play: &Play) -> Result<Report, Box<dyn Error>> {
    let stage = play.start([]).await?;
    let (child, pid) = stage.victim()?;
    let after = stage.supervisor.events().last();
    let health = &play.victim.health;
    // One check may have begun before.
    let limit =
        (health.interval + health.timeout) * (health.failures + 1) + std::time::Duration::from_secs(2);
    let begun = Instant::now();
    send(pid, Signal::STOP)?;
    let is_noticed =
        |event: &Event| *event.path == *play.path && matches!(event.kind, EventKind::Unhealthy { .. });
    let noticed = event(&stage.supervisor, after, limit, is_noticed).await;
    let mut checks = vec![Check::new(
        format!("its health check fails within {}", units::took(limit)),
        noticed.is_some(),
        match &noticed {
            Some(_) => format!("{} later", units::took(begun.elapsed())),
            None => "it did not; health_check = \"alive\" or \"ping\" would see it".to_owned(),
        },
    )];
    let mut recovery = None;
    if noticed.is_some() {
        let shutdown = play.victim.shutdown;
        let patience = limit + shutdown.after_stdin + shutdown.after_term + play.patience();
        checks.push(stage.runs_again(&child, pid, patience).await.0);
        recovery = Some(begun.elapsed());
        let exit = child.status().last_exit;
        let happened = exit.map_or_else(|| "it did not end".to_owned(), |exit| exit.to_string());
        checks.push(Check::new("it ended by SIGKILL", exit == Some(Exit::Signal(9)), happened));
    } else {
        send(pid, Signal::CONT)?;
    }
    checks.extend(stage.untouched());
    stage.close().await;
    Ok(Report { done: format!("SIGSTOP to {} (process {pid})", play.path), checks, recovery })
}
