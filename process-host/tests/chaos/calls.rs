//! Calls to children that come to harm, and to those beside them.

use std::{
    future::Future,
    time::{Duration, Instant},
};

use process_host::{
    CallError, CallOptions, Child, Closed, Connection, EventKind, Exit, Supervisor,
    spec::{ChildSpec, Command, Stdio, SupervisorSpec},
};
use rustix::process::Signal;
use serde_json::Map;
use tokio::task::JoinSet;

use crate::{PATIENCE, host::send};

fn peer(name: &str, behaviour: &str) -> ChildSpec {
    let command = Command::new(env!("CARGO_BIN_EXE_process-host")).args(["peer", behaviour]);
    let mut spec = ChildSpec::new(name, command);
    spec.stdio = Stdio::JsonRpc;
    (spec.backoff.first, spec.backoff.longest) = (Duration::from_millis(5), Duration::from_millis(20));
    (spec.shutdown.after_stdin, spec.shutdown.after_term) =
        (Duration::from_millis(100), Duration::from_millis(500));
    spec
}

fn start<const N: usize>(children: [ChildSpec; N]) -> Supervisor {
    let children = children.map(Into::into).to_vec();
    Supervisor::start(SupervisorSpec { children, ..SupervisorSpec::default() }).unwrap()
}

async fn patiently<T>(what: impl Future<Output = T>) -> T {
    tokio::time::timeout(PATIENCE, what).await.expect("it takes too long")
}

async fn connected(supervisor: &Supervisor, path: &str) -> (Child, Connection) {
    let child = supervisor.child(path).unwrap();
    let connection = patiently(child.connection()).await.unwrap();
    (child, connection)
}

/// Calls that wait for an answer that does not come, all of them on their way.
async fn wait_for_silence(connection: &Connection, calls: usize) -> JoinSet<Result<String, CallError>> {
    let mut waiting = JoinSet::new();
    for _ in 0..calls {
        let connection = connection.clone();
        waiting.spawn(async move {
            let answer = connection.call("silence", &Map::new(), CallOptions::within(PATIENCE)).await;
            answer.map(|answer| answer.get().to_owned())
        });
    }
    patiently(async {
        while connection.metrics().pending < calls {
            tokio::task::yield_now().await;
        }
    })
    .await;
    waiting
}

#[tokio::test]
async fn a_kill_amid_requests_fails_each_of_them_once_and_touches_no_sibling() {
    const CALLS: usize = 50;
    let supervisor = start([peer("ill", "echo"), peer("well", "echo")]);
    let (ill, to_ill) = connected(&supervisor, "ill").await;
    let (well, to_well) = connected(&supervisor, "well").await;
    let mut failing = wait_for_silence(&to_ill, CALLS).await;
    let mut waiting = wait_for_silence(&to_well, CALLS).await;
    let (before, sibling) = (ill.status().pid.unwrap(), well.status().pid.unwrap());
    send(before, Signal::KILL);
    let mut ends = 0;
    while let Some(end) = patiently(failing.join_next()).await {
        let Err(CallError::Closed { reason: Closed::ChildExited { exit, .. }, sent: true }) = end.unwrap()
        else {
            panic!("a call did not fail with the child's end")
        };
        assert_eq!(exit, Exit::Signal(9));
        ends += 1;
    }
    assert_eq!(ends, CALLS);
    let again =
        patiently(ill.wait_until(|status| status.pid.is_some_and(|pid| pid != before))).await.unwrap();
    assert_eq!(again.restarts, 1);
    assert_eq!((to_well.metrics().pending, well.status().pid), (CALLS, Some(sibling)));
    assert!(waiting.try_join_next().is_none());
    patiently(to_well.call("ping", &Map::new(), CallOptions::default())).await.unwrap();
    let touched = |kind: &EventKind| !matches!(kind, EventKind::Starting | EventKind::Running { .. });
    let events = supervisor.events().after(0).events;
    assert!(!events.iter().any(|event| &*event.path == "well" && touched(&event.kind)), "{events:?}");
    waiting.abort_all();
    patiently(supervisor.stop()).await;
}

/// Times of so many pings, sorted.
async fn pings(connection: &Connection, count: usize) -> Vec<Duration> {
    let mut times = Vec::new();
    for _ in 0..count {
        let begun = Instant::now();
        patiently(connection.call("ping", &Map::new(), CallOptions::default())).await.unwrap();
        times.push(begun.elapsed());
    }
    times.sort();
    times
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_child_that_never_reads_costs_its_callers_their_deadline_and_others_nothing() {
    const DEADLINE: Duration = Duration::from_millis(700);
    let supervisor = start([peer("hog", "hog"), peer("well", "echo")]);
    let (_, hog) = connected(&supervisor, "hog").await;
    let (_, well) = connected(&supervisor, "well").await;
    let before = pings(&well, 500).await;
    let text = "x".repeat(64 << 10);
    let mut calls = JoinSet::new();
    for _ in 0..100 {
        let (hog, text) = (hog.clone(), text.clone());
        calls.spawn(async move {
            let begun = Instant::now();
            (hog.call("read", &[text], CallOptions::within(DEADLINE)).await.map(drop), begun.elapsed())
        });
    }
    let mut during = Vec::new();
    let mut ends = Vec::new();
    while !calls.is_empty() {
        during.extend(pings(&well, 10).await);
        while let Some(end) = calls.try_join_next() {
            ends.push(end.unwrap());
        }
    }
    during.sort();
    assert_eq!(ends.len(), 100);
    for (end, took) in ends {
        assert!(matches!(end, Err(CallError::Deadline { .. })), "{end:?}");
        assert!(took >= DEADLINE && took < DEADLINE * 3, "{took:?}");
    }
    // The machine has other things to do, so single pings may be late.
    let (median_before, median) = (before[before.len() / 2], during[during.len() / 2]);
    println!("median {median_before:?} before, {median:?} during, of {} pings", during.len());
    // Held up by the other's calls, it would wait for their deadline.
    assert!(median < median_before * 4 + DEADLINE / 4, "{median_before:?}, then {median:?}");
    patiently(supervisor.stop()).await;
}
