//! Pages of other origins in Chromium, trying every route in every way: none gets anything.

use std::{path::Path, process::Command};

use rusqlite::{Connection, OpenFlags};
use serde_json::{Value, json};
use tempfile::TempDir;
use tests::Server;

use super::harness;

/// How many tasks there are, and the number of the last change.
fn written(workspace: &Path) -> (i64, i64) {
    let file = workspace.join(".vespera/tasks.db");
    let connection = Connection::open_with_flags(file, OpenFlags::SQLITE_OPEN_READ_ONLY).unwrap();
    let statement = "SELECT (SELECT count(*) FROM tasks), (SELECT max(seq) FROM history)";
    connection.query_row(statement, (), |row| row.try_into()).unwrap()
}

#[tokio::test]
async fn a_page_of_another_origin_reads_nothing_and_writes_nothing() {
    let Some(harness) = harness() else { return };
    let workspace = TempDir::new().unwrap();
    let server = Server::start(workspace.path());
    let task = server.send("POST", "/api/tasks", Some(&json!({"title": "not for strangers"})));
    let task: Value = serde_json::from_slice(&task.body).unwrap();
    let before = written(workspace.path());
    let output = Command::new("node")
        .current_dir(&harness)
        .arg("foreign.mjs")
        .arg(format!("http://{}", server.address()))
        .arg(task["task"]["id"].as_str().unwrap())
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stdout);
    println!("{said}");
    assert!(said.contains("ok foreign"), "{said}\n{}", String::from_utf8_lossy(&output.stderr));
    assert_eq!(written(workspace.path()), before);
}
