//! Writing tasks: creating, changing, finishing, deleting.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Priority, Status, Task};
use crate::{JsonObject, Patch, Reference, TaskId, Timestamp, guarded::GuardReport};

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
