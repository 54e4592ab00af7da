//! A workspace with many tasks, made once and copied.

use std::{
    fs,
    hash::{DefaultHasher, Hash, Hasher},
    path::{Path, PathBuf},
};

use serde_json::{Value, json};
use tests::{Connection, Server, binaries};

/// How many tasks it holds.
pub(crate) const TASKS: usize = 100_000;

/// How many are created by one call.
const BATCH: usize = 500;

/// Copies a database with [`TASKS`] tasks, closed in order, into the empty `workspace`.
pub(crate) fn copy_to(workspace: &Path) {
    let folder = workspace.join(".vespera");
    fs::create_dir_all(&folder).unwrap();
    for rest in ["-wal", "-shm"] {
        let _ = fs::remove_file(folder.join(format!("tasks.db{rest}")));
    }
    let kept = database();
    fs::copy(&kept, folder.join("tasks.db")).unwrap();
    fs::copy(sums_of(&kept), folder.join("tasks.db-sum")).unwrap();
}

/// The database, from an earlier run if the schema is still the same.
fn database() -> PathBuf {
    let kept = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("tasks-{:016x}.db", schema()));
    if !kept.exists() || !sums_of(&kept).exists() {
        let workspace = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
        let mut command = Server::command(workspace.path());
        // It is only made here; what it is for comes later.
        command.env("BINDERY_DURABILITY", "normal");
        let server = Server::run(workspace.path(), command);
        fill(&mut Connection::open(server.address()).unwrap());
        assert!(server.stop().success());
        // The sums of its pages first: without them it would be made again.
        fs::rename(workspace.path().join(".vespera/tasks.db-sum"), sums_of(&kept)).unwrap();
        fs::rename(workspace.path().join(".vespera/tasks.db"), &kept).unwrap();
    }
    kept
}

fn sums_of(database: &Path) -> PathBuf {
    database.with_extension("db-sum")
}

fn schema() -> u64 {
    let folder = binaries::root().join("migrations/sqlite");
    let mut files: Vec<_> = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    let mut hash = DefaultHasher::new();
    files.iter().for_each(|file| fs::read(file).unwrap().hash(&mut hash));
    hash.finish()
}

fn fill(connection: &mut Connection) {
    for batch in 0..TASKS / BATCH {
        let tasks: Vec<Value> = (batch * BATCH..(batch + 1) * BATCH).map(task).collect();
        let response = connection.send("POST", "/api/tasks", Some(&json!({ "tasks": tasks }))).unwrap();
        assert!(response.status < 300, "{}", String::from_utf8_lossy(&response.body));
    }
}

fn task(number: usize) -> Value {
    json!({
        "title": format!("Look after machine {number}"),
        "description": "What there is to do, in the words of whoever found it. ".repeat(number % 7),
        "priority": (["low", "normal", "high", "urgent"])[number % 4],
        "tags": [format!("hall {}", number % 9)],
    })
}
