//! A child is killed once more than its supervisor may restart it.

use std::{
    error::Error,
    time::{Duration, Instant},
};

use process_host::{ChildStatus, Event, EventKind, State};
use rustix::process::Signal;

use super::{
    Check, Report,
    play::Play,
    stage::{event, send, within},
};
use crate::cli::units;

/// In place of the child's own waits: with those, the window may be over before the last kill.
const WAIT: Duration = Duration::from_millis(20);

pub(super) async fn play(play: &Play) -> Result<Report, Box<dyn Error>> {
    let stage = play
        .start_changed(|victim| {
            (victim.backoff.first, victim.backoff.longest, victim.backoff.jitter) = (WAIT, WAIT, 0.0)
        })
        .await?;
    let (superior, superior_path) = play.superior();
    let allowed = superior.max_restart_attempts;
    let (child, first) = stage.victim()?;
    let after = stage.supervisor.events().last();
    let begun = Instant::now();
    let (mut pid, mut survived) = (first, 0);
    for _ in 0..allowed {
        send(pid, Signal::KILL)?;
        let is_new =
            |status: &ChildStatus| status.state == State::Running && status.pid.is_some_and(|new| new != pid);
        match within(play.patience(), child.wait_until(is_new)).await.flatten() {
            Some(status) => pid = status.pid.unwrap_or(pid),
            None => break,
        }
        survived += 1;
    }
    let mut checks = vec![Check::new(
        format!("after each of {allowed} kills it runs again"),
        survived == allowed,
        format!("after {survived} in {}", units::took(begun.elapsed())),
    )];
    if survived == allowed {
        send(pid, Signal::KILL)?;
        let fails = |event: &Event| *event.path == *superior_path && event.kind == EventKind::Failed;
        let failed = event(&stage.supervisor, after, play.patience() + stop_time(play), fails).await;
        let happened = match &failed {
            Some(_) => format!("{} after the first kill", units::took(begun.elapsed())),
            None => format!("the child is {}", child.status().state),
        };
        checks.push(Check::new(
            format!("kill number {} fails its supervisor", allowed + 1),
            failed.is_some(),
            happened,
        ));
        if superior_path.is_empty() {
            let left =
                stage.supervisor.children().iter().filter(|(_, child)| child.status().pid.is_some()).count();
            checks.push(Check::new(
                "then nothing runs any more",
                left == 0,
                format!("{left} processes are left"),
            ));
        }
    }
    stage.close().await;
    let done = format!(
        "SIGKILL to {} (process {first}) as soon as it runs, {} times, its waits set to {}",
        play.path,
        allowed + 1,
        units::took(WAIT),
    );
    Ok(Report { done, checks, recovery: None })
}

/// How long the others may take to stop: each as long as its own description allows.
fn stop_time(play: &Play) -> Duration {
    let shutdown = play.victim.shutdown;
    (shutdown.after_stdin + shutdown.after_term) * 4
}
