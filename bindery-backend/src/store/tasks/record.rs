//! The row of a task: read in one statement, written in one.

use rusqlite::Connection;
use shared_types::{
    ProjectId, TaskId, Timestamp,
    task::{Priority, Task},
};

use crate::store::{
    fault::Fault,
    record::{millis, row_ids, task_ids, word},
    sql::{Sql, from_row},
};

/// `SELECT` of everything that makes a [`Task`], from `tasks t`, to be followed by a condition.
macro_rules! select_tasks {
    ($($rest:literal)?) => {
        concat!(
            "SELECT t.id, t.title, t.description, t.status, t.priority, t.tags, t.labels, t.parent_id,
                    t.project_id, t.role, t.assignee, t.due_at, t.created_at, t.updated_at,
                    t.completed_at, t.completion_notes, t.deleted_at, t.version,
                    (SELECT json_group_array(d.depends_on) FROM dependencies d WHERE d.task_id = t.id)
                        AS depends_on,
                    CASE t.open_dependencies WHEN 0 THEN '[]' ELSE
                        (SELECT json_group_array(d.depends_on)
                         FROM dependencies d JOIN tasks o ON o.id = d.depends_on
                         WHERE d.task_id = t.id AND o.deleted_at IS NULL
                             AND o.status NOT IN ('done', 'cancelled'))
                    END AS waiting_for
             FROM tasks t ",
            $($rest)?
        )
    };
}
pub(in crate::store) use select_tasks;

/// A row as [`select_tasks`] reads it.
pub(in crate::store) struct TaskRecord {
    pub(in crate::store) id: i64,
    title: String,
    description: Option<String>,
    status: String,
    priority: i64,
    tags: String,
    labels: String,
    parent_id: Option<i64>,
    project_id: Option<i64>,
    role: Option<String>,
    assignee: Option<String>,
    due_at: Option<i64>,
    created_at: i64,
    updated_at: i64,
    completed_at: Option<i64>,
    completion_notes: Option<String>,
    deleted_at: Option<i64>,
    version: i64,
    depends_on: String,
    waiting_for: String,
}

from_row!(TaskRecord {
    id,
    title,
    description,
    status,
    priority,
    tags,
    labels,
    parent_id,
    project_id,
    role,
    assignee,
    due_at,
    created_at,
    updated_at,
    completed_at,
    completion_notes,
    deleted_at,
    version,
    depends_on,
    waiting_for
});

impl TaskRecord {
    pub(in crate::store) fn into_task(self) -> Result<Task, Fault> {
        Ok(Task {
            id: TaskId::from_row_id(self.id),
            title: self.title,
            description: self.description,
            status: word(&self.status)?,
            priority: priority(self.priority),
            tags: serde_json::from_str(&self.tags)?,
            labels: serde_json::from_str(&self.labels)?,
            parent_id: self.parent_id.map(TaskId::from_row_id),
            project_id: self.project_id.map(ProjectId::from_row_id),
            role: self.role,
            assignee: self.assignee,
            depends_on: task_ids(&self.depends_on)?,
            waiting_for: task_ids(&self.waiting_for)?,
            due_at: self.due_at.map(Timestamp::from_millis),
            created_at: Timestamp::from_millis(self.created_at),
            updated_at: Timestamp::from_millis(self.updated_at),
            completed_at: self.completed_at.map(Timestamp::from_millis),
            completion_notes: self.completion_notes,
            deleted_at: self.deleted_at.map(Timestamp::from_millis),
            version: self.version,
            children: None,
            history: None,
            notes: None,
            executions: None,
        })
    }
}

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

/// The task with this id, deleted or not.
pub(in crate::store) fn find(connection: &Connection, id: TaskId) -> Result<Option<Task>, Fault> {
    let record: Option<TaskRecord> = connection.first(select_tasks!("WHERE t.id = ?1"), (id.row_id(),))?;
    record.map(TaskRecord::into_task).transpose()
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
    let records: Vec<TaskRecord> = connection.all(
        select_tasks!("WHERE t.id IN (SELECT value FROM json_each(?1)) ORDER BY t.id"),
        (row_ids(ids)?,),
    )?;
    if records.len() < ids.len() {
        return Err(rusqlite::Error::QueryReturnedNoRows.into());
    }
    records.into_iter().map(TaskRecord::into_task).collect()
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
