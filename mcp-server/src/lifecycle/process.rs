//! The backend as a child process: how it is spawned, watched and stopped.

use std::{
    fs,
    future::pending,
    io,
    io::{Read, Seek, SeekFrom},
    path::{Path, PathBuf},
    process::{ExitStatus, Stdio},
    time::Duration,
};

use rustix::process::{Pid, Signal, kill_process_group};
use tokio::process::{Child, Command};

use crate::workspace::Workspace;

/// The exit code with which a backend says that another one serves the workspace.
pub const ALREADY_SERVED: i32 = 3;
/// How long a backend may take to finish what it is doing.
const GRACE: Duration = Duration::from_secs(5);
/// A log that has grown to this size is set aside before the next start.
const LOG_LIMIT: u64 = 5 * 1024 * 1024;
/// How much of the log an error shows.
const TAIL: u64 = 2048;

/// A backend that this process started.
///
/// Dropping it lets it run: it holds the tasks of every assistant of the workspace, and leaves by
/// itself when the last one is gone.
#[derive(Debug)]
pub struct BackendProcess {
    child: Child,
}

impl BackendProcess {
    /// Starts `binary` for `workspace`, in a process group of its own so that a Ctrl-C meant for
    /// one assistant does not reach what all of them use.
    ///
    /// # Errors
    /// When the log cannot be opened or the process not be started.
    pub fn spawn(binary: &Path, workspace: &Workspace) -> io::Result<Self> {
        let log = open_log(&log_path(&workspace.state_dir()))?;
        let child = Command::new(binary)
            .args(["serve", "--managed", "--workspace"])
            .arg(workspace.root())
            .current_dir(workspace.root())
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(log)
            .process_group(0)
            .spawn()?;
        Ok(Self { child })
    }

    /// How it ended, if it has.
    pub fn ended(&mut self) -> Option<ExitStatus> {
        self.child.try_wait().ok().flatten()
    }

    /// Asks the process group to end, and ends it when it does not.
    pub async fn stop(mut self) {
        // The id is gone once the child was reaped, so a number used again is never signalled.
        let Some(group) = self.child.id().and_then(|id| Pid::from_raw(id.cast_signed())) else { return };
        signal(group, Signal::TERM);
        if tokio::time::timeout(GRACE, self.child.wait()).await.is_err() {
            tracing::warn!(backend_pid = group.as_raw_nonzero().get(), "backend did not stop: killing it");
            signal(group, Signal::KILL);
            let _ = self.child.wait().await;
        }
    }
}

/// Waits for the end of `process` and takes it away; without one, waits for ever. Collecting the
/// dead at once keeps their ids from looking alive.
pub(super) async fn end_of(process: &mut Option<BackendProcess>) -> String {
    let Some(running) = process else { return pending().await };
    let ended = running.child.wait().await;
    *process = None;
    ended.map_or_else(|error| error.to_string(), |status| status.to_string())
}

fn signal(group: Pid, signal: Signal) {
    if let Err(error) = kill_process_group(group, signal) {
        tracing::debug!(%error, "signal not delivered");
    }
}

/// Where the backend's log is kept.
pub fn log_path(state_dir: &Path) -> PathBuf {
    state_dir.join("backend.log")
}

/// The end of the backend's log, for an error message.
pub fn log_tail(state_dir: &Path) -> String {
    let read = || -> io::Result<String> {
        let mut log = fs::File::open(log_path(state_dir))?;
        let length = log.metadata()?.len();
        log.seek(SeekFrom::Start(length.saturating_sub(TAIL)))?;
        let mut tail = Vec::new();
        log.take(TAIL).read_to_end(&mut tail)?;
        Ok(String::from_utf8_lossy(&tail).into_owned())
    };
    let tail = read().unwrap_or_default();
    let lines: Vec<_> = tail.lines().rev().take(5).collect();
    lines.into_iter().rev().collect::<Vec<_>>().join(" / ")
}

fn open_log(path: &Path) -> io::Result<fs::File> {
    if path.metadata().is_ok_and(|log| log.len() > LOG_LIMIT) {
        fs::rename(path, path.with_extension("log.1"))?;
    }
    fs::OpenOptions::new().create(true).append(true).open(path)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_full_log_is_set_aside() {
        let state = tempfile::tempdir().unwrap();
        let path = log_path(state.path());
        fs::write(&path, vec![b'x'; LOG_LIMIT as usize + 1]).unwrap();
        open_log(&path).unwrap();
        assert_eq!(path.metadata().unwrap().len(), 0);
        assert_eq!(state.path().join("backend.log.1").metadata().unwrap().len(), LOG_LIMIT + 1);
    }

    #[test]
    fn the_tail_is_the_last_lines_of_the_log() {
        let state = tempfile::tempdir().unwrap();
        assert_eq!(log_tail(state.path()), "");
        let log: String = (0..2000).map(|line| format!("line {line}\n")).collect();
        fs::write(log_path(state.path()), log).unwrap();
        let tail = log_tail(state.path());
        assert_eq!(tail, "line 1995 / line 1996 / line 1997 / line 1998 / line 1999");
    }
}
