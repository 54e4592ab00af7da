//! Requests at the wrong moment, and children that stand still.

use std::fs;

use process_host::{EventKind, Exit};
use rustix::process::Signal;

use crate::host::{Host, marked, marker, send};

#[test]
fn a_restart_during_shutdown_is_refused_and_nothing_starts_again() {
    // It takes its time to end, until it is told not to.
    let script = "trap 'while [ ! -e go ]; do sleep 0.02; done; exit 0' TERM; echo ready; while :; do sleep 0.05; done";
    let tree = format!(
        "[[child]]\nname = \"slow\"\nshutdown = {{ graceful_shutdown_timeout_ms = 600000 }}\n\
         command = [\"sh\", \"-c\", \"{script}\"]\n"
    );
    let mut host = Host::up(&tree);
    host.follow(&["logs", "-f", "slow"]).until("ready");
    host.signal(Signal::TERM);
    host.event("slow", |kind| *kind == EventKind::Stopping);
    let refused = host.command(&["restart", "slow"]).failed();
    assert_eq!(refused, "error: the supervisor is not running\n");
    let status = host.command(&["ps"]).ok();
    assert!(status.contains("stopping"), "{status}");
    fs::write(host.folder().join("go"), "").unwrap();
    assert_eq!(host.end().code(), Some(0));
    let history = host.history();
    assert_eq!(history.iter().filter(|line| *line == "slow running").count(), 1, "{history:?}");
}

#[test]
fn a_stop_while_starting_stops_all_that_had_begun() {
    let marker = marker();
    let child = |number| format!("[[child]]\nname = \"c{number}\"\ncommand = [\"sleep\", \"{marker}\"]\n");
    let mut host = Host::start(&(0..60).map(child).collect::<String>());
    host.event("c0", |kind| matches!(kind, EventKind::Running { .. }));
    host.signal(Signal::TERM);
    assert_eq!(host.end().code(), Some(0));
    let history = host.history();
    let count =
        |word: &str| history.iter().filter(|line| line.starts_with('c') && line.ends_with(word)).count();
    assert_eq!(count("starting"), count("stopped"), "{history:?}");
    assert_eq!((history.last().map(String::as_str), marked(&marker)), (Some(" stopped"), vec![]));
}

#[test]
fn a_child_that_stands_still_is_unhealthy_then_killed_and_started_again() {
    let mut host = Host::up(
        "[[child]]\nname = \"still\"\ncommand = [\"sleep\", \"1000\"]\n\
         health = { health_check_interval_ms = 50, health_check_timeout_ms = 1000, max_health_check_failures = 2 }\n\
         shutdown = { graceful_shutdown_timeout_ms = 100 }\n\
         backoff = { restart_delay_ms = 5, max_restart_delay_ms = 20 }\n",
    );
    let before = host.last_pid("still");
    send(before, Signal::STOP);
    host.event("still", |kind| *kind == EventKind::Unhealthy { failures: 2 });
    let crashed = host.event("still", |kind| matches!(kind, EventKind::Crashed { .. }));
    assert!(matches!(crashed.kind, EventKind::Crashed { exit: Some(Exit::Signal(9)), .. }), "{crashed}");
    assert_ne!(host.running("still"), before);
    host.signal(Signal::INT);
    assert_eq!(host.end().code(), Some(0));
}

#[test]
fn a_child_that_cannot_be_kept_running_fails_the_host_with_its_last_words() {
    let mut host = Host::start(
        "max_restart_attempts = 2\n[[child]]\nname = \"ill\"\n\
         backoff = { restart_delay_ms = 5, max_restart_delay_ms = 5 }\n\
         command = [\"sh\", \"-c\", \"echo no such table >&2; exit 3\"]\n",
    );
    assert_eq!(host.end().code(), Some(1));
    let stderr = host.stderr();
    assert!(
        stderr.contains("error: ill could not be kept running: exit code 3")
            && stderr.contains("\n  no such table"),
        "{stderr}"
    );
    let crashes = host.history().iter().filter(|line| *line == "ill crashed").count();
    assert_eq!(crashes, 3);
}
