//! Supervisors over real processes.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests")]

mod crowd;
mod failing;
mod health;
mod order;
mod saying;

use std::{future::Future, path::Path, time::Duration};

use process_host::{
    Child, ChildStatus, Event, EventKind, State, Supervisor,
    spec::{ChildSpec, Command, Member, Stdio, SupervisorSpec},
    supervisor::Options,
};
use rustix::process::{Pid, Signal, kill_process};

/// Longer than anything here takes on a busy machine; reached only when a test has failed.
const PATIENCE: Duration = Duration::from_secs(30);

fn millis(number: u64) -> Duration {
    Duration::from_millis(number)
}

/// A child that is restarted and stopped without much waiting.
fn child<const N: usize>(name: &str, command: [&str; N]) -> ChildSpec {
    let [program, arguments @ ..] = &command[..] else { panic!("no program") };
    let mut spec = ChildSpec::new(name, Command::new(program).args(arguments));
    (spec.backoff.first, spec.backoff.longest) = (millis(5), millis(20));
    (spec.shutdown.after_stdin, spec.shutdown.after_term) = (millis(100), millis(500));
    spec
}

fn sleeper(name: &str) -> ChildSpec {
    child(name, ["sleep", "1000"])
}

/// A child that answers every JSON-RPC request with the number of its process.
fn answering(name: &str) -> ChildSpec {
    const ANSWER: &str = r#"while read -r line; do
        id=$(printf %s "$line" | sed 's/.*"id":\([0-9]*\).*/\1/')
        echo "{\"jsonrpc\":\"2.0\",\"id\":$id,\"result\":$$}"
    done"#;
    let mut spec = child(name, ["sh", "-c", ANSWER]);
    spec.stdio = Stdio::JsonRpc;
    spec
}

fn tree(children: impl IntoIterator<Item = ChildSpec>) -> SupervisorSpec {
    let children = children.into_iter().map(Member::from).collect();
    SupervisorSpec { children, ..SupervisorSpec::default() }
}

fn start(spec: SupervisorSpec) -> Supervisor {
    let options = Options { sample_interval: Some(millis(50)), ..Options::default() };
    Supervisor::start_with(spec, options).unwrap()
}

async fn patiently<T>(what: impl Future<Output = T>) -> T {
    tokio::time::timeout(PATIENCE, what).await.expect("it takes too long")
}

/// Waits until the child is as wanted.
async fn until(child: &Child, wanted: impl Fn(&ChildStatus) -> bool) -> ChildStatus {
    patiently(child.wait_until(wanted)).await.expect("its supervisor has ended")
}

/// Waits until a child runs; its process.
async fn running(supervisor: &Supervisor, path: &str) -> u32 {
    let child = supervisor.child(path).unwrap();
    until(&child, |status| status.state == State::Running).await.pid.unwrap()
}

/// Waits for an event about the child.
async fn event(supervisor: &Supervisor, path: &str, wanted: impl Fn(&EventKind) -> bool) -> Event {
    let mut last = 0;
    loop {
        for event in patiently(supervisor.events().next_after(last)).await.events {
            last = event.sequence;
            if &*event.path == path && wanted(&event.kind) {
                return event;
            }
        }
    }
}

/// What happened so far, each as its child and the first word about it.
fn history(supervisor: &Supervisor) -> Vec<String> {
    let events = supervisor.events().after(0).events;
    let line = |event: Event| {
        let kind = event.kind.to_string();
        format!("{} {}", event.path, kind.split([' ', ',']).next().unwrap())
    };
    events.into_iter().map(line).collect()
}

fn send(pid: u32, signal: Signal) {
    let pid = i32::try_from(pid).ok().and_then(Pid::from_raw).unwrap();
    kill_process(pid, signal).unwrap();
}

fn exists(pid: u32) -> bool {
    Path::new(&format!("/proc/{pid}")).exists()
}
