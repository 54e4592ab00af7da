//! One answer for each call, and nothing for what is over.

use std::{pin::pin, time::Duration};

use futures::poll;
use process_host::connection::{CallError, CallOptions, Cancel, ConnectionOptions};
use serde_json::json;
use tokio::{sync::mpsc, time::Instant};

use super::peer::open;

#[tokio::test]
async fn answers_find_their_calls_in_any_order() {
    let (connection, _incoming, mut peer) = open(ConnectionOptions::default());
    let call = |word| {
        let connection = connection.clone();
        tokio::spawn(async move { connection.call("say", &[word], CallOptions::default()).await })
    };
    let calls = ["a", "b", "c"].map(call);
    let mut requests = Vec::new();
    for _ in 0..3 {
        requests.push(peer.next().await);
    }
    for request in requests.iter().rev() {
        assert_eq!((&request["jsonrpc"], &request["method"]), (&json!("2.0"), &json!("say")));
        peer.answer(&request["id"], request["params"][0].clone()).await;
    }
    for (call, word) in calls.into_iter().zip(["\"a\"", "\"b\"", "\"c\""]) {
        assert_eq!(call.await.unwrap().unwrap().get(), word);
    }
    let metrics = connection.metrics();
    assert_eq!((metrics.sent, metrics.received, metrics.pending), (3, 3, 0));
}

#[tokio::test]
async fn what_the_peer_refuses_comes_back_as_it_said() {
    let (connection, _incoming, mut peer) = open(ConnectionOptions::default());
    let call = connection.call("boom", &(), CallOptions::default());
    let answer = async {
        let request = peer.next().await;
        assert!(request.get("params").is_none() && request.get("credit").is_none(), "{request}");
        peer.fail(&request["id"], -32000, "no").await;
    };
    let (result, ()) = tokio::join!(call, answer);
    let error = result.unwrap_err();
    assert_eq!((error.code(), error.is_safe_to_retry(true)), ("remote_error", false));
    let CallError::Remote { code, message, data } = error else { panic!("{error}") };
    assert_eq!((code, message.as_str(), data.unwrap().get()), (-32000, "no", "[1]"));
}

#[tokio::test]
async fn ids_that_are_unknown_late_or_used_twice_are_counted_and_dropped() {
    let (connection, _incoming, mut peer) = open(ConnectionOptions::default());
    let call = connection.call("m", &(), CallOptions::default());
    let answers = async {
        let id = peer.next().await["id"].clone();
        for stranger in [json!(0), json!(999), json!("1"), json!(null), json!(-1), json!(1.5)] {
            peer.answer(&stranger, json!("wrong")).await;
        }
        peer.answer(&id, json!("right")).await;
        peer.answer(&id, json!("again")).await;
        peer.fail(&id, 1, "again").await;
    };
    let (result, ()) = tokio::join!(call, answers);
    assert_eq!(result.unwrap().get(), "\"right\"");
    let next = connection.call("m", &(), CallOptions::default());
    let answer = async {
        let id = peer.next().await["id"].clone();
        peer.answer(&id, json!(2)).await;
    };
    assert_eq!(tokio::join!(next, answer).0.unwrap().get(), "2");
    let metrics = connection.metrics();
    assert_eq!((metrics.unknown, metrics.late, metrics.noise), (6, 2, 0));
}

#[tokio::test(start_paused = true)]
async fn a_deadline_fails_the_call_and_tells_the_peer() {
    let (connection, _incoming, mut peer) = open(ConnectionOptions::default());
    let start = Instant::now();
    let error = connection.call("slow", &(), CallOptions::within(Duration::from_secs(7))).await.unwrap_err();
    assert_eq!(start.elapsed().as_secs(), 7);
    assert!(matches!(error, CallError::Deadline { sent: true }), "{error}");
    assert!(error.is_safe_to_retry(true) && !error.is_safe_to_retry(false));
    let id = peer.next().await["id"].clone();
    let cancel = json!({"jsonrpc": "2.0", "method": "$/cancelRequest", "params": {"id": id}});
    assert_eq!(peer.next().await, cancel);

    // A later call with an earlier deadline is not held up by the timer of the first.
    let (_slow, quick) =
        tokio::join!(connection.call("slow", &(), CallOptions::within(Duration::from_secs(60))), async {
            let error = connection.call("m", &(), CallOptions::within(Duration::from_secs(1))).await;
            (error.unwrap_err(), start.elapsed().as_secs())
        });
    assert!(matches!(quick, (CallError::Deadline { sent: true }, 8)), "{quick:?}");
    assert_eq!(connection.metrics().pending, 0);
}

#[tokio::test(start_paused = true)]
async fn a_deadline_that_has_passed_sends_nothing() {
    let (connection, _incoming, mut peer) = open(ConnectionOptions::default());
    let past = CallOptions::until(Instant::now());
    let error = connection.call("m", &(), past).await.unwrap_err();
    assert!(matches!(error, CallError::Deadline { sent: false }), "{error}");
    assert!(error.is_safe_to_retry(false));
    assert!(peer.everything().await.is_empty());
}

#[tokio::test]
async fn a_call_that_is_dropped_is_cancelled_by_the_name_that_was_chosen() {
    let cancel = Cancel::new("notifications/cancelled", "requestId");
    let (connection, _incoming, mut peer) = open(ConnectionOptions { cancel, ..Default::default() });
    let id = {
        let mut call = pin!(connection.call("m", &(), CallOptions::default()));
        assert!(poll!(&mut call).is_pending());
        peer.next().await["id"].clone()
    };
    let cancelled = peer.next().await;
    assert_eq!(cancelled["method"], "notifications/cancelled");
    assert_eq!(cancelled["params"], json!({"requestId": id}));
    assert_eq!(connection.metrics().pending, 0);
}

#[tokio::test]
async fn one_call_more_than_may_wait_is_refused_at_once() {
    let (connection, _incoming, _peer) =
        open(ConnectionOptions { pending_requests: 2, ..Default::default() });
    let mut first = Box::pin(connection.call("m", &(), CallOptions::default()));
    let mut second = Box::pin(connection.call("m", &(), CallOptions::default()));
    assert!(poll!(&mut first).is_pending() && poll!(&mut second).is_pending());
    let refused = connection.call("m", &(), CallOptions::default()).await.unwrap_err();
    assert_eq!((refused.code(), refused.is_safe_to_retry(false)), ("queue_full", true));
    drop(first);
    let mut third = pin!(connection.call("m", &(), CallOptions::default()));
    assert!(poll!(&mut third).is_pending());
}

#[tokio::test]
async fn what_cannot_be_sent_is_refused() {
    let (connection, _incoming, mut peer) = open(ConnectionOptions { line_bytes: 100, ..Default::default() });
    let long = connection.call("m", &["x".repeat(100)], CallOptions::default()).await.unwrap_err();
    assert_eq!(long.code(), "request_too_large");
    let scalar = connection.call("m", &7, CallOptions::default()).await.unwrap_err();
    assert_eq!(scalar.code(), "invalid");
    connection.notify("news", &[1]).await.unwrap();
    assert_eq!(peer.next().await, json!({"jsonrpc": "2.0", "method": "news", "params": [1]}));
}

#[tokio::test]
async fn progress_goes_to_the_call_it_is_about() {
    let (connection, _incoming, mut peer) = open(ConnectionOptions::default());
    let (progress, mut reports) = mpsc::channel(2);
    let call = connection.call("m", &(), CallOptions::default().with_progress(progress));
    let answer = async {
        let id = peer.next().await["id"].clone();
        for value in 1..=3 {
            let params = json!({"id": id, "value": value});
            peer.say(json!({"jsonrpc": "2.0", "method": "$/progress", "params": params})).await;
        }
        peer.answer(&id, json!(null)).await;
    };
    let (result, ()) = tokio::join!(call, answer);
    assert_eq!(result.unwrap().get(), "null");
    assert_eq!(reports.recv().await.unwrap().get(), "1");
    assert_eq!(reports.recv().await.unwrap().get(), "2");
    assert!(reports.recv().await.is_none());
    assert_eq!(connection.metrics().dropped_notifications, 1);
}
