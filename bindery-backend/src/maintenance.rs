//! The commands that look after a store: export, import, backup, restore, check, vacuum.
//!
//! They work on the database file, without a backend. Those that only read it may run beside one;
//! the others take the workspace's lock, which a backend holds as long as it serves.

mod bar;
mod command;
mod place;
mod tell;
mod work;

use std::{io, time::Duration};

use tokio_util::sync::CancellationToken;

pub use self::command::Command;
use crate::{
    config::Config,
    serve::{FolderError, Shutdown},
    store::{portable::PortableError, upkeep::UpkeepError},
};

/// How long work may take to end in order when it is asked to stop.
const PATIENCE: Duration = Duration::from_secs(5);

/// How a command ended that was carried out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Done {
    /// All is well.
    Well,
    /// The database is damaged, as the command was asked to find out.
    Damaged,
}

/// Why a command was not carried out.
#[derive(Debug, thiserror::Error)]
pub enum MaintenanceError {
    /// There is no store.
    #[error("{0}")]
    NoStore(String),
    /// The workspace cannot be used.
    #[error(transparent)]
    Folder(FolderError),
    /// Somebody serves it.
    #[error(
        "{0}; this needs the store for itself: stop the other first (a backend by its assistants or its pid)"
    )]
    Served(FolderError),
    /// A file is there already.
    #[error("{0} is there already: choose another name, or replace it with --force")]
    Exists(String),
    /// An export or an import stopped.
    #[error("{what}: {source}")]
    Portable {
        /// What was read or written.
        what: String,
        /// Why.
        source: PortableError,
    },
    /// Work on the file was not done.
    #[error(transparent)]
    Upkeep(#[from] UpkeepError),
    /// Something cannot be read or written.
    #[error("{what}: {source}")]
    Io {
        /// What.
        what: String,
        /// Why.
        source: io::Error,
    },
    /// A signal came.
    #[error("stopped; nothing was changed")]
    Stopped,
    /// A fault of ours.
    #[error("the command ended in disorder: {0}")]
    Disorder(#[from] tokio::task::JoinError),
}

impl MaintenanceError {
    /// Whether it was asked to stop.
    pub const fn is_stop(&self) -> bool {
        matches!(
            self,
            Self::Stopped
                | Self::Upkeep(UpkeepError::Stopped)
                | Self::Portable { source: PortableError::Stopped, .. }
        )
    }
}

/// Carries out `command`, unless SIGTERM or Ctrl-C comes first: then nothing has been changed.
///
/// # Errors
/// Why it was not carried out.
pub async fn run(config: &Config, command: &Command) -> Result<Done, MaintenanceError> {
    let shutdown = Shutdown::default();
    let signals = shutdown
        .ask_on_signals()
        .map_err(|source| MaintenanceError::Io { what: "signals".to_owned(), source })?;
    let (config, command, stop) = (config.clone(), command.clone(), shutdown.soft().clone());
    // On a thread where it may block, so that a slow pipe does not keep signals waiting.
    let work = tokio::task::spawn_blocking(move || work::carry_out(&config, command, stop));
    tokio::select! {
        ended = work => ended?,
        never = signals => match never {},
        () = given_up(shutdown.soft(), shutdown.hard()) => Err(MaintenanceError::Stopped),
    }
}

async fn given_up(soft: &CancellationToken, hard: &CancellationToken) {
    soft.cancelled().await;
    // What is cut off now is taken back by the next who opens the database.
    let _ = tokio::time::timeout(PATIENCE, hard.cancelled()).await;
}
