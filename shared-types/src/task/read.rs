//! Reading tasks: one, or a page of many.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Priority, Status, Task, TaskField, TaskRow};
use crate::{Reference, Timestamp, guarded::GuardReport};

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
    /// What the text guard changed or flagged.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub guard: Option<GuardReport>,
}
