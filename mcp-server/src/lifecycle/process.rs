//! The backend as a process: how it is started, watched and stopped.

use std::{future::pending, io, path::Path, time::Duration};

use process_host::{
    Detached, Exit, LogFile,
    spec::{Command, Environment},
};

use crate::workspace::Workspace;

/// The exit code with which a backend says that another one serves the workspace.
pub const ALREADY_SERVED: i32 = 3;
/// How long a backend may take to finish what it is doing.
const GRACE: Duration = Duration::from_secs(5);

/// A backend that this process started, in a session of its own so that a Ctrl-C meant for one
/// assistant does not reach what all of them use.
///
/// Dropping it lets it run: it holds the tasks of every assistant of the workspace, and leaves by
/// itself when the last one is gone.
#[derive(Debug)]
pub struct BackendProcess {
    service: Detached,
}

impl BackendProcess {
    /// Starts `binary` for `workspace`.
    ///
    /// # Errors
    /// When the log cannot be opened or the process not be started.
    pub fn spawn(binary: &Path, workspace: &Workspace) -> io::Result<Self> {
        let command = Command::new(binary).args(["serve", "--managed", "--workspace"]).arg(workspace.root());
        let log = log(&workspace.state_dir());
        let service = Detached::spawn(&command, &Environment::everything(), workspace.root(), &log)?;
        Ok(Self { service })
    }

    /// How it ended, if it has.
    pub fn has_ended(&mut self) -> Option<Exit> {
        self.service.has_ended()
    }

    /// Asks it to end, and ends it when it does not.
    pub async fn stop(self) {
        self.service.stop(GRACE).await;
    }
}

/// Waits for the end of `process` and takes it away; without one, waits for ever. Collecting the
/// dead at once keeps their ids from looking alive.
pub(super) async fn end_of(process: &mut Option<BackendProcess>) -> Exit {
    let Some(running) = process else { return pending().await };
    let exit = running.service.ended().await;
    *process = None;
    exit
}

/// The backend's log.
pub fn log(state_dir: &Path) -> LogFile {
    LogFile::new(state_dir.join("backend.log"))
}
