//! Claims: who works on a task, and until when.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{ExecutionId, Reference, TaskId, Timestamp, guarded::GuardReport, role::Role, task::Task};

/// How a claim stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
#[schemars(inline)]
pub enum ExecutionStatus {
    /// The lease runs.
    Active,
    /// The task was finished under it.
    Completed,
    /// The worker gave the task back.
    Released,
    /// The lease ran out and somebody else took the task, or the task was closed otherwise.
    Expired,
}

impl ExecutionStatus {
    /// The status as it is stored and sent.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Active => "active",
            Self::Completed => "completed",
            Self::Released => "released",
            Self::Expired => "expired",
        }
    }
}

/// One claim of a task by a worker.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Execution {
    /// Its id.
    pub id: ExecutionId,
    /// The task.
    pub task_id: TaskId,
    /// Who holds it.
    pub worker: String,
    /// How it stands.
    pub status: ExecutionStatus,
    /// When it began.
    pub started_at: Timestamp,
    /// When the worker last said it is alive.
    pub heartbeat_at: Timestamp,
    /// When the task may be taken by others, unless a heartbeat comes first.
    pub lease_expires_at: Timestamp,
    /// When it ended.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ended_at: Option<Timestamp>,
}

/// Claims a task, renews the claim, or gives it back.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct ExecuteTask {
    /// The task to claim, unless `next` is given.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub task_id: Option<Reference>,
    /// Claims the most important ready task that matches `project_id` and `role`.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    #[schemars(extend("x-hint" = "claim the most important ready task (filter: role, project_id)"))]
    pub next: bool,
    /// With `next`: only tasks of this role.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 100))]
    pub role: Option<String>,
    /// With `next`: only tasks of this project, by id or name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub project_id: Option<Reference>,
    /// Who claims; the connected assistant when not given.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 200))]
    pub worker: Option<String>,
    /// How long the claim holds without a heartbeat, in seconds; 900 when not given.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 5, max = 86_400), extend("x-hint" = "default 900"))]
    pub lease_seconds: Option<i64>,
    /// A claim one holds: renews its lease, or ends it with `release`.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(extend("x-hint" = "heartbeat: renews this claim"))]
    pub execution_id: Option<Reference>,
    /// Gives the task back to the queue; needs `execution_id`.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    #[schemars(extend("x-hint" = "give the task back"))]
    pub release: bool,
    /// Makes a retry safe: the same id returns the first result.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 200))]
    pub request_id: Option<String>,
}

/// What a claim brought.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Claim {
    /// The task; absent when `next` found none ready.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub task: Option<Task>,
    /// The claim; absent when `next` found none ready.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub execution: Option<Execution>,
    /// The role that the task names, with its brief.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub role: Option<Role>,
    /// Why there is no task, or what to do next.
    pub message: String,
    /// Whether this is the remembered result of an earlier call with the same `request_id`.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub replayed: bool,
    /// What the text guard changed or flagged.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub guard: Option<GuardReport>,
}
