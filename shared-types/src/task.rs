//! Tasks and what can be done to them.

mod read;
mod write;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

pub use self::{
    read::{GetTask, Include, ListTasks, Sort, TaskPage, TaskRead},
    write::{
        AssignRole, CompleteTask, Completion, CreateTask, DeleteTask, Deletion, NewTask, TaskChange,
        TasksWritten, UpdateTask, WrittenTask,
    },
};
use crate::{
    JsonObject, ProjectId, TaskId, Timestamp,
    execution::Execution,
    history::{Change, Note},
};

/// Where a task stands.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
#[schemars(inline)]
pub enum Status {
    /// Not begun.
    #[default]
    Todo,
    /// Being worked on.
    Doing,
    /// Finished.
    Done,
    /// Waiting for something outside the store.
    Blocked,
    /// Given up.
    Cancelled,
}

impl Status {
    /// Every status, in the order of a task's life.
    pub const ALL: [Self; 5] = [Self::Todo, Self::Doing, Self::Done, Self::Blocked, Self::Cancelled];

    /// The status as it is sent.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Todo => "todo",
            Self::Doing => "doing",
            Self::Done => "done",
            Self::Blocked => "blocked",
            Self::Cancelled => "cancelled",
        }
    }

    /// Whether nothing is left to do: `done` or `cancelled`.
    pub const fn is_closed(self) -> bool {
        matches!(self, Self::Done | Self::Cancelled)
    }
}

/// How much a task matters. The order is that of the variants: `urgent` comes first in a queue.
#[derive(
    Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "snake_case")]
#[schemars(inline)]
pub enum Priority {
    /// When there is time.
    Low,
    /// The usual.
    #[default]
    Normal,
    /// Before the usual.
    High,
    /// Before everything else.
    Urgent,
}

impl Priority {
    /// Every priority, lowest first.
    pub const ALL: [Self; 4] = [Self::Low, Self::Normal, Self::High, Self::Urgent];

    /// The priority as it is sent.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Low => "low",
            Self::Normal => "normal",
            Self::High => "high",
            Self::Urgent => "urgent",
        }
    }
}

/// A task as it is stored.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Task {
    /// Its id.
    pub id: TaskId,
    /// One line that says what is to be done.
    pub title: String,
    /// Everything one needs to know to do it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// Where it stands.
    pub status: Status,
    /// How much it matters.
    pub priority: Priority,
    /// Words to find it by.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub tags: Vec<String>,
    /// Any further facts, as JSON.
    #[serde(default, skip_serializing_if = "JsonObject::is_empty")]
    pub labels: JsonObject,
    /// The task of which this is a part.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub parent_id: Option<TaskId>,
    /// The project to which it belongs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub project_id: Option<ProjectId>,
    /// Name of the role that should do it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub role: Option<String>,
    /// Who does it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub assignee: Option<String>,
    /// Tasks that must be closed before this one can start.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub depends_on: Vec<TaskId>,
    /// Those of `depends_on` that are still open.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub waiting_for: Vec<TaskId>,
    /// When it should be finished.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub due_at: Option<Timestamp>,
    /// When it was created.
    pub created_at: Timestamp,
    /// When it last changed.
    pub updated_at: Timestamp,
    /// When it was finished.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub completed_at: Option<Timestamp>,
    /// What was said when it was finished.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub completion_notes: Option<String>,
    /// When it was deleted; `update_task` with `restore` brings it back.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub deleted_at: Option<Timestamp>,
    /// Goes up by one with every change.
    pub version: i64,
    /// Its parts; with `include: ["children"]`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub children: Option<Vec<TaskRow>>,
    /// Its changes, newest first; with `include: ["history"]`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub history: Option<Vec<Change>>,
    /// Its notes, oldest first; with `include: ["notes"]`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub notes: Option<Vec<Note>>,
    /// Its claims, newest first; with `include: ["executions"]`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub executions: Option<Vec<Execution>>,
}

/// A task with only the fields that were asked for; the id is always there.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(transparent)]
#[schemars(inline)]
pub struct TaskRow(pub JsonObject);

/// A field of a task that a list can show.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
#[schemars(inline)]
#[expect(missing_docs, reason = "each is the field of Task with that name")]
pub enum TaskField {
    Id,
    Title,
    Description,
    Status,
    Priority,
    Tags,
    Labels,
    ParentId,
    ProjectId,
    Role,
    Assignee,
    DependsOn,
    WaitingFor,
    DueAt,
    CreatedAt,
    UpdatedAt,
    CompletedAt,
    CompletionNotes,
    DeletedAt,
    Version,
}

impl TaskField {
    /// What a list shows when `fields` is not given.
    pub const DEFAULT: &[Self] = &[
        Self::Id,
        Self::Title,
        Self::Status,
        Self::Priority,
        Self::Tags,
        Self::ParentId,
        Self::ProjectId,
        Self::Role,
        Self::Assignee,
        Self::WaitingFor,
        Self::DueAt,
        Self::Version,
    ];

    /// The field's name in JSON.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Id => "id",
            Self::Title => "title",
            Self::Description => "description",
            Self::Status => "status",
            Self::Priority => "priority",
            Self::Tags => "tags",
            Self::Labels => "labels",
            Self::ParentId => "parent_id",
            Self::ProjectId => "project_id",
            Self::Role => "role",
            Self::Assignee => "assignee",
            Self::DependsOn => "depends_on",
            Self::WaitingFor => "waiting_for",
            Self::DueAt => "due_at",
            Self::CreatedAt => "created_at",
            Self::UpdatedAt => "updated_at",
            Self::CompletedAt => "completed_at",
            Self::CompletionNotes => "completion_notes",
            Self::DeletedAt => "deleted_at",
            Self::Version => "version",
        }
    }
}

impl TaskRow {
    /// Keeps `fields` of `task`, and its id.
    pub fn select(task: &Task, fields: &[TaskField]) -> Self {
        let mut all = match serde_json::to_value(task) {
            Ok(Value::Object(all)) => all,
            _ => JsonObject::new(),
        };
        let fields = if fields.is_empty() { TaskField::DEFAULT } else { fields };
        all.retain(|name, _| name == "id" || fields.iter().any(|field| field.as_str() == name));
        Self(all)
    }

    /// The task's id as it is shown.
    pub fn id(&self) -> &str {
        self.0.get("id").and_then(Value::as_str).unwrap_or_default()
    }
}
