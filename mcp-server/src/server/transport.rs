//! Newline-delimited JSON-RPC over two byte streams, with the bounds that a server needs.
//!
//! rmcp's own stream transport drops oversized and unparsable lines without an answer, hands
//! over as many requests as a client cares to send, and loses an answer when an id is reused
//! while it is still being worked on. Here every line gets an answer, at most [`IN_FLIGHT`]
//! requests are worked on at once, and the input is not read further meanwhile.

use std::{borrow::Cow, collections::HashSet, io, sync::Arc, time::Duration};

use guard::Intake;
use rmcp::{
    RoleServer,
    model::{
        ClientJsonRpcMessage, ClientNotification, ClientRequest, ErrorCode, ErrorData, JsonRpcMessage,
        RequestId, ServerJsonRpcMessage,
    },
    transport::Transport,
};
use serde::Deserialize;
use serde_json::{Value, value::RawValue};
use tokio::{
    io::{AsyncRead, AsyncWrite, AsyncWriteExt, BufReader},
    sync::{Mutex, Notify},
};

use super::line::{Line, LineReader};

/// Requests worked on at once. Subscriptions, which stay open, are counted apart.
const IN_FLIGHT: usize = 64;
/// Subscriptions open at once.
const SUBSCRIPTIONS: usize = 64;
/// Longest line: a full batch of tasks fits, a flood does not.
const LINE_BYTES: usize = 16 * 1024 * 1024;
/// How long answers may take after the end of input.
const LAST_ANSWERS: Duration = Duration::from_secs(30);

/// A limit that the arguments of a tool call break, found before they were built. It travels
/// with the request so that the answer is the tool's.
#[derive(Debug, Clone)]
pub(crate) struct BrokenLimit(pub(crate) shared_types::Error);

/// The transport between a client and rmcp's service loop.
pub(crate) struct LineTransport<R, W> {
    lines: LineReader<BufReader<R>>,
    output: Arc<Output<W>>,
    intake: Intake,
    /// Whether a request has come; before it there is nothing to notify about.
    opened: bool,
    /// Read, and waiting for a place among those in flight. It lives here because `receive` is
    /// cancelled whenever an answer becomes ready.
    waiting: Option<ClientJsonRpcMessage>,
    /// Read, and refused without asking the service. It lives here for the same reason.
    refusal: Option<Box<ServerJsonRpcMessage>>,
}

/// What the sending half shares with the receiving one.
struct Output<W> {
    stream: Mutex<W>,
    flights: std::sync::Mutex<Flights>,
    landed: Notify,
}

#[derive(Default)]
struct Flights {
    requests: HashSet<RequestId>,
    subscriptions: HashSet<RequestId>,
}

impl<W> Output<W> {
    fn flights(&self) -> std::sync::MutexGuard<'_, Flights> {
        self.flights.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }

    fn land(&self, id: &RequestId) {
        let mut flights = self.flights();
        if flights.requests.remove(id) || flights.subscriptions.remove(id) {
            self.landed.notify_waiters();
        }
    }

    /// Waits until fewer than `places` requests are being worked on.
    async fn fewer_than(&self, places: usize) {
        loop {
            let landed = self.landed.notified();
            tokio::pin!(landed);
            landed.as_mut().enable();
            if self.flights().requests.len() < places {
                return;
            }
            landed.await;
        }
    }
}

impl<W: AsyncWrite + Unpin> Output<W> {
    async fn write(&self, message: &ServerJsonRpcMessage) -> io::Result<()> {
        let mut line = serde_json::to_vec(message)?;
        line.push(b'\n');
        let mut stream = self.stream.lock().await;
        stream.write_all(&line).await?;
        stream.flush().await
    }
}

impl<R, W> LineTransport<R, W>
where
    R: AsyncRead + Send + Unpin,
    W: AsyncWrite + Send + Unpin + 'static,
{
    /// A transport that reads from `input` and writes to `output`.
    pub(crate) fn new(input: R, output: W, intake: Intake) -> Self {
        Self {
            lines: LineReader::new(BufReader::new(input), LINE_BYTES),
            output: Arc::new(Output {
                stream: Mutex::new(output),
                flights: std::sync::Mutex::default(),
                landed: Notify::new(),
            }),
            intake,
            opened: false,
            waiting: None,
            refusal: None,
        }
    }

    /// The message on a line, or the answer to a line that is none. The limits are those of a tool's
    /// arguments: what else a message carries, such as a client's icons, may be longer.
    fn read(&self, line: &[u8]) -> Result<ClientJsonRpcMessage, Box<ServerJsonRpcMessage>> {
        let Some((json, error)) =
            arguments(line).and_then(|json| Some((json, self.intake.check_bytes(json.as_bytes(), 0).err()?)))
        else {
            return serde_json::from_slice(line).map_err(|_| refusal_of_line(line));
        };
        // Arguments that break a limit are not built at all: they may be deeper than the parser
        // goes, which would make the line pass for one that is no JSON.
        let line = without(line, json);
        let mut message: ClientJsonRpcMessage =
            serde_json::from_slice(&line).map_err(|_| refusal_of_line(&line))?;
        if let JsonRpcMessage::Request(request) = &mut message
            && let ClientRequest::CallToolRequest(call) = &mut request.request
        {
            call.extensions.insert(BrokenLimit(error));
        }
        Ok(message)
    }

    /// Takes a place for a request, or says that there is none.
    fn admit(&mut self, message: ClientJsonRpcMessage) -> Option<ClientJsonRpcMessage> {
        match &message {
            JsonRpcMessage::Request(request) => {
                let mut flights = self.output.flights();
                if flights.requests.contains(&request.id) || flights.subscriptions.contains(&request.id) {
                    let error = ErrorData::invalid_request(
                        format!("the id {} belongs to a request that is not answered yet", request.id),
                        None,
                    );
                    // An answer with that id would pass for the answer of the first request.
                    self.refusal = Some(Box::new(ServerJsonRpcMessage::error(error, None)));
                    return None;
                }
                let subscribes = matches!(request.request, ClientRequest::SubscriptionsListenRequest(_));
                let (places, limit) = match subscribes {
                    true => (&mut flights.subscriptions, SUBSCRIPTIONS),
                    false => (&mut flights.requests, IN_FLIGHT),
                };
                if places.len() < limit {
                    places.insert(request.id.clone());
                    drop(flights);
                    self.opened = true;
                    return Some(message);
                }
                drop(flights);
                if subscribes {
                    let error = ErrorData::new(ErrorCode(-32000), "too many open subscriptions", None);
                    self.refusal =
                        Some(Box::new(ServerJsonRpcMessage::error(error, Some(request.id.clone()))));
                } else {
                    self.waiting = Some(message);
                }
                None
            }
            JsonRpcMessage::Notification(notification) => {
                if let ClientNotification::CancelledNotification(cancelled) = &notification.notification
                    && let Some(id) = &cancelled.params.request_id
                {
                    // The service never answers a request that was cancelled.
                    self.output.land(id);
                }
                self.opened.then_some(message)
            }
            _ => self.opened.then_some(message),
        }
    }
}

impl<R, W> Transport<RoleServer> for LineTransport<R, W>
where
    R: AsyncRead + Send + Unpin,
    W: AsyncWrite + Send + Unpin + 'static,
{
    type Error = io::Error;

    fn send(
        &mut self,
        message: ServerJsonRpcMessage,
    ) -> impl Future<Output = Result<(), io::Error>> + Send + 'static {
        let output = Arc::clone(&self.output);
        async move {
            let sent = output.write(&message).await;
            match &message {
                JsonRpcMessage::Response(response) => output.land(&response.id),
                JsonRpcMessage::Error(error) => {
                    if let Some(id) = &error.id {
                        output.land(id);
                    }
                }
                _ => {}
            }
            sent
        }
    }

    async fn receive(&mut self) -> Option<ClientJsonRpcMessage> {
        loop {
            if let Some(refusal) = &self.refusal {
                self.output.write(refusal).await.ok()?;
                self.refusal = None;
            }
            if self.waiting.is_some() {
                self.output.fewer_than(IN_FLIGHT).await;
            }
            let message = match self.waiting.take() {
                Some(message) => message,
                None => match self.lines.next().await {
                    Line::Whole => {
                        let read = self.read(self.lines.line());
                        self.lines.clear();
                        match read {
                            Ok(message) => message,
                            Err(refusal) => {
                                self.refusal = Some(refusal);
                                continue;
                            }
                        }
                    }
                    Line::TooLong => {
                        let text = format!("the message is longer than {LINE_BYTES} bytes; send it in parts");
                        let error = ErrorData::invalid_request(text, None);
                        self.refusal = Some(Box::new(ServerJsonRpcMessage::error(error, None)));
                        continue;
                    }
                    Line::End => {
                        let answered = self.output.fewer_than(1);
                        if tokio::time::timeout(LAST_ANSWERS, answered).await.is_err() {
                            tracing::warn!("requests were left unanswered at the end of input");
                        }
                        return None;
                    }
                },
            };
            if let Some(message) = self.admit(message) {
                return Some(message);
            }
        }
    }

    async fn close(&mut self) -> Result<(), io::Error> {
        self.output.stream.lock().await.shutdown().await
    }
}

/// The arguments of a tool call as they were written, found without building anything.
fn arguments(line: &[u8]) -> Option<&str> {
    #[derive(Deserialize)]
    struct Message<'a> {
        #[serde(borrow)]
        method: Cow<'a, str>,
        #[serde(borrow)]
        params: &'a RawValue,
    }
    #[derive(Deserialize)]
    struct Params<'a> {
        #[serde(borrow)]
        arguments: &'a RawValue,
    }
    let message: Message<'_> = serde_json::from_slice(line).ok()?;
    if message.method != "tools/call" {
        return None;
    }
    let params: Params<'_> = serde_json::from_str(message.params.get()).ok()?;
    Some(params.arguments.get())
}

/// The line with an empty object in the place of `json`, which is a part of it.
fn without(line: &[u8], json: &str) -> Vec<u8> {
    let start = json.as_ptr().addr() - line.as_ptr().addr();
    [&line[..start], b"{}", &line[start + json.len()..]].concat()
}

/// The answer to a line that is no message, with the request's id where it can be read.
fn refusal_of_line(line: &[u8]) -> Box<ServerJsonRpcMessage> {
    let Ok(value) = serde_json::from_slice::<Value>(line) else {
        let error = ErrorData::parse_error("the line is not valid JSON", None);
        return Box::new(ServerJsonRpcMessage::error(error, None));
    };
    let id = value.get("id").and_then(|id| serde_json::from_value::<RequestId>(id.clone()).ok());
    let text = match value.is_array() {
        true => "batches are not supported; send one message a line",
        false => "the line is not a JSON-RPC 2.0 message",
    };
    let error = ErrorData::invalid_request(text, None);
    Box::new(ServerJsonRpcMessage::error(error, id))
}

#[cfg(test)]
mod tests {
    use rmcp::model::{EmptyResult, ServerResult};
    use serde_json::json;
    use tokio::io::{AsyncBufReadExt, DuplexStream, ReadHalf, WriteHalf};

    use super::*;

    type Server = LineTransport<ReadHalf<DuplexStream>, WriteHalf<DuplexStream>>;

    struct Peer {
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
        (
            LineTransport::new(input, output, Intake::default()),
            Peer { lines: BufReader::new(lines).lines(), input: writer },
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

    use futures::FutureExt;
}
