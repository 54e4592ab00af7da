//! A workspace with a store in it, and the real binary on it.

use std::{
    fs::{self, File},
    path::{Path, PathBuf},
    process::{Child, Command, Output, Stdio},
    time::{Duration, Instant},
};

use bindery_backend::{
    handle::{Caller, Handle},
    roles::Roles,
    serve::announce,
    store::{Store, StoreOptions},
};
use rustix::process::{Pid, Signal, kill_process};
use serde_json::{Value, json};
use shared_types::{Operation, operation::CreateTask};
use tempfile::TempDir;

const PATIENCE: Duration = Duration::from_secs(60);

pub(crate) struct Workspace {
    folder: TempDir,
}

impl Workspace {
    pub(crate) fn empty() -> Self {
        Self { folder: TempDir::new().unwrap() }
    }

    /// A workspace with as many tasks.
    pub(crate) async fn with_tasks(count: usize) -> Self {
        let workspace = Self::empty();
        fs::create_dir(workspace.inside("")).unwrap();
        let store = workspace.open().await;
        for n in 0..count {
            call::<CreateTask>(&store, json!({ "title": format!("task {n}"), "tags": ["t"] })).await;
        }
        store.close().await;
        workspace
    }

    pub(crate) fn path(&self) -> &Path {
        self.folder.path()
    }

    /// A path in `.vespera`.
    pub(crate) fn inside(&self, name: &str) -> PathBuf {
        self.path().join(".vespera").join(name)
    }

    pub(crate) fn database(&self) -> PathBuf {
        self.inside("tasks.db")
    }

    pub(crate) async fn open(&self) -> Store {
        Store::open(StoreOptions::new(self.database()), Roles::builtin()).await.unwrap()
    }

    pub(crate) fn command(&self, arguments: &[&str]) -> Command {
        command_in(self.path(), arguments)
    }

    pub(crate) fn run(&self, arguments: &[&str]) -> Said {
        Said::from(self.command(arguments).output().unwrap())
    }

    /// Runs a command that has to succeed, and returns what it says.
    pub(crate) fn well(&self, arguments: &[&str]) -> String {
        let said = self.run(arguments);
        assert_eq!((said.code, said.stderr.as_str()), (Some(0), ""), "{arguments:?}");
        said.stdout
    }

    /// Runs a command that has to fail, and returns its exit code and the one line it says.
    pub(crate) fn fails(&self, arguments: &[&str]) -> (i32, String) {
        let said = self.run(arguments);
        assert_eq!((said.stdout.as_str(), said.stderr.lines().count()), ("", 1), "{}", said.stderr);
        (said.code.unwrap(), said.stderr)
    }

    pub(crate) fn serve(&self, variables: &[(&str, &str)]) -> Backend {
        let log = File::create(self.path().join("log")).unwrap();
        let child = self.command(&["serve"]).envs(variables.iter().copied()).stderr(log).spawn().unwrap();
        let mut backend = Backend { child, log: self.path().join("log") };
        wait_for("backend.json", || {
            assert_eq!(backend.child.try_wait().unwrap(), None, "{}", backend.log());
            announce::read(&self.inside("backend.json")).filter(|about| about.pid == backend.child.id())
        });
        backend
    }

    pub(crate) fn backups(&self) -> Vec<String> {
        names(&self.inside("backups"))
    }
}

/// The binary with `folder` as its workspace.
pub(crate) fn command_in(folder: &Path, arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_bindery-backend"));
    command.arg("--workspace").arg(folder).args(arguments).env_remove("RUST_LOG");
    command.env("BINDERY_PORT", "0").stdin(Stdio::null());
    command
}

/// The names in a folder, in order; none when it is not there.
pub(crate) fn names(folder: &Path) -> Vec<String> {
    let entries = fs::read_dir(folder).into_iter().flatten();
    let mut names: Vec<_> = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort_unstable();
    names
}

pub(crate) struct Said {
    pub(crate) code: Option<i32>,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl From<Output> for Said {
    fn from(output: Output) -> Self {
        let text = |bytes| String::from_utf8(bytes).unwrap();
        Self { code: output.status.code(), stdout: text(output.stdout), stderr: text(output.stderr) }
    }
}

/// A backend that ends with the test.
pub(crate) struct Backend {
    child: Child,
    log: PathBuf,
}

impl Backend {
    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
    }

    pub(crate) fn log(&self) -> String {
        fs::read_to_string(&self.log).unwrap()
    }

    pub(crate) fn stop(mut self) {
        kill_process(Pid::from_child(&self.child), Signal::TERM).unwrap();
        assert_eq!(self.child.wait().unwrap().code(), Some(0), "{}", self.log());
    }
}

impl Drop for Backend {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

pub(crate) async fn call<Op: Operation>(store: &Store, input: Value) -> Op::Output
where
    Store: Handle<Op>,
{
    let input = serde_json::from_value(input).unwrap();
    store.handle(input, &Caller { actor: None, guard: None }).await.unwrap()
}

/// Looks until there is something to see: what is waited for happens in another process.
pub(crate) fn wait_for<T>(what: &str, mut look: impl FnMut() -> Option<T>) -> T {
    let begun = Instant::now();
    loop {
        if let Some(seen) = look() {
            return seen;
        }
        assert!(begun.elapsed() < PATIENCE, "waited in vain for {what}");
        std::thread::sleep(Duration::from_millis(20));
    }
}
