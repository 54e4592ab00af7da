//! Answers in pieces, no faster than they are taken.

use std::time::Duration;

use process_host::connection::{CallError, CallOptions, ConnectionOptions};
use serde_json::{Value, json};

use super::peer::{Peer, open};

fn credit(credit: u32) -> ConnectionOptions {
    ConnectionOptions { credit, ..Default::default() }
}

async fn chunk(peer: &mut Peer, id: &Value, data: impl Into<Value>) {
    let params = json!({"id": id, "data": data.into()});
    peer.say(json!({"jsonrpc": "2.0", "method": "$/chunk", "params": params})).await;
}

#[tokio::test]
async fn items_come_in_order_and_then_the_result() {
    let (connection, _incoming, mut peer) = open(credit(4));
    let mut stream = connection.stream("list", &[1], CallOptions::default()).await.unwrap();
    let request = peer.next().await;
    assert_eq!((&request["credit"], &request["params"]), (&json!(4), &json!([1])));
    for item in 0..3 {
        chunk(&mut peer, &request["id"], item).await;
    }
    peer.answer(&request["id"], json!("done")).await;
    for item in 0..3 {
        assert_eq!(stream.next().await.unwrap().unwrap().get(), item.to_string());
    }
    assert!(stream.next().await.unwrap().is_none());
    assert!(stream.next().await.unwrap().is_none());
    assert_eq!(stream.finish().await.unwrap().get(), "\"done\"");
}

#[tokio::test(start_paused = true)]
async fn leave_is_given_as_items_are_taken() {
    let (connection, _incoming, mut peer) = open(credit(4));
    let mut stream = connection.stream("list", &(), CallOptions::default()).await.unwrap();
    let id = peer.next().await["id"].clone();
    let (mut leave, mut sent) = (4, 0);
    for taken in 0..1000 {
        while leave > 0 {
            chunk(&mut peer, &id, sent).await;
            (sent, leave) = (sent + 1, leave - 1);
        }
        assert!(sent - taken <= 4, "{sent} sent, {taken} taken");
        assert_eq!(stream.next().await.unwrap().unwrap().get(), taken.to_string());
        for line in String::from_utf8(peer.everything().await).unwrap().lines() {
            let grant: Value = serde_json::from_str(line).unwrap();
            assert_eq!((&grant["method"], &grant["params"]["id"]), (&json!("$/credit"), &id));
            leave += grant["params"]["n"].as_u64().unwrap();
        }
    }
    assert!(sent >= 1000);
}

#[tokio::test]
async fn a_peer_that_sends_more_than_it_may_loses_the_stream() {
    let (connection, _incoming, mut peer) = open(credit(2));
    let mut stream = connection.stream("flood", &(), CallOptions::default()).await.unwrap();
    let id = peer.next().await["id"].clone();
    for item in 0..100 {
        chunk(&mut peer, &id, item).await;
    }
    assert_eq!(peer.next().await["method"], "$/cancelRequest");
    assert_eq!(stream.next().await.unwrap().unwrap().get(), "0");
    assert_eq!(stream.next().await.unwrap().unwrap().get(), "1");
    assert!(matches!(stream.next().await, Err(CallError::Invalid(_))));
    assert_eq!(connection.metrics().late, 97);
}

#[tokio::test]
async fn a_stream_that_is_dropped_is_cancelled_and_one_that_ended_is_not() {
    let (connection, _incoming, mut peer) = open(credit(2));
    let stream = connection.stream("list", &(), CallOptions::default()).await.unwrap();
    let id = peer.next().await["id"].clone();
    drop(stream);
    assert_eq!(peer.next().await["params"], json!({"id": id}));
    chunk(&mut peer, &id, 1).await;

    let stream = connection.stream("list", &(), CallOptions::default()).await.unwrap();
    let id = peer.next().await["id"].clone();
    peer.answer(&id, json!(null)).await;
    stream.finish().await.unwrap();
    connection.notify("next", &()).await.unwrap();
    assert_eq!(peer.next().await["method"], "next");
    assert_eq!((connection.metrics().late, connection.metrics().pending), (1, 0));
}

#[tokio::test(start_paused = true)]
async fn a_failure_comes_after_the_items_before_it() {
    let (connection, _incoming, mut peer) = open(credit(8));
    let options = CallOptions::within(Duration::from_secs(3));
    let mut stream = connection.stream("list", &(), options).await.unwrap();
    let id = peer.next().await["id"].clone();
    chunk(&mut peer, &id, 1).await;
    assert_eq!(stream.next().await.unwrap().unwrap().get(), "1");
    chunk(&mut peer, &id, 2).await;
    assert_eq!(stream.next().await.unwrap().unwrap().get(), "2");
    assert!(matches!(stream.next().await, Err(CallError::Deadline { sent: true })));
    assert_eq!(stream.finish().await.unwrap_err().code(), "deadline_exceeded");
}

#[tokio::test]
async fn a_finish_takes_what_is_left() {
    let (connection, _incoming, mut peer) = open(credit(1));
    let stream = connection.stream("list", &(), CallOptions::default()).await.unwrap();
    let id = peer.next().await["id"].clone();
    let finish = tokio::spawn(stream.finish());
    for item in 0..10 {
        chunk(&mut peer, &id, item).await;
        assert_eq!(peer.next().await["params"], json!({"id": id, "n": 1}));
    }
    peer.answer(&id, json!(10)).await;
    assert_eq!(finish.await.unwrap().unwrap().get(), "10");
}
