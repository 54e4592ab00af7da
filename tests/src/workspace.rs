//! A workspace of one test.

use std::{
    path::Path,
    process::{Command, Output, Stdio},
    time::{Duration, Instant},
};

use serde_json::Value;

use crate::{Session, binary};

/// A fresh folder whose backend is stopped at the end.
pub struct Workspace {
    folder: tempfile::TempDir,
}

impl Workspace {
    /// An empty workspace.
    ///
    /// # Panics
    /// When no temporary folder can be made.
    #[expect(clippy::new_without_default, reason = "it makes a folder")]
    pub fn new() -> Self {
        Self { folder: tempfile::tempdir().expect("a temporary folder") }
    }

    /// Its folder.
    pub fn path(&self) -> &Path {
        self.folder.path()
    }

    /// Starts an assistant's session, initialized with protocol 2025-11-25.
    pub fn session(&self) -> Session {
        let mut session = self.raw_session();
        session.initialize();
        session
    }

    /// Starts the server and sends nothing.
    pub fn raw_session(&self) -> Session {
        Session::start(self.command())
    }

    /// `bindery-mcp` for this workspace.
    pub fn command(&self) -> Command {
        let mut command = Command::new(binary("bindery-mcp"));
        command.arg("--workspace").arg(self.path()).env("BINDERY_PORT", "0");
        command.env("BINDERY_BACKEND", binary("bindery-backend"));
        // A backup that comes of its own accord is one file more than a test has asked for.
        command.env("BINDERY_BACKUP_EVERY", "0");
        command
    }

    /// Runs `bindery-mcp` with arguments and waits for it.
    ///
    /// # Panics
    /// When it cannot be started.
    pub fn run(&self, arguments: &[&str]) -> Output {
        self.command().args(arguments).stdin(Stdio::null()).output().expect("bindery-mcp starts")
    }

    /// What `backend.json` says, once it is there.
    ///
    /// # Panics
    /// When no backend comes up within 20 seconds.
    pub fn backend(&self) -> Value {
        let start = Instant::now();
        loop {
            if let Some(found) = self.backend_file() {
                return found;
            }
            assert!(start.elapsed() < Duration::from_secs(20), "no backend came up");
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    /// What the backends of this workspace have logged so far.
    ///
    /// # Panics
    /// When no backend was started.
    pub fn backend_log(&self) -> String {
        let bytes = std::fs::read(self.path().join(".vespera/backend.log")).expect("a backend was started");
        String::from_utf8_lossy(&bytes).into_owned()
    }

    fn backend_file(&self) -> Option<Value> {
        let text = std::fs::read(self.path().join(".vespera/backend.json")).ok()?;
        serde_json::from_slice(&text).ok()
    }
}

impl Drop for Workspace {
    fn drop(&mut self) {
        let Some(pid) = self.backend_file().and_then(|file| file["pid"].as_i64()) else { return };
        let is_ours = std::fs::read_to_string(format!("/proc/{pid}/cmdline")).is_ok_and(|line| {
            line.contains("bindery-backend") && line.contains(&*self.path().to_string_lossy())
        });
        if is_ours {
            // Nothing can be done about a failure: the backend then leaves by its lease.
            let _ = Command::new("kill").arg(pid.to_string()).status();
        }
    }
}
