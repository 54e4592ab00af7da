//! The row of a task: read in one statement, written in one.

use serde::Serialize;
use shared_types::{
    ProjectId, TaskId, Timestamp,
    task::{Priority, Task},
};
use sqlx::{FromRow, SqliteConnection};

use crate::store::{
    fault::Fault,
    record::{millis, row_ids, task_ids, word},
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
#[derive(FromRow)]
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
pub(in crate::store) async fn find(
    connection: &mut SqliteConnection,
    id: TaskId,
) -> Result<Option<Task>, Fault> {
    let record: Option<TaskRecord> =
        sqlx::query_as(select_tasks!("WHERE t.id = ?1")).bind(id.row_id()).fetch_optional(connection).await?;
    record.map(TaskRecord::into_task).transpose()
}

/// The task with this id, which is known to be there.
pub(in crate::store) async fn get(connection: &mut SqliteConnection, id: TaskId) -> Result<Task, Fault> {
    find(connection, id).await?.ok_or(Fault::Database(sqlx::Error::RowNotFound))
}

/// The tasks with these ids, in the order of the ids. All of them are known to be there.
pub(in crate::store) async fn get_all(
    connection: &mut SqliteConnection,
    ids: &[TaskId],
) -> Result<Vec<Task>, Fault> {
    let records: Vec<TaskRecord> =
        sqlx::query_as(select_tasks!("JOIN json_each(?1) wanted ON t.id = wanted.value ORDER BY wanted.key"))
            .bind(row_ids(ids)?)
            .fetch_all(connection)
            .await?;
    if records.len() < ids.len() {
        return Err(sqlx::Error::RowNotFound.into());
    }
    records.into_iter().map(TaskRecord::into_task).collect()
}

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
pub(in crate::store) async fn insert(connection: &mut SqliteConnection, tasks: &[Task]) -> Result<(), Fault> {
    let rows: Vec<NewRow<'_>> = tasks.iter().map(NewRow::of).collect::<Result<_, _>>()?;
    sqlx::query(
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
    )
    .bind(serde_json::to_string(&rows)?)
    .execute(&mut *connection)
    .await?;
    // Only now: a dependency counts as open or closed by the row it leads to.
    let links = tasks.iter().flat_map(|task| task.depends_on.iter().map(|on| (task.id, *on)));
    let links: Vec<(i64, i64)> = links.map(|(task, on)| (task.row_id(), on.row_id())).collect();
    if !links.is_empty() {
        sqlx::query(
            "INSERT OR IGNORE INTO dependencies (task_id, depends_on)
             SELECT json_extract(value, '$[0]'), json_extract(value, '$[1]') FROM jsonb_each(?1)",
        )
        .bind(serde_json::to_string(&links)?)
        .execute(connection)
        .await?;
    }
    Ok(())
}

/// Writes every field that an update can change, with the version and the time in `task`.
pub(in crate::store) async fn update(connection: &mut SqliteConnection, task: &Task) -> Result<(), Fault> {
    sqlx::query(
        "UPDATE tasks SET title = ?2, description = ?3, status = ?4, priority = ?5, tags = ?6, labels = ?7,
                parent_id = ?8, project_id = ?9, role = ?10, assignee = ?11, due_at = ?12,
                updated_at = ?13, completed_at = ?14, completion_notes = ?15, version = ?16
         WHERE id = ?1",
    )
    .bind(task.id.row_id())
    .bind(&task.title)
    .bind(task.description.as_deref())
    .bind(task.status.as_str())
    .bind(rank(task.priority))
    .bind(serde_json::to_string(&task.tags)?)
    .bind(serde_json::to_string(&task.labels)?)
    .bind(task.parent_id.map(TaskId::row_id))
    .bind(task.project_id.map(ProjectId::row_id))
    .bind(task.role.as_deref())
    .bind(task.assignee.as_deref())
    .bind(millis(task.due_at))
    .bind(task.updated_at.as_millis())
    .bind(millis(task.completed_at))
    .bind(task.completion_notes.as_deref())
    .bind(task.version)
    .execute(connection)
    .await?;
    Ok(())
}

/// Makes `task` depend on the rows in the JSON array `depends_on`.
pub(in crate::store) async fn add_dependencies(
    connection: &mut SqliteConnection,
    task: TaskId,
    depends_on: &str,
) -> Result<(), Fault> {
    sqlx::query(
        "INSERT OR IGNORE INTO dependencies (task_id, depends_on) SELECT ?1, value FROM json_each(?2)",
    )
    .bind(task.row_id())
    .bind(depends_on)
    .execute(connection)
    .await?;
    Ok(())
}

/// Lets `task` no longer depend on the rows in the JSON array `depends_on`.
pub(in crate::store) async fn remove_dependencies(
    connection: &mut SqliteConnection,
    task: TaskId,
    depends_on: &str,
) -> Result<(), Fault> {
    sqlx::query(
        "DELETE FROM dependencies WHERE task_id = ?1 AND depends_on IN (SELECT value FROM json_each(?2))",
    )
    .bind(task.row_id())
    .bind(depends_on)
    .execute(connection)
    .await?;
    Ok(())
}
