//! SIGKILL to a child, with calls under way.

use std::{error::Error, time::Duration};

use process_host::{CallError, CallOptions, Closed, Connection};
use rustix::process::Signal;
use tokio::task::JoinSet;

use super::{
    Check, Report,
    play::Play,
    stage::{send, within},
};

/// Calls that wait for an answer when the child dies.
const CALLS: usize = 5;

pub(super) async fn play(play: &Play) -> Result<Report, Box<dyn Error>> {
    let stage = play.start([]).await?;
    let (child, pid) = stage.victim()?;
    // Only of the child of this program it is known what it does not answer.
    let mut calls = JoinSet::new();
    if play.is_own {
        wait_for_silence(&stage.connection(&play.path).await?, &mut calls).await;
    }
    let with = if calls.is_empty() { String::new() } else { format!(" with {CALLS} calls under way") };
    send(pid, Signal::KILL)?;
    let (again, recovery) = stage.runs_again(&child, pid, play.patience()).await;
    let mut checks = vec![again];
    if !calls.is_empty() {
        checks.push(each_failed_once(calls).await);
    }
    checks.extend(stage.untouched());
    stage.close().await;
    Ok(Report { done: format!("SIGKILL to {} (process {pid}){with}", play.path), checks, recovery })
}

/// Makes the calls, and returns when all of them are on their way.
async fn wait_for_silence(connection: &Connection, calls: &mut JoinSet<Result<(), CallError>>) {
    for _ in 0..CALLS {
        let connection = connection.clone();
        calls.spawn(async move {
            let options = CallOptions::within(Duration::from_secs(20));
            connection.call("silence", &serde_json::Map::new(), options).await.map(drop)
        });
    }
    let on_their_way = async {
        while connection.metrics().pending < CALLS {
            tokio::task::yield_now().await;
        }
    };
    within(Duration::from_secs(5), on_their_way).await;
}

/// A call comes to one end by its type; so what is to be seen is that each comes to the right one.
async fn each_failed_once(mut calls: JoinSet<Result<(), CallError>>) -> Check {
    let mut ends = Vec::new();
    let join = async {
        while let Some(Ok(end)) = calls.join_next().await {
            ends.push(end);
        }
    };
    within(Duration::from_secs(5), join).await;
    let told = |end: &&Result<(), CallError>| {
        matches!(end, Err(CallError::Closed { reason: Closed::ChildExited { .. }, .. }))
    };
    let right = ends.iter().filter(told).count();
    let last = ends.iter().find_map(|end| end.as_ref().err()).map(ToString::to_string).unwrap_or_default();
    let happened = format!("{right} of {CALLS}: {last}");
    Check::new("each call fails once, and says how the child ended", right == CALLS, happened)
}
