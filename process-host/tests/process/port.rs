//! Children that are talked to.

use std::{sync::Arc, time::Duration};

use process_host::{
    CallError, CallOptions, Closed, Exit, Log, Pool, PoolConfig, Port,
    connection::Noise,
    log::Stream,
    port::Ports,
    spec::{ChildSpec, Stdio},
};
use rustix::process::Signal;
use serde_json::json;

use crate::{sh, soon};

/// Answers every request with its own params, ends at the method `die`, and stays silent at `wait`.
const ECHO: &str = r#"
echo "I live" >&2
while read -r line; do
    case "$line" in
        *'"die"'*) echo "oh no" >&2; kill -9 $$ ;;
        *'"wait"'*) ;;
        *) echo "${line%%\"method\"*}\"result\":\"hello\"}" ;;
    esac
done
echo "bye" >&2
"#;

fn echo() -> ChildSpec {
    ChildSpec { stdio: Stdio::JsonRpc, ..sh(ECHO) }
}

fn log() -> Log {
    Log::new(1 << 16)
}

#[tokio::test]
async fn a_child_answers_and_ends_with_its_input() {
    let log = log();
    let port = Port::open(&echo(), &log).await.unwrap();
    let answer = port.connection().unwrap().call("hi", &json!({}), CallOptions::default()).await.unwrap();
    assert_eq!(answer.get(), "\"hello\"");
    assert_eq!(soon(port.stop(&echo().shutdown)).await, Exit::Code(0));
    assert_eq!(log.stderr_tail(100), "I live\nbye");
}

#[tokio::test]
async fn its_death_fails_every_call_once_and_says_how() {
    let mut port = Port::open(&echo(), &log()).await.unwrap();
    let connection = port.connection().unwrap().clone();
    let waiting: Vec<_> = (0..10)
        .map(|_| {
            let connection = connection.clone();
            tokio::spawn(async move { connection.call("wait", &json!({}), CallOptions::default()).await })
        })
        .collect();
    soon(async {
        while connection.metrics().pending < 10 {
            tokio::task::yield_now().await;
        }
    })
    .await;
    let died = connection.call("die", &json!({}), CallOptions::default()).await.unwrap_err();
    let expected = Closed::ChildExited { exit: Exit::Signal(9), stderr_tail: "I live\noh no".into() };
    assert!(matches!(&died, CallError::Closed { reason, sent: true } if *reason == expected), "{died:?}");
    assert_eq!(died.code(), "child_exited");
    for call in waiting {
        assert_eq!(soon(call).await.unwrap().unwrap_err().to_string(), died.to_string());
    }
    assert_eq!(soon(port.ended()).await, Exit::Signal(9));
    assert_eq!(port.has_ended(), Some(Exit::Signal(9)));
}

#[tokio::test]
async fn a_child_that_ignores_every_request_to_end_is_killed() {
    let mut spec = ChildSpec {
        stdio: Stdio::JsonRpc,
        ..sh("trap '' TERM; echo ready >&2; while :; do sleep 1000; done")
    };
    spec.shutdown.after_stdin = Duration::from_millis(20);
    spec.shutdown.after_term = Duration::from_millis(20);
    let log = log();
    let port = Port::open(&spec, &log).await.unwrap();
    soon(log.next_after(0)).await;
    assert_eq!(soon(port.stop(&spec.shutdown)).await, Exit::Signal(9));
}

#[tokio::test]
async fn a_grandchild_that_keeps_the_pipes_open_does_not_hide_the_death() {
    // It has left the group when its number is told.
    const SCRIPT: &str = "pid=$(mktemp); setsid sh -c \"echo \\$\\$ >$pid; exec sleep 1000\" &
        while [ ! -s $pid ]; do :; done; cat $pid >&2; rm $pid; exit 3";
    let spec = ChildSpec { stdio: Stdio::JsonRpc, ..sh(SCRIPT) };
    let log = log();
    let mut port = Port::open(&spec, &log).await.unwrap();
    assert_eq!(soon(port.ended()).await, Exit::Code(3));
    assert!(!port.connection().unwrap().is_open());
    let pid = log.after(0)[0].text.parse().unwrap();
    rustix::process::kill_process(rustix::process::Pid::from_raw(pid).unwrap(), Signal::KILL).unwrap();
}

#[tokio::test]
async fn a_hundred_megabytes_of_complaints_neither_stall_nor_fill_memory() {
    let spec =
        ChildSpec { stdio: Stdio::JsonRpc, ..sh("head -c 100000000 /dev/zero | tr '\\0' x >&2; exec cat") };
    let log = log();
    let mut port = Port::open(&spec, &log).await.unwrap();
    let connection = port.connection().unwrap().clone();
    // `cat` answers with the request itself: a request of the peer, which nobody serves here.
    drop(port.take_incoming());
    soon(connection.notify("hello", &json!({}))).await.unwrap();
    soon(async {
        while connection.metrics().received == 0 {
            tokio::task::yield_now().await;
        }
    })
    .await;
    let kept: usize = log.after(0).iter().map(|line| line.text.len()).sum();
    assert!(kept <= 1 << 16, "{kept}");
    assert!(log.after(0).last().unwrap().sequence > 10_000);
}

#[tokio::test]
async fn noise_is_passed_over_or_ends_the_connection_as_the_child_is_described() {
    let script = format!("echo 'loading…'; {ECHO}");
    for (noise, is_open) in [(Noise::Tolerate, true), (Noise::Fatal, false)] {
        let spec = ChildSpec { stdio: Stdio::JsonRpc, noise, ..sh(&script) };
        let port = Port::open(&spec, &log()).await.unwrap();
        let connection = port.connection().unwrap();
        let answer = soon(connection.call("hi", &json!({}), CallOptions::default())).await;
        assert_eq!(answer.is_ok(), is_open, "{answer:?}");
        assert_eq!(connection.metrics().noise, 1);
    }
}

#[tokio::test]
async fn without_a_connection_both_outputs_are_kept() {
    let log = log();
    let mut port = Port::open(&sh("echo out; read line; echo \"err $line\" >&2"), &log).await.unwrap();
    assert_eq!(soon(port.ended()).await, Exit::Code(0));
    let mut lines: Vec<_> = log.after(0).into_iter().map(|line| (line.stream, line.text)).collect();
    lines.sort_by_key(|(stream, _)| *stream == Stream::Stderr);
    assert_eq!(lines, [(Stream::Stdout, "out".to_owned()), (Stream::Stderr, "err".to_owned())]);
}

#[tokio::test]
async fn a_pool_of_children_replaces_one_that_crashed_in_use() {
    let config = PoolConfig { min: 1, max: 2, max_overflow: 0, ..PoolConfig::default() };
    let pool = Arc::new(Pool::start(Ports::new(echo()), config));
    let first = soon(pool.checkout()).await.unwrap();
    let pid = first.pid();
    let died = first.connection().unwrap().call("die", &json!({}), CallOptions::default()).await;
    assert_eq!(died.unwrap_err().code(), "child_exited");
    drop(first);
    for _ in 0..5 {
        let port = soon(pool.checkout()).await.unwrap();
        assert_ne!(port.pid(), pid);
        assert!(port.connection().unwrap().call("hi", &json!({}), CallOptions::default()).await.is_ok());
    }
    assert!(soon(pool.close(Duration::from_secs(10))).await);
}
