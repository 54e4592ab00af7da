//! Children that cannot be kept running.

use process_host::{End, Exit, State, events::Resource};

use super::*;

#[tokio::test]
async fn a_failing_command_says_how_it_ended_and_what_it_complained_about() {
    let mut spec = tree([sleeper("well"), child("ill", ["sh", "-c", "echo no such table >&2; exit 3"])]);
    spec.max_restart_attempts = 2;
    let supervisor = start(spec);
    let End::Failed(failure) = patiently(supervisor.ended()).await else { panic!("not stopped") };
    assert_eq!((failure.child.as_str(), failure.exit), ("ill", Some(Exit::Code(3))));
    assert_eq!(failure.stderr_tail, "no such table\n".repeat(3).trim_end());
    assert_eq!(supervisor.child("ill").unwrap().status().restarts, 2);
    assert_eq!(supervisor.child("well").unwrap().status().state, State::Stopped);
    let crashed = event(&supervisor, "ill", |kind| matches!(kind, EventKind::Crashed { .. })).await;
    let line = crashed.to_string();
    assert!(line.ends_with(r#"ill: crashed, exit code 3, its last words "no such table""#), "{line}");
}

#[tokio::test]
async fn a_program_that_does_not_exist_is_named() {
    let supervisor = start(tree([child("a", ["no-such-program-anywhere"])]));
    let End::Failed(failure) = patiently(supervisor.ended()).await else { panic!("not stopped") };
    assert_eq!(failure.exit, None);
    assert!(failure.error.unwrap().contains("no-such-program-anywhere"));
    let status = supervisor.child("a").unwrap().status();
    assert_eq!((status.state, status.restarts, status.pid), (State::Failed, 5, None));
}

#[tokio::test]
async fn a_supervisor_that_fails_below_another_is_started_again_whole() {
    let mut inner = tree([sleeper("x"), child("y", ["sh", "-c", "exit 1"])]);
    (inner.name, inner.max_restart_attempts) = ("inner".into(), 1);
    let mut spec = tree([sleeper("a")]);
    spec.max_restart_attempts = 1;
    spec.children.push(inner.into());
    let supervisor = start(spec);
    let a = running(&supervisor, "a").await;
    let End::Failed(failure) = patiently(supervisor.ended()).await else { panic!("not stopped") };
    assert_eq!(failure.child, "inner/y");
    let lines = history(&supervisor);
    let count = |wanted: &str| lines.iter().filter(|line| *line == wanted).count();
    assert_eq!((count("inner/y crashed"), count("inner/x running"), count("a running")), (4, 2, 1));
    assert_eq!((count("inner failed"), count(" failed")), (2, 1));
    assert!(!exists(a));
}

#[tokio::test]
async fn one_that_takes_too_much_memory_is_killed_and_started_again() {
    // What a descendant takes counts, too.
    let eat = r#"sh -c 'x=$(head -c 80000000 /dev/zero | tr "\0" a); sleep 1000' & wait"#;
    let mut spec = child("a", ["sh", "-c", eat]);
    spec.limits.rss_mb = Some(40);
    spec.alerts.rss_mb = Some(1);
    let supervisor = start(tree([spec]));
    let limit = event(&supervisor, "a", |kind| matches!(kind, EventKind::Limit { .. })).await;
    let EventKind::Limit { what: Resource::RssMb, value, limit } = limit.kind else { panic!("{limit}") };
    assert!(value > limit && limit == 40.0);
    let a = supervisor.child("a").unwrap();
    let status = until(&a, |status| status.restarts == 1).await;
    assert_eq!(status.last_exit, Some(Exit::Signal(9)));
    let lines = history(&supervisor);
    let at = |wanted: &str| lines.iter().position(|line| line == wanted).unwrap();
    assert!(at("a alert") < at("a killed") && at("a killed") < at("a crashed"), "{lines:?}");
    patiently(supervisor.stop()).await;
}

#[tokio::test]
async fn what_a_child_uses_is_measured_with_all_that_it_started() {
    let supervisor = start(tree([child("a", ["sh", "-c", "sleep 1000 & setsid sleep 1000 & wait"])]));
    let a = supervisor.child("a").unwrap();
    let whole = |status: &ChildStatus| status.usage.is_some_and(|usage| usage.processes >= 3);
    let usage = until(&a, whole).await.usage.unwrap();
    assert!(usage.rss_bytes > 0 && usage.threads >= 3 && usage.open_files >= 9, "{usage:?}");
    patiently(supervisor.stop()).await;
    assert_eq!(a.status().usage, None);
}
