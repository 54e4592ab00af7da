//! What this system offers to those who run children on it, what is missing, and what to do about it.

#[cfg(target_os = "linux")]
mod contained;
#[cfg(target_os = "linux")]
mod kernel;
mod open_files;
mod shims;

use std::{path::PathBuf, process::ExitCode};

use clap::Args;
use process_host::spec::SupervisorSpec;
use serde::Serialize;

use super::{
    Outcome,
    terminal::{self, BAD, GOOD, NAME, NOTE, QUIET, harmless, styled, wrapped},
};

/// Columns before what was found.
const INDENT: usize = 17;

#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  process-host doctor
  process-host doctor app.toml             the commands of this file, too
  process-host doctor --json | jq '.findings[] | select(.verdict != \"ok\")'

A shim is a small program in an interpreter's place that looks for the real one at every start, as \
pyenv, rbenv, nodenv, asdf, mise and volta put them on the PATH.
Exit codes: 0 all is well or only slow, 1 something is wrong.")]
pub(super) struct Doctor {
    /// A file whose commands are looked at, too
    #[arg(value_name = "FILE.toml")]
    file: Option<PathBuf>,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

/// How serious a finding is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
enum Verdict {
    /// All is well.
    Ok,
    /// Worth knowing; everything works without.
    Note,
    /// Wrong.
    Wrong,
}

/// One thing that was looked at.
#[derive(Debug, Clone, PartialEq, Serialize)]
struct Finding {
    subject: String,
    verdict: Verdict,
    /// What was found.
    found: String,
    /// What to do about it.
    #[serde(skip_serializing_if = "Option::is_none")]
    advice: Option<String>,
    /// The times of an interpreter's starts.
    #[serde(flatten, skip_serializing_if = "Option::is_none")]
    shim: Option<shims::Shim>,
}

impl Finding {
    fn ok(subject: impl Into<String>, found: impl Into<String>) -> Self {
        Self { subject: subject.into(), verdict: Verdict::Ok, found: found.into(), advice: None, shim: None }
    }

    fn note(subject: impl Into<String>, found: impl Into<String>) -> Self {
        Self { verdict: Verdict::Note, ..Self::ok(subject, found) }
    }

    #[cfg(target_os = "linux")]
    fn wrong(subject: impl Into<String>, found: impl Into<String>) -> Self {
        Self { verdict: Verdict::Wrong, ..Self::ok(subject, found) }
    }

    fn advise(self, advice: impl Into<String>) -> Self {
        Self { advice: Some(advice.into()), ..self }
    }
}

/// Looks at everything and prints what it found.
///
/// # Errors
/// When the file cannot be read, or stdout not be written to.
pub(super) async fn run(doctor: Doctor) -> Outcome {
    let spec = doctor.file.as_deref().map(SupervisorSpec::from_file).transpose()?;
    let mut findings = containment().await;
    findings.push(open_files::look());
    findings.extend(shims::look(spec.as_ref()).await);
    let is_well = findings.iter().all(|finding| finding.verdict != Verdict::Wrong);
    let text = match doctor.json {
        true => serde_json::to_string_pretty(&serde_json::json!({ "ok": is_well, "findings": findings }))?,
        false => findings.iter().map(to_text).collect::<Vec<_>>().join("\n"),
    };
    terminal::print(&text)?;
    Ok(if is_well { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// How well children are held.
#[cfg(target_os = "linux")]
async fn containment() -> Vec<Finding> {
    let mut findings = vec![contained::look().await];
    findings.extend(kernel::look().await);
    findings
}

/// How well children are held.
#[cfg(not(target_os = "linux"))]
async fn containment() -> Vec<Finding> {
    let found = "children outlive a host that is killed: only Linux has what would end them";
    vec![Finding::note("kill test", found).advise("let children end when their standard input does")]
}

fn to_text(finding: &Finding) -> String {
    let mark = match finding.verdict {
        Verdict::Ok => styled(GOOD, "ok   "),
        Verdict::Note => styled(NOTE, "note "),
        Verdict::Wrong => styled(BAD, "wrong"),
    };
    let subject = styled(NAME, format_args!("{:<10}", harmless(&finding.subject)));
    let found = wrapped(&harmless(&finding.found), INDENT);
    let mut text = format!("{mark} {subject} {found}");
    if let Some(advice) = &finding.advice {
        // Not broken into lines: it is to be copied.
        for (number, line) in harmless(advice).lines().enumerate() {
            let mark = if number == 0 { "→ " } else { "  " };
            text += &format!("\n{:INDENT$}{}", "", styled(QUIET, format_args!("{mark}{line}")));
        }
    }
    text
}
