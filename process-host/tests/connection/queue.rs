//! Calls that take turns on a connection that comes and goes.

use std::{collections::BTreeMap, time::Duration};

use futures::poll;
use process_host::{
    connection::{CallError, Closed, Connection, ConnectionOptions, Incoming},
    ipc::{IpcManager, MethodConfig, Priority, QueueConfig, RequestOptions},
};
use serde_json::{json, value::RawValue};
use tokio::{
    sync::watch,
    task::{JoinHandle, yield_now},
    time::{Instant, sleep},
};

use super::peer::{Peer, open};

type Outcome = Result<Box<RawValue>, CallError>;

struct Host {
    ipc: IpcManager,
    connections: watch::Sender<Option<Connection>>,
    _incoming: Incoming,
}

fn host(config: QueueConfig) -> (Host, Peer) {
    let (connection, incoming, peer) = open(ConnectionOptions::default());
    let (connections, receiver) = watch::channel(Some(connection));
    (Host { ipc: IpcManager::new(config, receiver), connections, _incoming: incoming }, peer)
}

fn one_at_a_time() -> QueueConfig {
    QueueConfig { max_concurrent_requests: 1, max_queue_size: 4, ..Default::default() }
}

impl Host {
    /// Makes a call in a task of its own, and lets it come as far as it can.
    async fn call(&self, method: &'static str, options: RequestOptions) -> JoinHandle<Outcome> {
        let ipc = self.ipc.clone();
        let call = tokio::spawn(async move { ipc.call_with(method, &(), options).await });
        yield_now().await;
        call
    }

    /// The child is gone, and another is there; `between` is what happens meanwhile.
    async fn restart(&mut self, between: impl Future<Output = ()>) -> Peer {
        if let Some(connection) = self.connections.send_replace(None) {
            connection.close(Closed::Ended);
        }
        between.await;
        let (connection, incoming, peer) = open(ConnectionOptions::default());
        self._incoming = incoming;
        self.connections.send_replace(Some(connection));
        peer
    }
}

fn priority(priority: Priority) -> RequestOptions {
    RequestOptions { priority: Some(priority), ..Default::default() }
}

fn within(seconds: u64) -> RequestOptions {
    RequestOptions { timeout: Some(Duration::from_secs(seconds)), ..Default::default() }
}

#[tokio::test(start_paused = true)]
async fn the_urgent_go_first_and_the_old_are_not_forgotten() {
    let (host, mut peer) = host(QueueConfig { max_queue_size: 10, ..one_at_a_time() });
    let _first = host.call("first", RequestOptions::default()).await;
    let _old = host.call("old and low", priority(Priority::Low)).await;
    sleep(Duration::from_secs(11)).await;
    for (method, urgency) in
        [("low", Priority::Low), ("normal", Priority::Normal), ("critical", Priority::Critical)]
    {
        drop(host.call(method, priority(urgency)).await);
    }
    let depth = host.ipc.snapshot().queue_depth;
    assert_eq!((depth.critical, depth.high, depth.normal, depth.low), (1, 0, 1, 2));
    for expected in ["first", "old and low", "critical", "normal", "low"] {
        let request = peer.next().await;
        assert_eq!(request["method"], expected);
        assert_eq!(host.ipc.snapshot().in_flight, 1);
        peer.answer(&request["id"], json!(null)).await;
    }
}

#[tokio::test(start_paused = true)]
async fn one_more_than_may_wait_is_refused_at_once() {
    let (host, _peer) = host(one_at_a_time());
    let mut calls = Vec::new();
    for _ in 0..5 {
        calls.push(host.call("m", RequestOptions::default()).await);
    }
    let start = Instant::now();
    assert_eq!(host.ipc.call("m", &()).await.unwrap_err().code(), "queue_full");
    assert_eq!(start.elapsed(), Duration::ZERO);
    // A caller that leaves makes room.
    let last = calls.pop().unwrap();
    last.abort();
    assert!(last.await.unwrap_err().is_cancelled());
    let next = host.call("m", RequestOptions::default()).await;
    assert!(!next.is_finished());
    let snapshot = host.ipc.snapshot();
    assert_eq!((snapshot.total_requests, snapshot.refused_requests, snapshot.cancelled_requests), (7, 1, 1));
}

#[tokio::test(start_paused = true)]
async fn one_deadline_covers_the_wait_and_the_flight() {
    let (host, mut peer) = host(one_at_a_time());
    let start = Instant::now();
    let in_flight = host.call("in flight", within(3)).await;
    let waiting = host.call("waiting", within(2)).await;
    let after = host.call("after", within(4)).await;
    let error = waiting.await.unwrap().unwrap_err();
    assert!(matches!(error, CallError::Deadline { sent: false }), "{error:?}");
    assert_eq!(start.elapsed().as_secs(), 2);
    assert!(matches!(in_flight.await.unwrap(), Err(CallError::Deadline { sent: true })));
    assert!(matches!(after.await.unwrap(), Err(CallError::Deadline { sent: true })));
    assert_eq!(start.elapsed().as_secs(), 4);
    let methods =
        [peer.next().await, peer.next().await, peer.next().await].map(|said| said["method"].clone());
    assert_eq!(methods, ["in flight", "$/cancelRequest", "after"]);
    assert_eq!(host.ipc.snapshot().timeouts, 3);
}

#[tokio::test(start_paused = true)]
async fn calls_wait_while_there_is_no_child() {
    let (mut host, peer) = host(one_at_a_time());
    drop(peer);
    let (ipc, mut waiting, mut doomed) = (host.ipc.clone(), None, None);
    let peer = host
        .restart(async {
            let patient = ipc.clone();
            waiting = Some(tokio::spawn(async move { patient.call("m", &[1]).await }));
            doomed = Some(tokio::spawn(async move { ipc.call_with("m", &(), within(1)).await }));
            sleep(Duration::from_secs(5)).await;
        })
        .await;
    tokio::spawn(peer.echo());
    assert_eq!(doomed.unwrap().await.unwrap().unwrap_err().code(), "deadline_exceeded");
    assert_eq!(waiting.unwrap().await.unwrap().unwrap().get(), "[1]");
}

#[tokio::test(start_paused = true)]
async fn only_what_may_be_seen_twice_is_sent_twice() {
    let idempotent = MethodConfig { idempotent: Some(true), ..Default::default() };
    let methods = BTreeMap::from([("read".to_owned(), idempotent)]);
    let (mut host, mut peer) = host(QueueConfig { methods, ..Default::default() });
    let read = host.call("read", RequestOptions::default()).await;
    let write = host.call("write", RequestOptions::default()).await;
    peer.next().await;
    peer.next().await;
    let start = Instant::now();
    let mut peer = host.restart(async {}).await;
    let error = write.await.unwrap().unwrap_err();
    assert!(matches!(error, CallError::Closed { sent: true, .. }), "{error:?}");
    let request = peer.next().await;
    assert_eq!(request["method"], "read");
    let waited = start.elapsed();
    assert!((800..=1000).contains(&waited.as_millis()), "{waited:?}");
    peer.answer(&request["id"], json!("read")).await;
    assert_eq!(read.await.unwrap().unwrap().get(), "\"read\"");
    let snapshot = host.ipc.snapshot();
    assert_eq!((snapshot.retries, snapshot.successful_requests, snapshot.failed_requests), (1, 1, 1));
}

#[tokio::test(start_paused = true)]
async fn retries_come_to_an_end() {
    let (mut host, mut peer) = host(QueueConfig { max_retries: 2, ..Default::default() });
    let options = RequestOptions { idempotent: Some(true), ..Default::default() };
    let call = host.call("m", options).await;
    let start = Instant::now();
    for _ in 0..2 {
        peer.next().await;
        peer = host.restart(async {}).await;
    }
    peer.next().await;
    // The first wait is a second, the next two; a fifth of either may be missing.
    let waited = start.elapsed().as_millis();
    assert!((2400..=3000).contains(&waited), "{waited}");
    let _peer = host.restart(async {}).await;
    assert!(matches!(call.await.unwrap(), Err(CallError::Closed { .. })));
    assert_eq!(host.ipc.snapshot().retries, 2);
}

#[tokio::test(start_paused = true)]
async fn a_caller_that_leaves_is_cancelled_in_flight() {
    let (host, mut peer) = host(one_at_a_time());
    let mut call = Box::pin(host.ipc.call("m", &()));
    assert!(poll!(&mut call).is_pending());
    peer.next().await;
    drop(call);
    assert_eq!(peer.next().await["method"], "$/cancelRequest");
    let snapshot = host.ipc.snapshot();
    assert_eq!((snapshot.in_flight, snapshot.cancelled_requests), (0, 1));
}

#[tokio::test(start_paused = true)]
async fn a_stream_keeps_its_turn_to_its_end() {
    let (host, mut peer) = host(one_at_a_time());
    let mut stream = host.ipc.call_streaming("list", &(), None).await.unwrap();
    let next = host.call("next", RequestOptions::default()).await;
    let id = peer.next().await["id"].clone();
    peer.say(json!({"jsonrpc": "2.0", "method": "$/chunk", "params": {"id": id, "data": 1}})).await;
    assert_eq!(stream.next().await.unwrap().unwrap().get(), "1");
    peer.answer(&id, json!("end")).await;
    assert!(stream.next().await.unwrap().is_none());
    assert_eq!(host.ipc.snapshot().queue_depth.normal, 1);
    assert_eq!(stream.finish().await.unwrap().get(), "\"end\"");
    let request = peer.next().await;
    assert_eq!(request["method"], "next");
    peer.answer(&request["id"], json!(2)).await;
    next.await.unwrap().unwrap();
    assert_eq!(host.ipc.snapshot().methods["list"].finished, 1);
}

#[tokio::test(start_paused = true)]
async fn messages_are_relayed_in_turn() {
    let (host, peer) = host(one_at_a_time());
    tokio::spawn(peer.echo());
    let message = r#"{"jsonrpc":"2.0","id":"a","method":"m","params":[1]}"#.to_owned();
    let message = RawValue::from_string(message).unwrap();
    let answer = host.ipc.relay(&message, RequestOptions::default()).await.unwrap().unwrap();
    assert_eq!(answer.get(), r#"{"jsonrpc":"2.0","id":"a","result":[1]}"#);
    assert_eq!(host.ipc.snapshot().methods["m"].finished, 1);
}

#[tokio::test(start_paused = true)]
async fn draining_waits_for_what_there_is_and_takes_nothing_new() {
    let (host, peer) = host(one_at_a_time());
    let calls = [host.call("m", within(5)).await, host.call("m", within(5)).await];
    let ipc = host.ipc.clone();
    let drain = tokio::spawn(async move { ipc.drain(Duration::from_secs(10)).await });
    yield_now().await;
    let refused = host.ipc.call("m", &()).await.unwrap_err();
    assert!(matches!(refused, CallError::Closed { reason: Closed::Stopped, sent: false }));
    tokio::spawn(peer.echo());
    for call in calls {
        call.await.unwrap().unwrap();
    }
    assert!(drain.await.unwrap());
}

#[tokio::test(start_paused = true)]
async fn draining_ends_when_its_time_is_over() {
    let (host, mut peer) = host(one_at_a_time());
    let calls = [host.call("m", within(60)).await, host.call("m", within(60)).await];
    let start = Instant::now();
    assert!(!host.ipc.drain(Duration::from_secs(10)).await);
    for call in calls {
        assert_eq!(call.await.unwrap().unwrap_err().code(), "cancelled");
    }
    assert_eq!(start.elapsed().as_secs(), 10);
    peer.next().await;
    assert_eq!(peer.next().await["method"], "$/cancelRequest");
}

#[tokio::test(start_paused = true)]
async fn without_a_child_to_come_calls_fail() {
    let (connections, receiver) = watch::channel(None);
    let ipc = IpcManager::new(QueueConfig::default(), receiver);
    let mut call = Box::pin(ipc.call("m", &()));
    assert!(poll!(&mut call).is_pending());
    drop(connections);
    let error = call.await.unwrap_err();
    assert!(matches!(error, CallError::Closed { reason: Closed::Ended, sent: false }), "{error:?}");
}
