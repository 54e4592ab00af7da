//! Tasks and what can be done to them.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::{
    JsonObject, Patch, ProjectId, Reference, TaskId, Timestamp,
    execution::Execution,
    guarded::GuardReport,
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

/// A task to be created.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct NewTask {
    /// One line that says what is to be done. Required for every task.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 500))]
    pub title: Option<String>,
    /// Everything one needs to know to do it; Markdown is kept as written.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 10_000))]
    pub description: Option<String>,
    /// Where it stands; `todo` when not given.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub status: Option<Status>,
    /// How much it matters; `normal` when not given.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub priority: Option<Priority>,
    /// Words to find it by.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 100), inner(length(min = 1, max = 100)))]
    pub tags: Vec<String>,
    /// Any further facts, as a JSON object.
    #[serde(skip_serializing_if = "JsonObject::is_empty")]
    pub labels: JsonObject,
    /// The task of which this is a part: its id, or a `ref` of the same call.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(extend("x-hint" = "task id or ref"))]
    pub parent_id: Option<Reference>,
    /// The project: its id or its name.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(extend("x-hint" = "id or name"))]
    pub project_id: Option<Reference>,
    /// Name of the role that should do it.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 100))]
    pub role: Option<String>,
    /// Who does it.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 200))]
    pub assignee: Option<String>,
    /// Tasks that must be closed first: ids, or `ref`s of the same call.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 100), extend("x-hint" = "ids or refs that must be done first"))]
    pub depends_on: Vec<Reference>,
    /// When it should be finished: a date, or a time with its offset.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(extend("x-hint" = "RFC 3339"))]
    pub due_at: Option<Timestamp>,
    /// A temporary name by which other tasks of the same call can refer to this one.
    #[serde(rename = "ref", skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 100))]
    pub temporary_ref: Option<String>,
    /// Parts of this task, created with it; nested up to ten levels.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 1000), extend("x-hint" = "child tasks, same fields, nestable"))]
    pub subtasks: Vec<NewTask>,
}

/// Creates one task, or a whole plan in one transaction.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct CreateTask {
    /// The task to create, unless `tasks` is given.
    #[serde(flatten)]
    pub task: NewTask,
    /// Several tasks, created together or not at all.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 1000), extend("x-hint" = "batch: objects with the fields above plus a temporary ref that parent_id and depends_on may name"))]
    pub tasks: Vec<NewTask>,
    /// Makes a retry safe: the same id returns the first result.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 200))]
    pub request_id: Option<String>,
}

/// Part of a task to return as well.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
#[schemars(inline)]
pub enum Include {
    /// Its direct parts.
    Children,
    /// Its changes, newest first.
    History,
    /// Its notes.
    Notes,
    /// Its claims.
    Executions,
}

/// Reads one task.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct GetTask {
    /// The task's id.
    pub task_id: Reference,
    /// What to return with it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 4))]
    pub include: Vec<Include>,
}

/// One task that was read.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct TaskRead {
    /// The task.
    pub task: Task,
}

/// A change to one task. A field that is not given stays; `null` empties it.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct TaskChange {
    /// The task's id. Required for every task.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub task_id: Option<Reference>,
    /// One line that says what is to be done.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 500))]
    pub title: Option<String>,
    /// Everything one needs to know to do it.
    #[serde(skip_serializing_if = "Patch::is_keep")]
    #[schemars(length(max = 10_000))]
    pub description: Patch<String>,
    /// Where it stands.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub status: Option<Status>,
    /// How much it matters.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub priority: Option<Priority>,
    /// Words to find it by; replaces all.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 100), inner(length(min = 1, max = 100)), extend("x-hint" = "replaces all"))]
    pub tags: Option<Vec<String>>,
    /// Facts to merge in; a `null` value removes its key.
    #[serde(skip_serializing_if = "JsonObject::is_empty")]
    #[schemars(extend("x-hint" = "merged; null removes a key"))]
    pub labels: JsonObject,
    /// The task of which this is a part.
    #[serde(skip_serializing_if = "Patch::is_keep")]
    pub parent_id: Patch<Reference>,
    /// The project: its id or its name.
    #[serde(skip_serializing_if = "Patch::is_keep")]
    pub project_id: Patch<Reference>,
    /// Who does it.
    #[serde(skip_serializing_if = "Patch::is_keep")]
    #[schemars(length(max = 200))]
    pub assignee: Patch<String>,
    /// Tasks that must be closed first; replaces all.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 100), extend("x-hint" = "replaces all"))]
    pub depends_on: Option<Vec<Reference>>,
    /// When it should be finished.
    #[serde(skip_serializing_if = "Patch::is_keep")]
    pub due_at: Patch<Timestamp>,
    /// A remark to append; notes are never overwritten.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 10_000), extend("x-hint" = "appended to the task's notes"))]
    pub note: Option<String>,
    /// Brings a deleted task back, with what was deleted along with it.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    #[schemars(extend("x-hint" = "undelete"))]
    pub restore: bool,
    /// Takes back the last change.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    #[schemars(extend("x-hint" = "revert the last change"))]
    pub undo: bool,
    /// Refuses the change when the task is no longer at this version.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1))]
    pub expected_version: Option<i64>,
}

/// Changes one task, or several in one transaction.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct UpdateTask {
    /// The change, unless `tasks` is given.
    #[serde(flatten)]
    pub change: TaskChange,
    /// Several changes, made together or not at all.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 1000), extend("x-hint" = "batch: objects with the fields above"))]
    pub tasks: Vec<TaskChange>,
    /// Makes a retry safe: the same id returns the first result.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 200))]
    pub request_id: Option<String>,
}

/// The order of a list.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
#[schemars(inline)]
pub enum Sort {
    /// Newest first.
    #[default]
    Newest,
    /// Oldest first.
    Oldest,
    /// Last changed first.
    Updated,
    /// Most important first, oldest first among equals.
    Priority,
    /// Due soonest first; tasks without a due date come last.
    Due,
}

/// Lists tasks that match every filter given.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct ListTasks {
    /// Any of these statuses.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 5))]
    pub status: Vec<Status>,
    /// Any of these priorities.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 4))]
    pub priority: Vec<Priority>,
    /// All of these tags.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 20))]
    pub tags: Vec<String>,
    /// Only this project: its id or its name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub project_id: Option<Reference>,
    /// Only direct parts of this task.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub parent_id: Option<Reference>,
    /// Only this role.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub role: Option<String>,
    /// Only this assignee.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub assignee: Option<String>,
    /// Only tasks that can be started now: `todo`, unclaimed, every dependency closed.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    #[schemars(extend("x-hint" = "only todo, unclaimed, with all dependencies done; most important first"))]
    pub ready: bool,
    /// Only open tasks whose due date has passed.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub overdue: bool,
    /// Only deleted tasks.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub deleted: bool,
    /// Only tasks changed at or after this time.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub updated_since: Option<Timestamp>,
    /// The order; `newest` when not given, `priority` with `ready`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sort: Option<Sort>,
    /// The fields to show; id, title, status and the like when not given.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 20))]
    pub fields: Vec<TaskField>,
    /// At most this many; 50 when not given. Fewer come back when they are long.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 1000))]
    pub limit: Option<i64>,
    /// Where the last page ended, as it was returned.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 500), extend("x-hint" = "next_cursor of the last page"))]
    pub cursor: Option<String>,
}

/// A page of tasks.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct TaskPage {
    /// The tasks.
    pub tasks: Vec<TaskRow>,
    /// Give this as `cursor` for the next page; absent on the last.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next_cursor: Option<String>,
}

/// One task to delete.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct Deletion {
    /// The task's id. Required for every task.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub task_id: Option<Reference>,
    /// Refuses when the task is no longer at this version.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1))]
    pub expected_version: Option<i64>,
}

/// Deletes tasks with their parts; they can be restored.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct DeleteTask {
    /// The task, unless `tasks` is given.
    #[serde(flatten)]
    pub deletion: Deletion,
    /// Several tasks, deleted together or not at all.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 1000), extend("x-hint" = "batch: objects with the fields above"))]
    pub tasks: Vec<Deletion>,
    /// Makes a retry safe: the same id returns the first result.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 200))]
    pub request_id: Option<String>,
}

/// One task to finish.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct Completion {
    /// The task's id. Required for every task.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub task_id: Option<Reference>,
    /// What was done and what the next reader should know.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 10_000))]
    pub completion_notes: Option<String>,
    /// The claim under which it was done; refused when that claim was lost.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(extend("x-hint" = "from execute_task"))]
    pub execution_id: Option<Reference>,
    /// Refuses when the task is no longer at this version.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1))]
    pub expected_version: Option<i64>,
}

/// Finishes one task, or several in one transaction.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct CompleteTask {
    /// The task, unless `tasks` is given.
    #[serde(flatten)]
    pub completion: Completion,
    /// Several tasks, finished together or not at all.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 1000), extend("x-hint" = "batch: objects with the fields above"))]
    pub tasks: Vec<Completion>,
    /// Makes a retry safe: the same id returns the first result.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 200))]
    pub request_id: Option<String>,
}

/// Says which role should do a task.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct AssignRole {
    /// The task's id.
    pub task_id: Reference,
    /// The role's name; `null` takes the role away.
    #[serde(default)]
    #[schemars(length(max = 100), extend("x-hint" = "name from list_roles; null removes"))]
    pub role: Option<String>,
    /// Refuses when the task is no longer at this version.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1))]
    pub expected_version: Option<i64>,
    /// Makes a retry safe: the same id returns the first result.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 200))]
    pub request_id: Option<String>,
}

/// One row that a write changed.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct WrittenTask {
    /// Its id.
    pub id: TaskId,
    /// The temporary name under which it was created.
    #[serde(rename = "ref", default, skip_serializing_if = "Option::is_none")]
    pub temporary_ref: Option<String>,
    /// Its title now.
    pub title: String,
    /// Its status now.
    pub status: Status,
    /// Its version now.
    pub version: i64,
}

/// What a write to tasks did.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct TasksWritten {
    /// The task as the row is now, when the call named one task.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub task: Option<Task>,
    /// Every row that changed, when there are several.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub tasks: Vec<WrittenTask>,
    /// Tasks that became ready because of this.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub unblocked: Vec<TaskId>,
    /// Whether this is the remembered result of an earlier call with the same `request_id`.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub replayed: bool,
    /// What the text guard changed or flagged.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub guard: Option<GuardReport>,
}
