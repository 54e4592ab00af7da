//! A peer that does not read costs its callers their deadlines, and nobody memory.

use std::time::Duration;

use futures::{future::join_all, poll};
use process_host::connection::{CallError, CallOptions, ConnectionOptions};
use serde_json::json;

use super::peer::open;

#[tokio::test(start_paused = true)]
async fn a_peer_that_never_reads_bounds_what_waits() {
    let (connection, _incoming, mut peer) = open(ConnectionOptions::default());
    let payload = "x".repeat(1000);
    for round in 0..5 {
        let calls =
            (0..1000).map(|_| connection.call("m", &[&payload], CallOptions::within(Duration::from_secs(1))));
        let results = join_all(calls).await;
        let unsent =
            results.iter().filter(|result| matches!(result, Err(CallError::Deadline { sent: false })));
        let unsent = unsent.count();
        let sent = results.iter().filter(|result| matches!(result, Err(CallError::Deadline { sent: true })));
        assert_eq!((sent.count() + unsent, unsent >= 600), (1000, true), "round {round}: {unsent} unsent");
    }
    assert_eq!(connection.metrics().pending, 0);
    // What the pipe holds, what was handed to the writer, and what waited behind it.
    let bytes = peer.everything().await;
    assert!(bytes.len() < (64 << 10) + 2 * (260 << 10), "{}", bytes.len());
    let text = String::from_utf8(bytes).unwrap();
    let requests = text.lines().filter(|line| line.contains("\"params\":[")).count();
    let cancels = text.lines().filter(|line| line.contains("$/cancelRequest")).count();
    assert_eq!(requests, cancels, "what was reported as never sent was not sent");
    assert_eq!(connection.metrics().sent as usize, requests + cancels);
}

#[tokio::test(start_paused = true)]
async fn callers_go_on_when_the_peer_reads_again() {
    let (connection, _incoming, peer) = open(ConnectionOptions::default());
    let payload = "x".repeat(100_000);
    let calls: Vec<_> = (0..50)
        .map(|number| {
            let (connection, payload) = (connection.clone(), payload.clone());
            tokio::spawn(async move {
                connection.call("m", &json!([number, payload]), CallOptions::default()).await
            })
        })
        .collect();
    tokio::time::advance(Duration::from_secs(5)).await;
    tokio::spawn(peer.echo());
    for (number, call) in calls.into_iter().enumerate() {
        assert!(call.await.unwrap().unwrap().get().starts_with(&format!("[{number},")));
    }
}

#[tokio::test(start_paused = true)]
async fn a_caller_that_leaves_while_there_is_no_room_leaves_nothing() {
    let (connection, _incoming, mut peer) = open(ConnectionOptions::default());
    let payload = "x".repeat(500_000);
    let mut first = Box::pin(connection.call("first", &[&payload], CallOptions::default()));
    assert!(poll!(&mut first).is_pending());
    let mut second = Box::pin(connection.call("second", &[&payload], CallOptions::default()));
    assert!(poll!(&mut second).is_pending());
    let mut third = Box::pin(connection.call("third", &(), CallOptions::default()));
    assert!(poll!(&mut third).is_pending());
    // The first is being written, the second waits, the third has no room.
    drop(third);
    drop(second);
    let mut fourth = Box::pin(connection.call("fourth", &(), CallOptions::default()));
    assert!(poll!(&mut fourth).is_pending());
    assert_eq!(peer.next().await["method"], "first");
    let request = peer.next().await;
    assert_eq!(request["method"], "fourth");
    peer.answer(&request["id"], json!(4)).await;
    assert_eq!(fourth.await.unwrap().get(), "4");
}

#[tokio::test(start_paused = true)]
async fn requests_of_a_peer_that_never_reads_are_refused_without_end() {
    let (connection, incoming, mut peer) = open(ConnectionOptions::default());
    drop(incoming);
    for id in 0..20_000 {
        peer.say(json!({"jsonrpc": "2.0", "id": id, "method": "question"})).await;
    }
    let bytes = peer.everything().await;
    assert!(bytes.len() < (64 << 10) + 2 * (260 << 10), "{}", bytes.len());
    let metrics = connection.metrics();
    assert_eq!((metrics.refused_requests, metrics.received), (20_000, 20_000));
    assert_eq!(metrics.sent + metrics.dropped_answers, 20_000);
}
