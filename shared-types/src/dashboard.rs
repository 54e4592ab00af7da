//! Where everything stands, in one look.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{Reference, project::Project, task::TaskRow};

/// Asks for the numbers.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct GetDashboard {
    /// Only this project: its id or its name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub project_id: Option<Reference>,
}

/// Tasks by status.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[expect(missing_docs, reason = "each counts the status of that name")]
pub struct StatusCounts {
    pub todo: i64,
    pub doing: i64,
    pub done: i64,
    pub blocked: i64,
    pub cancelled: i64,
}

/// Open tasks by priority.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[expect(missing_docs, reason = "each counts the priority of that name")]
pub struct PriorityCounts {
    pub low: i64,
    pub normal: i64,
    pub high: i64,
    pub urgent: i64,
}

/// A worker and what it holds.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct WorkerLoad {
    /// Who.
    pub worker: String,
    /// Claims whose lease runs.
    pub claims: i64,
}

/// Where everything stands.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Dashboard {
    /// All tasks that are not deleted.
    pub total: i64,
    /// By status.
    pub by_status: StatusCounts,
    /// Open ones by priority.
    pub open_by_priority: PriorityCounts,
    /// Tasks that can be started now.
    pub ready: i64,
    /// Open tasks that wait for others.
    pub waiting: i64,
    /// Open tasks whose due date has passed.
    pub overdue: i64,
    /// Documents that are indexed.
    pub documents: i64,
    /// Workers that hold tasks, busiest first, at most ten.
    pub workers: Vec<WorkerLoad>,
    /// Active projects, newest first, at most twenty.
    pub projects: Vec<Project>,
    /// The tasks to start next, most important first, at most five.
    pub next: Vec<TaskRow>,
}
