//! What is there, what is wrong with it, and what to do about it. Nothing is started or changed.

mod backend;
mod installation;
mod state;

use std::process::ExitCode;

use guard::redact::redact_secrets;
use serde::Serialize;

use crate::{
    cli::{Outcome, find_workspace},
    config::Config,
    terminal::{self, BAD, GOOD, NAME, NOTE, QUIET, harmless, styled},
};

/// How serious a finding is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// All is well.
    Ok,
    /// Worth knowing, and nothing to be done.
    Note,
    /// Wrong.
    Wrong,
}

/// One thing that was looked at.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// What was looked at.
    pub subject: &'static str,
    /// How it is.
    pub verdict: Verdict,
    /// What was found.
    pub found: String,
    /// What to do about it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub advice: Option<String>,
}

impl Finding {
    fn ok(subject: &'static str, found: impl Into<String>) -> Self {
        let found = redact_secrets(&found.into()).into_owned();
        Self { subject, verdict: Verdict::Ok, found, advice: None }
    }

    fn note(subject: &'static str, found: impl Into<String>) -> Self {
        Self { verdict: Verdict::Note, ..Self::ok(subject, found) }
    }

    fn wrong(subject: &'static str, found: impl Into<String>, advice: impl Into<String>) -> Self {
        Self { verdict: Verdict::Wrong, advice: Some(advice.into()), ..Self::ok(subject, found) }
    }
}

/// Looks at everything and prints what it found.
///
/// # Errors
/// When stdout cannot be written to.
pub async fn run(config: &Config, as_json: bool) -> Outcome {
    let findings = look(config).await;
    let is_well = findings.iter().all(|finding| finding.verdict != Verdict::Wrong);
    let text = match as_json {
        true => serde_json::to_string_pretty(&serde_json::json!({ "ok": is_well, "findings": findings }))?,
        false => findings.iter().map(to_text).collect::<Vec<_>>().join("\n"),
    };
    terminal::print(&text)?;
    Ok(if is_well { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

async fn look(config: &Config) -> Vec<Finding> {
    let mut findings = vec![
        Finding::ok("version", concat!("bindery-mcp ", env!("CARGO_PKG_VERSION"))),
        installation::executable(config).await,
    ];
    let workspace = match find_workspace(config) {
        Ok(workspace) => workspace,
        Err(error) => {
            findings.push(Finding::wrong(
                "workspace",
                error.to_string(),
                "Name an existing directory with --workspace or BINDERY_WORKSPACE.",
            ));
            return findings;
        }
    };
    let root = workspace.root().display();
    findings.push(Finding::ok("workspace", format!("{root} ({})", workspace.reason())));
    findings.extend(state::look(&workspace));
    findings.extend(backend::look(&workspace, config.port).await);
    findings.extend(installation::executors(&workspace));
    findings.extend(installation::connections(workspace.root()));
    findings
}

fn to_text(finding: &Finding) -> String {
    let mark = match finding.verdict {
        Verdict::Ok => styled(GOOD, "ok   "),
        Verdict::Note => styled(NOTE, "note "),
        Verdict::Wrong => styled(BAD, "wrong"),
    };
    let subject = styled(NAME, format_args!("{:<11}", finding.subject));
    let line = format!("{mark} {subject} {}", harmless(&finding.found));
    match &finding.advice {
        Some(advice) => format!("{line}\n                  {}", styled(QUIET, format_args!("→ {advice}"))),
        None => line,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn an_empty_workspace_is_well_and_stays_empty() {
        let root = tempfile::tempdir().unwrap();
        let config = Config {
            workspace: Some(root.path().to_owned()),
            backend: std::env::current_exe().ok(),
            ..Config::default()
        };
        let findings = look(&config).await;
        let of = |subject| findings.iter().find(|finding| finding.subject == subject).unwrap();
        assert_eq!(of("database").verdict, Verdict::Note);
        assert_eq!(of("backend").verdict, Verdict::Note);
        assert_eq!(std::fs::read_dir(root.path()).unwrap().count(), 0);
    }

    #[tokio::test]
    async fn a_missing_workspace_is_wrong() {
        let config = Config { workspace: Some("/does/not/exist".into()), ..Config::default() };
        let last = look(&config).await.pop().unwrap();
        assert_eq!((last.subject, last.verdict), ("workspace", Verdict::Wrong));
    }
}
