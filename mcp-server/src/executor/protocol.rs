//! One task carried out by one process.

use std::{fmt, path::Path, time::Duration};

use process_host::{
    CallError, CallOptions, Log, Port,
    spec::{ChildSpec, Stdio},
};
use serde::Deserialize;
use serde_json::{Value, json, value::RawValue};
use shared_types::execution::Claim;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use super::file::{Executor, Protocol};

/// Bytes of notes that are read from standard output.
const MOST_NOTES: usize = 1 << 20;
/// Characters of notes that a task takes.
const NOTES: usize = 10_000;
/// What a run that was stopped answers; whoever stopped it knows better.
const STOPPED: &str = "it was stopped";
/// How much of standard error is told, in bytes.
const TAIL: usize = 1000;

/// How far an executor is.
#[derive(Debug, Clone, PartialEq)]
pub struct Progress {
    /// From 0 to 1, if it says.
    pub fraction: Option<f64>,
    /// In words, if it says.
    pub message: Option<String>,
}

impl fmt::Display for Progress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.fraction, &self.message) {
            (Some(fraction), Some(message)) => write!(f, "{:3.0} % {message}", fraction * 100.0),
            (Some(fraction), None) => write!(f, "{:3.0} %", fraction * 100.0),
            (None, message) => f.write_str(message.as_deref().unwrap_or("working")),
        }
    }
}

/// What an executor answers.
#[derive(Deserialize)]
struct Answer {
    status: String,
    #[serde(default)]
    notes: Option<String>,
}

/// Runs the executor for the claimed task, to its end. Returns its notes.
///
/// # Errors
/// Why the task is not done, in words.
pub(super) async fn run(
    executor: &Executor,
    role: &str,
    root: &Path,
    claim: &Claim,
    progress: Box<dyn FnMut(Progress) + Send>,
    stop: CancellationToken,
) -> Result<Option<String>, String> {
    let mut spec = ChildSpec::new(role, executor.command.clone());
    spec.cwd = Some(root.to_owned());
    spec.environment = executor.environment.clone();
    let brief = claim.role.as_ref().and_then(|role| role.brief.as_deref()).unwrap_or_default();
    let assignment = json!({ "task": claim.task, "brief": brief });
    let notes = match executor.protocol {
        Protocol::JsonRpc => ask(spec, &assignment, progress, stop).await?,
        Protocol::Stdin => tokio::select! {
            notes = feed(&spec, &assignment) => notes?,
            () = stop.cancelled() => return Err(STOPPED.to_owned()),
        },
    };
    Ok(notes
        .map(|notes| notes.trim().chars().take(NOTES).collect::<String>())
        .filter(|notes| !notes.is_empty()))
}

async fn ask(
    mut spec: ChildSpec,
    assignment: &Value,
    mut progress: Box<dyn FnMut(Progress) + Send>,
    stop: CancellationToken,
) -> Result<Option<String>, String> {
    spec.stdio = Stdio::JsonRpc;
    let log = Log::new(spec.limits.stderr_bytes);
    let mut port = Port::open(&spec, &log).await.map_err(|error| error.to_string())?;
    // It has nothing to ask of us.
    drop(port.take_incoming());
    let Some(connection) = port.connection().cloned() else { return Err("it is not connected".to_owned()) };
    let (reports, mut reported) = mpsc::channel(16);
    // The time is limited by whoever waits for all of this.
    let options = CallOptions { deadline: None, progress: Some(reports) };
    let answer = {
        let mut call = std::pin::pin!(connection.call("execute_task", assignment, options));
        loop {
            tokio::select! {
                biased;
                () = stop.cancelled() => break Err(STOPPED.to_owned()),
                // What was reported before the answer is told before it.
                Some(report) = reported.recv() => progress(read_progress(&report)),
                answer = &mut call => break answer.map_err(|error| explain(&error, &log)),
            }
        }
    };
    port.stop(&spec.shutdown).await;
    let answer = answer?;
    let answer: Answer = serde_json::from_str(answer.get())
        .map_err(|_| "its answer is not {\"status\": \"done\" or \"failed\", \"notes\": text}".to_owned())?;
    match answer.status.as_str() {
        "done" => Ok(answer.notes),
        status => Err(format!("it answered {status}: {}", answer.notes.as_deref().unwrap_or("no notes"))),
    }
}

fn explain(error: &CallError, log: &Log) -> String {
    match (error, log.stderr_tail(TAIL)) {
        // It has the end of the log already.
        (CallError::Closed { reason, .. }, _) => reason.to_string(),
        (error, tail) if tail.is_empty() => error.to_string(),
        (error, tail) => format!("{error}; {tail}"),
    }
}

fn read_progress(report: &RawValue) -> Progress {
    let value: Value = serde_json::from_str(report.get()).unwrap_or_default();
    let fraction = value.as_f64().or_else(|| value["progress"].as_f64());
    let message = value.as_str().or_else(|| value["message"].as_str());
    Progress {
        fraction: fraction.map(|fraction| fraction.clamp(0.0, 1.0)),
        message: message.map(|message| message.chars().take(500).collect()),
    }
}

async fn feed(spec: &ChildSpec, assignment: &Value) -> Result<Option<String>, String> {
    let input = format!("{assignment}\n");
    // The time is limited by whoever waits for this.
    let output = process_host::output(spec, input.as_bytes(), Duration::MAX, MOST_NOTES).await;
    let output = output.map_err(|error| error.to_string())?;
    match output.exit.is_success() {
        true => Ok(Some(String::from_utf8_lossy(&output.stdout).into_owned())),
        false => Err(format!("it ended with {}: {}", output.exit, last(&output.stderr_tail))),
    }
}

/// The end of what a program complained, short enough for a note.
fn last(tail: &str) -> &str {
    &tail[tail.floor_char_boundary(tail.len().saturating_sub(TAIL))..]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn progress_is_read_in_every_form() {
        let read = |text: &str| {
            let progress = read_progress(&RawValue::from_string(text.to_owned()).unwrap());
            (progress.fraction, progress.message)
        };
        assert_eq!(read("0.5"), (Some(0.5), None));
        assert_eq!(read("7"), (Some(1.0), None));
        assert_eq!(read("\"half\""), (None, Some("half".into())));
        assert_eq!(read("{\"progress\": 0.25, \"message\": \"x\"}"), (Some(0.25), Some("x".into())));
        assert_eq!(read("null"), (None, None));
    }
}
