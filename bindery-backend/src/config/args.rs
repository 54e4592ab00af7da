//! The command line.

use std::{net::IpAddr, path::PathBuf};

use clap::{Parser, Subcommand};

use crate::maintenance;

const ENVIRONMENT: &str = "\
Environment (flags win):
  BINDERY_WORKSPACE        folder to serve                                [current folder]
  BINDERY_PORT             port to try first; 0 takes any                 [3000]
  BINDERY_BIND             address to listen on; beyond loopback with keys [127.0.0.1]
  BINDERY_ALLOWED_HOSTS    further names in Host and Origin, by commas
  BINDERY_GRACE            with --managed: seconds without a reader       [30]
  BINDERY_DURABILITY       full or normal: what survives a power cut
  BINDERY_ROW_CACHE        bytes of tasks kept ready to be sent; 0 for none [33554432]
  BINDERY_BACKUP_EVERY     hours between automatic backups; 0 makes none  [24]
  BINDERY_BACKUP_KEEP      how many of them are kept                      [3]
  BINDERY_BACKUP_MAX_BYTES a larger database is not backed up by itself   [268435456]
  BINDERY_MAX_BODY         most bytes in a request body                   [16777216]
  BINDERY_REQUEST_TIMEOUT  seconds that a request may take                [30]
  BINDERY_MAX_REQUESTS     requests carried out at once                   [64]
  BINDERY_API_KEYS_FILE    NAME and SHA-256 of each key, line by line     [.vespera/api-keys]
  BINDERY_API_KEYS         further keys, as NAME:SHA-256 by commas
  BINDERY_RATE_LIMIT       requests a second for each key                 [100]
  BINDERY_MAX_DEPTH, _KEYS, _ITEMS, _CHARACTERS, _CONTENT, _WRAPPED
                           how deep, wide and long an input may be (--print-config)
  BINDERY_TEXT_GUARD       neutralize, strip, reject or flag              [neutralize]
  MCP_PRODUCTION           true: faults are told as constant texts        [false]
  RUST_LOG                 what is logged to stderr                       [info]

Files, in the workspace:
  .vespera/tasks.db        the database
  .vespera/roles.toml      your own roles, if you have any
  .vespera/api-keys        who may use TCP; without it, who is on this machine
  .vespera/backend.json    where the running backend listens
  .vespera/backend.sock    its Unix socket
  .vespera/backups/        copies of the database that the backend makes by itself

Exit status: 0 stopped as asked or done, 1 failed or damaged, 2 wrong setting, 3 another backend
serves the workspace, 130 stopped by a signal (a backend by the second).

Try:  bindery-backend --workspace ~/project
      curl http://localhost:3000/health
      open http://localhost:3000/docs";

/// The task store of a workspace, served over HTTP on this machine.
///
/// Serves the tasks in WORKSPACE/.vespera/tasks.db on a Unix socket and on 127.0.0.1, until
/// SIGTERM or Ctrl-C: requests that run are finished, then the store is closed. A second signal
/// stops at once. One backend serves a workspace at a time.
#[derive(Debug, Clone, Default, Parser)]
#[command(name = "bindery-backend", version, after_help = ENVIRONMENT)]
pub struct Args {
    /// What to do; `serve` when not given.
    #[command(subcommand)]
    pub command: Option<Command>,

    /// The folder to serve; exactly this one, no parent is searched.
    #[arg(long, value_name = "DIR", global = true)]
    pub workspace: Option<PathBuf>,

    /// The port to try first. When it is taken, the next free one is used, and the log and
    /// backend.json say which.
    #[arg(long, global = true)]
    pub port: Option<u16>,

    /// The address to listen on. Any but a loopback one needs API keys.
    #[arg(long, value_name = "ADDRESS", global = true)]
    pub bind: Option<IpAddr>,

    /// Listen on the Unix socket only.
    #[arg(long, global = true)]
    pub no_tcp: bool,

    /// Leave when no change feed has been open for BINDERY_GRACE seconds, as an assistant's
    /// server wants it that starts the backend.
    #[arg(long, global = true)]
    pub managed: bool,

    /// Print the settings that apply and leave.
    #[arg(long, global = true)]
    pub print_config: bool,
}

/// What to do.
#[derive(Debug, Clone, PartialEq, Eq, Subcommand)]
pub enum Command {
    /// Serve the workspace.
    Serve,
    /// Print the OpenAPI document, without a workspace.
    Openapi,
    #[command(flatten)]
    #[expect(missing_docs, reason = "flattened, its text would be that of each command")]
    Maintenance(maintenance::Command),
    /// Make an API key and print it, this once. A running backend knows it after a restart.
    Key {
        /// Who it is for; the history names it.
        name: String,
        /// Add its hash to the key file, instead of printing the line for it.
        #[arg(long)]
        add: bool,
    },
}
