//! A `bindery-backend` that a test starts, kills and starts again.

use std::{
    fs::{self, File},
    path::{Path, PathBuf},
    process::{Child, Command, ExitStatus, Stdio},
    time::{Duration, Instant},
};

use serde_json::Value;

use crate::{
    binary,
    http::{self, Response},
};

const PATIENCE: Duration = Duration::from_secs(30);

/// A running backend; killed when it is dropped.
pub struct Server {
    workspace: PathBuf,
    child: Child,
    about: Value,
}

impl Server {
    /// Serves `workspace` on any free port, and waits until it answers.
    ///
    /// # Panics
    /// When it does not come up.
    pub fn start(workspace: &Path) -> Self {
        Self::run(workspace, Self::command(workspace))
    }

    /// The command that [`Server::start`] runs, for a test that adds to it.
    pub fn command(workspace: &Path) -> Command {
        let mut command = Command::new(binary("bindery-backend"));
        command.arg("--workspace").arg(workspace).env("BINDERY_PORT", "0");
        // A backup that comes of its own accord is one file more than a test has asked for.
        command.env("BINDERY_BACKUP_EVERY", "0");
        command
    }

    /// Runs `command`, and waits until it answers. Its log is added to `.vespera/backend.log`.
    ///
    /// # Panics
    /// When it does not come up.
    pub fn run(workspace: &Path, mut command: Command) -> Self {
        let folder = workspace.join(".vespera");
        fs::create_dir_all(&folder).expect("the workspace can be written");
        let log = File::options().create(true).append(true).open(folder.join("backend.log"));
        let child = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(log.expect("a log")).spawn();
        let mut server =
            Self { workspace: workspace.to_owned(), child: child.expect("it starts"), about: Value::Null };
        server.await_ready();
        server
    }

    fn await_ready(&mut self) {
        let begun = Instant::now();
        loop {
            let text = fs::read(self.workspace.join(".vespera/backend.json")).unwrap_or_default();
            let about: Value = serde_json::from_slice(&text).unwrap_or_default();
            // An older file may still lie there.
            if about["pid"] == self.child.id() {
                self.about = about;
                return;
            }
            let ended = self.child.try_wait().expect("it is our child");
            assert_eq!(ended, None, "it ended: {}", self.log());
            assert!(begun.elapsed() < PATIENCE, "it does not come up: {}", self.log());
            std::thread::sleep(Duration::from_millis(2));
        }
    }

    /// Its process id.
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Host and port.
    ///
    /// # Panics
    /// When it does not listen on TCP.
    pub fn address(&self) -> &str {
        let url = self.about["url"].as_str().expect("it listens on TCP");
        url.strip_prefix("http://").expect("a URL")
    }

    /// What it has logged, and those before it.
    pub fn log(&self) -> String {
        let bytes = fs::read(self.workspace.join(".vespera/backend.log")).unwrap_or_default();
        String::from_utf8_lossy(&bytes).into_owned()
    }

    /// Sends a request with a JSON body, or without one.
    pub fn send(&self, method: &str, target: &str, body: Option<&Value>) -> Response {
        let body = body.map(Value::to_string);
        http::exchange(self.address(), method, target, &[], body.as_deref().map(str::as_bytes))
    }

    /// Ends it with SIGKILL.
    ///
    /// # Panics
    /// When that is not possible.
    pub fn kill(mut self) {
        self.child.kill().and_then(|()| self.child.wait()).expect("our child can be killed");
    }

    /// Ends it with SIGTERM, and waits for its end.
    ///
    /// # Panics
    /// When it does not end.
    pub fn stop(mut self) -> ExitStatus {
        let told = Command::new("kill").arg(self.pid().to_string()).status().expect("kill runs");
        assert!(told.success(), "it is gone already: {}", self.log());
        self.child.wait().expect("it is our child")
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // Both fail when it has ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
