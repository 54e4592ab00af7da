//! Children that run and are not well.

use process_host::{CallOptions, Exit, State, spec::Check};
use rustix::process::Signal;

use super::*;

fn checked(mut spec: ChildSpec, check: Check) -> ChildSpec {
    spec.health.check = check;
    (spec.health.interval, spec.health.timeout, spec.health.failures) = (millis(30), millis(2000), 2);
    spec
}

#[tokio::test]
async fn one_that_is_stopped_by_a_signal_is_unhealthy_then_killed_and_started_again() {
    let supervisor = start(tree([checked(sleeper("a"), Check::Alive), sleeper("b")]));
    let (a, b) = (running(&supervisor, "a").await, running(&supervisor, "b").await);
    send(a, Signal::STOP);
    event(&supervisor, "a", |kind| *kind == EventKind::Unhealthy { failures: 2 }).await;
    let child = supervisor.child("a").unwrap();
    let status = until(&child, |status| status.restarts == 1 && status.state == State::Running).await;
    assert_eq!(status.last_exit, Some(Exit::Signal(9)));
    assert!(!exists(a));
    assert_eq!(running(&supervisor, "b").await, b);
    patiently(supervisor.stop()).await;
}

#[tokio::test]
async fn one_that_is_well_again_is_left_alone() {
    let supervisor = start(tree([{
        let mut spec = checked(sleeper("a"), Check::Alive);
        spec.health.failures = 1000;
        spec
    }]));
    let a = running(&supervisor, "a").await;
    send(a, Signal::STOP);
    let child = supervisor.child("a").unwrap();
    until(&child, |status| status.state == State::Unhealthy && status.failed_health_checks > 1).await;
    send(a, Signal::CONT);
    let status = until(&child, |status| status.state == State::Running).await;
    assert_eq!((status.pid, status.restarts, status.failed_health_checks), (Some(a), 0, 0));
    patiently(supervisor.stop()).await;
}

#[tokio::test]
async fn a_command_of_the_user_says_whether_it_is_well() {
    let folder = tempfile::tempdir().unwrap();
    let flag = folder.path().join("well");
    std::fs::write(&flag, "").unwrap();
    let check = Check::Command(Command::new("test").arg("-e").arg(&flag));
    let supervisor = start(tree([checked(sleeper("a"), check)]));
    running(&supervisor, "a").await;
    std::fs::remove_file(&flag).unwrap();
    event(&supervisor, "a", |kind| matches!(kind, EventKind::Crashed { .. })).await;
    std::fs::write(&flag, "").unwrap();
    running(&supervisor, "a").await;
    patiently(supervisor.stop()).await;
}

#[tokio::test]
async fn a_ping_that_nobody_answers_is_a_failed_check() {
    let mut mute = checked(child("mute", ["sh", "-c", "cat >/dev/null"]), Check::Ping);
    mute.stdio = Stdio::JsonRpc;
    mute.health.timeout = millis(50);
    let supervisor = start(tree([checked(answering("well"), Check::Ping), mute]));
    let mute = supervisor.child("mute").unwrap();
    until(&mute, |status| status.restarts >= 1).await;
    let well = supervisor.child("well").unwrap().status();
    assert_eq!((well.state, well.restarts), (State::Running, 0));
    patiently(supervisor.stop()).await;
}

#[tokio::test]
async fn the_connection_is_that_of_the_process_that_runs() {
    let supervisor = start(tree([answering("a")]));
    let a = supervisor.child("a").unwrap();
    let ask = async || {
        let connection = patiently(a.connection()).await.unwrap();
        let answer = connection.call("who", &serde_json::Map::new(), CallOptions::within(PATIENCE)).await;
        (connection, answer.unwrap().get().parse::<u32>().unwrap())
    };
    let (connection, first) = ask().await;
    assert_eq!(Some(first), a.status().pid);
    send(first, Signal::KILL);
    patiently(connection.closed()).await;
    let (_, second) = ask().await;
    assert_ne!(first, second);
    patiently(a.stop()).await.unwrap();
    assert!(a.connections().borrow().is_none(), "there is no process to talk to");
    patiently(supervisor.stop()).await;
    assert!(patiently(a.connection()).await.is_none());
}
