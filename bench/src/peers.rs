//! Other MCP servers, where `bench/peers.sh` has installed them: how long a caller waits for each.

use std::{
    fs,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use anyhow::ensure;
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::{
    load::Address,
    mcp::{assistant, create, p50, session::Session},
    measure::{Effort, Goal, Row, compare},
    server::Server,
};

/// Calls of a round. Some peers take a tenth of a second for one.
const CALLS: usize = 200;

/// Calls on their way at one time.
const PIPELINED: usize = 32;

/// Every row of the peers that are installed.
pub(crate) fn run(effort: Effort) -> anyhow::Result<Vec<Row>> {
    let installed = Path::new(env!("CARGO_MANIFEST_DIR")).join("../target/peers");
    if !installed.join("node_modules").is_dir() {
        eprintln!("bench: no peers: bench/peers.sh installs them");
        return Ok(Vec::new());
    }
    let installed = installed.canonicalize()?;
    let (_folder, mut ours) = assistant(&[])?;
    let read = Call::new("get_task", json!({ "task_id": create(&mut ours, 0)? }));
    let write = Call::new("create_task", json!({ "title": "Look into it" }));
    let mut rows = usual_stack(&installed, &mut ours, &read, &write, effort)?;
    let mut beside = |what, peer: &mut Peer, theirs: &Call, our: &Call| {
        let calls = effort.of(CALLS);
        compare(
            what,
            "µs",
            Goal::Told,
            effort,
            || theirs.p50(&mut peer.session, calls),
            || our.p50(&mut ours, calls),
        )
    };
    let mut echo = sdk_echo(&installed)?;
    let hello = Call::new("echo", json!({ "message": "hello" }));
    rows.push(beside("get_task, beside an echo of the TypeScript SDK", &mut echo, &hello, &read)?);
    let (mut task_master, their_read, their_write) = task_master(&installed)?;
    rows.push(beside("get_task, beside task-master", &mut task_master, &their_read, &read)?);
    rows.push(beside("create_task, beside a change by task-master", &mut task_master, &their_write, &write)?);
    if let Some((mut champion, their_read)) = taskchampion(&installed)? {
        rows.push(beside("get_task, beside TaskChampion", &mut champion, &their_read, &read)?);
        rows.push(beside("create_task, beside TaskChampion", &mut champion, &write, &write)?);
    }
    let (mut backlog, their_read, their_write) = backlog(&installed)?;
    rows.push(beside("get_task, beside Backlog.md", &mut backlog, &their_read, &read)?);
    rows.push(beside("create_task, beside Backlog.md", &mut backlog, &their_write, &write)?);
    Ok(rows)
}

/// A tool and what it is called with.
struct Call {
    tool: &'static str,
    arguments: Value,
}

impl Call {
    fn new(tool: &'static str, arguments: Value) -> Self {
        Self { tool, arguments }
    }

    fn p50(&self, session: &mut Session, calls: usize) -> anyhow::Result<f64> {
        p50(session, self.tool, &self.arguments, calls)
    }
}

/// A peer's server, and the folder it works in.
struct Peer {
    session: Session,
    _folder: TempDir,
}

/// FastMCP with httpx before our own backend: the same work by the usual means.
fn usual_stack(
    installed: &Path,
    ours: &mut Session,
    read: &Call,
    write: &Call,
    effort: Effort,
) -> anyhow::Result<Vec<Row>> {
    let backend = Server::backend(&[])?;
    let Address::Tcp(address) = &backend.tcp else { anyhow::bail!("the backend listens on TCP") };
    let mut command = Command::new(installed.join("python/bin/python"));
    command.arg(installed.join("fastmcp_httpx.py")).env("BACKEND", format!("http://{address}"));
    let mut usual = Session::start(command.stderr(Stdio::null()))?;
    let their_read = Call::new("get_task", json!({ "task_id": create(&mut usual, 0)? }));
    let calls = effort.of(CALLS * 5);
    Ok(vec![
        compare(
            "get_task, beside FastMCP with httpx",
            "µs",
            Goal::RatioAtMost(0.05),
            effort,
            || their_read.p50(&mut usual, calls),
            || read.p50(ours, calls),
        )?,
        compare(
            "create_task, beside FastMCP with httpx",
            "µs",
            Goal::Told,
            effort,
            || write.p50(&mut usual, calls),
            || write.p50(ours, calls),
        )?,
        compare(
            "get_task, 32 at a time, beside FastMCP with httpx",
            "calls/s",
            Goal::RatioAtLeast(40.0),
            effort,
            || usual.pipelined(their_read.tool, &their_read.arguments, calls, PIPELINED),
            || ours.pipelined(read.tool, &read.arguments, calls * 10, PIPELINED),
        )?,
    ])
}

fn sdk_echo(installed: &Path) -> anyhow::Result<Peer> {
    let mut command = Command::new("node");
    start(command.arg(installed.join("sdk_echo.mjs")), tempfile::tempdir()?)
}

/// Its reading and writing calls work on a file of one task.
fn task_master(installed: &Path) -> anyhow::Result<(Peer, Call, Call)> {
    let folder = tempfile::tempdir()?;
    let task = json!({
        "id": 1, "title": "Look into it", "description": "", "status": "pending", "priority": "medium",
        "dependencies": [], "details": "", "testStrategy": "", "subtasks": [],
    });
    let about = json!({ "created": "2026-01-01T00:00:00Z", "description": "" });
    let tasks = folder.path().join(".taskmaster/tasks");
    fs::create_dir_all(&tasks)?;
    fs::write(
        tasks.join("tasks.json"),
        json!({ "master": { "tasks": [task], "metadata": about } }).to_string(),
    )?;
    let root = folder.path().to_path_buf();
    let peer = start(&mut Command::new(bin(installed, "task-master-ai")), folder)?;
    let read = Call::new("get_task", json!({ "id": "1", "projectRoot": root }));
    let write =
        Call::new("set_task_status", json!({ "id": "1", "status": "in-progress", "projectRoot": root }));
    Ok((peer, read, write))
}

/// A bare program around the library, for it has no server: see `bench/peers/taskchampion`.
fn taskchampion(installed: &Path) -> anyhow::Result<Option<(Peer, Call)>> {
    let program = installed.join("taskchampion/target/release/bindery-bench-taskchampion");
    if !program.is_file() {
        return Ok(None);
    }
    let folder = tempfile::tempdir()?;
    let store = folder.path().join("store");
    let mut peer = start(Command::new(program).arg(store), folder)?;
    let read = Call::new("get_task", json!({ "task_id": create(&mut peer.session, 0)? }));
    Ok(Some((peer, read)))
}

fn backlog(installed: &Path) -> anyhow::Result<(Peer, Call, Call)> {
    let folder = tempfile::tempdir()?;
    let program = bin(installed, "backlog");
    quietly(Command::new("git").args(["init", "--quiet"]), folder.path())?;
    quietly(Command::new(&program).args(["init", "bench", "--defaults"]), folder.path())?;
    let mut peer = start(Command::new(&program).args(["mcp", "start"]), folder)?;
    let write = Call::new("task_create", json!({ "title": "Look into it" }));
    peer.session.call(write.tool, &write.arguments)?;
    Ok((peer, Call::new("task_view", json!({ "id": "task-1" })), write))
}

fn bin(installed: &Path, name: &str) -> PathBuf {
    installed.join("node_modules/.bin").join(name)
}

fn start(command: &mut Command, folder: TempDir) -> anyhow::Result<Peer> {
    let session = Session::start(command.current_dir(folder.path()).stderr(Stdio::null()))?;
    Ok(Peer { session, _folder: folder })
}

fn quietly(command: &mut Command, folder: &Path) -> anyhow::Result<()> {
    let done = command.current_dir(folder).stdin(Stdio::null()).output()?;
    ensure!(done.status.success(), "{command:?}: {}", String::from_utf8_lossy(&done.stderr));
    Ok(())
}
