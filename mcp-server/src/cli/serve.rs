//! The MCP server: from the start of the process to its end.

use std::{
    io::{self, IsTerminal},
    process::ExitCode,
};

use tokio::{
    signal::unix::{SignalKind, signal},
    time::{Duration, timeout},
};
use tokio_util::sync::CancellationToken;

use super::{Outcome, find_workspace, start_backend};
use crate::{client::Client, config::Config, executor::Executors, random, server, terminal};

/// How long calls in progress may still take once the end was asked for.
const LAST_ANSWERS: Duration = Duration::from_millis(500);

/// How long executors may take to end, once nobody waits for them, and to give back their tasks.
const LAST_EXECUTIONS: Duration = Duration::from_secs(15);

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
    let executors = Executors::of(&find_workspace(config)?);
    let stop = CancellationToken::new();
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    let session = session_name();
    let serving =
        server::serve_stdio(client.clone(), executors.clone(), config.intake(), session, stop.clone());
    tokio::pin!(serving);
    let served = tokio::select! {
        served = &mut serving => served,
        _ = terminate.recv() => end(&stop, serving).await.unwrap_or(Ok(())),
        _ = interrupt.recv() => end(&stop, serving).await.unwrap_or(Ok(())),
    };
    executors.end(LAST_EXECUTIONS).await;
    client.shutdown().await;
    served?;
    Ok(ExitCode::SUCCESS)
}

/// Tells this session from every other, so that two of the same assistant do not hold each other's
/// claims. A process id would not do: in containers it is the same every time.
fn session_name() -> String {
    format!("{:08x}", random::number() >> 32)
}

/// Lets what is in progress come to its end, within limits: whoever asks us to go soon insists.
async fn end<T>(stop: &CancellationToken, serving: impl Future<Output = T>) -> Option<T> {
    stop.cancel();
    timeout(LAST_ANSWERS, serving).await.ok()
}
