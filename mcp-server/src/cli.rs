//! The command line.

mod serve;

use std::{env, error, io, io::IsTerminal, panic, path::PathBuf, process::ExitCode};

use clap::{CommandFactory, Parser, Subcommand};
use clap_complete::Shell;
use guard::redact::write_field;
use shared_types::Error;
use tracing::{Level, Metadata};
use tracing_subscriber::{
    EnvFilter, field::MakeExt, filter::filter_fn, fmt::format::debug_fn, layer::SubscriberExt,
    util::SubscriberInitExt,
};

use crate::{
    call::{self, Call},
    client::Client,
    config::{Config, ConfigError},
    connect::{self, Connect},
    demo, doctor,
    executor::{self, RolesFile},
    lifecycle::{Backend, StartOptions, binary},
    terminal, tools,
    workspace::Workspace,
};

const AFTER_HELP: &str = "\
Examples:
  bindery-mcp demo                                  see it at work
  bindery-mcp connect claude-code --write           let an assistant use it
  bindery-mcp call create_task title='Fix the login' priority=high
  bindery-mcp call list_tasks ready=true
  bindery-mcp doctor                                find out why something does not work

Environment: BINDERY_WORKSPACE, BINDERY_BACKEND, BINDERY_TIMEOUT, BINDERY_CACHE_TTL, BINDERY_PORT,
BINDERY_MAX_DEPTH, _KEYS, _ITEMS, _CHARACTERS, _CONTENT and _WRAPPED, BINDERY_TEXT_GUARD, MCP_PRODUCTION,
RUST_LOG; --print-config shows what is in force.

Exit codes: 0 done, 1 it failed or something is wrong, 2 the command line or a setting is wrong.";

/// A task store for AI assistants, over MCP.
///
/// Without a command it is the MCP server: it speaks MCP on stdin and stdout, as the assistants
/// that start it expect. The tasks are kept in the workspace, in .vespera/tasks.db, by one backend
/// process that all assistants of the workspace share and that is started and stopped as needed.
#[derive(Debug, Parser)]
#[command(name = "bindery-mcp", version, after_help = AFTER_HELP, max_term_width = 100)]
pub struct Cli {
    /// The workspace [default: the project around the current directory].
    #[arg(long, global = true, value_name = "DIR")]
    pub workspace: Option<PathBuf>,
    /// Print the settings in force and end.
    #[arg(long)]
    pub print_config: bool,
    /// What to do; without a command it serves MCP on stdin and stdout.
    #[command(subcommand)]
    pub command: Option<Command>,
}

/// The commands.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Play an assistant: plan, claim, finish and search tasks over a real MCP connection
    Demo,
    /// Call one tool and print its result
    Call(Call),
    /// List the tools with their parameters
    Tools {
        /// Print JSON, with the full schemas.
        #[arg(long)]
        json: bool,
    },
    /// Connect an assistant: print the entry for its configuration, or write it there
    Connect(Connect),
    /// Allow the programs that the workspace's roles.toml names to carry out tasks
    ///
    /// They run as you. What is allowed is the file as it is now: changed, it must be allowed again.
    Trust {
        /// Take the permission back.
        #[arg(long)]
        revoke: bool,
    },
    /// Look for what is wrong, and say what to do about it; starts nothing
    Doctor {
        /// Print JSON.
        #[arg(long)]
        json: bool,
    },
    /// Print the completion script of a shell
    Completions {
        /// The shell.
        shell: Shell,
    },
}

/// The protocol's library, as the targets of its log name it.
const LIBRARY: &str = "rmcp";

/// How a command ends: an exit code, or an error to be shown on one line.
pub type Outcome = Result<ExitCode, Box<dyn error::Error>>;

/// Reads the command line and does what it says.
pub fn run() -> ExitCode {
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => return terminal::explain(&error),
    };
    let mut config = match Config::read(&|variable| env::var(variable).ok()) {
        Ok(config) => config,
        Err(error) => return wrong_setting(&error),
    };
    if cli.workspace.is_some() {
        config.workspace = cli.workspace;
    }
    log_to_stderr(config.log_directives(cli.command.is_some()));
    dispatch(cli.command, cli.print_config, &config).unwrap_or_else(|error| {
        if terminal::has_seen_enough(&*error) {
            return ExitCode::SUCCESS;
        }
        terminal::print_error(&error);
        ExitCode::FAILURE
    })
}

fn dispatch(command: Option<Command>, print_config: bool, config: &Config) -> Outcome {
    if print_config {
        terminal::print(config.to_lines().trim_end())?;
        return Ok(ExitCode::SUCCESS);
    }
    match command {
        None => block_on(serve::serve(config)),
        Some(Command::Demo) => block_on(async {
            build_backend_if_needed(config).await?;
            demo::run(&find_workspace(config)?).await
        }),
        Some(Command::Call(call)) => block_on(call::run(config, call)),
        Some(Command::Tools { json }) => tools::print(json),
        Some(Command::Connect(connect)) => connect::run(config, &connect),
        Some(Command::Trust { revoke }) => trust(&find_workspace(config)?, revoke),
        Some(Command::Doctor { json }) => block_on(doctor::run(config, json)),
        Some(Command::Completions { shell }) => {
            clap_complete::generate(shell, &mut Cli::command(), "bindery-mcp", &mut io::stdout());
            Ok(ExitCode::SUCCESS)
        }
    }
}

/// The workspace that the settings and the current directory lead to.
///
/// # Errors
/// When it is no directory.
pub fn find_workspace(config: &Config) -> io::Result<Workspace> {
    let home = env::home_dir();
    Workspace::find(config.workspace.as_deref(), &env::current_dir()?, home.as_deref()).map_err(|error| {
        let named = config.workspace.as_ref().map(|path| path.display().to_string());
        io::Error::new(error.kind(), format!("workspace {}: {error}", named.unwrap_or_default()))
    })
}

fn trust(workspace: &Workspace, revoke: bool) -> Outcome {
    let path = workspace.roles();
    if revoke {
        executor::trust::revoke(&path)?;
        terminal::print(&format!("{} may no longer run programs", path.display()))?;
        return Ok(ExitCode::SUCCESS);
    }
    let file = RolesFile::read(&path)?.filter(|file| !file.commands().is_empty());
    let Some(file) = file else {
        return Err(
            format!("{} names no executor; see the README for how to write one", path.display()).into()
        );
    };
    let record = executor::trust::trust(&path, file.bytes())?;
    for (role, command) in file.commands() {
        terminal::print(&format!("tasks of the role {role} run: {}", terminal::harmless(&command)))?;
    }
    terminal::print_remark(&format!("remembered in {}", record.display()));
    Ok(ExitCode::SUCCESS)
}

/// The backend of the workspace, looked for and started in the background.
pub(crate) fn start_backend(config: &Config) -> io::Result<Backend> {
    let workspace = find_workspace(config)?;
    tracing::info!(
        workspace = %workspace.root().display(),
        database = %workspace.database().display(),
        why = %workspace.reason(),
        version = env!("CARGO_PKG_VERSION"),
        "bindery-mcp"
    );
    Ok(Backend::start(workspace, StartOptions { binary: config.backend.clone() }))
}

/// Builds the backend's executable when there is none, and when cargo runs us from a source tree that may
/// have changed since. A person can wait for that, with cargo's progress before them; a call has a deadline
/// that a build never meets.
///
/// # Errors
/// When it cannot be built.
pub(crate) async fn build_backend_if_needed(config: &Config) -> Result<(), Error> {
    match binary::find(config.backend.as_deref())? {
        Some(found) if !binary::may_be_outdated(&found.path) => return Ok(()),
        Some(_) => {}
        None => terminal::print_remark("bindery-backend is not there yet. Building it, once:"),
    }
    binary::build().await.map(drop)
}

/// A client for a command that ends soon.
pub(crate) fn one_shot_client(config: &Config) -> io::Result<Client> {
    Ok(Client::one_shot(config, start_backend(config)?))
}

fn block_on(work: impl Future<Output = Outcome>) -> Outcome {
    // One thread: nearly all of the work is waiting, and to hand a message to another thread and back
    // takes longer than to answer it.
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let outcome = runtime.block_on(work);
    // A read of stdin cannot be interrupted, and nobody waits for it any more.
    runtime.shutdown_background();
    outcome
}

fn wrong_setting(error: &ConfigError) -> ExitCode {
    terminal::print_error(error);
    ExitCode::from(2)
}

/// Logs go to stderr: stdout carries the protocol.
fn log_to_stderr(directives: &str) {
    let filter = EnvFilter::try_new(directives).unwrap_or_else(|error| {
        terminal::print_error(&format!("RUST_LOG is {directives:?}: {error}"));
        EnvFilter::new("warn")
    });
    // The protocol's library logs whole messages below its warnings: it must be asked for by name.
    let wanted = directives.contains(LIBRARY);
    let quiet = move |event: &Metadata<'_>| {
        wanted || !event.target().starts_with(LIBRARY) || *event.level() <= Level::WARN
    };
    let fields = debug_fn(|line, field, value| write_field(line, field.name(), value)).delimited(" ");
    tracing_subscriber::fmt()
        .with_writer(io::stderr)
        .with_ansi(io::stderr().is_terminal())
        .with_env_filter(filter)
        .fmt_fields(fields)
        .finish()
        .with(filter_fn(quiet))
        .init();
    // What a panic says may hold anything, so it goes the way of every other line.
    panic::set_hook(Box::new(|panic| tracing::error!(%panic, "panicked")));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_definition_is_consistent() {
        Cli::command().debug_assert();
    }

    #[test]
    fn the_workspace_may_stand_before_or_after_the_command() {
        for line in [["x", "--workspace", "w", "doctor"], ["x", "doctor", "--workspace", "w"]] {
            assert_eq!(Cli::try_parse_from(line).unwrap().workspace, Some("w".into()));
        }
    }
}
