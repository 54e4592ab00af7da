//! The row of a task: read in one statement, written in one.

use rusqlite::{Connection, Params};
use shared_types::{
    ProjectId, TaskId,
    task::{Priority, Task},
};

use super::row::Row;
use crate::store::{
    fault::Fault,
    record::{millis, row_ids},
    sql::Sql,
};

/// `SELECT` of everything that makes a [`Task`], from `tasks t`, to be followed by a condition.
macro_rules! select_tasks {
    ($rest:literal) => {
        concat!("SELECT ", $crate::store::tasks::row::columns!(whole), " FROM tasks t ", $rest)
    };
}
pub(in crate::store) use select_tasks;

/// The number under which a priority is stored; the greater, the earlier in the queue.
pub(in crate::store) const fn rank(priority: Priority) -> i64 {
    match priority {
        Priority::Low => 0,
        Priority::Normal => 1,
        Priority::High => 2,
        Priority::Urgent => 3,
    }
}

/// The priority of this [`rank`]. The table allows no other number.
pub(in crate::store) const fn priority(rank: i64) -> Priority {
    match rank {
        0 => Priority::Low,
        2 => Priority::High,
        3 => Priority::Urgent,
        _ => Priority::Normal,
    }
}

/// The tasks that `statement` selects, which begins with [`select_tasks`].
pub(in crate::store) fn select(
    connection: &Connection,
    statement: &str,
    parameters: impl Params,
) -> Result<Vec<Task>, Fault> {
    let mut tasks = Vec::new();
    connection.each(statement, parameters, |row| {
        tasks.push(Row::read(row)?.to_task()?);
        Ok::<_, Fault>(true)
    })?;
    Ok(tasks)
}

/// The task with this id, deleted or not.
pub(in crate::store) fn find(connection: &Connection, id: TaskId) -> Result<Option<Task>, Fault> {
    Ok(select(connection, select_tasks!("WHERE t.id = ?1"), (id.row_id(),))?.pop())
}

/// The task with this id, which is known to be there.
pub(in crate::store) fn get(connection: &Connection, id: TaskId) -> Result<Task, Fault> {
    find(connection, id)?.ok_or(Fault::Database(rusqlite::Error::QueryReturnedNoRows))
}

/// The tasks with these ids, which grow. All of them are known to be there.
pub(in crate::store) fn get_all(connection: &Connection, ids: &[TaskId]) -> Result<Vec<Task>, Fault> {
    if ids.is_empty() {
        return Ok(Vec::new());
    }
    let tasks = select(
        connection,
        select_tasks!("WHERE t.id IN (SELECT value FROM json_each(?1)) ORDER BY t.id"),
        (row_ids(ids)?,),
    )?;
    if tasks.len() < ids.len() {
        return Err(rusqlite::Error::QueryReturnedNoRows.into());
    }
    Ok(tasks)
}

/// Writes every field that an update can change, with the version and the time in `task`.
pub(in crate::store) fn update(connection: &Connection, task: &Task) -> Result<(), Fault> {
    connection.run(
        "UPDATE tasks SET title = ?2, description = ?3, status = ?4, priority = ?5, tags = ?6, labels = ?7,
                parent_id = ?8, project_id = ?9, role = ?10, assignee = ?11, due_at = ?12,
                updated_at = ?13, completed_at = ?14, completion_notes = ?15, version = ?16
         WHERE id = ?1",
        (
            task.id.row_id(),
            &task.title,
            task.description.as_deref(),
            task.status.as_str(),
            rank(task.priority),
            serde_json::to_string(&task.tags)?,
            serde_json::to_string(&task.labels)?,
            task.parent_id.map(TaskId::row_id),
            task.project_id.map(ProjectId::row_id),
            task.role.as_deref(),
            task.assignee.as_deref(),
            millis(task.due_at),
            task.updated_at.as_millis(),
            millis(task.completed_at),
            task.completion_notes.as_deref(),
            task.version,
        ),
    )?;
    Ok(())
}

/// Makes `task` depend on the rows in the JSON array `depends_on`.
pub(in crate::store) fn add_dependencies(
    connection: &Connection,
    task: TaskId,
    depends_on: &str,
) -> Result<(), Fault> {
    connection.run(
        "INSERT OR IGNORE INTO dependencies (task_id, depends_on) SELECT ?1, value FROM json_each(?2)",
        (task.row_id(), depends_on),
    )?;
    Ok(())
}

/// Lets `task` no longer depend on the rows in the JSON array `depends_on`.
pub(in crate::store) fn remove_dependencies(
    connection: &Connection,
    task: TaskId,
    depends_on: &str,
) -> Result<(), Fault> {
    connection.run(
        "DELETE FROM dependencies WHERE task_id = ?1 AND depends_on IN (SELECT value FROM json_each(?2))",
        (task.row_id(), depends_on),
    )?;
    Ok(())
}
