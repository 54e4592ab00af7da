//! A task as it is read, on its way to a caller: borrowed from the row that SQLite holds, and written as
//! JSON or made a [`Task`].

use serde::Serialize;
use shared_types::{
    JsonObject, ProjectId, TaskId, Timestamp,
    task::{Task, TaskField},
};

use super::record::priority;
use crate::store::{fault::Fault, record::word};

/// The columns of `tasks t` that [`Row::read`] reads, in its order. The short form leaves out the fields of
/// [`Fields::need_whole`].
macro_rules! columns {
    (short) => {
        $crate::store::tasks::row::columns!("NULL", "NULL", "NULL", "NULL")
    };
    (whole) => {
        $crate::store::tasks::row::columns!(
            "t.description",
            "t.labels",
            "t.completion_notes",
            "(SELECT group_concat(d.depends_on) FROM dependencies d WHERE d.task_id = t.id)"
        )
    };
    ($description:literal, $labels:literal, $notes:literal, $depends_on:literal) => {
        concat!(
            "t.id, t.title, t.status, t.priority, t.tags, t.parent_id, t.project_id, t.role, t.assignee,
             CASE t.open_dependencies WHEN 0 THEN NULL ELSE
                 (SELECT group_concat(d.depends_on) FROM dependencies d JOIN tasks o ON o.id = d.depends_on
                  WHERE d.task_id = t.id AND o.deleted_at IS NULL AND o.status NOT IN ('done', 'cancelled'))
             END,
             t.due_at, t.created_at, t.updated_at, t.completed_at, t.deleted_at, t.version, ",
            $description,
            ", ",
            $labels,
            ", ",
            $notes,
            ", ",
            $depends_on
        )
    };
}
pub(in crate::store) use columns;

/// A task as it is read from [`columns`]. Tags and labels are JSON, other tasks are row ids with commas between.
pub(in crate::store) struct Row<'r> {
    pub(super) id: i64,
    title: &'r str,
    status: &'r str,
    pub(super) priority: i64,
    tags: &'r str,
    parent_id: Option<i64>,
    project_id: Option<i64>,
    role: Option<&'r str>,
    assignee: Option<&'r str>,
    waiting_for: Option<&'r str>,
    pub(super) due_at: Option<i64>,
    created_at: i64,
    pub(super) updated_at: i64,
    completed_at: Option<i64>,
    deleted_at: Option<i64>,
    pub(super) version: i64,
    description: Option<&'r str>,
    labels: Option<&'r str>,
    completion_notes: Option<&'r str>,
    depends_on: Option<&'r str>,
}

impl<'r> Row<'r> {
    /// # Errors
    /// When the columns are others.
    pub(in crate::store) fn read(row: &'r rusqlite::Row<'_>) -> rusqlite::Result<Self> {
        let text = |column: usize| Ok::<_, rusqlite::Error>(row.get_ref(column)?.as_str()?);
        let text_if_any = |column: usize| Ok::<_, rusqlite::Error>(row.get_ref(column)?.as_str_or_null()?);
        Ok(Self {
            id: row.get(0)?,
            title: text(1)?,
            status: text(2)?,
            priority: row.get(3)?,
            tags: text(4)?,
            parent_id: row.get(5)?,
            project_id: row.get(6)?,
            role: text_if_any(7)?,
            assignee: text_if_any(8)?,
            waiting_for: text_if_any(9)?,
            due_at: row.get(10)?,
            created_at: row.get(11)?,
            updated_at: row.get(12)?,
            completed_at: row.get(13)?,
            deleted_at: row.get(14)?,
            version: row.get(15)?,
            description: text_if_any(16)?,
            labels: text_if_any(17)?,
            completion_notes: text_if_any(18)?,
            depends_on: text_if_any(19)?,
        })
    }

    /// The task, if all its columns were read.
    ///
    /// # Errors
    /// When it is not stored as we store it.
    pub(in crate::store) fn to_task(&self) -> Result<Task, Fault> {
        let owned = |text: Option<&str>| text.map(str::to_owned);
        Ok(Task {
            id: TaskId::from_row_id(self.id),
            title: self.title.to_owned(),
            description: owned(self.description),
            status: word(self.status)?,
            priority: priority(self.priority),
            tags: serde_json::from_str(self.tags)?,
            labels: self.labels.map(serde_json::from_str).transpose()?.unwrap_or_default(),
            parent_id: self.parent_id.map(TaskId::from_row_id),
            project_id: self.project_id.map(ProjectId::from_row_id),
            role: owned(self.role),
            assignee: owned(self.assignee),
            depends_on: tasks(self.depends_on)?,
            waiting_for: tasks(self.waiting_for)?,
            due_at: self.due_at.map(Timestamp::from_millis),
            created_at: Timestamp::from_millis(self.created_at),
            updated_at: Timestamp::from_millis(self.updated_at),
            completed_at: self.completed_at.map(Timestamp::from_millis),
            completion_notes: owned(self.completion_notes),
            deleted_at: self.deleted_at.map(Timestamp::from_millis),
            version: self.version,
            children: None,
            history: None,
            notes: None,
            executions: None,
        })
    }

    /// Writes these fields as the contract does, in its order; the id is always there.
    ///
    /// # Errors
    /// When the task is not stored as we store it.
    pub(super) fn write(&self, fields: Fields, json: &mut Vec<u8>) -> Result<(), Fault> {
        json.extend_from_slice(br#"{"id":"#);
        serde_json::to_writer(&mut *json, &TaskId::from_row_id(self.id))?;
        let mut object = Object { json, fields };
        let time = |millis: Option<i64>| millis.map(Timestamp::from_millis);
        object.value(TaskField::Title, Some(self.title))?;
        object.value(TaskField::Description, self.description)?;
        object.value(TaskField::Status, Some(self.status))?;
        object.value(TaskField::Priority, Some(priority(self.priority).as_str()))?;
        object.tags(self.tags)?;
        object.labels(self.labels)?;
        object.value(TaskField::ParentId, self.parent_id.map(TaskId::from_row_id))?;
        object.value(TaskField::ProjectId, self.project_id.map(ProjectId::from_row_id))?;
        object.value(TaskField::Role, self.role)?;
        object.value(TaskField::Assignee, self.assignee)?;
        object.tasks(TaskField::DependsOn, self.depends_on)?;
        object.tasks(TaskField::WaitingFor, self.waiting_for)?;
        object.value(TaskField::DueAt, time(self.due_at))?;
        object.value(TaskField::CreatedAt, time(Some(self.created_at)))?;
        object.value(TaskField::UpdatedAt, time(Some(self.updated_at)))?;
        object.value(TaskField::CompletedAt, time(self.completed_at))?;
        object.value(TaskField::CompletionNotes, self.completion_notes)?;
        object.value(TaskField::DeletedAt, time(self.deleted_at))?;
        object.value(TaskField::Version, Some(self.version))?;
        json.push(b'}');
        Ok(())
    }
}

/// Row ids with commas between.
fn tasks(ids: Option<&str>) -> Result<Vec<TaskId>, Fault> {
    let ids = ids.unwrap_or_default().split_terminator(',');
    let ids = ids.map(|id| serde_json::from_str(id).map(TaskId::from_row_id));
    Ok(ids.collect::<Result<_, _>>()?)
}

/// A set of fields.
#[derive(Debug, Clone, Copy)]
pub(super) struct Fields(u32);

impl Fields {
    pub(super) const ALL: Self = Self(u32::MAX);

    /// The fields that a list shows when it is asked for these.
    pub(super) fn of(fields: &[TaskField]) -> Self {
        let fields = if fields.is_empty() { TaskField::DEFAULT } else { fields };
        Self(fields.iter().fold(0, |set, field| set | bit(*field)))
    }

    /// Whether one is among them that can be long, or takes a search of its own.
    pub(super) fn need_whole(self) -> bool {
        use TaskField::{CompletionNotes, DependsOn, Description, Labels};
        [Description, Labels, CompletionNotes, DependsOn].into_iter().any(|field| self.have(field))
    }

    const fn have(self, field: TaskField) -> bool {
        self.0 & bit(field) != 0
    }
}

const fn bit(field: TaskField) -> u32 {
    1 << field as u32
}

/// An object that has its first member. Only fields that are asked for and have a value are written.
struct Object<'j> {
    json: &'j mut Vec<u8>,
    fields: Fields,
}

impl Object<'_> {
    fn name(&mut self, field: TaskField) {
        self.json.extend_from_slice(b",\"");
        self.json.extend_from_slice(field.as_str().as_bytes());
        self.json.extend_from_slice(b"\":");
    }

    fn value<T: Serialize>(&mut self, field: TaskField, value: Option<T>) -> Result<(), Fault> {
        if let Some(value) = value.filter(|_| self.fields.have(field)) {
            self.name(field);
            serde_json::to_writer(&mut *self.json, &value)?;
        }
        Ok(())
    }

    fn tasks(&mut self, field: TaskField, ids: Option<&str>) -> Result<(), Fault> {
        if ids.is_none() || !self.fields.have(field) {
            return Ok(());
        }
        self.value(field, Some(tasks(ids)?))
    }

    /// They are as we write them, unless an import has brought them: then with spaces or escapes that we
    /// would not write.
    fn tags(&mut self, json: &str) -> Result<(), Fault> {
        if json == "[]" || !self.fields.have(TaskField::Tags) {
            return Ok(());
        }
        if !json.bytes().any(|byte| byte <= b' ' || byte == b'\\') {
            self.name(TaskField::Tags);
            self.json.extend_from_slice(json.as_bytes());
            return Ok(());
        }
        let tags: Vec<String> = serde_json::from_str(json)?;
        self.value(TaskField::Tags, Some(tags).filter(|tags| !tags.is_empty()))
    }

    fn labels(&mut self, json: Option<&str>) -> Result<(), Fault> {
        let Some(json) = json.filter(|json| *json != "{}" && self.fields.have(TaskField::Labels)) else {
            return Ok(());
        };
        let labels: JsonObject = serde_json::from_str(json)?;
        self.value(TaskField::Labels, Some(labels).filter(|labels| !labels.is_empty()))
    }
}
