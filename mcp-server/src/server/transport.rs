//! Newline-delimited JSON-RPC over two byte streams, with the bounds that a server needs.
//!
//! rmcp's own stream transport drops oversized and unparsable lines without an answer, hands
//! over as many requests as a client cares to send, and loses an answer when an id is reused
//! while it is still being worked on. Here every line gets an answer, a bounded number of requests is
//! worked on at once, and the input is not read further meanwhile. What [`direct`] reads never
//! reaches rmcp: it is carried out while the transport waits for the next line.

mod message;
mod output;
mod places;
#[cfg(test)]
mod tests;

use std::{io, sync::Arc, time::Duration};

use futures::{
    StreamExt,
    future::{AbortHandle, Abortable, Aborted, BoxFuture},
    stream::FuturesUnordered,
};
use rmcp::{
    RoleServer,
    model::{
        ClientJsonRpcMessage, ClientNotification, ClientRequest, ErrorCode, ErrorData, JsonRpcMessage,
        RequestId, ServerJsonRpcMessage, ServerResult,
    },
    transport::Transport,
};
use tokio::{
    io::{AsyncRead, AsyncWrite, BufReader},
    time::timeout,
};

use self::{
    output::Output,
    places::{NoPlace, Places},
};
use super::{
    calls::Calls,
    direct::{self, Call, Told},
    line::{Line, LineReader},
};

/// Longest line: a full batch of tasks fits, a flood does not.
const LINE_BYTES: usize = 16 * 1024 * 1024;
/// How long answers may take after the end of input.
const LAST_ANSWERS: Duration = Duration::from_secs(30);
/// How long they may take when the end was asked for.
const LAST_CALLS: Duration = Duration::from_secs(2);

/// A limit that the arguments of a tool call break, found before they were built. It travels
/// with the request so that the answer is the tool's.
#[derive(Debug, Clone)]
pub(crate) struct BrokenLimit(pub(crate) shared_types::Error);

/// The transport between a client and rmcp's service loop.
///
/// What is underway lives in it, because `receive` is cancelled whenever rmcp has something to send.
pub(crate) struct LineTransport<R, W> {
    lines: LineReader<BufReader<R>>,
    output: Arc<Output<W>>,
    places: Arc<Places>,
    calls: Arc<Calls>,
    /// The calls that rmcp knows nothing of.
    direct: FuturesUnordered<Abortable<BoxFuture<'static, Told>>>,
    /// Who makes them: known once the handshake is done, without which there are none.
    actor: Option<String>,
    /// Who asked for a handshake.
    client: Option<String>,
    /// Whether a request has come; before it there is nothing to notify about.
    opened: bool,
    /// Read, and waiting for a place among those in flight.
    waiting: Option<Incoming>,
}

/// What a line holds.
enum Incoming {
    Call(Call),
    Message(Box<ClientJsonRpcMessage>),
}

impl<R, W> LineTransport<R, W>
where
    R: AsyncRead + Send + Unpin,
    W: AsyncWrite + Send + Unpin + 'static,
{
    /// A transport that reads from `input` and writes to `output`, and has `calls` carried out.
    pub(super) fn new(input: R, output: W, calls: Arc<Calls>) -> Self {
        Self {
            lines: LineReader::new(BufReader::new(input), LINE_BYTES),
            output: Arc::new(Output::new(output)),
            places: Arc::default(),
            calls,
            direct: FuturesUnordered::new(),
            actor: None,
            client: None,
            opened: false,
            waiting: None,
        }
    }

    /// What the line holds that was read last; a line that holds nothing is refused.
    fn take_line(&mut self) -> io::Result<Option<Incoming>> {
        let line = self.lines.line();
        let call = self.actor.as_ref().and_then(|_| direct::read(line));
        let read = match call {
            Some(call) => Ok(Incoming::Call(call)),
            None => message::read(line, &self.calls).map(|message| Incoming::Message(Box::new(message))),
        };
        self.lines.clear();
        match read {
            Ok(incoming) => Ok(Some(incoming)),
            Err(refusal) => self.output.push(&refusal).map(|()| None),
        }
    }

    /// Begins what came in, or keeps it until there is a place. Returns what rmcp is to do.
    fn admit(&mut self, incoming: Incoming) -> io::Result<Option<ClientJsonRpcMessage>> {
        let message = match incoming {
            Incoming::Call(call) => return self.begin(call).map(|()| None),
            Incoming::Message(message) => message,
        };
        let request = match &*message {
            JsonRpcMessage::Request(request) => request,
            JsonRpcMessage::Notification(notification) => {
                if let ClientNotification::CancelledNotification(cancelled) = &notification.notification
                    && let Some(id) = &cancelled.params.request_id
                {
                    // The service never answers a request that was cancelled.
                    self.places.leave(id);
                }
                return Ok(self.opened.then_some(*message));
            }
            _ => return Ok(self.opened.then_some(*message)),
        };
        let id = request.id.clone();
        let place = match &request.request {
            ClientRequest::SubscriptionsListenRequest(_) => self.places.subscribe(&id),
            _ => self.places.take(&id, None),
        };
        if let Err(why) = place {
            return self.without_place(&id, why, Incoming::Message(message)).map(|()| None);
        }
        if let ClientRequest::InitializeRequest(initialize) = &request.request
            && self.actor.is_none()
        {
            self.client = Some(initialize.params.client_info.name.clone());
        }
        self.opened = true;
        Ok(Some(*message))
    }

    fn begin(&mut self, call: Call) -> io::Result<()> {
        let (abort, registration) = AbortHandle::new_pair();
        if let Err(why) = self.places.take(&call.id, Some(abort)) {
            return self.without_place(&call.id.clone(), why, Incoming::Call(call));
        }
        let actor = self.actor.clone().unwrap_or_default();
        let work = direct::carry_out(Arc::clone(&self.calls), call, actor);
        self.direct.push(Abortable::new(work, registration));
        Ok(())
    }

    fn without_place(&mut self, id: &RequestId, why: NoPlace, incoming: Incoming) -> io::Result<()> {
        let (error, id) = match why {
            NoPlace::Yet => {
                self.waiting = Some(incoming);
                return Ok(());
            }
            NoPlace::IdInUse => {
                let text = format!("the id {id} belongs to a request that is not answered yet");
                // An answer with that id would pass for the answer of the first request.
                (ErrorData::invalid_request(text, None), None)
            }
            NoPlace::Subscriptions => {
                let error = ErrorData::new(ErrorCode(-32000), "too many open subscriptions", None);
                (error, Some(id.clone()))
            }
        };
        self.output.push(&ServerJsonRpcMessage::error(error, id))
    }

    fn tell(&self, told: Result<Told, Aborted>) {
        if let Ok(Told { id, line }) = told {
            self.output.push_line(&line);
            self.places.leave(&id);
        }
    }

    /// The next message for rmcp; `None` at the end of input, when all is answered.
    async fn next(&mut self) -> io::Result<Option<ClientJsonRpcMessage>> {
        loop {
            if self.output.is_full() {
                self.output.flush().await?;
            }
            if let Some(waiting) = self.waiting.take()
                && let Some(message) = self.admit(waiting)?
            {
                return Ok(Some(message));
            }
            let is_free = self.waiting.is_none();
            // In this order, so that answers leave together when nothing more is to be read.
            tokio::select! {
                biased;
                Some(told) = self.direct.next() => self.tell(told),
                () = self.places.fewer_than(places::IN_FLIGHT), if !is_free => {}
                line = self.lines.next(), if is_free => match line {
                    Line::Whole => {
                        if let Some(incoming) = self.take_line()?
                            && let Some(message) = self.admit(incoming)?
                        {
                            return Ok(Some(message));
                        }
                    }
                    Line::TooLong => {
                        let text = format!("the message is longer than {LINE_BYTES} bytes; send it in parts");
                        let error = ErrorData::invalid_request(text, None);
                        self.output.push(&ServerJsonRpcMessage::error(error, None))?;
                    }
                    Line::End => {
                        if timeout(LAST_ANSWERS, self.finish()).await.is_err() {
                            tracing::warn!("requests were left unanswered at the end of input");
                        }
                        return Ok(None);
                    }
                },
                flushed = self.output.flush(), if self.output.is_waiting() => flushed?,
            }
        }
    }

    /// Waits until everything is answered and written, or cannot be.
    async fn finish(&mut self) {
        loop {
            if self.output.is_waiting() && self.output.flush().await.is_err() {
                return;
            }
            tokio::select! {
                biased;
                Some(told) = self.direct.next() => self.tell(told),
                () = self.places.fewer_than(1) => {
                    if !self.output.is_waiting() {
                        return;
                    }
                }
            }
        }
    }

    /// Brings to their end the calls that rmcp knows nothing of.
    async fn finish_direct(&mut self) {
        while let Some(told) = self.direct.next().await {
            self.tell(told);
        }
        // Nobody reads what cannot be written.
        let _ = self.output.flush().await;
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
        let is_handshake = matches!(
            &message,
            JsonRpcMessage::Response(response) if matches!(response.result, ServerResult::InitializeResult(_))
        );
        if is_handshake && self.actor.is_none() {
            self.actor = Some(self.calls.actor(self.client.as_deref()));
        }
        let (output, places) = (Arc::clone(&self.output), Arc::clone(&self.places));
        async move {
            let pushed = output.push(&message);
            let sent = output.flush().await;
            match &message {
                JsonRpcMessage::Response(response) => places.leave(&response.id),
                JsonRpcMessage::Error(error) => {
                    if let Some(id) = &error.id {
                        places.leave(id);
                    }
                }
                _ => {}
            }
            pushed.and(sent)
        }
    }

    async fn receive(&mut self) -> Option<ClientJsonRpcMessage> {
        self.next().await.ok().flatten()
    }

    async fn close(&mut self) -> Result<(), io::Error> {
        let _ = timeout(LAST_CALLS, self.finish_direct()).await;
        self.output.close().await
    }
}
