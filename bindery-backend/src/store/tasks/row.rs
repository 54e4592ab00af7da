//! A task on its way to a caller: read as one text, and written as JSON without being understood.
//!
//! A row with a column for each field costs SQLite's thread and ours a value for each of them, and
//! each row a message. So SQLite writes a page of tasks as one JSON array of arrays. Texts in it are
//! quoted already; what the contract shows in another form (ids, times, priorities) goes through the
//! contract's types. `labels` is spliced in as it is stored, for SQLite's JSON functions would round
//! large integers.

use serde::{Deserialize, Serialize, Serializer, ser::SerializeMap};
use serde_json::value::RawValue;
use shared_types::{JsonObject, ProjectId, TaskId, Timestamp, task::TaskField};

use super::record::priority;

/// An SQL expression that writes a task of `tasks t` as a JSON array, in the order of [`Row`]. The short
/// form leaves out the fields of [`Fields::need_whole`].
macro_rules! row {
    (short) => {
        row!("'null'", "'{}'", "'null'", "'[]'")
    };
    (whole) => {
        row!(
            "json_quote(t.description)",
            "t.labels",
            "json_quote(t.completion_notes)",
            "(SELECT json_group_array(d.depends_on) FROM dependencies d WHERE d.task_id = t.id)"
        )
    };
    ($description:literal, $labels:literal, $notes:literal, $depends_on:literal) => {
        concat!(
            "concat('[', t.id, ',', json_quote(t.title), ',', ", $description, ", ',\"', t.status, '\",',
                    t.priority, ',', t.tags, ',', ", $labels, ", ',', ifnull(t.parent_id, 'null'), ',',
                    ifnull(t.project_id, 'null'), ',', json_quote(t.role), ',', json_quote(t.assignee), ',',
                    ", $depends_on, ", ',',
                    CASE t.open_dependencies WHEN 0 THEN '[]' ELSE
                        (SELECT json_group_array(d.depends_on)
                         FROM dependencies d JOIN tasks o ON o.id = d.depends_on
                         WHERE d.task_id = t.id AND o.deleted_at IS NULL
                             AND o.status NOT IN ('done', 'cancelled'))
                    END, ',',
                    ifnull(t.due_at, 'null'), ',', t.created_at, ',', t.updated_at, ',',
                    ifnull(t.completed_at, 'null'), ',', ", $notes, ", ',',
                    ifnull(t.deleted_at, 'null'), ',', t.version, ']')"
        )
    };
}
pub(super) use row;

/// A task as [`row`] writes it.
#[derive(Deserialize)]
pub(super) struct Row<'a> {
    pub(super) id: i64,
    #[serde(borrow)]
    title: &'a RawValue,
    #[serde(borrow)]
    description: Option<&'a RawValue>,
    status: &'a str,
    pub(super) priority: i64,
    tags: Vec<String>,
    labels: JsonObject,
    parent_id: Option<i64>,
    project_id: Option<i64>,
    #[serde(borrow)]
    role: Option<&'a RawValue>,
    #[serde(borrow)]
    assignee: Option<&'a RawValue>,
    depends_on: Vec<i64>,
    waiting_for: Vec<i64>,
    pub(super) due_at: Option<i64>,
    created_at: i64,
    pub(super) updated_at: i64,
    completed_at: Option<i64>,
    #[serde(borrow)]
    completion_notes: Option<&'a RawValue>,
    deleted_at: Option<i64>,
    version: i64,
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

    fn have(self, field: TaskField) -> bool {
        self.0 & bit(field) != 0
    }
}

const fn bit(field: TaskField) -> u32 {
    1 << field as u32
}

/// These fields of a task, as the contract writes them; the id is always there.
pub(super) struct Shown<'r>(pub(super) &'r Row<'r>, pub(super) Fields);

impl Serialize for Shown<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let Self(row, fields) = self;
        let mut object = Object { map: serializer.serialize_map(None)?, fields: *fields };
        let time = |millis: Option<i64>| millis.map(Timestamp::from_millis);
        let tasks = |ids: &[i64]| {
            (!ids.is_empty()).then(|| ids.iter().map(|id| TaskId::from_row_id(*id)).collect::<Vec<_>>())
        };
        object.map.serialize_entry("id", &TaskId::from_row_id(row.id))?;
        object.show(TaskField::Title, Some(row.title))?;
        object.show(TaskField::Description, row.description)?;
        object.show(TaskField::Status, Some(row.status))?;
        object.show(TaskField::Priority, Some(priority(row.priority)))?;
        object.show(TaskField::Tags, Some(&row.tags).filter(|tags| !tags.is_empty()))?;
        object.show(TaskField::Labels, Some(&row.labels).filter(|labels| !labels.is_empty()))?;
        object.show(TaskField::ParentId, row.parent_id.map(TaskId::from_row_id))?;
        object.show(TaskField::ProjectId, row.project_id.map(ProjectId::from_row_id))?;
        object.show(TaskField::Role, row.role)?;
        object.show(TaskField::Assignee, row.assignee)?;
        object.show(TaskField::DependsOn, tasks(&row.depends_on))?;
        object.show(TaskField::WaitingFor, tasks(&row.waiting_for))?;
        object.show(TaskField::DueAt, time(row.due_at))?;
        object.show(TaskField::CreatedAt, time(Some(row.created_at)))?;
        object.show(TaskField::UpdatedAt, time(Some(row.updated_at)))?;
        object.show(TaskField::CompletedAt, time(row.completed_at))?;
        object.show(TaskField::CompletionNotes, row.completion_notes)?;
        object.show(TaskField::DeletedAt, time(row.deleted_at))?;
        object.show(TaskField::Version, Some(row.version))?;
        object.map.end()
    }
}

struct Object<M> {
    map: M,
    fields: Fields,
}

impl<M: SerializeMap> Object<M> {
    /// Writes a field that is asked for and has a value.
    fn show<T: Serialize>(&mut self, field: TaskField, value: Option<T>) -> Result<(), M::Error> {
        match value.filter(|_| self.fields.have(field)) {
            Some(value) => self.map.serialize_entry(field.as_str(), &value),
            None => Ok(()),
        }
    }
}
