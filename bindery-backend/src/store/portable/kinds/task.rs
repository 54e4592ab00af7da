//! Tasks, with their links to other tasks.

use std::cmp::Ordering;

use serde::{Deserialize, Serialize};
use shared_types::task::Status;
use sqlx::{FromRow, SqliteConnection};

use super::{Entity, Rows, not_blank, rows};
use crate::store::{
    fault::Fault,
    portable::{
        Line,
        columns::{Count, Millis, Object, Rank, RowId, RowIds, Texts, word},
    },
    transaction::Tx,
};

/// A task.
#[derive(Debug, PartialEq, FromRow, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(in crate::store::portable) struct TaskRecord {
    pub(in crate::store::portable) id: RowId,
    title: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    description: Option<String>,
    #[serde(deserialize_with = "word::<Status, _>")]
    status: String,
    priority: Rank,
    tags: Texts,
    labels: Object,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(in crate::store::portable) parent_id: Option<RowId>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    project_id: Option<RowId>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    role: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    assignee: Option<String>,
    pub(in crate::store::portable) depends_on: RowIds,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    due_at: Option<Millis>,
    created_at: Millis,
    updated_at: Millis,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    completed_at: Option<Millis>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    completion_notes: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    deleted_at: Option<Millis>,
    /// Shared by the tasks that one deletion took along.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(in crate::store::portable) deletion: Option<RowId>,
    version: Count,
}

rows!(
    TaskRecord, "task", |task| Line::Task(Box::new(task)), from "tasks" by "id",
    "id, title, description, status, priority, tags, labels, parent_id, project_id, role, assignee,
     (SELECT json_group_array(depends_on ORDER BY depends_on) FROM dependencies
      WHERE task_id = tasks.id) AS depends_on,
     due_at, created_at, updated_at, completed_at, completion_notes, deleted_at, deletion, version"
);

impl Entity for TaskRecord {
    fn id(&self) -> &RowId {
        &self.id
    }

    fn age(&self, own: &Self) -> Ordering {
        self.version.0.cmp(&own.version.0)
    }

    async fn check(&self, _: &mut SqliteConnection) -> Result<(), Fault> {
        Ok(not_blank(&self.title, "task.title")?)
    }

    async fn unwanted(&self, _: &mut SqliteConnection) -> Result<Option<&'static str>, Fault> {
        Ok(None)
    }

    /// Takes its dependencies off. They are put on when all tasks are there: only then can the
    /// triggers count which of them are open.
    async fn write(&self, tx: &mut Tx<'_>) -> Result<(), Fault> {
        sqlx::query(
            "INSERT INTO tasks (id, title, description, status, priority, tags, labels, parent_id,
                                project_id, role, assignee, due_at, created_at, updated_at, completed_at,
                                completion_notes, deleted_at, deletion, version)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17, ?18, ?19)
             ON CONFLICT (id) DO UPDATE SET title = excluded.title, description = excluded.description,
                 status = excluded.status, priority = excluded.priority, tags = excluded.tags,
                 labels = excluded.labels, parent_id = excluded.parent_id,
                 project_id = excluded.project_id, role = excluded.role, assignee = excluded.assignee,
                 due_at = excluded.due_at, created_at = excluded.created_at,
                 updated_at = excluded.updated_at, completed_at = excluded.completed_at,
                 completion_notes = excluded.completion_notes, deleted_at = excluded.deleted_at,
                 deletion = excluded.deletion, version = excluded.version",
        )
        .bind(&self.id)
        .bind(&self.title)
        .bind(self.description.as_deref())
        .bind(&self.status)
        .bind(&self.priority)
        .bind(&self.tags)
        .bind(&self.labels)
        .bind(&self.parent_id)
        .bind(&self.project_id)
        .bind(self.role.as_deref())
        .bind(self.assignee.as_deref())
        .bind(&self.due_at)
        .bind(&self.created_at)
        .bind(&self.updated_at)
        .bind(&self.completed_at)
        .bind(self.completion_notes.as_deref())
        .bind(&self.deleted_at)
        .bind(&self.deletion)
        .bind(&self.version)
        .execute(&mut *tx.connection)
        .await?;
        sqlx::query("DELETE FROM dependencies WHERE task_id = ?1")
            .bind(&self.id)
            .execute(&mut *tx.connection)
            .await?;
        Ok(())
    }
}
