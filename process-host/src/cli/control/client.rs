//! The side that asks.

use std::{io, path::Path, time::Duration};

use process_host::{CallError, CallOptions, Closed, Connection, ConnectionOptions};
use serde::{Serialize, de::DeserializeOwned};
use serde_json::value::RawValue;
use tokio::net::UnixStream;

use super::HostStatus;

/// Asking for what a host has at hand takes no longer.
const PROMPT: Duration = Duration::from_secs(5);

/// A connection to a host.
#[derive(Debug, Clone)]
pub(crate) struct Client {
    connection: Connection,
}

/// Why there is no answer.
#[derive(Debug, thiserror::Error)]
pub(crate) enum AskError {
    /// The host, or a child, refused. These are its words.
    #[error("{0}")]
    Refused(String),
    /// The host is gone.
    #[error("the host has ended")]
    Gone,
    /// Asking failed otherwise.
    #[error("the host does not answer: {0}")]
    Failed(CallError),
    /// The answer is not understood; another version of this program may have written it.
    #[error("the host's answer is not understood: {0}")]
    Strange(#[from] serde_json::Error),
}

impl From<CallError> for AskError {
    fn from(error: CallError) -> Self {
        match error {
            CallError::Remote { message, .. } => Self::Refused(message),
            CallError::Closed { .. } => Self::Gone,
            error => Self::Failed(error),
        }
    }
}

impl Client {
    /// Connects to the host that listens at `socket`.
    ///
    /// # Errors
    /// When none does.
    pub(crate) async fn connect(socket: &Path) -> io::Result<Self> {
        let (reader, writer) = UnixStream::connect(socket).await?.into_split();
        let options = ConnectionOptions { line_bytes: 4 << 20, ..ConnectionOptions::default() };
        // Nothing but answers and progress is expected of a host.
        let (connection, _) = Connection::open(reader, writer, options, async { Closed::Ended });
        Ok(Self { connection })
    }

    /// Asks for what the host has at hand.
    ///
    /// # Errors
    /// [`AskError`].
    pub(crate) async fn ask<T: DeserializeOwned>(
        &self,
        method: &str,
        params: &impl Serialize,
    ) -> Result<T, AskError> {
        self.read(method, params, CallOptions::within(PROMPT)).await
    }

    /// Asks for what takes as long as it takes.
    ///
    /// # Errors
    /// [`AskError`].
    pub(crate) async fn wait<T: DeserializeOwned>(
        &self,
        method: &str,
        params: &impl Serialize,
    ) -> Result<T, AskError> {
        self.read(method, params, CallOptions { deadline: None, progress: None }).await
    }

    /// Asks, and hands back the answer as it is.
    ///
    /// # Errors
    /// The connection's error, untouched.
    pub(crate) async fn call(
        &self,
        method: &str,
        params: &impl Serialize,
        options: CallOptions,
    ) -> Result<Box<RawValue>, CallError> {
        self.connection.call(method, params, options).await
    }

    /// How the host is.
    ///
    /// # Errors
    /// [`AskError`].
    pub(crate) async fn status(&self) -> Result<HostStatus, AskError> {
        self.ask("status", &serde_json::Map::new()).await
    }

    /// Waits until the host is gone.
    pub(crate) async fn gone(&self) {
        self.connection.closed().await;
    }

    async fn read<T: DeserializeOwned>(
        &self,
        method: &str,
        params: &impl Serialize,
        options: CallOptions,
    ) -> Result<T, AskError> {
        let answer = self.connection.call(method, params, options).await?;
        Ok(serde_json::from_str(answer.get())?)
    }
}
