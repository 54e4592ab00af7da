//! The end of a connection, for each side.

use std::{future::pending, time::Duration};

use futures::{future::join_all, poll};
use process_host::{
    Exit,
    connection::{CallError, CallOptions, Closed, Connection, ConnectionOptions},
};
use serde_json::json;
use tokio::{
    io::{duplex, split},
    time::Instant,
};

use super::peer::{Peer, open};

fn killed() -> Closed {
    Closed::ChildExited { exit: Exit::Signal(9), stderr_tail: "last words".to_owned() }
}

#[tokio::test]
async fn a_death_fails_every_pending_call_once_and_says_why() {
    let (ours, theirs) = duplex(64 << 10);
    let (reader, writer) = split(ours);
    let (connection, mut incoming) =
        Connection::open(reader, writer, ConnectionOptions::default(), async { killed() });
    let mut peer = Peer::new(theirs);
    let calls = join_all((0..100).map(|number| {
        let connection = connection.clone();
        async move { connection.call("m", &[number], CallOptions::default()).await }
    }));
    let death = async {
        for _ in 0..100 {
            peer.next().await;
        }
        drop(peer);
    };
    let (results, ()) = tokio::join!(calls, death);
    for result in results {
        let error = result.unwrap_err();
        assert_eq!(error.code(), "child_exited");
        assert!(error.is_safe_to_retry(true) && !error.is_safe_to_retry(false));
        assert!(error.to_string().contains("SIGKILL") && error.to_string().contains("last words"));
        let CallError::Closed { reason, sent: true } = error else { panic!("{error:?}") };
        assert_eq!(reason, killed());
    }
    assert!(!connection.is_open() && connection.metrics().pending == 0);
    assert!(incoming.next().await.is_none());
    let after = connection.call("m", &(), CallOptions::default()).await.unwrap_err();
    assert!(matches!(after, CallError::Closed { sent: false, .. }) && after.is_safe_to_retry(false));
}

#[test]
fn a_reason_is_written_with_its_code() {
    let written = |closed: &Closed| serde_json::to_value(closed).unwrap();
    let tail = "last words";
    assert_eq!(
        written(&killed()),
        json!({"code": "child_exited", "status": null, "signal": 9, "stderr_tail": tail})
    );
    let exited = Closed::ChildExited { exit: Exit::Code(3), stderr_tail: String::new() };
    assert_eq!(
        written(&exited),
        json!({"code": "child_exited", "status": 3, "signal": null, "stderr_tail": ""})
    );
    assert_eq!(written(&Closed::Ended), json!({"code": "ended", "message": "the other end was closed"}));
}

#[tokio::test(start_paused = true)]
async fn a_cause_that_does_not_come_is_not_waited_for() {
    let (connection, _incoming, peer) = open(ConnectionOptions::default());
    let start = Instant::now();
    let mut call = Box::pin(connection.call("m", &(), CallOptions::default()));
    assert!(poll!(&mut call).is_pending());
    drop(peer);
    let error = call.await.unwrap_err();
    assert_eq!(start.elapsed(), Duration::from_secs(2));
    assert!(matches!(error, CallError::Closed { reason: Closed::Ended, .. }), "{error}");
}

#[tokio::test(start_paused = true)]
async fn deadlines_hold_while_the_cause_is_waited_for() {
    let (connection, _incoming, peer) = open(ConnectionOptions::default());
    let mut call = Box::pin(connection.call("m", &(), CallOptions::within(Duration::from_secs(1))));
    assert!(poll!(&mut call).is_pending());
    drop(peer);
    assert_eq!(call.await.unwrap_err().code(), "deadline_exceeded");
}

#[tokio::test(start_paused = true)]
async fn a_call_that_finds_the_pipe_broken_learns_of_the_death() {
    let (reader, keep_reading) = duplex(100);
    let (writer, broken) = duplex(100);
    drop(broken);
    let (dead, died) = tokio::sync::oneshot::channel::<()>();
    let cause = async move {
        let _ = died.await;
        killed()
    };
    let (connection, _incoming) = Connection::open(reader, writer, ConnectionOptions::default(), cause);
    let call = connection.call("m", &(), CallOptions::default());
    let mut call = Box::pin(call);
    assert!(poll!(&mut call).is_pending());
    // One that comes after the write has failed was never sent.
    let mut later = Box::pin(connection.call("m", &(), CallOptions::default()));
    assert!(poll!(&mut later).is_pending());
    drop(keep_reading);
    dead.send(()).unwrap();
    assert_eq!(call.await.unwrap_err().code(), "child_exited");
    let later = later.await.unwrap_err();
    assert!(matches!(&later, CallError::Closed { reason, sent: false } if *reason == killed()), "{later:?}");
}

#[tokio::test(start_paused = true)]
async fn a_broken_pipe_closes_a_connection_whose_peer_lives_on() {
    let (reader, _alive) = duplex(100);
    let (writer, broken) = duplex(100);
    drop(broken);
    let (connection, _incoming) = Connection::open(reader, writer, ConnectionOptions::default(), pending());
    let error = connection.call("m", &(), CallOptions::default()).await.unwrap_err();
    assert!(matches!(error, CallError::Closed { reason: Closed::Io(_), .. }), "{error:?}");
}

#[tokio::test]
async fn close_fails_what_waits_and_the_peer_sees_the_end() {
    let (connection, _incoming, mut peer) = open(ConnectionOptions::default());
    let mut call = Box::pin(connection.call("m", &(), CallOptions::default()));
    assert!(poll!(&mut call).is_pending());
    connection.close(Closed::Stopped);
    connection.close(Closed::Ended);
    let error = call.await.unwrap_err();
    assert!(matches!(error, CallError::Closed { reason: Closed::Stopped, sent: true }), "{error:?}");
    assert!(!error.is_safe_to_retry(true));
    assert_eq!(connection.closed().await, Closed::Stopped);
    peer.next().await;
    assert!(peer.line().await.is_none());
}

#[tokio::test]
async fn after_the_writer_is_closed_answers_still_come() {
    let (connection, _incoming, mut peer) = open(ConnectionOptions::default());
    let mut call = Box::pin(connection.call("m", &(), CallOptions::default()));
    assert!(poll!(&mut call).is_pending());
    connection.close_writer();
    let refused = connection.call("m", &(), CallOptions::default()).await.unwrap_err();
    assert!(matches!(refused, CallError::Closed { reason: Closed::Stopped, sent: false }), "{refused:?}");
    let id = peer.next().await["id"].clone();
    assert!(peer.line().await.is_none());
    peer.answer(&id, json!("late but whole")).await;
    assert_eq!(call.await.unwrap().get(), "\"late but whole\"");
    assert!(connection.is_open());
}

#[tokio::test]
async fn the_last_handle_closes_the_connection() {
    let (connection, mut incoming, mut peer) = open(ConnectionOptions::default());
    let other = connection.clone();
    drop(connection);
    assert!(other.is_open());
    drop(other);
    assert!(peer.line().await.is_none());
    assert!(incoming.next().await.is_none());
}

#[test]
fn a_runtime_that_ends_closes_its_connections() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let (connection, _incoming, _peer) = runtime.block_on(async { open(ConnectionOptions::default()) });
    drop(runtime);
    assert!(!connection.is_open());
}
