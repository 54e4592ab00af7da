//! The rows of new tasks.

use rusqlite::Connection;
use serde::Serialize;
use shared_types::{ProjectId, TaskId, task::Task};

use crate::store::{fault::Fault, record::millis, sql::Sql, tasks::record::rank};

/// A row to be added, as it is handed to SQLite. What is JSON itself is handed over as a text: SQLite's
/// JSON functions would round large integers in labels.
#[derive(Serialize)]
struct NewRow<'t> {
    id: i64,
    title: &'t str,
    description: Option<&'t str>,
    status: &'static str,
    priority: i64,
    tags: String,
    labels: String,
    parent_id: Option<i64>,
    project_id: Option<i64>,
    role: Option<&'t str>,
    assignee: Option<&'t str>,
    due_at: Option<i64>,
    created_at: i64,
    updated_at: i64,
    completed_at: Option<i64>,
    completion_notes: Option<&'t str>,
    version: i64,
}

impl<'t> NewRow<'t> {
    fn of(task: &'t Task) -> Result<Self, Fault> {
        Ok(Self {
            id: task.id.row_id(),
            title: &task.title,
            description: task.description.as_deref(),
            status: task.status.as_str(),
            priority: rank(task.priority),
            tags: serde_json::to_string(&task.tags)?,
            labels: serde_json::to_string(&task.labels)?,
            parent_id: task.parent_id.map(TaskId::row_id),
            project_id: task.project_id.map(ProjectId::row_id),
            role: task.role.as_deref(),
            assignee: task.assignee.as_deref(),
            due_at: millis(task.due_at),
            created_at: task.created_at.as_millis(),
            updated_at: task.updated_at.as_millis(),
            completed_at: millis(task.completed_at),
            completion_notes: task.completion_notes.as_deref(),
            version: task.version,
        })
    }
}

/// Adds rows with their dependencies. A dependency may lead to any of them.
pub(super) fn insert(connection: &Connection, tasks: &[Task]) -> Result<(), Fault> {
    let rows: Vec<NewRow<'_>> = tasks.iter().map(NewRow::of).collect::<Result<_, _>>()?;
    connection.run(
        "INSERT INTO tasks (id, title, description, status, priority, tags, labels, parent_id, project_id,
                            role, assignee, due_at, created_at, updated_at, completed_at,
                            completion_notes, version)
         SELECT json_extract(value, '$.id'), json_extract(value, '$.title'),
                json_extract(value, '$.description'), json_extract(value, '$.status'),
                json_extract(value, '$.priority'), json_extract(value, '$.tags'),
                json_extract(value, '$.labels'), json_extract(value, '$.parent_id'),
                json_extract(value, '$.project_id'), json_extract(value, '$.role'),
                json_extract(value, '$.assignee'), json_extract(value, '$.due_at'),
                json_extract(value, '$.created_at'), json_extract(value, '$.updated_at'),
                json_extract(value, '$.completed_at'), json_extract(value, '$.completion_notes'),
                json_extract(value, '$.version')
         FROM jsonb_each(?1)",
        (serde_json::to_string(&rows)?,),
    )?;
    // Only now: a dependency counts as open or closed by the row it leads to.
    let links = tasks.iter().flat_map(|task| task.depends_on.iter().map(|on| (task.id, *on)));
    let links: Vec<(i64, i64)> = links.map(|(task, on)| (task.row_id(), on.row_id())).collect();
    if !links.is_empty() {
        connection.run(
            "INSERT OR IGNORE INTO dependencies (task_id, depends_on)
             SELECT json_extract(value, '$[0]'), json_extract(value, '$[1]') FROM jsonb_each(?1)",
            (serde_json::to_string(&links)?,),
        )?;
    }
    Ok(())
}
