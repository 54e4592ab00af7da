//! Each rule of the store, broken once.

use rusqlite::Connection;
use serde_json::{Value, json};
use shared_types::operation::{CreateProject, CreateTask, IndexDocument, UpdateTask};

use crate::fixture::{Workspace, call};

async fn workspace() -> Workspace {
    let workspace = Workspace::with_tasks(2).await;
    let store = workspace.open().await;
    call::<CreateProject>(&store, json!({ "name": "plan" })).await;
    let tasks = json!({ "tasks": [{ "title": "a", "ref": "a" }, { "title": "b", "depends_on": ["a"], "tags": ["x"] }] });
    let written = call::<CreateTask>(&store, tasks).await;
    let id = written.tasks[0].id;
    call::<UpdateTask>(&store, json!({ "task_id": id, "note": "words" })).await;
    call::<UpdateTask>(&store, json!({ "task_id": id, "undo": true })).await;
    call::<UpdateTask>(&store, json!({ "task_id": id, "note": "words" })).await;
    call::<IndexDocument>(&store, json!({ "uri": "u", "content": "text to find" })).await;
    store.close().await;
    workspace
}

#[tokio::test]
async fn every_broken_rule_is_found_by_its_name() {
    for (subject, statement) in [
        ("foreign keys", "DELETE FROM projects; UPDATE tasks SET project_id = 5"),
        ("open dependencies", "DROP TRIGGER dependency_removed; DELETE FROM dependencies"),
        ("counts", "UPDATE task_counts SET count = count + 1"),
        ("tags", "DELETE FROM task_tags WHERE tag = 'x'"),
        ("chunks", "UPDATE documents SET chunks = chunks + 1"),
        ("history", "UPDATE history SET undoes = 999 WHERE undoes IS NOT NULL"),
        ("full text", "DROP TRIGGER note_text_removed; DELETE FROM notes"),
        ("full text", "UPDATE notes SET text = 'other'"),
        ("full text", "UPDATE chunks SET text = 'other'"),
        ("integrity", "DELETE FROM tasks_text_data WHERE id > 10"),
    ] {
        let workspace = workspace().await;
        assert!(workspace.well(&["check"]).contains("is sound"));
        let connection = Connection::open(workspace.database()).unwrap();
        connection.pragma_update(None, "foreign_keys", false).unwrap();
        connection.execute_batch(statement).unwrap();
        drop(connection);

        let said = workspace.run(&["check"]);
        let found = said.stdout.lines().any(|line| line.starts_with(&format!("{subject}: ")));
        assert!(said.code == Some(1) && found, "{subject}: {} {}", said.stdout, said.stderr);
        let report: Value = serde_json::from_str(&workspace.run(&["check", "--json"]).stdout).unwrap();
        assert_eq!((&report["sound"], &report["findings"][0]["subject"]), (&json!(false), &json!(subject)));
        let way = if ["integrity", "foreign keys"].contains(&subject) { "restore" } else { "import" };
        assert!(report["advice"].as_str().unwrap().contains(way), "{subject}: {report}");
    }
}
