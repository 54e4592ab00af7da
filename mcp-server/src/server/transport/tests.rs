use futures::FutureExt;
use rmcp::model::{
    ClientRequest, EmptyResult, Implementation, InitializeResult, RequestId, ServerCapabilities, ServerResult,
};
use serde_json::{Value, json};
use tokio::{
    io::{AsyncBufReadExt, AsyncWriteExt, DuplexStream, ReadHalf, WriteHalf},
    task::unconstrained,
};

use super::{places::IN_FLIGHT, *};
use crate::server::calls::tests::{Held, held};

type Server = LineTransport<ReadHalf<DuplexStream>, WriteHalf<DuplexStream>>;

struct Peer {
    held: Option<Held>,
    lines: tokio::io::Lines<BufReader<ReadHalf<DuplexStream>>>,
    input: WriteHalf<DuplexStream>,
}

impl Peer {
    async fn send(&mut self, line: &str) {
        self.input.write_all(format!("{line}\n").as_bytes()).await.unwrap();
    }

    async fn answer(&mut self) -> Value {
        serde_json::from_str(&self.lines.next_line().await.unwrap().unwrap()).unwrap()
    }
}

fn connected() -> (Server, Peer) {
    let (near, far) = tokio::io::duplex(64 * 1024 * 1024);
    let (input, output) = tokio::io::split(near);
    let (lines, writer) = tokio::io::split(far);
    let (held, calls) = held();
    (
        LineTransport::new(input, output, calls),
        Peer { held: Some(held), lines: BufReader::new(lines).lines(), input: writer },
    )
}

fn ping(id: usize) -> String {
    json!({"jsonrpc": "2.0", "id": id, "method": "ping"}).to_string()
}

fn pong(id: usize) -> ServerJsonRpcMessage {
    let id = RequestId::Number(i64::try_from(id).unwrap());
    ServerJsonRpcMessage::response(ServerResult::EmptyResult(EmptyResult {}), id)
}

#[tokio::test]
async fn every_bad_line_is_answered_and_the_next_one_is_read() {
    let (mut server, mut peer) = connected();
    for (line, id, code) in [
        ("{oops".to_owned(), Value::Null, -32700),
        (r#"{"jsonrpc":"2.0","id":7,"method":5}"#.to_owned(), json!(7), -32600),
        (format!("[{}]", ping(1)), Value::Null, -32600),
        (r#"{"jsonrpc":"2.0","id":1,"id":2,"method":"ping"}"#.to_owned(), json!(2), -32600),
        (format!("\"{}\"", "x".repeat(LINE_BYTES)), Value::Null, -32600),
    ] {
        peer.send(&line).await;
        peer.send(&ping(1)).await;
        assert!(server.receive().await.is_some());
        server.send(pong(1)).await.unwrap();
        let answer = peer.answer().await;
        assert_eq!((&answer["id"], &answer["error"]["code"]), (&id, &json!(code)), "{answer}");
        peer.answer().await;
    }
}

#[tokio::test]
async fn only_so_many_requests_are_handed_over_until_one_is_answered() {
    let (mut server, mut peer) = connected();
    for id in 0..=IN_FLIGHT {
        peer.send(&ping(id)).await;
    }
    for _ in 0..IN_FLIGHT {
        assert!(server.receive().await.is_some());
    }
    assert!(server.receive().now_or_never().is_none());
    server.send(pong(0)).await.unwrap();
    assert!(server.receive().await.is_some());
}

#[tokio::test]
async fn an_id_in_use_is_refused_without_taking_its_answer() {
    let (mut server, mut peer) = connected();
    peer.send(&ping(1)).await;
    peer.send(&ping(1)).await;
    peer.send(&ping(2)).await;
    assert!(server.receive().await.is_some());
    assert!(server.receive().await.is_some());
    assert!(server.receive().now_or_never().is_none());
    assert_eq!(peer.answer().await["id"], Value::Null);
    server.send(pong(1)).await.unwrap();
    assert_eq!(peer.answer().await["id"], 1);
}

#[tokio::test]
async fn the_end_waits_for_the_last_answer() {
    let (mut server, mut peer) = connected();
    peer.send(&ping(1)).await;
    peer.input.shutdown().await.unwrap();
    assert!(server.receive().await.is_some());
    assert!(server.receive().now_or_never().is_none());
    server.send(pong(1)).await.unwrap();
    assert!(server.receive().await.is_none());
}

#[tokio::test]
async fn a_broken_limit_travels_with_the_tool_call() {
    use shared_types::ErrorCode::{InvalidJson, LimitExceeded, Refused};

    let (mut server, mut peer) = connected();
    let nested = |levels| format!("{}1{}", "[".repeat(levels), "]".repeat(levels));
    for (id, (labels, code)) in [
        (nested(10), LimitExceeded),
        // Deeper than serde_json builds a document.
        (nested(1000), LimitExceeded),
        (r#"{"a":1,"a":2}"#.to_owned(), Refused),
        (r#""\ud800""#.to_owned(), InvalidJson),
    ]
    .into_iter()
    .enumerate()
    {
        peer.send(&format!(
            r#"{{"jsonrpc":"2.0","id":{id},"method":"tools/call","params":{{"name":"create_task","arguments":{{"labels":{labels}}}}}}}"#
        ))
        .await;
        let Some(JsonRpcMessage::Request(request)) = server.receive().await else { panic!("no request") };
        let ClientRequest::CallToolRequest(call) = request.request else { panic!("no call") };
        let BrokenLimit(error) = call.extensions.get().unwrap();
        assert_eq!(error.code, code, "{labels}");
    }
}

#[tokio::test]
async fn the_arguments_of_what_is_no_tool_are_left_alone() {
    let (mut server, mut peer) = connected();
    let topic = "x".repeat(20_000);
    let params = json!({"name": "plan_project", "arguments": {"goal": topic}});
    peer.send(&json!({"jsonrpc": "2.0", "id": 1, "method": "prompts/get", "params": params}).to_string())
        .await;
    let Some(JsonRpcMessage::Request(request)) = server.receive().await else { panic!("no request") };
    let ClientRequest::GetPromptRequest(get) = request.request else { panic!("no prompt") };
    assert_eq!(get.params.arguments.unwrap()["goal"], topic);
}

#[tokio::test]
async fn what_is_not_an_argument_may_be_longer() {
    let (mut server, mut peer) = connected();
    let icon = format!("data:image/png;base64,{}", "A".repeat(50_000));
    let client = json!({"name": "c", "version": "1", "icons": [{"src": icon}]});
    let params = json!({"protocolVersion": "2025-11-25", "capabilities": {}, "clientInfo": client});
    peer.send(&json!({"jsonrpc": "2.0", "id": 1, "method": "initialize", "params": params}).to_string())
        .await;
    assert!(matches!(server.receive().await, Some(JsonRpcMessage::Request(_))));
}

/// Brings a handshake behind `server`.
async fn shake_hands(server: &mut Server, peer: &mut Peer) {
    let params = json!({"protocolVersion": "2025-11-25", "capabilities": {}, "clientInfo": {"name": "c", "version": "1"}});
    peer.send(&json!({"jsonrpc": "2.0", "id": 0, "method": "initialize", "params": params}).to_string())
        .await;
    assert!(server.receive().await.is_some());
    let info = InitializeResult::new(ServerCapabilities::default())
        .with_server_info(Implementation::new("bindery", "1"));
    let answer = ServerJsonRpcMessage::response(ServerResult::InitializeResult(info), RequestId::Number(0));
    server.send(answer).await.unwrap();
    assert_eq!(peer.answer().await["id"], 0);
}

fn call(id: usize, name: &str, arguments: &Value) -> String {
    let params = json!({"name": name, "arguments": arguments});
    json!({"jsonrpc": "2.0", "id": id, "method": "tools/call", "params": params}).to_string()
}

#[tokio::test]
async fn a_plain_call_is_answered_here_once_hands_were_shaken() {
    let (mut server, mut peer) = connected();
    let refused = call(1, "get_task", &json!({"nope": 1}));
    peer.send(&refused).await;
    assert!(server.receive().await.is_some(), "before, rmcp decides what becomes of it");
    server.send(pong(1)).await.unwrap();
    peer.answer().await;
    shake_hands(&mut server, &mut peer).await;
    peer.send(&refused).await;
    peer.send(&ping(2)).await;
    assert!(
        matches!(server.receive().await, Some(JsonRpcMessage::Request(ping)) if ping.id == RequestId::Number(2))
    );
    server.send(pong(2)).await.unwrap();
    let answer = peer.answer().await;
    assert_eq!(answer["result"]["structuredContent"]["error_code"], "missing_field", "{answer}");
    assert_eq!(peer.answer().await["id"], 2);
}

/// A call that waits for a backend.
fn hanging(id: usize) -> String {
    call(id, "list_tasks", &json!({}))
}

#[tokio::test]
async fn a_call_that_is_answered_here_takes_a_place_and_its_id() {
    let (mut server, mut peer) = connected();
    shake_hands(&mut server, &mut peer).await;
    for id in 1..=IN_FLIGHT {
        peer.send(&hanging(id)).await;
    }
    peer.send(&ping(1)).await;
    assert!(unconstrained(server.receive()).now_or_never().is_none());
    assert_eq!(peer.answer().await["id"], Value::Null, "the id is in use");
    peer.send(&ping(100)).await;
    assert!(unconstrained(server.receive()).now_or_never().is_none(), "all places are taken");
    drop(peer.held.take());
    assert!(matches!(server.receive().await, Some(JsonRpcMessage::Request(_))));
}

#[tokio::test]
async fn a_cancelled_call_is_ended_and_never_answered() {
    let (mut server, mut peer) = connected();
    shake_hands(&mut server, &mut peer).await;
    peer.send(&hanging(1)).await;
    let cancel = json!({"jsonrpc": "2.0", "method": "notifications/cancelled", "params": {"requestId": 1}});
    peer.send(&cancel.to_string()).await;
    assert!(matches!(server.receive().await, Some(JsonRpcMessage::Notification(_))));
    assert!(server.receive().now_or_never().is_none());
    assert!(server.direct.is_empty());
    // The id is free again.
    peer.send(&ping(1)).await;
    assert!(server.receive().await.is_some());
}

#[tokio::test]
async fn the_end_waits_for_the_calls_that_are_answered_here() {
    let (mut server, mut peer) = connected();
    shake_hands(&mut server, &mut peer).await;
    peer.send(&hanging(1)).await;
    peer.input.shutdown().await.unwrap();
    assert!(server.receive().now_or_never().is_none());
    drop(peer.held.take());
    assert!(server.receive().await.is_none());
    let answer = peer.answer().await;
    assert_eq!(answer["result"]["structuredContent"]["error_code"], "backend_unavailable", "{answer}");
}
