//! Tasks, with their links to other tasks.

use std::cmp::Ordering;

use rusqlite::{Connection, params};
use serde::{Deserialize, Serialize};
use shared_types::task::Status;

use super::{Entity, Rows, not_blank, rows};
use crate::store::{
    fault::Fault,
    portable::{
        Line,
        columns::{Count, Millis, Object, Rank, RowId, RowIds, Texts, word},
    },
    sql::{Sql, from_row},
    transaction::Tx,
};

/// A task.
#[derive(Debug, PartialEq, Serialize, Deserialize)]
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
    depends_on,
    due_at,
    created_at,
    updated_at,
    completed_at,
    completion_notes,
    deleted_at,
    deletion,
    version
});

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

    fn check(&self, _: &Connection) -> Result<(), Fault> {
        Ok(not_blank(&self.title, "task.title")?)
    }

    fn unwanted(&self, _: &Connection) -> Result<Option<&'static str>, Fault> {
        Ok(None)
    }

    /// Takes its dependencies off. They are put on when all tasks are there: only then can the
    /// triggers count which of them are open.
    fn write(&self, tx: &mut Tx<'_>) -> Result<(), Fault> {
        tx.connection.run(
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
            params![
                &self.id,
                &self.title,
                self.description.as_deref(),
                &self.status,
                &self.priority,
                &self.tags,
                &self.labels,
                &self.parent_id,
                &self.project_id,
                self.role.as_deref(),
                self.assignee.as_deref(),
                &self.due_at,
                &self.created_at,
                &self.updated_at,
                &self.completed_at,
                self.completion_notes.as_deref(),
                &self.deleted_at,
                &self.deletion,
                &self.version
            ],
        )?;
        tx.connection.run("DELETE FROM dependencies WHERE task_id = ?1", (&self.id,))?;
        Ok(())
    }
}
