//! A task on its way to a caller: read as one text, and written as JSON with little understood of it.
//!
//! Each row that SQLite's thread sends is a message, and each column of it a value. So SQLite writes a
//! page of tasks as one text of lines and cells. What separates them is no character of JSON: texts are
//! quoted already, and go into the answer as they are. What the contract shows in another form (ids,
//! times, priorities) goes through the contract's types.

use serde::{Serialize, de::Error as _};
use shared_types::{JsonObject, ProjectId, TaskId, Timestamp, task::TaskField};

use super::record::priority;
use crate::store::fault::Fault;

/// What stands between two cells, and between two lines.
const CELL: char = '\u{1f}';
const LINE: char = '\u{1e}';

/// An SQL expression that writes a task of `tasks t` as a line, in the order of [`Row`]; a cell without a
/// value is empty, or `null`. The short form leaves out the fields of [`Fields::need_whole`]. `labels` are
/// taken as they are stored: SQLite's JSON functions would round large integers.
macro_rules! row {
    (short) => {
        row!("NULL", "NULL", "NULL", "NULL")
    };
    (whole) => {
        row!(
            "json_quote(t.description)",
            "t.labels",
            "json_quote(t.completion_notes)",
            "(SELECT group_concat(d.depends_on) FROM dependencies d WHERE d.task_id = t.id)"
        )
    };
    ($description:literal, $labels:literal, $notes:literal, $depends_on:literal) => {
        concat!(
            "concat(t.id, '\u{1f}', json_quote(t.title), '\u{1f}', t.status, '\u{1f}', t.priority, '\u{1f}',
                    t.tags, '\u{1f}', t.parent_id, '\u{1f}', t.project_id, '\u{1f}', json_quote(t.role),
                    '\u{1f}', json_quote(t.assignee), '\u{1f}',
                    CASE t.open_dependencies WHEN 0 THEN NULL ELSE
                        (SELECT group_concat(d.depends_on)
                         FROM dependencies d JOIN tasks o ON o.id = d.depends_on
                         WHERE d.task_id = t.id AND o.deleted_at IS NULL
                             AND o.status NOT IN ('done', 'cancelled'))
                    END,
                    '\u{1f}', t.due_at, '\u{1f}', t.created_at, '\u{1f}', t.updated_at, '\u{1f}',
                    t.completed_at, '\u{1f}', t.deleted_at, '\u{1f}', t.version, '\u{1f}', ",
            $description,
            ", '\u{1f}', ",
            $labels,
            ", '\u{1f}', ",
            $notes,
            ", '\u{1f}', ",
            $depends_on,
            ")"
        )
    };
}
pub(super) use row;

/// An SQL expression that writes what tells a task of `tasks t` and its place, in the order of [`Place`].
/// `$key` is what the list is ordered by.
macro_rules! place {
    ($key:literal) => {
        concat!("concat(t.id, '\u{1f}', t.version, '\u{1f}', ", $key, ")")
    };
}
pub(super) use place;

/// An SQL expression that joins the lines `row` of a page.
macro_rules! page {
    () => {
        "group_concat(row, '\u{1e}')"
    };
}
pub(super) use page;

/// The lines of a page.
pub(super) fn lines(page: &str) -> impl Iterator<Item = &str> {
    page.split(LINE).filter(|line| !line.is_empty())
}

/// A task as [`row`] writes it. Texts are quoted as JSON; those of the enums are words.
pub(super) struct Row<'a> {
    pub(super) id: i64,
    title: &'a str,
    status: &'a str,
    pub(super) priority: i64,
    tags: &'a str,
    parent_id: Option<i64>,
    project_id: Option<i64>,
    role: &'a str,
    assignee: &'a str,
    waiting_for: &'a str,
    pub(super) due_at: Option<i64>,
    created_at: i64,
    pub(super) updated_at: i64,
    completed_at: Option<i64>,
    deleted_at: Option<i64>,
    pub(super) version: i64,
    description: &'a str,
    labels: &'a str,
    completion_notes: &'a str,
    depends_on: &'a str,
}

impl<'a> Row<'a> {
    /// Reads a line.
    pub(super) fn read(line: &'a str) -> Result<Self, Fault> {
        let mut cells = line.split(CELL);
        let mut cell = || cells.next().ok_or_else(|| unreadable("a cell is missing"));
        Ok(Self {
            id: number(cell()?)?,
            title: cell()?,
            status: cell()?,
            priority: number(cell()?)?,
            tags: cell()?,
            parent_id: optional(cell()?)?,
            project_id: optional(cell()?)?,
            role: cell()?,
            assignee: cell()?,
            waiting_for: cell()?,
            due_at: optional(cell()?)?,
            created_at: number(cell()?)?,
            updated_at: number(cell()?)?,
            completed_at: optional(cell()?)?,
            deleted_at: optional(cell()?)?,
            version: number(cell()?)?,
            description: cell()?,
            labels: cell()?,
            completion_notes: cell()?,
            depends_on: cell()?,
        })
    }

    /// Writes these fields as the contract does, in its order; the id is always there.
    pub(super) fn write(&self, fields: Fields, json: &mut Vec<u8>) -> Result<(), Fault> {
        json.extend_from_slice(br#"{"id":"#);
        serde_json::to_writer(&mut *json, &TaskId::from_row_id(self.id))?;
        let mut object = Object { json, fields };
        let time = |millis: Option<i64>| millis.map(Timestamp::from_millis);
        object.quoted(TaskField::Title, self.title);
        object.quoted(TaskField::Description, self.description);
        object.value(TaskField::Status, Some(self.status))?;
        object.value(TaskField::Priority, Some(priority(self.priority).as_str()))?;
        object.tags(self.tags)?;
        object.labels(self.labels)?;
        object.value(TaskField::ParentId, self.parent_id.map(TaskId::from_row_id))?;
        object.value(TaskField::ProjectId, self.project_id.map(ProjectId::from_row_id))?;
        object.quoted(TaskField::Role, self.role);
        object.quoted(TaskField::Assignee, self.assignee);
        object.tasks(TaskField::DependsOn, self.depends_on)?;
        object.tasks(TaskField::WaitingFor, self.waiting_for)?;
        object.value(TaskField::DueAt, time(self.due_at))?;
        object.value(TaskField::CreatedAt, time(Some(self.created_at)))?;
        object.value(TaskField::UpdatedAt, time(Some(self.updated_at)))?;
        object.value(TaskField::CompletedAt, time(self.completed_at))?;
        object.quoted(TaskField::CompletionNotes, self.completion_notes);
        object.value(TaskField::DeletedAt, time(self.deleted_at))?;
        object.value(TaskField::Version, Some(self.version))?;
        json.push(b'}');
        Ok(())
    }
}

/// Where a task stands in a list, as [`place`] writes it.
#[derive(Debug, Clone, Copy)]
pub(super) struct Place {
    pub(super) id: i64,
    pub(super) version: i64,
    pub(super) key: i64,
}

impl Place {
    /// Reads a line.
    pub(super) fn read(line: &str) -> Result<Self, Fault> {
        let mut cells = line.split(CELL).map(number);
        let mut cell = || cells.next().unwrap_or_else(|| Err(unreadable("a cell is missing")));
        Ok(Self { id: cell()?, version: cell()?, key: cell()? })
    }
}

fn unreadable(why: &str) -> Fault {
    Fault::Unreadable(serde_json::Error::custom(why))
}

fn number(cell: &str) -> Result<i64, Fault> {
    cell.parse().map_err(|_| unreadable("a number is expected"))
}

fn optional(cell: &str) -> Result<Option<i64>, Fault> {
    if cell.is_empty() { Ok(None) } else { number(cell).map(Some) }
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

    /// A text that is JSON already.
    fn quoted(&mut self, field: TaskField, json: &str) {
        if !matches!(json, "" | "null") && self.fields.have(field) {
            self.name(field);
            self.json.extend_from_slice(json.as_bytes());
        }
    }

    /// Row ids with commas between.
    fn tasks(&mut self, field: TaskField, ids: &str) -> Result<(), Fault> {
        if ids.is_empty() || !self.fields.have(field) {
            return Ok(());
        }
        let ids = ids.split(',').map(|id| number(id).map(TaskId::from_row_id));
        self.value(field, Some(ids.collect::<Result<Vec<_>, _>>()?))
    }

    /// They are as we write them, unless an import has brought them: then with spaces or escapes that we
    /// would not write.
    fn tags(&mut self, json: &str) -> Result<(), Fault> {
        if !json.bytes().any(|byte| byte <= b' ' || byte == b'\\') {
            self.quoted(TaskField::Tags, if json == "[]" { "" } else { json });
            return Ok(());
        }
        let tags: Vec<String> = serde_json::from_str(json)?;
        self.value(TaskField::Tags, Some(tags).filter(|tags| !tags.is_empty()))
    }

    fn labels(&mut self, json: &str) -> Result<(), Fault> {
        if matches!(json, "" | "{}") || !self.fields.have(TaskField::Labels) {
            return Ok(());
        }
        let labels: JsonObject = serde_json::from_str(json)?;
        self.value(TaskField::Labels, Some(labels).filter(|labels| !labels.is_empty()))
    }
}
