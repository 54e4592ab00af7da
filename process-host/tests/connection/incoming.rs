//! What the peer says by itself.

use futures::poll;
use process_host::connection::{CallOptions, ConnectionOptions, FromPeer, Message, Responder};
use serde_json::{Value, json, value::RawValue};

use super::peer::{Peer, open};

async fn question(
    incoming: &mut process_host::Incoming,
    peer: &mut Peer,
    id: &Value,
) -> (Message, Responder) {
    peer.say(json!({"jsonrpc": "2.0", "id": id, "method": "question", "params": {"a": 1}, "x": 2})).await;
    match incoming.next().await {
        Some(FromPeer::Request(message, responder)) => (message, responder),
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn notifications_come_as_they_were_said() {
    let (_connection, mut incoming, mut peer) = open(ConnectionOptions::default());
    let said = r#"{ "jsonrpc":"2.0", "method":"news", "extra":[1] }"#;
    peer.say(said).await;
    let Some(FromPeer::Notification(news)) = incoming.next().await else { panic!() };
    assert_eq!((news.method(), news.raw()), ("news", said));
    assert_eq!(news.params::<Option<Vec<u8>>>().unwrap(), None);
    peer.say(r#"{"jsonrpc":"2.0","method":"news","params":[7]}"#).await;
    let Some(FromPeer::Notification(news)) = incoming.next().await else { panic!() };
    assert_eq!(news.params::<Vec<u8>>().unwrap(), [7]);
    assert_eq!(news.params::<String>().unwrap_err().code(), "invalid");
}

#[tokio::test]
async fn a_request_is_answered_once_under_its_own_id() {
    let (_connection, mut incoming, mut peer) = open(ConnectionOptions::default());
    for id in [json!(1), json!("one"), json!(null), json!(1.5)] {
        let (message, responder) = question(&mut incoming, &mut peer, &id).await;
        assert_eq!(message.params::<Value>().unwrap(), json!({"a": 1}));
        responder.answer(&"yes").await.unwrap();
        assert_eq!(peer.next().await, json!({"jsonrpc": "2.0", "id": id, "result": "yes"}));

        let (_, responder) = question(&mut incoming, &mut peer, &id).await;
        responder.fail(-32001, "no", None).await.unwrap();
        let error = json!({"code": -32001, "message": "no"});
        assert_eq!(peer.next().await, json!({"jsonrpc": "2.0", "id": id, "error": error}));

        let (_, responder) = question(&mut incoming, &mut peer, &id).await;
        drop(responder);
        let unanswered = peer.next().await;
        assert_eq!((&unanswered["id"], &unanswered["error"]["code"]), (&id, &json!(-32603)));

        let (_, responder) = question(&mut incoming, &mut peer, &id).await;
        let elsewhere = r#"{"jsonrpc":"2.0","id":77,"result":[],"more":true}"#.to_owned();
        responder.relay(&RawValue::from_string(elsewhere).unwrap()).await.unwrap();
        assert_eq!(peer.next().await, json!({"jsonrpc": "2.0", "id": id, "result": [], "more": true}));
    }
}

#[tokio::test]
async fn an_answer_that_cannot_be_written_is_an_internal_error_to_the_peer() {
    let (_connection, mut incoming, mut peer) =
        open(ConnectionOptions { line_bytes: 200, ..Default::default() });
    let (_, responder) = question(&mut incoming, &mut peer, &json!(1)).await;
    assert_eq!(responder.answer(&"x".repeat(200)).await.unwrap_err().code(), "request_too_large");
    assert_eq!(peer.next().await["error"]["code"], -32603);
}

#[tokio::test]
async fn what_nobody_takes_is_refused_and_counted() {
    let (connection, incoming, mut peer) = open(ConnectionOptions::default());
    peer.say(json!({"jsonrpc": "2.0", "id": 1, "method": "question"})).await;
    // It came in, and nobody will ever look at it.
    let mut call = Box::pin(connection.call("m", &(), CallOptions::default()));
    assert!(poll!(&mut call).is_pending());
    let id = peer.next().await["id"].clone();
    peer.answer(&id, json!(1)).await;
    call.await.unwrap();
    drop(incoming);
    assert_eq!(peer.next().await["error"]["code"], -32603);

    peer.say(json!({"jsonrpc": "2.0", "method": "news"})).await;
    peer.say(json!({"jsonrpc": "2.0", "id": 2, "method": "question"})).await;
    let refused = peer.next().await;
    assert_eq!((&refused["id"], &refused["error"]["code"]), (&json!(2), &json!(-32601)));
    let metrics = connection.metrics();
    assert_eq!((metrics.dropped_notifications, metrics.refused_requests), (1, 1));
}

#[tokio::test]
async fn a_full_inbox_does_not_stop_the_reading() {
    let (connection, mut incoming, mut peer) = open(ConnectionOptions { incoming: 2, ..Default::default() });
    for number in 0..100 {
        peer.say(json!({"jsonrpc": "2.0", "method": "news", "params": [number]})).await;
    }
    peer.say(json!({"jsonrpc": "2.0", "id": 1, "method": "question"})).await;
    assert_eq!(peer.next().await["error"]["code"], -32000);
    assert_eq!(connection.metrics().dropped_notifications, 98);
    for number in 0..2 {
        let Some(FromPeer::Notification(news)) = incoming.next().await else { panic!() };
        assert_eq!(news.params::<Vec<u8>>().unwrap(), [number]);
    }
}
