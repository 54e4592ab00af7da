//! Harm done to real children, and what came of it.

mod flood;
mod freeze;
mod hog;
mod kill;
mod noise;
mod play;
mod probe;
mod stage;
mod storm;

use std::{path::PathBuf, process::ExitCode, time::Duration};

use clap::{Args, ValueEnum};
use process_host::spec::SupervisorSpec;

use super::{
    Outcome,
    terminal::{self, BAD, GOOD, NAME, QUIET, harmless, styled, wrapped},
    units,
};
use play::Play;

#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  process-host chaos all
  process-host chaos freeze app.toml --child web
  process-host chaos storm app.toml

The tree of the file is started for this, beside one that may be running; its children do their work \
as always, so use a file whose children may be killed. Without a file a tree of two is used: `echo`, \
which answers JSON-RPC, and `worker`, which sleeps.
Exit codes: 0 all went as expected, 1 something did not.")]
pub(super) struct Chaos {
    /// What is done
    #[arg(value_enum)]
    scenario: Scenario,
    /// Whose children are harmed [default: a tree of two]
    #[arg(value_name = "FILE.toml")]
    file: Option<PathBuf>,
    /// The child that is harmed [default: the first that is started again when it is killed]
    #[arg(long, value_name = "NAME")]
    child: Option<String>,
}

/// What is done.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Scenario {
    /// SIGKILL to a child, with calls under way
    Kill,
    /// SIGSTOP to a child: it lives and does nothing
    Freeze,
    /// A child writes 100 MB to standard error
    Flood,
    /// A child writes between its answers what is no message
    Noise,
    /// A child never reads what it is asked
    Hog,
    /// A child is killed once more than its supervisor may restart it
    Storm,
    /// All of these, one after the other
    All,
}

/// What came of a scenario.
#[derive(Debug)]
struct Report {
    /// What was done.
    done: String,
    checks: Vec<Check>,
    /// How long it took until all was well again.
    recovery: Option<Duration>,
}

/// One expectation.
#[derive(Debug)]
struct Check {
    expected: String,
    happened: String,
    met: bool,
}

impl Check {
    fn new(expected: impl Into<String>, met: bool, happened: impl Into<String>) -> Self {
        Self { expected: expected.into(), happened: happened.into(), met }
    }
}

/// Plays the scenarios and prints what came of each.
///
/// # Errors
/// When the tree cannot be started.
pub(super) async fn run(chaos: Chaos) -> Outcome {
    let spec = chaos.file.as_deref().map(SupervisorSpec::from_file).transpose()?;
    let play = Play::new(spec, chaos.child)?;
    let scenarios = match chaos.scenario {
        Scenario::All => {
            Scenario::value_variants().iter().copied().filter(|one| *one != Scenario::All).collect()
        }
        one => vec![one],
    };
    let (mut expected, mut met) = (0, 0);
    for scenario in &scenarios {
        let report = match scenario {
            Scenario::Freeze => freeze::play(&play).await,
            Scenario::Flood => flood::play(&play).await,
            Scenario::Noise => noise::play(&play).await,
            Scenario::Hog => hog::play(&play).await,
            Scenario::Storm => storm::play(&play).await,
            Scenario::Kill | Scenario::All => kill::play(&play).await,
        }?;
        expected += report.checks.len();
        met += report.checks.iter().filter(|check| check.met).count();
        terminal::print(&to_text(*scenario, &report))?;
    }
    terminal::print(&match expected - met {
        0 => styled(GOOD, format!("all {expected} expectations were met")),
        missed => styled(BAD, format!("{missed} of {expected} expectations were not met")),
    })?;
    Ok(if met == expected { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn to_text(scenario: Scenario, report: &Report) -> String {
    let name = scenario.to_possible_value().map(|value| value.get_name().to_owned()).unwrap_or_default();
    let mut lines = vec![format!("{}: {}", styled(NAME, name), wrapped(&harmless(&report.done), 2))];
    for check in &report.checks {
        let mark = if check.met { styled(GOOD, "ok  ") } else { styled(BAD, "miss") };
        lines.push(format!("  {mark}  expected: {}", wrapped(&harmless(&check.expected), 18)));
        lines.push(format!("        happened: {}", wrapped(&harmless(&check.happened), 18)));
    }
    if let Some(recovery) = report.recovery {
        lines.push(format!("  {}", styled(QUIET, format!("recovered in {}", units::took(recovery)))));
    }
    lines.push(String::new());
    lines.join("\n")
}

/// Memory of this process in bytes, without what it maps from files; none where nobody can say.
fn own_memory() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("RssAnon:"))?;
    Some(line.trim().strip_suffix(" kB")?.parse::<u64>().ok()? * 1024)
}

/// That this process has not grown by more than 16 MiB since it was `before`.
fn bounded(before: Option<u64>) -> Check {
    const MOST: u64 = 16 << 20;
    let expected = format!("the host grows by less than {}", units::bytes(MOST));
    match (before, own_memory()) {
        (Some(before), Some(now)) => {
            let grown = now.saturating_sub(before);
            Check::new(expected, grown < MOST, format!("it grew by {}", units::bytes(grown)))
        }
        _ => Check::new(expected, true, "this system does not tell"),
    }
}
