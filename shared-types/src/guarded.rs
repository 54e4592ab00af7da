//! What the text guard did to an input, as the caller is told.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// What the guard changed or flagged.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct GuardReport {
    /// How many findings there were; at most 20 are listed.
    pub count: i64,
    /// The first of them.
    pub findings: Vec<GuardFinding>,
}

/// One finding.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct GuardFinding {
    /// Path of the argument, such as `tasks[3].title`.
    pub field: String,
    /// The rule that found it.
    pub rule: String,
    /// First byte of the finding in the text as it was sent.
    pub start: i64,
    /// First byte after it.
    pub end: i64,
    /// What stood there.
    pub found: String,
    /// What stands there now; absent when the text was only flagged.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub replaced_by: Option<String>,
}
