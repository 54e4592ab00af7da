//! The machines and their tasks together, over processes that act by a script, in paused time.

mod script;

use std::time::Duration;

use tokio::time::{Instant, timeout};

use super::*;
use crate::{
    EventKind, State,
    spec::{ChildSpec, Command, Stdio, Strategy},
};
use script::{Life, Stage};

const SECOND: Duration = Duration::from_secs(1);
const UNMEASURED: Options = Options { kept_events: 1000, sample_interval: None, incoming: None };

fn child(name: &str) -> ChildSpec {
    let mut spec = ChildSpec::new(name, Command::new(name));
    spec.backoff.jitter = 0.0;
    spec.stdio = Stdio::JsonRpc;
    spec
}

fn tree(children: impl IntoIterator<Item = ChildSpec>) -> SupervisorSpec {
    let children = children.into_iter().map(Member::from).collect();
    SupervisorSpec { children, ..SupervisorSpec::default() }
}

fn start(spec: SupervisorSpec, stage: &Stage) -> Supervisor {
    Supervisor::launch(spec, UNMEASURED, stage.clone()).unwrap()
}

async fn running(supervisor: &Supervisor) {
    reaches(supervisor, "", |kind| *kind == EventKind::Running { pid: None }).await;
}

/// Waits for an event about `path`; its number.
async fn reaches(supervisor: &Supervisor, path: &str, wanted: impl Fn(&EventKind) -> bool) -> u64 {
    let mut last = 0;
    loop {
        let next = timeout(3600 * SECOND, supervisor.events.next_after(last)).await.unwrap();
        for event in next.events {
            last = event.sequence;
            if &*event.path == path && wanted(&event.kind) {
                return last;
            }
        }
    }
}

#[tokio::test(start_paused = true)]
async fn the_sixth_restart_in_the_window_fails_it_and_the_fifth_does_not() {
    // A crash every 12 s: the restart after the first, and four more, are within 60 s of the sixth.
    let stage = Stage::new().plan("a", Life::Ends { after: 10 * SECOND, with: Exit::Code(3) });
    let mut spec = child("a");
    (spec.backoff.first, spec.backoff.longest) = (2 * SECOND, 2 * SECOND);
    let begun = Instant::now();
    let supervisor = start(tree([spec.clone()]), &stage);
    let Failure { child, exit, .. } = match supervisor.ended().await {
        End::Failed(failure) => failure,
        End::Stopped => panic!("it was not stopped"),
    };
    assert_eq!((child.as_str(), exit), ("a", Some(Exit::Code(3))));
    assert_eq!(begun.elapsed(), 70 * SECOND, "six runs of 10 s and five waits of 2 s");
    let status = supervisor.child("a").unwrap().status();
    assert_eq!((status.state, status.restarts), (State::Failed, 5));
    assert_eq!(supervisor.status().state, State::Failed);

    // A little slower, and there are never six in the window.
    let stage = Stage::new().plan("a", Life::Ends { after: 11 * SECOND, with: Exit::Code(3) });
    let supervisor = start(tree([spec]), &stage);
    assert!(timeout(3600 * SECOND, supervisor.ended()).await.is_err());
    assert_eq!(supervisor.status().restarts_in_window, 5);
}

#[tokio::test(start_paused = true)]
async fn children_start_in_order_and_stop_in_reverse() {
    let stage = Stage::new().plan("b", Life::HeedsStdin).plan("c", Life::HeedsNothing);
    let supervisor = start(tree(["a", "b", "c"].map(child)), &stage);
    running(&supervisor).await;
    let begun = Instant::now();
    assert_eq!(supervisor.stop().await, End::Stopped);
    assert_eq!(begun.elapsed(), 14 * SECOND, "c takes 2 + 10 s, b nothing, a 2 s");
    assert_eq!(
        stage.done(),
        ["spawn a", "spawn b", "spawn c", "close c", "TERM c", "KILL c", "end c"]
            .into_iter()
            .chain(["close b", "end b", "close a", "TERM a", "end a"])
            .collect::<Vec<_>>()
    );
}

#[tokio::test(start_paused = true)]
async fn the_last_handle_dropped_stops_it_in_order() {
    let stage = Stage::new();
    let supervisor = start(tree(["a", "b"].map(child)), &stage);
    running(&supervisor).await;
    let (tracker, other) = (supervisor.tracker.clone(), supervisor.clone());
    let left = supervisor.child("a").unwrap();
    drop(supervisor);
    tokio::time::sleep(SECOND).await;
    assert_eq!(left.status().state, State::Running, "there is another handle");
    drop(other);
    tracker.wait().await;
    assert_eq!(stage.done()[2..], ["close b", "TERM b", "end b", "close a", "TERM a", "end a"]);
    assert!(matches!(left.restart().await, Err(RequestError::Stopping)));
    assert!(left.wait_for(State::Running).await.is_none());
}

#[tokio::test(start_paused = true)]
async fn one_that_is_stopped_while_it_starts_is_not_left_running() {
    let stage = Stage::new().slow("a", 5 * SECOND);
    let supervisor = start(tree([child("a"), child("b")]), &stage);
    supervisor.child("a").unwrap().wait_for(State::Starting).await.unwrap();
    assert_eq!(supervisor.stop().await, End::Stopped);
    assert_eq!(stage.done(), ["spawn a", "close a", "TERM a", "end a"]);
}

#[tokio::test(start_paused = true)]
async fn a_restart_during_shutdown_is_refused_and_nothing_is_left() {
    let stage = Stage::new();
    let supervisor = start(tree(["a", "b"].map(child)), &stage);
    running(&supervisor).await;
    let (a, b) = (supervisor.child("a").unwrap(), supervisor.child("b").unwrap());
    let under_way = tokio::spawn({
        let a = a.clone();
        async move { a.restart().await }
    });
    a.wait_for(State::Stopping).await.unwrap();
    let stop = tokio::spawn({
        let supervisor = supervisor.clone();
        async move { supervisor.stop().await }
    });
    b.wait_for(State::Stopping).await.unwrap();
    assert!(matches!(b.restart().await, Err(RequestError::Stopping)));
    assert!(matches!(under_way.await.unwrap(), Err(RequestError::Stopping)));
    assert_eq!(stop.await.unwrap(), End::Stopped);
    assert_eq!(stage.alive(), 0);
}

#[tokio::test(start_paused = true)]
async fn one_that_does_not_answer_is_unhealthy_then_stopped_and_started_again() {
    let stage = Stage::new().unwell("a");
    let supervisor = start(tree([child("a")]), &stage);
    running(&supervisor).await;
    let begun = Instant::now();
    let unhealthy = reaches(&supervisor, "a", |kind| *kind == EventKind::Unhealthy { failures: 1 }).await;
    assert_eq!(begun.elapsed(), 20 * SECOND, "an interval and a timeout");
    let crashed = reaches(&supervisor, "a", |kind| matches!(kind, EventKind::Crashed { .. })).await;
    assert!(crashed > unhealthy);
    assert_eq!(begun.elapsed(), 62 * SECOND, "three of them, and SIGTERM after 2 s");
    supervisor.child("a").unwrap().wait_for(State::Running).await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn one_that_cannot_be_started_says_why() {
    let stage = Stage::new().plan("a", Life::NoSuchProgram);
    let supervisor = start(tree([child("a")]), &stage);
    let End::Failed(failure) = supervisor.ended().await else { panic!() };
    assert_eq!((failure.exit, failure.error.as_deref()), (None, Some("no such program")));
    assert_eq!(failure.to_string(), "a could not be kept running: no such program");
}

#[tokio::test(start_paused = true)]
async fn a_supervisor_below_that_fails_is_started_again_whole() {
    let stage = Stage::new().plan("x", Life::Ends { after: SECOND, with: Exit::Code(1) });
    let mut x = child("x");
    (x.backoff.first, x.backoff.longest) = (SECOND, SECOND);
    let mut inner = tree([child("w"), x]);
    (inner.name, inner.max_restart_attempts) = ("inner".into(), 1);
    let mut outer = tree([child("a")]);
    outer.children.push(inner.into());
    outer.max_restart_attempts = 1;
    outer.strategy = Strategy::OneForOne;
    let supervisor = start(outer, &stage);
    let End::Failed(failure) = supervisor.ended().await else { panic!() };
    assert_eq!(failure.child, "inner/x");
    let spawns = |name: &str| stage.done().iter().filter(|done| **done == format!("spawn {name}")).count();
    assert_eq!((spawns("x"), spawns("w"), spawns("a")), (4, 2, 1), "twice two attempts");
    assert_eq!(stage.alive(), 0);
}

#[tokio::test(start_paused = true)]
async fn members_are_added_restarted_and_removed_by_name() {
    let stage = Stage::new();
    let supervisor = start(tree([child("a")]), &stage);
    let mut group = tree([child("x")]);
    group.name = "group".into();
    supervisor.add(child("b")).await.unwrap();
    supervisor.add(group).await.unwrap();
    assert!(matches!(supervisor.add(child("b")).await, Err(RequestError::Duplicate(name)) if name == "b"));
    assert!(matches!(supervisor.add(child("b/c")).await, Err(RequestError::Invalid(_))));
    let x = supervisor.child("group/x").unwrap();
    x.wait_for(State::Running).await.unwrap();
    let before = x.status().pid;
    supervisor.restart("group/x").await.unwrap();
    assert_ne!(x.status().pid, before);
    assert_eq!((x.status().state, x.status().restarts), (State::Running, 1));
    supervisor.stop_child("group").await.unwrap();
    assert_eq!(x.status().state, State::Stopped);
    supervisor.start_child("group").await.unwrap();
    assert_eq!(x.status().state, State::Running);
    supervisor.remove("group").await.unwrap();
    assert!(supervisor.child("group/x").is_none());
    assert!(matches!(supervisor.restart("group").await, Err(RequestError::Unknown(_))));
    assert_eq!(supervisor.children().into_iter().map(|(path, _)| path).collect::<Vec<_>>(), ["a", "b"]);
    assert_eq!(supervisor.stop().await, End::Stopped);
    assert_eq!(stage.alive(), 0);
}
