//! Starting and stopping, in order and at the wrong moment.

use process_host::{
    End, State, Supervisor,
    spec::{Restart, Strategy},
    supervisor::RequestError,
};
use rustix::process::Signal;

use super::*;

#[tokio::test]
async fn children_start_in_order_stop_in_reverse_and_leave_nothing() {
    let mut inner = tree(["x", "y"].map(sleeper));
    inner.name = "inner".into();
    let mut spec = tree([sleeper("a")]);
    spec.children.push(inner.into());
    spec.children.push(sleeper("b").into());
    let supervisor = start(spec);
    running(&supervisor, "b").await;
    let pids: Vec<u32> = supervisor.children().iter().filter_map(|(_, child)| child.status().pid).collect();
    assert_eq!(pids.len(), 4);
    assert_eq!(patiently(supervisor.stop()).await, End::Stopped);
    let of = |word: &str| {
        let lines = history(&supervisor).into_iter();
        lines.filter_map(|line| Some(line.strip_suffix(word)?.trim().to_owned())).collect::<Vec<_>>()
    };
    assert_eq!(of("running"), ["a", "inner/x", "inner/y", "inner", "b", ""]);
    assert_eq!(of("stopped"), ["b", "inner/y", "inner/x", "inner", "a", ""]);
    assert!(!pids.into_iter().any(exists));
    assert_eq!(serde_json::to_value(supervisor.status()).unwrap()["children"][1]["state"], "stopped");
}

#[tokio::test]
async fn one_that_is_killed_is_started_again_and_its_siblings_are_not_touched() {
    let supervisor = start(tree(["a", "b", "c"].map(sleeper)));
    let (a, b, c) =
        (running(&supervisor, "a").await, running(&supervisor, "b").await, running(&supervisor, "c").await);
    send(b, Signal::KILL);
    let child = supervisor.child("b").unwrap();
    let status = until(&child, |status| status.pid.is_some_and(|pid| pid != b)).await;
    assert_eq!((status.restarts, status.last_exit), (1, Some(process_host::Exit::Signal(9))));
    assert_eq!((running(&supervisor, "a").await, running(&supervisor, "c").await), (a, c));
    assert!(!history(&supervisor).iter().any(|line| line == "a stopping" || line == "c stopping"));
    patiently(supervisor.stop()).await;
}

#[tokio::test]
async fn one_for_all_starts_all_again_with_new_processes() {
    let mut spec = tree(["a", "b", "c"].map(sleeper));
    spec.strategy = Strategy::OneForAll;
    let supervisor = start(spec);
    let before =
        [running(&supervisor, "a").await, running(&supervisor, "b").await, running(&supervisor, "c").await];
    send(before[1], Signal::KILL);
    for (path, child) in supervisor.children() {
        until(&child, |status| status.pid.is_some_and(|pid| !before.contains(&pid))).await;
        assert_eq!(child.status().restarts, 1, "{path}");
    }
    assert_eq!(supervisor.status().restarts_in_window, 1);
    patiently(supervisor.stop()).await;
}

#[tokio::test]
async fn the_policy_says_who_is_started_again() {
    let policy = |name: &str, script: &str, restart| {
        let mut spec = child(name, ["sh", "-c", script]);
        spec.restart = restart;
        spec
    };
    let mut spec = tree([
        policy("well", "exit 0", Restart::Transient),
        policy("ill", "exit 1", Restart::Temporary),
        policy("again", "exit 0", Restart::Permanent),
    ]);
    spec.max_restart_attempts = 2;
    let supervisor = start(spec);
    let End::Failed(failure) = patiently(supervisor.ended()).await else { panic!("not stopped") };
    assert_eq!(failure.child, "again");
    let status = |path: &str| supervisor.child(path).unwrap().status();
    assert_eq!((status("well").state, status("well").restarts), (State::Stopped, 0));
    assert_eq!((status("ill").state, status("ill").restarts), (State::Crashed, 0));
    assert_eq!((status("again").state, status("again").restarts), (State::Failed, 2));
}

#[tokio::test]
async fn stopped_at_any_moment_of_its_start_nothing_is_left() {
    for steps in 0..12 {
        let supervisor = start(tree(["a", "b"].map(sleeper)));
        for _ in 0..steps {
            tokio::task::yield_now().await;
        }
        assert_eq!(patiently(supervisor.stop()).await, End::Stopped);
        for event in supervisor.events().after(0).events {
            if let EventKind::Running { pid: Some(pid) } = event.kind {
                assert!(!exists(pid), "after {steps} steps {pid} is left");
            }
        }
        let left = supervisor.children().iter().any(|(_, child)| child.status().state != State::Stopped);
        assert!(!left, "after {steps} steps");
    }
}

#[tokio::test]
async fn a_restart_during_shutdown_is_refused() {
    let stubborn = child("stubborn", ["sh", "-c", "trap '' TERM; echo ready; while :; do sleep 0.05; done"]);
    let supervisor = start(tree([sleeper("a"), stubborn]));
    running(&supervisor, "stubborn").await;
    let log = supervisor.child("stubborn").unwrap().log();
    assert_eq!(patiently(log.next_after(0)).await[0].text, "ready");
    let stopping = tokio::spawn({
        let supervisor = supervisor.clone();
        async move { supervisor.stop().await }
    });
    event(&supervisor, "stubborn", |kind| *kind == EventKind::Stopping).await;
    assert!(matches!(supervisor.restart("a").await, Err(RequestError::Stopping)));
    assert!(matches!(supervisor.add(sleeper("b")).await, Err(RequestError::Stopping)));
    assert_eq!(patiently(stopping).await.unwrap(), End::Stopped);
    let exit = supervisor.child("stubborn").unwrap().status().last_exit;
    assert_eq!(exit, Some(process_host::Exit::Signal(9)), "it did not heed SIGTERM");
}

#[tokio::test]
async fn a_child_is_stopped_started_and_restarted_by_its_handle() {
    let supervisor = start(tree([sleeper("a")]));
    let a = supervisor.child("a").unwrap();
    let first = running(&supervisor, "a").await;
    patiently(a.restart()).await.unwrap();
    let second = a.status().pid.unwrap();
    assert!(second != first && !exists(first));
    patiently(a.stop()).await.unwrap();
    assert_eq!((a.status().state, a.status().pid), (State::Stopped, None));
    patiently(a.start()).await.unwrap();
    assert!(a.status().uptime_ms.is_some());
    patiently(supervisor.stop()).await;
}

#[tokio::test]
async fn the_last_handle_dropped_ends_all() {
    let supervisor = start(tree(["a", "b"].map(sleeper)));
    let pids = [running(&supervisor, "a").await, running(&supervisor, "b").await];
    let a = supervisor.child("a").unwrap();
    drop(supervisor);
    until(&a, |status| status.state == State::Stopped).await;
    assert!(!pids.into_iter().any(exists));
}

#[test]
fn the_runtime_dropped_ends_all() {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let (supervisor, pid): (Supervisor, u32) = runtime.block_on(async {
        let supervisor = start(tree([sleeper("a")]));
        let pid = running(&supervisor, "a").await;
        (supervisor, pid)
    });
    drop(runtime);
    let patience = std::time::Instant::now();
    while exists(pid) {
        assert!(patience.elapsed() < PATIENCE, "it is left");
        std::thread::yield_now();
    }
    drop(supervisor);
}
