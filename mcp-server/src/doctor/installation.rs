//! What is installed: the backend's executable, and the assistants that know of us.

use std::{fs, path::Path};

use super::Finding;
use crate::{
    config::Config,
    connect::{
        self, json,
        program::{Format, Places, Program, Scope},
        toml,
    },
    executor::{RolesFile, trust},
    lifecycle::binary,
    workspace::Workspace,
};

/// The backend's executable, and whether it runs.
pub(super) async fn executable(config: &Config) -> Finding {
    const SUBJECT: &str = "executable";
    const INSTALL: &str =
        "Install it beside bindery-mcp or on the PATH: cargo install --path bindery-backend";
    match binary::find(config.backend.as_deref()) {
        Err(error) => Finding::wrong(SUBJECT, error.message, "Point BINDERY_BACKEND to it, or unset it."),
        Ok(None) if binary::source_tree().is_some() && binary::on_path("cargo").is_some() => {
            Finding::note(SUBJECT, "bindery-backend is not built yet; the first start builds it")
        }
        Ok(None) => Finding::wrong(SUBJECT, "bindery-backend was not found", INSTALL),
        Ok(Some(found)) => match binary::version(&found.path).await {
            Some(version) => {
                Finding::ok(SUBJECT, format!("{} ({}), {version}", found.path.display(), found.place))
            }
            None => Finding::wrong(
                SUBJECT,
                format!("{} ({}) does not tell its version", found.path.display(), found.place),
                "Build it again, or install the one that belongs to this version.",
            ),
        },
    }
}

/// Whether the workspace's roles may run programs, if they want to.
pub(super) fn executors(workspace: &Workspace) -> Option<Finding> {
    const SUBJECT: &str = "executors";
    let path = workspace.roles();
    let file = match RolesFile::read(&path) {
        Ok(file) => file?,
        Err(wrong) => return Some(Finding::wrong(SUBJECT, wrong, format!("Correct {}.", path.display()))),
    };
    let commands: Vec<_> =
        file.commands().into_iter().map(|(role, command)| format!("{role}: {command}")).collect();
    if commands.is_empty() {
        return None;
    }
    Some(match trust::is_trusted(&path, file.bytes()) {
        true => Finding::ok(SUBJECT, commands.join("; ")),
        false => {
            Finding::note(SUBJECT, format!("not allowed to run (bindery-mcp trust): {}", commands.join("; ")))
        }
    })
}

/// The assistants whose configuration names us, and the files that cannot be read.
pub(super) fn connections(project: &Path) -> Vec<Finding> {
    let files = connect::files(&Places::from_environment(project));
    let found: Vec<_> =
        files.iter().filter_map(|(program, scope, path)| connection(*program, *scope, path)).collect();
    if found.is_empty() {
        return vec![Finding::note(
            "connections",
            "no assistant is connected; see bindery-mcp connect --help",
        )];
    }
    found
}

fn connection(program: Program, scope: Scope, path: &Path) -> Option<Finding> {
    const SUBJECT: &str = "connection";
    let name = format!("{} ({} scope)", program.title(), scope.as_str());
    let text = match fs::read_to_string(path) {
        Ok(text) => text,
        Err(error) => {
            let advice = format!("Make {} readable.", path.display());
            return Some(Finding::wrong(SUBJECT, format!("{name}: {error}"), advice));
        }
    };
    let named = match program.format() {
        Format::Json => json::has_entry(&text, program.section()),
        Format::Toml => toml::has_entry(&text, program.section()),
    };
    match named {
        Ok(false) => None,
        Ok(true) => Some(Finding::ok(SUBJECT, format!("{name}: {}", path.display()))),
        Err(error) => Some(Finding::wrong(
            SUBJECT,
            format!("{name}: {} line {}: {}", path.display(), error.line, error.cause),
            "Correct the file; the assistant cannot read it either.",
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::doctor::Verdict;

    #[test]
    fn files_with_our_entry_are_named_and_broken_ones_are_wrong() {
        let root = tempfile::tempdir().unwrap();
        let path = root.path().join("mcp.json");
        let verdict = |text: &str| {
            fs::write(&path, text).unwrap();
            connection(Program::Cursor, Scope::User, &path).map(|finding| finding.verdict)
        };
        assert_eq!(verdict("{}"), None);
        assert_eq!(verdict(r#"{"mcpServers": {"bindery": {}}}"#), Some(Verdict::Ok));
        assert_eq!(verdict("{"), Some(Verdict::Wrong));
    }
}
