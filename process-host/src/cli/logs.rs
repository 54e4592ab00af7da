//! What the children wrote.

use std::process::ExitCode;

use clap::Args;
use process_host::log::LogLine;
use serde::Serialize;
use tokio::{sync::mpsc, task::JoinSet};

use super::{
    Outcome,
    control::{
        LogAnswer, LogParams,
        client::{AskError, Client},
    },
    host::HostArgs,
    ps,
    terminal::{self, NAME, harmless, styled},
};

#[derive(Debug, Args)]
#[command(
    override_usage = "process-host logs [OPTIONS] [FILE.toml] [CHILD]",
    after_help = "\
Examples:
  process-host logs                        all children, one after the other
  process-host logs web -n 20
  process-host logs -f                     all of them, as they write
  process-host logs app.toml workers/one -f

Of a child with stdio = \"log\" both outputs are kept, of one with stdio = \"jsonrpc\" its standard \
error; as many of the last lines as limits.stderr_bytes holds (64 KiB by default)."
)]
pub(super) struct Logs {
    /// The child, by its path as `process-host ps` shows it [default: all]
    #[arg(value_name = "FILE.toml | CHILD")]
    words: Vec<String>,
    #[command(flatten)]
    host: HostArgs,
    /// Go on with what is written, until the host ends
    #[arg(short, long)]
    follow: bool,
    /// Begin with the last N lines of each child
    #[arg(short = 'n', long, value_name = "N")]
    lines: Option<usize>,
    /// Print JSON, a line of it for each line
    #[arg(long)]
    json: bool,
}

/// Lines of one child, which come after those before.
type Batch = (usize, Vec<LogLine>);

struct Printer {
    paths: Vec<String>,
    json: bool,
}

/// Prints the lines that are kept, and those that come.
///
/// # Errors
/// When no host or child is found, or stdout cannot be written to.
pub(super) async fn run(logs: Logs) -> Outcome {
    let (host, child) = logs.host.take_file_and_child(logs.words)?;
    let found = host.find().await?;
    let paths = match child {
        Some(child) => vec![ps::existing(&found.status.tree, &child)?],
        None => ps::children(&found.status.tree),
    };
    let printer = Printer { paths, json: logs.json };
    let mut last = Vec::new();
    for (at, path) in printer.paths.iter().enumerate() {
        let mut kept = kept(&found.client, path).await?;
        last.push(kept.last().map_or(0, |line| line.sequence));
        if let Some(most) = logs.lines {
            kept.drain(..kept.len().saturating_sub(most));
        }
        printer.print(&(at, kept))?;
    }
    if logs.follow {
        follow(&found.client, &printer, last).await?;
    }
    Ok(ExitCode::SUCCESS)
}

/// All lines that are kept.
async fn kept(client: &Client, path: &str) -> Result<Vec<LogLine>, AskError> {
    let mut all: Vec<LogLine> = Vec::new();
    loop {
        let after = all.last().map_or(0, |line| line.sequence);
        let params = LogParams { path: path.to_owned(), after, follow: false };
        let LogAnswer { lines, .. } = client.ask("log", &params).await?;
        if lines.is_empty() {
            return Ok(all);
        }
        all.extend(lines);
    }
}

/// Prints lines of all children as they come, until the host is gone.
async fn follow(
    client: &Client,
    printer: &Printer,
    last: Vec<u64>,
) -> Result<(), Box<dyn std::error::Error>> {
    let (sender, mut batches) = mpsc::channel::<Result<Batch, AskError>>(1);
    let mut followers = JoinSet::new();
    for (at, (path, last)) in printer.paths.iter().zip(last).enumerate() {
        followers.spawn(follow_one(client.clone(), at, path.clone(), last, sender.clone()));
    }
    drop(sender);
    while let Some(batch) = batches.recv().await {
        match batch {
            Ok(batch) => printer.print(&batch)?,
            Err(AskError::Gone) => {}
            Err(error) => return Err(error.into()),
        }
    }
    Ok(())
}

async fn follow_one(
    client: Client,
    at: usize,
    path: String,
    mut after: u64,
    batches: mpsc::Sender<Result<Batch, AskError>>,
) {
    loop {
        let params = LogParams { path: path.clone(), after, follow: true };
        let answer = client.wait::<LogAnswer>("log", &params).await;
        let over = answer.as_ref().map_or(true, |answer| answer.over);
        if let Ok(LogAnswer { lines, .. }) = &answer {
            after = lines.last().map_or(after, |line| line.sequence);
        }
        let batch = answer.map(|LogAnswer { lines, .. }| (at, lines));
        if batches.send(batch).await.is_err() || over {
            return;
        }
    }
}

impl Printer {
    fn print(&self, (at, lines): &Batch) -> std::io::Result<()> {
        #[derive(Serialize)]
        struct WithPath<'a> {
            path: &'a str,
            #[serde(flatten)]
            line: &'a LogLine,
        }
        let path = &self.paths[*at];
        let width = self.paths.iter().map(|path| path.chars().count()).max().unwrap_or_default();
        for line in lines {
            let text = harmless(&line.text);
            terminal::print(&match (self.json, self.paths.len()) {
                (true, _) => serde_json::to_string(&WithPath { path, line })?,
                (false, 1) => text,
                (false, _) => format!("{} | {text}", styled(NAME, format_args!("{path:width$}"))),
            })?;
        }
        Ok(())
    }
}
