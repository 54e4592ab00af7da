//! The MCP server: rmcp over stdio, both protocol eras.

mod advertise;
mod calls;
mod completions;
mod direct;
mod handler;
mod line;
mod progress;
mod prompts;
mod protocol_error;
mod render;
mod resources;
mod subscriptions;
mod transport;
mod untrusted;

use std::{io, sync::Arc};

use guard::Intake;
use rmcp::{ServiceExt, service::ServerInitializeError, transport::stdio_pipes};

use crate::{client::Client, executor::Executors};
use calls::Calls;
use handler::Bindery;
use transport::LineTransport;

pub use advertise::tools;

/// Serves standard input and output until the input ends or `stop` is cancelled. Every input
/// passes `intake`; `executors` carry out what is claimed; `session` tells this connection from others of the same assistant.
///
/// # Errors
/// When the streams cannot be written to, or the first messages break the protocol.
pub async fn serve_stdio(
    client: Client,
    executors: Executors,
    intake: Intake,
    session: String,
    stop: tokio_util::sync::CancellationToken,
) -> io::Result<()> {
    let (input, output) = stdio_pipes();
    let calls = Arc::new(Calls::new(client, intake, session));
    let transport = LineTransport::new(input, output, Arc::clone(&calls));
    let server = Bindery::new(calls, executors);
    match server.serve_with_ct(transport, stop).await {
        Ok(running) => {
            if let Err(error) = running.waiting().await {
                tracing::error!(%error, "the service loop failed");
            }
            Ok(())
        }
        // A client that probes, or changes its mind, closes before it initializes.
        Err(ServerInitializeError::ConnectionClosed(_) | ServerInitializeError::Cancelled) => Ok(()),
        Err(ServerInitializeError::TransportError { error, context }) => {
            Err(io::Error::other(format!("{context}: {error}")))
        }
        // The others carry the message that was not expected, whatever it holds.
        Err(_) => Err(io::Error::other("the first messages of the client break the protocol")),
    }
}
