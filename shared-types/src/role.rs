//! Roles: what kind of worker a task wants, and what that worker is told.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// A role, built in or from the operator's `.vespera/roles.toml`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Role {
    /// Its name.
    pub name: String,
    /// What it does, in one line.
    pub description: String,
    /// What it can be asked for.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub capabilities: Vec<String>,
    /// Glob patterns of the files it works on.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub file_patterns: Vec<String>,
    /// What it must not do.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub restrictions: Vec<String>,
    /// How many tokens of context its work should fit in.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub context_limit: Option<i64>,
    /// What the worker is told; with `name`, and on a claim.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub brief: Option<String>,
}

/// Lists roles.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct ListRoles {
    /// Only this role, with its brief.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 100), extend("x-hint" = "one role, with its brief"))]
    pub name: Option<String>,
}

/// The roles.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct RoleList {
    /// The roles, by name.
    pub roles: Vec<Role>,
}
