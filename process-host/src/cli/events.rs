//! What happened to the children.

use std::process::ExitCode;

use anstyle::Style;
use clap::Args;
use process_host::{Event, EventKind};

use super::{
    Outcome,
    control::{EventsAnswer, EventsParams, client::AskError},
    host::HostArgs,
    terminal::{self, BAD, GOOD, NAME, NOTE, QUIET, harmless, styled},
};

#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  process-host events
  process-host events app.toml -f
  process-host events --json -f | jq 'select(.kind == \"crashed\")'

A host keeps its last 1000 events.")]
pub(super) struct Show {
    /// The file that the host runs
    #[arg(value_name = "FILE.toml")]
    words: Vec<String>,
    #[command(flatten)]
    host: HostArgs,
    /// Go on with what happens, until the host ends
    #[arg(short, long)]
    follow: bool,
    /// Print JSON, an event a line
    #[arg(long)]
    json: bool,
}

/// Prints the events that are kept, and those that come.
///
/// # Errors
/// When no host is found, or stdout cannot be written to.
pub(super) async fn run(show: Show) -> Outcome {
    let (host, child) = show.host.take_file_and_child(show.words)?;
    if let Some(child) = child {
        return Err(
            format!("{child} is no FILE.toml; `process-host events | grep {child}` may be meant").into()
        );
    }
    let client = host.find().await?.client;
    let mut params = EventsParams::default();
    loop {
        let answer: Result<EventsAnswer, _> = match params.follow {
            true => client.wait("events", &params).await,
            false => client.ask("events", &params).await,
        };
        let answer = match answer {
            Ok(answer) => answer,
            Err(AskError::Gone) if params.follow => return Ok(ExitCode::SUCCESS),
            Err(error) => return Err(error.into()),
        };
        if answer.missed > 0 {
            let remark = format!("{} events before these are not kept any more", answer.missed);
            terminal::print_remark(&styled(QUIET, remark));
        }
        for event in &answer.events {
            terminal::print(&line(event, show.json))?;
        }
        match answer.events.last() {
            _ if answer.over => return Ok(ExitCode::SUCCESS),
            Some(last) => params.after = last.sequence,
            None if show.follow => params.follow = true,
            None => return Ok(ExitCode::SUCCESS),
        }
    }
}

/// One event as a line for people, or for programs.
pub(super) fn line(event: &Event, json: bool) -> String {
    if json {
        return serde_json::to_string(event).unwrap_or_default();
    }
    let whole = event.to_string();
    let time = whole.split(' ').next().unwrap_or_default();
    let name = if event.path.is_empty() { "(all)" } else { &event.path };
    let kind = harmless(&event.kind.to_string());
    format!("{} {} {}", styled(QUIET, time), styled(NAME, harmless(name)), styled(style(&event.kind), kind))
}

fn style(kind: &EventKind) -> Style {
    match kind {
        EventKind::Running { .. } | EventKind::Healthy | EventKind::AlertOver { .. } => GOOD,
        EventKind::Unhealthy { .. } | EventKind::Restarting { .. } | EventKind::Alert { .. } => NOTE,
        EventKind::Crashed { .. } | EventKind::Failed | EventKind::Limit { .. } => BAD,
        EventKind::Starting | EventKind::Stopping | EventKind::Stopped { .. } => Style::new(),
    }
}
