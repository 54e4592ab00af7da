//! Messages with another process: JSON-RPC 2.0 over a pair of byte streams.
//!
//! A [`Connection`] is a cheap handle; clones share one connection, and the last one dropped closes
//! it. Calls go out under ids of our own that are never used twice; an answer finds its call by the
//! id, and what comes late, twice or for no call is counted and dropped. One deadline covers a call's
//! wait for a place and its flight. A call that is dropped is cancelled at the peer, or was never sent.
//!
//! ```
//! use std::future::pending;
//!
//! use process_host::connection::{CallOptions, Connection, ConnectionOptions};
//! use serde_json::json;
//! use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader, duplex, split};
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! // The peer; its place is usually taken by the pipes of a child.
//! let (ours, theirs) = duplex(1024);
//! tokio::spawn(async move {
//!     let (reader, mut writer) = split(theirs);
//!     let mut lines = BufReader::new(reader).lines();
//!     while let Ok(Some(line)) = lines.next_line().await {
//!         let request: serde_json::Value = serde_json::from_str(&line).unwrap();
//!         let answer = json!({"jsonrpc": "2.0", "id": request["id"], "result": request["params"]["query"]});
//!         writer.write_all(format!("{answer}\n").as_bytes()).await.unwrap();
//!     }
//! });
//!
//! let (reader, writer) = split(ours);
//! let (connection, _incoming) = Connection::open(reader, writer, ConnectionOptions::default(), pending());
//! let result = connection.call("search", &json!({"query": "dragons"}), CallOptions::default()).await?;
//! assert_eq!(result.get(), r#""dragons""#);
//! # Ok(())
//! # }
//! ```
//!
//! # On the wire
//!
//! One message is one line. Beyond JSON-RPC 2.0 four notifications are used, all of them optional for
//! a peer that neither streams nor reports progress:
//!
//! | who | message | meaning |
//! |---|---|---|
//! | we | `$/cancelRequest {"id"}` | nobody waits for this answer any more; the name can be [chosen](Cancel) |
//! | peer | `$/progress {"id", "value"}` | how far a call has come |
//! | peer | `$/chunk {"id", "data"}` | one item of a streamed answer |
//! | we | `$/credit {"id", "n"}` | so many more items may be sent |
//!
//! The request for a streamed answer has a member `"credit": N` beside its params: the items that may
//! be sent before more are granted. The items are followed by an ordinary answer. A peer that sends
//! more than it was granted has its stream cancelled, so that a slow reader bounds memory.

mod codec;
mod envelope;
mod error;
mod flight;
mod incoming;
mod metrics;
mod options;
mod outbox;
mod receive;
mod shared;
mod stream;
mod task;
mod watch;

use std::{fmt, future::Future, sync::Arc};

use serde::Serialize;
use serde_json::value::RawValue;
use tokio::io::{AsyncRead, AsyncWrite};

use envelope::Envelope;
use flight::Flight;
use shared::{Kind, Shared};
use stream::Flow;

pub use codec::{Codec, Frame, JsonLines};
pub use error::{CallError, Closed};
pub use incoming::{FromPeer, Incoming, Message, Responder};
pub use metrics::ConnectionMetrics;
pub use options::{CallOptions, Cancel, ConnectionOptions, Noise};
pub use stream::Streaming;

/// A handle of a connection; see the [module](self).
#[derive(Clone)]
pub struct Connection {
    handle: Arc<Handle>,
}

/// Closes the connection when the last handle goes.
struct Handle {
    shared: Arc<Shared>,
}

impl Drop for Handle {
    fn drop(&mut self) {
        self.shared.close(Closed::Stopped);
    }
}

impl Connection {
    /// Opens a connection of JSON lines. When the reader ends, `cause` has two seconds to say why.
    ///
    /// Must be called within a tokio runtime, where the connection's task then runs.
    pub fn open(
        reader: impl AsyncRead + Unpin + Send + 'static,
        writer: impl AsyncWrite + Unpin + Send + 'static,
        options: ConnectionOptions,
        cause: impl Future<Output = Closed> + Send + 'static,
    ) -> (Self, Incoming) {
        Self::open_with(JsonLines::default(), reader, writer, options, cause)
    }

    /// As [`Connection::open`], with messages laid out by `codec`.
    pub fn open_with(
        codec: impl Codec + Clone + 'static,
        reader: impl AsyncRead + Unpin + Send + 'static,
        writer: impl AsyncWrite + Unpin + Send + 'static,
        options: ConnectionOptions,
        cause: impl Future<Output = Closed> + Send + 'static,
    ) -> (Self, Incoming) {
        let shared = Arc::new(Shared::new(codec.clone(), Box::new(writer), options));
        // Ends with the connection, and the connection with its last handle.
        tokio::spawn(task::run(shared.clone(), reader, codec, cause));
        let incoming = Incoming { shared: shared.clone() };
        (Self { handle: Arc::new(Handle { shared }) }, incoming)
    }

    /// Asks the peer and waits for its answer. Dropped before that, the call is cancelled.
    ///
    /// # Errors
    ///
    /// Every [`CallError`], except `Cancelled`.
    pub fn call<'a, P: Serialize + ?Sized>(
        &'a self,
        method: &str,
        params: &P,
        options: CallOptions,
    ) -> impl Future<Output = Result<Box<RawValue>, CallError>> + Send + use<'a, P> {
        let id = self.shared().new_id();
        let message = envelope::request(id, method, params, None);
        async move { Flight::begin(self.shared(), id, &message?, Kind::Call, options).await?.await }
    }

    /// Asks the peer for an answer in pieces; waits until the request is on its way. The deadline
    /// covers the whole stream.
    ///
    /// # Errors
    ///
    /// Every [`CallError`], except `Cancelled` and `Remote`.
    pub fn stream<'a, P: Serialize + ?Sized>(
        &'a self,
        method: &str,
        params: &P,
        options: CallOptions,
    ) -> impl Future<Output = Result<Streaming, CallError>> + Send + use<'a, P> {
        let id = self.shared().new_id();
        let credit = self.shared().options.credit.max(1);
        let message = envelope::request(id, method, params, Some(credit));
        async move {
            let flow = Arc::new(Flow::new(credit));
            let kind = Kind::Stream(flow.clone());
            let flight = Flight::begin(self.shared(), id, &message?, kind, options).await?;
            Ok(Streaming { flow, flight, outcome: None })
        }
    }

    /// Tells the peer something. Waits while there is no room, for as long as it takes.
    ///
    /// # Errors
    ///
    /// [`CallError::Invalid`], [`CallError::RequestTooLarge`] or [`CallError::Closed`].
    pub fn notify<'a, P: Serialize + ?Sized>(
        &'a self,
        method: &str,
        params: &P,
    ) -> impl Future<Output = Result<(), CallError>> + Send + use<'a, P> {
        let message = envelope::notification(method, params);
        async move { self.shared().send(&message?).await }
    }

    /// Passes a message on as it is, and hands back the whole answer. A request's id, of whatever
    /// type, is replaced by one of ours on the way and restored to the letter in the answer. What is
    /// no request has no answer: `None`.
    ///
    /// # Errors
    ///
    /// Every [`CallError`], except `Cancelled` and `Remote`: an error of the peer is a whole answer,
    /// too. [`CallError::Invalid`] when `message` is not one JSON-RPC 2.0 message.
    pub async fn relay(
        &self,
        message: &RawValue,
        options: CallOptions,
    ) -> Result<Option<Box<RawValue>>, CallError> {
        let text = message.get();
        let Some((_, kind)) = Envelope::read(text) else {
            return Err(CallError::Invalid("not a JSON-RPC 2.0 message".to_owned()));
        };
        let envelope::Kind::Request { id: original } = kind else {
            return self.shared().send(text.as_bytes()).await.map(|()| None);
        };
        let id = self.shared().new_id();
        let relayed = envelope::replaced(text, original.get(), &id.to_string());
        let kind = Kind::Relay(original.get().into());
        Flight::begin(self.shared(), id, relayed.as_bytes(), kind, options).await?.await.map(Some)
    }

    /// Closes the connection: every call that waits fails with `reason`, once, and the writer is
    /// dropped. Nothing happens when it is closed already.
    pub fn close(&self, reason: Closed) {
        self.shared().close(reason);
    }

    /// Closes the writer, after what waits to be written, and goes on reading. New calls fail.
    pub fn close_writer(&self) {
        self.shared().close_writer();
    }

    /// Resolves when the connection is closed, to the reason.
    pub async fn closed(&self) -> Closed {
        self.shared().closed.wait().await.clone()
    }

    /// Whether it is not closed.
    pub fn is_open(&self) -> bool {
        !self.shared().closed.initialized()
    }

    /// What went over it.
    pub fn metrics(&self) -> ConnectionMetrics {
        let state = self.shared().lock();
        ConnectionMetrics { pending: state.pending.len(), ..state.metrics }
    }

    /// The end, at most 200 characters, of what the peer wrote that is no message.
    pub fn noise_tail(&self) -> String {
        self.shared().lock().noise.clone()
    }

    fn shared(&self) -> &Arc<Shared> {
        &self.handle.shared
    }
}

impl fmt::Debug for Connection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Connection")
            .field("closed", &self.shared().closed.get())
            .field("metrics", &self.metrics())
            .finish()
    }
}
