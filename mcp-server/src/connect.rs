//! Letting an assistant use Bindery: the entry for its configuration file, printed or written.

pub mod entry;
pub mod file;
pub mod json;
pub mod program;
pub mod toml;

use std::{
    env,
    path::{Path, PathBuf},
    process::ExitCode,
};

use clap::Args;

use crate::{
    cli::{Outcome, find_workspace},
    config::Config,
    lifecycle::binary,
    terminal::{self, GOOD, NAME, QUIET, styled},
};
use entry::Entry;
use file::Written;
use program::{Format, Places, Program, Scope};

/// The name under which Bindery stands in a configuration.
pub const ENTRY_NAME: &str = "bindery";

/// How to connect an assistant.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  bindery-mcp connect claude-code                        print the entry and where it belongs
  bindery-mcp connect claude-code --write                write it to .mcp.json of this project
  bindery-mcp connect cursor --write --scope user        for all projects
  bindery-mcp connect claude-desktop --write --workspace ~/notes

Writing changes nothing but this entry, keeps comments and order, and leaves a copy of the file.")]
pub struct Connect {
    /// The assistant.
    pub program: Program,
    /// Write the entry into the file.
    #[arg(long)]
    pub write: bool,
    /// For this project or for all of them [default: what the assistant is mostly used with].
    #[arg(long)]
    pub scope: Option<Scope>,
}

/// Why an entry was not written.
#[derive(Debug, thiserror::Error)]
pub enum ConnectError {
    /// The assistant has no such configuration.
    #[error("{program} has no configuration with scope {scope}; leave --scope out")]
    NoSuchScope {
        /// The assistant.
        program: &'static str,
        /// The scope.
        scope: &'static str,
    },
    /// The file is not what it should be.
    #[error("{path}, line {line}: {cause}; nothing was changed")]
    Unreadable {
        /// The file.
        path: String,
        /// The line, from 1.
        line: usize,
        /// What is wrong there.
        cause: String,
    },
    /// The file cannot be read or written.
    #[error("{path}: {cause}")]
    File {
        /// The file.
        path: String,
        /// Why.
        cause: std::io::Error,
    },
}

/// What is wrong with a text that an entry was to be merged into.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MergeError {
    /// The line, from 1.
    pub line: usize,
    /// What is wrong there.
    pub cause: String,
}

/// Merges `entry` into the text of a configuration.
///
/// # Errors
/// When the text cannot be read; it names the line.
pub fn merge(format: Format, text: &str, section: &str, entry: &Entry) -> Result<String, MergeError> {
    match format {
        Format::Json => json::merge(text, section, entry),
        Format::Toml => toml::merge(text, section, entry),
    }
}

/// Prints the entry, or writes it.
///
/// # Errors
/// [`ConnectError`], or when there is no workspace.
pub fn run(config: &Config, connect: &Connect) -> Outcome {
    let program = connect.program;
    let scope = connect.scope.unwrap_or(program.usual_scope());
    let workspace = find_workspace(config)?;
    let places = Places::from_environment(workspace.root());
    let path = program
        .path(scope, &places)
        .ok_or(ConnectError::NoSuchScope { program: program.title(), scope: scope.as_str() })?;
    let named = config.workspace.is_some().then(|| workspace.root());
    let entry = Entry {
        command: command(scope),
        arguments: program.arguments(scope, named, workspace.root()),
        with_type: program.wants_type(),
    };
    if connect.write {
        let written = file::merge_into(&path, program, &entry)?;
        terminal::print(&report(&path, program, &written))?;
    } else {
        terminal::print(&explanation(&path, program, scope, &entry))?;
    }
    Ok(ExitCode::SUCCESS)
}

/// How the assistant is to start this program. A file that is shared with other machines names it
/// by its name, if that leads here; programs without a shell's `PATH` need the whole path.
fn command(scope: Scope) -> String {
    let own = env::current_exe().and_then(|own| own.canonicalize()).unwrap_or_else(|_| "bindery-mcp".into());
    let on_path = binary::on_path("bindery-mcp").and_then(|path| path.canonicalize().ok());
    if scope == Scope::Project && on_path.as_ref() == Some(&own) {
        return "bindery-mcp".to_owned();
    }
    own.display().to_string()
}

fn explanation(path: &Path, program: Program, scope: Scope, entry: &Entry) -> String {
    let section = program.section();
    let text = match merge(program.format(), "", section, entry) {
        Ok(text) => text,
        Err(error) => error.cause,
    };
    let head = format!(
        "{} reads {} ({} scope). Add this to it, or add --write:",
        program.title(),
        styled(NAME, path.display()),
        scope.as_str()
    );
    format!("{}\n\n{}", styled(QUIET, head), text.trim_end())
}

fn report(path: &Path, program: Program, written: &Written) -> String {
    let path = path.display();
    let next = program.next_step();
    match written {
        Written::Unchanged => format!("{path} already has the entry. {next}"),
        Written::Created => format!("{} {path} created. {next}", styled(GOOD, "ok")),
        Written::Changed { backup } => {
            format!("{} {path} changed; the old one is {}. {next}", styled(GOOD, "ok"), backup.display())
        }
    }
}

/// Every configuration file on this machine that an assistant could read, for a look around.
pub fn files(places: &Places) -> Vec<(Program, Scope, PathBuf)> {
    let scopes = [Scope::Project, Scope::User];
    Program::ALL
        .into_iter()
        .flat_map(|program| scopes.map(|scope| (program, scope)))
        .filter_map(|(program, scope)| Some((program, scope, program.path(scope, places)?)))
        .filter(|(_, _, path)| path.is_file())
        .collect()
}
