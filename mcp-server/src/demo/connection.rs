//! The assistant's end of an MCP connection: this program as a child process.

use std::{io, path::Path, time::Duration};

use process_host::{
    CallError, CallOptions, Exit, Log, Port, SpawnError,
    spec::{ChildSpec, Command, Environment, Stdio},
};
use serde_json::Value;

/// How long an answer may take. The first call may wait for a backend to be built.
const PATIENCE: Duration = Duration::from_secs(600);

/// An MCP server as a child process.
#[derive(Debug)]
pub struct ServerProcess {
    spec: ChildSpec,
    port: Port,
    log: Log,
}

impl ServerProcess {
    /// Starts `executable` as the MCP server of `workspace`.
    ///
    /// # Errors
    /// When the process cannot be started.
    pub async fn start(executable: &Path, workspace: &Path) -> Result<Self, SpawnError> {
        let command = Command::new(executable).arg("--workspace").arg(workspace);
        let mut spec = ChildSpec::new("bindery-mcp", command);
        spec.environment = Environment::everything();
        let log = std::env::var("RUST_LOG").unwrap_or_else(|_| "warn".to_owned());
        spec.environment.set.insert("RUST_LOG".to_owned(), log);
        spec.stdio = Stdio::JsonRpc;
        spec.limits.line_bytes = 16 << 20;
        // It stops the backend that it started.
        spec.shutdown.after_stdin = Duration::from_secs(10);
        let log = Log::new(spec.limits.stderr_bytes);
        let port = Port::open(&spec, &log).await?;
        Ok(Self { spec, port, log })
    }

    /// Sends a request and waits for its result.
    ///
    /// # Errors
    /// [`CallError`].
    pub async fn request(&self, method: &str, params: Value) -> Result<Value, CallError> {
        let connection = self.port.connection().ok_or(CallError::Cancelled)?;
        let result = connection.call(method, &params, CallOptions::within(PATIENCE)).await?;
        serde_json::from_str(result.get()).map_err(|error| CallError::Invalid(error.to_string()))
    }

    /// Sends a notification.
    ///
    /// # Errors
    /// [`CallError`].
    pub async fn notify(&self, method: &str) -> Result<(), CallError> {
        let connection = self.port.connection().ok_or(CallError::Cancelled)?;
        connection.notify(method, &serde_json::Map::new()).await
    }

    /// What it logged.
    pub fn log(&self) -> String {
        let lines = self.log.after(0);
        lines.iter().map(|line| line.text.as_str()).collect::<Vec<_>>().join("\n")
    }

    /// Closes its stdin, as assistants do, and waits for it to end.
    ///
    /// # Errors
    /// When it does not end by itself.
    pub async fn end(self) -> io::Result<()> {
        match self.port.stop(&self.spec.shutdown).await {
            Exit::Code(0) => Ok(()),
            exit => Err(io::Error::other(format!("the MCP server ended with {exit}"))),
        }
    }
}
