//! How fast a child of the user's starts and answers.

use std::{
    ffi::OsString,
    process::ExitCode,
    time::{Duration, Instant},
};

use clap::Args;
use futures::{StreamExt, stream::FuturesUnordered};
use hdrhistogram::Histogram;
use process_host::{CallError, CallOptions, Closed, Connection, Log, Port, spec::ChildSpec};
use serde::Serialize;
use serde_json::{json, value::RawValue};

use super::{
    Outcome,
    terminal::{self, NAME, styled},
    tools::server::occasional,
    units,
};

/// How long one answer may take.
const PATIENCE: Duration = Duration::from_secs(30);

#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  process-host bench -- python3 -m bindery_tools
  process-host bench --method call_tool \\
      --params '{\"tool\": \"calculator\", \"arguments\": {\"expression\": \"1\"}}' \\
      -- python3 -m bindery_tools
  process-host bench --at-once 256 --seconds 10 --json -- ./my-tools

The command has to answer JSON-RPC on standard input and output, a message a line.")]
pub(super) struct Bench {
    /// What is called
    #[arg(long, default_value = "ping")]
    method: String,
    /// With which params
    #[arg(long, value_name = "JSON", default_value = "{}")]
    params: String,
    /// How long each rate is measured
    #[arg(long, value_name = "N", default_value_t = 3, value_parser = clap::value_parser!(u64).range(1..=3600))]
    seconds: u64,
    /// Calls under way at a time in the pipelined part
    #[arg(long, value_name = "N", default_value_t = 64, value_parser = clap::value_parser!(u64).range(1..=1000))]
    at_once: u64,
    /// How often it is started
    #[arg(long, value_name = "N", default_value_t = 5, value_parser = clap::value_parser!(u64).range(1..=1000))]
    starts: u64,
    /// Print JSON
    #[arg(long)]
    json: bool,
    /// The command
    #[arg(last = true, required = true, value_name = "COMMAND")]
    command: Vec<OsString>,
}

/// What a rate was.
#[derive(Debug, Serialize)]
struct Rate {
    calls: u64,
    calls_per_second: f64,
    p50_us: u64,
    p99_us: u64,
    max_us: u64,
}

/// Measures and prints.
///
/// # Errors
/// When the command does not start or does not answer.
pub(super) async fn run(bench: Bench) -> Outcome {
    let params = serde_json::from_str::<Box<RawValue>>(&bench.params)
        .map_err(|error| format!("--params {:?} is no JSON: {error}", bench.params))?;
    let mut spec = occasional(&bench.command).ok_or("say which command, after --")?;
    spec.limits.pending_requests = spec.limits.pending_requests.max(usize::try_from(bench.at_once)?);
    let subject = Subject { method: bench.method, params };
    let mut starts = Vec::new();
    for _ in 0..bench.starts {
        starts.push(subject.start(&spec).await?);
    }
    starts.sort();
    let port = Port::open(&spec, &Log::new(spec.limits.stderr_bytes)).await?;
    let connection = port.connection().cloned().ok_or("it has no connection")?;
    // The first answers of a child are slower than those it goes on with.
    subject.rate(&connection, 1, Duration::from_millis(200)).await?;
    let time = Duration::from_secs(bench.seconds);
    let sequential = subject.rate(&connection, 1, time).await?;
    let pipelined = subject.rate(&connection, bench.at_once, time).await?;
    port.stop(&spec.shutdown).await;
    let (fastest, median) = (starts[0], starts[starts.len() / 2]);
    let text = if bench.json {
        let start = json!({
            "starts": starts.len(), "median_ms": median.as_secs_f64() * 1e3, "fastest_ms": fastest.as_secs_f64() * 1e3
        });
        let report = json!({
            "command": spec.command.to_string(), "method": subject.method, "start_to_first_answer": start,
            "sequential": sequential, "pipelined": pipelined, "at_once": bench.at_once,
        });
        serde_json::to_string_pretty(&report)?
    } else {
        let start = format!(
            "{}  {} (median of {}; fastest {})",
            styled(NAME, "start to first answer"),
            units::took(median),
            starts.len(),
            units::took(fastest)
        );
        let at_once = format!("{:<21}", format!("{} at a time", bench.at_once));
        [start, sequential.to_text("one after the other  "), pipelined.to_text(&at_once)].join("\n")
    };
    terminal::print(&text)?;
    Ok(ExitCode::SUCCESS)
}

struct Subject {
    method: String,
    params: Box<RawValue>,
}

impl Subject {
    /// Starts the command, and measures until its first answer.
    async fn start(&self, spec: &ChildSpec) -> Result<Duration, String> {
        let begun = Instant::now();
        let port =
            Port::open(spec, &Log::new(spec.limits.stderr_bytes)).await.map_err(|error| error.to_string())?;
        let connection = port.connection().ok_or("it has no connection")?;
        self.call(connection).await?;
        let took = begun.elapsed();
        port.stop(&spec.shutdown).await;
        Ok(took)
    }

    async fn call(&self, connection: &Connection) -> Result<Duration, String> {
        let begun = Instant::now();
        match connection.call(&self.method, &self.params, CallOptions::within(PATIENCE)).await {
            Ok(_) => Ok(begun.elapsed()),
            Err(CallError::Remote { code, message, .. }) => Err(format!(
                "it answers {} with error {code}: {message}. --method and --params choose another call",
                self.method
            )),
            Err(CallError::Closed { reason: Closed::ChildExited { exit, stderr_tail }, .. }) => {
                Err(format!("it ended with {exit} and did not answer {}\n{stderr_tail}", self.method))
            }
            Err(error) => Err(format!("it does not answer {}: {error}", self.method)),
        }
    }

    /// Calls for so long, so many at a time.
    async fn rate(&self, connection: &Connection, at_once: u64, time: Duration) -> Result<Rate, String> {
        let mut times = Histogram::<u64>::new(3).map_err(|error| error.to_string())?;
        let begun = Instant::now();
        let mut calls: FuturesUnordered<_> = (0..at_once).map(|_| self.call(connection)).collect();
        while let Some(took) = calls.next().await {
            times.saturating_record(u64::try_from(took?.as_micros()).unwrap_or(u64::MAX));
            if begun.elapsed() < time {
                calls.push(self.call(connection));
            }
        }
        let elapsed = begun.elapsed().as_secs_f64();
        Ok(Rate {
            calls: times.len(),
            calls_per_second: times.len() as f64 / elapsed,
            p50_us: times.value_at_quantile(0.5),
            p99_us: times.value_at_quantile(0.99),
            max_us: times.max(),
        })
    }
}

impl Rate {
    fn to_text(&self, name: &str) -> String {
        let micros = |micros| units::took(Duration::from_micros(micros));
        format!(
            "{}  {}, half within {}, 99 of 100 within {}",
            styled(NAME, name),
            units::rate(self.calls_per_second),
            micros(self.p50_us),
            micros(self.p99_us)
        )
    }
}
