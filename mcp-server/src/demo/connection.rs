//! The assistant's end of an MCP connection: newline-delimited JSON-RPC over a child's pipes.

use std::{
    io,
    path::Path,
    process::{ExitStatus, Stdio},
    time::Duration,
};

use serde_json::{Value, json};
use tokio::{
    io::{AsyncBufRead, AsyncBufReadExt, AsyncWrite, AsyncWriteExt, BufReader},
    process::{Child, ChildStdin, ChildStdout, Command},
    time::timeout,
};

/// How long an answer may take. The first call may wait for a backend to be built.
const PATIENCE: Duration = Duration::from_secs(600);

/// Why a request has no result.
#[derive(Debug, thiserror::Error)]
pub enum ConnectionError {
    /// The pipe broke.
    #[error("the MCP server cannot be reached: {0}")]
    Io(#[from] io::Error),
    /// The server ended.
    #[error("the MCP server closed the connection")]
    Closed,
    /// The server is too slow.
    #[error("the MCP server did not answer {0}")]
    Silent(String),
    /// The server wrote something else than JSON-RPC.
    #[error("the MCP server wrote something that is no message: {0}")]
    Garbled(String),
    /// The server refused the request.
    #[error("{method}: {message}")]
    Refused {
        /// The method.
        method: String,
        /// The reason.
        message: String,
    },
}

/// A connection over any pair of streams.
#[derive(Debug)]
pub struct Connection<R, W> {
    reader: R,
    writer: W,
    next_id: u64,
}

impl<R: AsyncBufRead + Unpin, W: AsyncWrite + Unpin> Connection<R, W> {
    /// A connection that reads from `reader` and writes to `writer`.
    pub fn new(reader: R, writer: W) -> Self {
        Self { reader, writer, next_id: 1 }
    }

    /// Sends a request and waits for its result. Notifications that come in between are passed over.
    ///
    /// # Errors
    /// [`ConnectionError`].
    pub async fn request(&mut self, method: &str, params: Value) -> Result<Value, ConnectionError> {
        let id = self.next_id;
        self.next_id += 1;
        self.send(&json!({ "jsonrpc": "2.0", "id": id, "method": method, "params": params })).await?;
        timeout(PATIENCE, self.answer(id, method))
            .await
            .map_err(|_| ConnectionError::Silent(method.to_owned()))?
    }

    /// Sends a notification.
    ///
    /// # Errors
    /// [`ConnectionError::Io`].
    pub async fn notify(&mut self, method: &str) -> Result<(), ConnectionError> {
        self.send(&json!({ "jsonrpc": "2.0", "method": method })).await
    }

    async fn send(&mut self, message: &Value) -> Result<(), ConnectionError> {
        self.writer.write_all(format!("{message}\n").as_bytes()).await?;
        Ok(self.writer.flush().await?)
    }

    async fn answer(&mut self, id: u64, method: &str) -> Result<Value, ConnectionError> {
        loop {
            let mut line = String::new();
            if self.reader.read_line(&mut line).await? == 0 {
                return Err(ConnectionError::Closed);
            }
            let mut message: Value = serde_json::from_str(&line)
                .map_err(|_| ConnectionError::Garbled(line.chars().take(200).collect()))?;
            if message["id"] != id {
                continue;
            }
            if let Some(error) = message.get("error") {
                let reason = error["message"].as_str().unwrap_or("refused").to_owned();
                return Err(ConnectionError::Refused { method: method.to_owned(), message: reason });
            }
            return Ok(message["result"].take());
        }
    }
}

/// An MCP server as a child process.
#[derive(Debug)]
pub struct ServerProcess {
    child: Child,
    /// The connection to it.
    pub connection: Connection<BufReader<ChildStdout>, ChildStdin>,
}

impl ServerProcess {
    /// Starts `executable` as the MCP server of `workspace`, quietly unless `RUST_LOG` is set.
    ///
    /// # Errors
    /// When the process cannot be started.
    pub fn start(executable: &Path, workspace: &Path) -> io::Result<Self> {
        let log = std::env::var("RUST_LOG").unwrap_or_else(|_| "warn".to_owned());
        let mut child = Command::new(executable)
            .arg("--workspace")
            .arg(workspace)
            .env("RUST_LOG", log)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .kill_on_drop(true)
            .spawn()?;
        let pipe = || io::Error::from(io::ErrorKind::BrokenPipe);
        let writer = child.stdin.take().ok_or_else(pipe)?;
        let reader = BufReader::new(child.stdout.take().ok_or_else(pipe)?);
        Ok(Self { child, connection: Connection::new(reader, writer) })
    }

    /// Closes its stdin, as assistants do, and waits for it to end.
    ///
    /// # Errors
    /// When it does not end by itself within ten seconds.
    pub async fn end(self) -> io::Result<ExitStatus> {
        let Self { mut child, connection } = self;
        drop(connection);
        timeout(Duration::from_secs(10), child.wait()).await?
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn exchange(answers: &str) -> (Result<Value, ConnectionError>, String) {
        let mut sent = Vec::new();
        let mut connection = Connection::new(answers.as_bytes(), &mut sent);
        let result = connection.request("tools/list", json!({})).await;
        (result, String::from_utf8(sent).unwrap())
    }

    #[tokio::test]
    async fn the_answer_is_found_among_notifications() {
        let (result, sent) = exchange(
            "{\"jsonrpc\":\"2.0\",\"method\":\"notifications/message\"}\n{\"jsonrpc\":\"2.0\",\"id\":1,\"result\":{\"x\":2}}\n",
        )
        .await;
        assert_eq!(result.unwrap(), json!({ "x": 2 }));
        assert_eq!(sent, "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"tools/list\",\"params\":{}}\n");
    }

    #[tokio::test]
    async fn errors_and_noise_and_ends_are_told_apart() {
        let (refused, _) = exchange("{\"id\":1,\"error\":{\"message\":\"no\"}}\n").await;
        assert_eq!(refused.unwrap_err().to_string(), "tools/list: no");
        assert!(matches!(exchange("starting…\n").await.0, Err(ConnectionError::Garbled(_))));
        assert!(matches!(exchange("").await.0, Err(ConnectionError::Closed)));
    }
}
