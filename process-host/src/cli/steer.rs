//! Starts and stops the children of a running host.

use std::process::ExitCode;

use clap::Args;

use super::{
    Outcome,
    control::{PathParams, client::Client},
    host::{Found, HostArgs},
    ps,
    terminal::{self, NAME, harmless, styled},
};

#[derive(Debug, Args)]
#[command(
    override_usage = "process-host restart [OPTIONS] [FILE.toml] <CHILD>",
    after_help = "\
Examples:
  process-host restart web
  process-host restart app.toml workers    a supervisor, with all below it

It is not counted among the restarts that its supervisor may make, and waits for no backoff."
)]
pub(super) struct Restart {
    /// The child or supervisor, by its path as `process-host ps` shows it
    #[arg(value_name = "CHILD", required = true)]
    words: Vec<String>,
    #[command(flatten)]
    host: HostArgs,
}

#[derive(Debug, Args)]
#[command(
    override_usage = "process-host stop [OPTIONS] [FILE.toml] [CHILD]",
    after_help = "\
Examples:
  process-host stop                        the one host that runs
  process-host stop app.toml
  process-host stop web                    one child; `restart web` starts it

Returns when it is down: standard input is closed, after a wait comes SIGTERM, after another SIGKILL."
)]
pub(super) struct Stop {
    /// The child or supervisor, by its path as `process-host ps` shows it [default: the host]
    #[arg(value_name = "FILE.toml | CHILD")]
    words: Vec<String>,
    #[command(flatten)]
    host: HostArgs,
}

/// Restarts a child, and waits until it runs.
///
/// # Errors
/// When there is none, or it does not run then.
pub(super) async fn restart(restart: Restart) -> Outcome {
    let (host, child) = restart.host.take_file_and_child(restart.words)?;
    let child = child.ok_or("say which child is to be restarted; `process-host ps` lists them")?;
    let Found { client, status } = host.find().await?;
    let path = ps::existing_member(&status.tree, &child)?;
    let before = ps::child(&status.tree, &path).and_then(|child| child.pid);
    carry_out(&client, "restart", Some(&path)).await?;
    let now = client.status().await?;
    let pid = ps::child(&now.tree, &path).and_then(|child| child.pid);
    let was = before.map_or_else(|| ", which was down".to_owned(), |pid| format!(" instead of {pid}"));
    let as_process = pid.map(|pid| format!(" as process {pid}{was}")).unwrap_or_default();
    terminal::print(&format!("{} runs{as_process}", styled(NAME, harmless(&path))))?;
    Ok(ExitCode::SUCCESS)
}

/// Stops a child or a host, and waits until it is down.
///
/// # Errors
/// When there is none.
pub(super) async fn stop(stop: Stop) -> Outcome {
    let (host, child) = stop.host.take_file_and_child(stop.words)?;
    let Found { client, status } = host.find().await?;
    let what = match child {
        Some(child) => {
            let path = ps::existing_member(&status.tree, &child)?;
            carry_out(&client, "stop", Some(&path)).await?;
            path
        }
        None => {
            carry_out(&client, "stop", None).await?;
            client.gone().await;
            format!("the host of {}", status.file.display())
        }
    };
    terminal::print(&format!("{} is stopped", styled(NAME, harmless(&what))))?;
    Ok(ExitCode::SUCCESS)
}

async fn carry_out(
    client: &Client,
    method: &str,
    path: Option<&str>,
) -> Result<(), super::control::client::AskError> {
    let params = PathParams { path: path.map(str::to_owned) };
    client.wait::<serde_json::Value>(method, &params).await.map(drop)
}
