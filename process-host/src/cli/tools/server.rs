//! A tool server: a child of a running host, or a command started for the occasion.

use std::{ffi::OsString, time::Duration};

use clap::Args;
use process_host::{
    CallError, CallOptions, Closed, Log, Port,
    spec::{ChildSpec, Command, Environment, Stdio},
};
use serde::Serialize;
use serde_json::value::{RawValue, to_raw_value};
use tokio::{sync::mpsc, time::Instant};

use crate::cli::{
    control::{CallParams, Refusal, client::Client},
    host::HostArgs,
    ps,
};

/// Which tool server is meant, and how long it may take.
#[derive(Debug, Args)]
pub(in crate::cli) struct ServerArgs {
    /// The tool server: this child of a running host
    #[arg(long, value_name = "NAME", conflicts_with = "command")]
    child: Option<String>,
    #[command(flatten)]
    host: HostArgs,
    /// How long all of it may take, the start of a command included
    #[arg(long, value_name = "SECONDS", default_value_t = 30.0, value_parser = seconds)]
    timeout: f64,
    /// The tool server: this command, started for the occasion
    #[arg(last = true, value_name = "COMMAND")]
    command: Vec<OsString>,
}

/// A tool server that can be asked.
pub(in crate::cli) struct ToolServer {
    place: Place,
    deadline: Instant,
    timeout: f64,
}

enum Place {
    Hosted { client: Client, path: String },
    Started { port: Box<Port>, spec: Box<ChildSpec> },
}

/// A positive number of seconds that a clock can reach.
fn seconds(text: &str) -> Result<f64, String> {
    match text.parse() {
        Ok(seconds) if seconds > 0.0 && seconds <= 1e9 => Ok(seconds),
        _ => Err("it takes a number of seconds above 0, such as 2.5".to_owned()),
    }
}

/// A child that is started for the occasion, and sees what its starter sees.
pub(in crate::cli) fn occasional(command: &[OsString]) -> Option<ChildSpec> {
    let (program, arguments) = command.split_first()?;
    let command = Command::new(program).args(arguments);
    let mut spec = ChildSpec::new("the command", command);
    spec.environment = Environment::everything();
    spec.stdio = Stdio::JsonRpc;
    // An answer may be as long as people can wait for.
    spec.limits.line_bytes = 64 << 20;
    Some(spec)
}

impl ToolServer {
    /// Finds or starts it.
    ///
    /// # Errors
    /// When none is named, or it is not to be had.
    pub(in crate::cli) async fn open(args: &ServerArgs) -> Result<Self, Box<dyn std::error::Error>> {
        let deadline = Instant::now() + Duration::from_secs_f64(args.timeout);
        let place = match (&args.child, occasional(&args.command)) {
            (None, None) => {
                return Err(
                    "say which tool server: --child NAME of a running host, or a command after --".into()
                );
            }
            (None, Some(_)) if args.host.is_named() => {
                return Err("a command after -- runs by itself; --file and --socket go with --child".into());
            }
            (None, Some(spec)) => {
                let port = Port::open(&spec, &Log::new(spec.limits.stderr_bytes)).await?;
                Place::Started { port: Box::new(port), spec: Box::new(spec) }
            }
            (Some(child), _) => {
                let found = args.host.find().await?;
                let path = ps::existing(&found.status.tree, child)?;
                Place::Hosted { client: found.client, path }
            }
        };
        Ok(Self { place, deadline, timeout: args.timeout })
    }

    /// Asks the server.
    ///
    /// # Errors
    /// As [`Connection::call`](process_host::Connection::call) has them.
    pub(in crate::cli) async fn ask(
        &self,
        method: &str,
        params: &impl Serialize,
    ) -> Result<Box<RawValue>, CallError> {
        self.ask_with(method, params, None).await
    }

    /// Asks the server, and hands on how far it has come.
    ///
    /// # Errors
    /// As [`Connection::call`](process_host::Connection::call) has them.
    pub(in crate::cli) async fn ask_with(
        &self,
        method: &str,
        params: &impl Serialize,
        progress: Option<mpsc::Sender<Box<RawValue>>>,
    ) -> Result<Box<RawValue>, CallError> {
        let options = CallOptions { deadline: Some(self.deadline), progress };
        match &self.place {
            Place::Hosted { client, path } => {
                let left = self.deadline.saturating_duration_since(Instant::now());
                let params = CallParams {
                    path: path.clone(),
                    method: method.to_owned(),
                    params: to_raw_value(params).ok(),
                    timeout_ms: Some(u64::try_from(left.as_millis()).unwrap_or(u64::MAX)),
                };
                client.call("call", &params, options).await
            }
            Place::Started { port, .. } => match port.connection() {
                Some(connection) => connection.call(method, params, options).await,
                None => Err(CallError::Invalid("it has no connection".to_owned())),
            },
        }
    }

    /// Why it did not answer, in words that help.
    pub(in crate::cli) fn explain(&self, error: CallError) -> String {
        match (error, &self.place) {
            // The host's deadline is the same, and may be the first to pass.
            (CallError::Remote { data: Some(data), .. }, Place::Hosted { .. }) if Refusal::is_late(&data) => {
                self.too_late()
            }
            (CallError::Remote { message, .. }, _) => message,
            (CallError::Deadline { .. }, _) => self.too_late(),
            (
                CallError::Closed { reason: Closed::ChildExited { exit, stderr_tail }, .. },
                Place::Started { spec, .. },
            ) => {
                let command = &spec.command;
                match stderr_tail.is_empty() {
                    true => format!("`{command}` ended with {exit} and did not answer"),
                    false => format!(
                        "`{command}` ended with {exit} and did not answer; it complained:\n{stderr_tail}"
                    ),
                }
            }
            (CallError::Closed { .. }, Place::Hosted { .. }) => "the host has ended".to_owned(),
            (error, _) => error.to_string(),
        }
    }

    fn too_late(&self) -> String {
        format!("no answer within {} seconds; --timeout gives it more", self.timeout)
    }

    /// Ends a command that was started for the occasion.
    pub(in crate::cli) async fn close(self) {
        if let Place::Started { port, spec } = self.place {
            port.stop(&spec.shutdown).await;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn seconds_are_positive_and_finite() {
        assert_eq!(seconds("0.5"), Ok(0.5));
        for wrong in ["0", "-1", "NaN", "inf", "1e300", "soon"] {
            assert!(seconds(wrong).is_err(), "{wrong}");
        }
    }
}
