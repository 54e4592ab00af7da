//! The command line.

mod bench;
mod call;
mod chaos;
mod control;
mod doctor;
mod events;
mod host;
mod logs;
mod peer;
mod ps;
mod run;
mod steer;
mod suggest;
mod table;
mod terminal;
mod tools;
mod top;
mod units;

use std::{error, future::Future, io, io::IsTerminal, process::ExitCode};

use clap::{Parser, Subcommand};

const AFTER_HELP: &str = "\
Examples:
  process-host run app.toml                keep the children of app.toml running
  process-host ps                          what they do, from another terminal
  process-host logs -f                     what they write
  process-host restart web                 one of them
  process-host stop                        all of them, in order
  process-host call echo message=hello -- python3 -m bindery_tools
  process-host chaos all                   harm children, and see them recover
  process-host doctor                      what this system offers

A file for `run` (`process-host run --help` shows more):
  [[child]]
  name = \"web\"
  command = [\"python3\", \"-m\", \"http.server\", \"8080\"]

Exit codes: 0 done, 1 it failed, 2 the command line is wrong.";

/// Runs other programs as reliably as OTP does: children started in order, watched, started again
/// when they end, stopped in reverse, and none of them left behind.
#[derive(Debug, Parser)]
#[command(name = "process-host", version, after_help = AFTER_HELP, max_term_width = 100)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Run the children that a file describes, until told to stop
    Run(run::Run),
    /// Show the children of a running host
    Ps(ps::Ps),
    /// Show them live, until q or Ctrl-C
    Top(top::Top),
    /// Show what the children wrote
    Logs(logs::Logs),
    /// Show what happened to the children
    Events(events::Show),
    /// Stop a child if it is up, and start it
    Restart(steer::Restart),
    /// Stop a child, or the whole host
    Stop(steer::Stop),
    /// List the tools of a tool server
    Tools(tools::List),
    /// Call a tool of a tool server
    Call(call::Call),
    /// Do children harm, and see whether they recover
    Chaos(chaos::Chaos),
    /// Measure how fast a command starts and answers
    Bench(bench::Bench),
    /// Look at what this system offers, and for slow interpreters
    Doctor(doctor::Doctor),
    /// Be one of the children that `chaos` needs
    #[command(hide = true)]
    Peer(peer::Peer),
}

/// How a command ends: an exit code, or an error to be shown.
type Outcome = Result<ExitCode, Box<dyn error::Error>>;

/// Reads the command line and does what it says.
pub(crate) fn run() -> ExitCode {
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => return terminal::explain(&error),
    };
    log_to_stderr();
    let outcome = match cli.command {
        Command::Run(run) => block_on(run::run(run)),
        Command::Ps(ps) => block_on(ps::run(ps)),
        Command::Top(top) => block_on(top::run(top)),
        Command::Logs(logs) => block_on(logs::run(logs)),
        Command::Events(show) => block_on(events::run(show)),
        Command::Restart(restart) => block_on(steer::restart(restart)),
        Command::Stop(stop) => block_on(steer::stop(stop)),
        Command::Tools(list) => block_on(tools::run(list)),
        Command::Call(call) => block_on(call::run(call)),
        Command::Chaos(chaos) => block_on(chaos::run(chaos)),
        Command::Bench(bench) => block_on(bench::run(bench)),
        Command::Doctor(doctor) => block_on(doctor::run(doctor)),
        Command::Peer(peer) => peer::run(&peer),
    };
    outcome.unwrap_or_else(|error| {
        if terminal::has_seen_enough(&*error) {
            return ExitCode::SUCCESS;
        }
        terminal::print_error(&error);
        ExitCode::FAILURE
    })
}

/// What the library remarks goes to stderr: warnings, or what RUST_LOG asks for.
fn log_to_stderr() {
    let filter = tracing_subscriber::EnvFilter::try_from_default_env()
        .unwrap_or_else(|_| tracing_subscriber::EnvFilter::new("warn"));
    let ansi = io::stderr().is_terminal()
        && anstream::AutoStream::choice(&io::stderr()) != anstream::ColorChoice::Never;
    tracing_subscriber::fmt().with_writer(io::stderr).with_ansi(ansi).with_env_filter(filter).init();
}

fn block_on(work: impl Future<Output = Outcome>) -> Outcome {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
    let outcome = runtime.block_on(work);
    // A read of a terminal cannot be interrupted, and nobody waits for it any more.
    runtime.shutdown_background();
    outcome
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn the_definition_is_consistent() {
        Cli::command().debug_assert();
    }

    #[test]
    fn no_line_of_help_is_wider_than_a_terminal() {
        for command in Cli::command().get_subcommands_mut() {
            let help = command.clone().term_width(80).render_long_help().to_string();
            // What is indented stands in columns, or is to be copied.
            let examples = command.get_after_help().map(ToString::to_string).unwrap_or_default();
            let fixed = examples.lines().filter(|line| line.starts_with("  "));
            let widest =
                help.lines().chain(fixed).max_by_key(|line| line.chars().count()).unwrap_or_default();
            assert!(widest.chars().count() <= 80, "{}: {widest}", command.get_name());
        }
    }
}
