//! The other end of a connection.

use std::{fmt::Display, future::pending, time::Duration};

use process_host::connection::{Connection, ConnectionOptions, Incoming};
use serde_json::{Value, json};
use tokio::io::{
    AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader, DuplexStream, ReadHalf, WriteHalf, duplex, split,
};

/// Reads what the connection sends, and says what a test wants.
pub(crate) struct Peer {
    pub(crate) reader: BufReader<ReadHalf<DuplexStream>>,
    pub(crate) writer: WriteHalf<DuplexStream>,
}

/// A connection with these options, and its peer. The pipes hold 64 KiB, as real ones do.
pub(crate) fn open(options: ConnectionOptions) -> (Connection, Incoming, Peer) {
    let (ours, theirs) = duplex(64 << 10);
    let (reader, writer) = split(ours);
    let (connection, incoming) = Connection::open(reader, writer, options, pending());
    (connection, incoming, Peer::new(theirs))
}

impl Peer {
    pub(crate) fn new(stream: DuplexStream) -> Self {
        let (reader, writer) = split(stream);
        Self { reader: BufReader::new(reader), writer }
    }

    /// The next line; `None` at the end.
    pub(crate) async fn line(&mut self) -> Option<String> {
        let mut line = String::new();
        self.reader.read_line(&mut line).await.unwrap();
        line.pop().map(|end| {
            assert_eq!(end, '\n');
            line
        })
    }

    /// The next message.
    pub(crate) async fn next(&mut self) -> Value {
        serde_json::from_str(&self.line().await.unwrap()).unwrap()
    }

    /// All bytes there are now.
    pub(crate) async fn everything(&mut self) -> Vec<u8> {
        let mut bytes = Vec::new();
        // Longer than anything here that happens by itself; time is paused where this is used.
        while let Ok(Ok(read)) =
            tokio::time::timeout(Duration::from_millis(1), self.reader.read_buf(&mut bytes)).await
            && read > 0
        {}
        bytes
    }

    pub(crate) async fn say(&mut self, message: impl Display) {
        self.bytes(format!("{message}\n").as_bytes()).await;
    }

    pub(crate) async fn bytes(&mut self, bytes: &[u8]) {
        self.writer.write_all(bytes).await.unwrap();
    }

    pub(crate) async fn answer(&mut self, id: &Value, result: Value) {
        self.say(json!({"jsonrpc": "2.0", "id": id, "result": result})).await;
    }

    pub(crate) async fn fail(&mut self, id: &Value, code: i64, message: &str) {
        let error = json!({"code": code, "message": message, "data": [1]});
        self.say(json!({"jsonrpc": "2.0", "id": id, "error": error})).await;
    }

    /// Answers every request with its params, until the connection is closed.
    pub(crate) async fn echo(mut self) {
        while let Some(line) = self.line().await {
            let message: Value = serde_json::from_str(&line).unwrap();
            if let Some(id) = message.get("id") {
                self.answer(id, message["params"].clone()).await;
            }
        }
    }
}
