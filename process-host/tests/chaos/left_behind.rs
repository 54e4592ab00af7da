//! What is left when the host, or the reaper, is killed.

use std::time::{Duration, Instant};

use process_host::{EventKind, Exit};
use rustix::process::Signal;

use crate::{
    PATIENCE,
    host::{Host, Watched, marked, marker, send},
};

/// A shell with a child in the background, and one that fled into a session of its own; each says when
/// it is there.
fn family(marker: &str) -> String {
    format!(
        "[[child]]\nname = \"family\"\n\
         command = [\"sh\", \"-c\", \"sleep {marker} & setsid sh -c 'echo fled; exec sleep {marker}' & wait\"]\n"
    )
}

#[test]
fn nothing_is_left_two_seconds_after_the_host_was_killed() {
    let marker = marker();
    let host = Host::up(&family(&marker));
    host.follow(&["logs", "-f"]).until("fled");
    let watched: Vec<_> = marked(&marker).into_iter().map(Watched::new).collect();
    assert!(watched.len() >= 3, "the shell, what it started, and what fled");
    let begun = Instant::now();
    host.signal(Signal::KILL);
    assert!(watched.iter().all(|process| process.ends_by(begun + Duration::from_secs(2))), "one is left");
    println!("all gone after {:?}", begun.elapsed());
    assert!(marked(&marker).is_empty());
}

#[test]
fn a_service_that_was_detached_further_down_outlives_the_host() {
    let (marker, service) = (marker(), marker());
    // As `Detached` marks what it starts.
    let detached = format!("PROCESS_HOST_DETACHED=1 setsid sh -c 'echo detached; exec sleep {service}'");
    let host = Host::up(&format!(
        "[[child]]\nname = \"starter\"\ncommand = [\"sh\", \"-c\", \"{detached} & sleep {marker} & wait\"]\n"
    ));
    host.follow(&["logs", "-f"]).until("detached");
    let mut gone: Vec<_> = marked(&marker).into_iter().map(Watched::new).collect();
    // It goes last, when it has seen to everything below it.
    gone.push(Watched::new(host.reaper()));
    host.signal(Signal::KILL);
    assert!(gone.iter().all(|process| process.ends_by(Instant::now() + Duration::from_secs(2))));
    let spared: Vec<_> = marked(&service).into_iter().filter(|pid| !marked(&marker).contains(pid)).collect();
    assert_eq!(spared.len(), 1, "{spared:?}");
    send(spared[0], Signal::KILL);
}

#[test]
fn when_the_reaper_is_killed_children_are_lost_and_started_again_and_the_host_goes_on() {
    let marker = marker();
    let child = |name: &str, script: &str| {
        format!(
            "[[child]]\nname = \"{name}\"\ncommand = [\"sh\", \"-c\", \"{script}\"]\n\
             backoff = {{ restart_delay_ms = 5, max_restart_delay_ms = 20 }}\n"
        )
    };
    // Only one that flees from its group could be left then, where there are no control groups.
    let pair = child("pair", &format!("sleep {marker} & wait"));
    let mut host = Host::up(&(pair + &child("single", &format!("exec sleep {marker}"))));
    let before = [host.last_pid("pair"), host.last_pid("single")];
    let watched = before.map(Watched::new);
    let begun = Instant::now();
    send(host.reaper(), Signal::KILL);
    assert!(watched.iter().all(|process| process.ends_by(begun + PATIENCE)));
    // They crash at the same moment, in any order.
    let mut again = Vec::new();
    let mut lost = 0;
    while again.len() < 2 || lost < 2 {
        let kinds = |kind: &EventKind| matches!(kind, EventKind::Running { .. } | EventKind::Crashed { .. });
        match host.event_of(&["pair", "single"], kinds).kind {
            EventKind::Crashed { exit, .. } => {
                assert_eq!(exit, Some(Exit::Lost));
                lost += 1;
            }
            EventKind::Running { pid } => again.push(pid.unwrap()),
            _ => {}
        }
    }
    println!("both run again after {:?}", begun.elapsed());
    assert!(again.iter().all(|pid| !before.contains(pid)));
    assert!(host.command(&["stop"]).ok().contains("is stopped"));
    assert!(host.end().success());
    assert!(marked(&marker).is_empty());
}

#[test]
fn a_second_signal_kills_what_does_not_stop() {
    let marker = marker();
    let tree = format!(
        "[[child]]\nname = \"deaf\"\nshutdown = {{ graceful_shutdown_timeout_ms = 600000 }}\n\
         command = [\"sh\", \"-c\", \"trap '' TERM; echo deaf; while :; do sleep {marker}; done\"]\n"
    );
    let mut host = Host::up(&tree);
    host.follow(&["logs", "-f"]).until("deaf");
    let watched: Vec<_> = marked(&marker).into_iter().map(Watched::new).collect();
    host.signal(Signal::TERM);
    host.event("deaf", |kind| *kind == EventKind::Stopping);
    host.signal(Signal::INT);
    assert_eq!(host.end().code(), Some(128 + 2));
    let soon = Instant::now() + Duration::from_secs(2);
    assert!(watched.iter().all(|process| process.ends_by(soon)), "one is left");
    assert_eq!(host.socket(), None);
}
