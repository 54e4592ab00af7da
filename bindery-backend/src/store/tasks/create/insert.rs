//! The rows of new tasks.

use rusqlite::{Connection, params};
use shared_types::{ProjectId, TaskId, task::Task};

use crate::store::{fault::Fault, record::millis, sql::Sql, tasks::record::rank};

/// Adds rows with their dependencies. A dependency may lead to any of them.
pub(super) fn insert(connection: &Connection, tasks: &[Task]) -> Result<(), Fault> {
    let mut add = connection.prepare_cached(
        "INSERT INTO tasks (id, title, description, status, priority, tags, labels, parent_id, project_id,
                            role, assignee, due_at, created_at, updated_at, completed_at,
                            completion_notes, version)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17)",
    )?;
    for task in tasks {
        add.execute(params![
            task.id.row_id(),
            task.title,
            task.description,
            task.status.as_str(),
            rank(task.priority),
            serde_json::to_string(&task.tags)?,
            serde_json::to_string(&task.labels)?,
            task.parent_id.map(TaskId::row_id),
            task.project_id.map(ProjectId::row_id),
            task.role,
            task.assignee,
            millis(task.due_at),
            task.created_at.as_millis(),
            task.updated_at.as_millis(),
            millis(task.completed_at),
            task.completion_notes,
            task.version,
        ])?;
    }
    // Only now: a dependency counts as open or closed by the row it leads to.
    let links = tasks.iter().flat_map(|task| task.depends_on.iter().map(|on| (task.id, *on)));
    for (task, on) in links {
        connection.run(
            "INSERT OR IGNORE INTO dependencies (task_id, depends_on) VALUES (?1, ?2)",
            (task.row_id(), on.row_id()),
        )?;
    }
    Ok(())
}
