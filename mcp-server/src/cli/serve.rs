//! The MCP server: from the start of the process to its end.

use std::io::{self, IsTerminal};

use tokio::signal::unix::{SignalKind, signal};

use super::{Outcome, start_backend};
use crate::{client::Client, config::Config, terminal};

const HINT: &str = "\
bindery-mcp speaks MCP on stdin and stdout; an assistant starts it. To connect one:
  bindery-mcp connect claude-code --write    (or claude-desktop, cursor, vscode, codex, gemini, zed)
To see it at work: bindery-mcp demo. To end this: Ctrl-D.";

/// Serves MCP until the client closes stdin or a signal asks for the end.
pub(super) async fn serve(config: &Config) -> Outcome {
    if io::stdin().is_terminal() {
        terminal::print_remark(HINT);
    }
    let client = Client::new(config, start_backend(config)?);
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    let outcome = tokio::select! {
        outcome = speak(client.clone(), config) => outcome,
        _ = terminate.recv() => Ok(std::process::ExitCode::SUCCESS),
        _ = interrupt.recv() => Ok(std::process::ExitCode::SUCCESS),
    };
    client.shutdown().await;
    outcome
}

/// CALL SITE: `crate::server::serve_stdio(client, options)` takes the place of this body.
async fn speak(_client: Client, _config: &Config) -> Outcome {
    Err("this build does not contain the MCP server".into())
}
