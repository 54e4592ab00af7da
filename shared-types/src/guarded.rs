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

impl GuardReport {
    /// What the report says of the entity at `path` of a larger input, such as
    /// `tasks[2]`, with fields named from there, and without what it says of entities inside
    /// it (`subtasks`). `None` if that is nothing.
    pub fn about(&self, path: &str) -> Option<Self> {
        let inside = |field: &str| {
            let field =
                if path.is_empty() { Some(field) } else { field.strip_prefix(path)?.strip_prefix('.') };
            field
                .filter(|field| !field.starts_with("subtasks[") && !field.starts_with("tasks["))
                .map(str::to_owned)
        };
        let findings: Vec<_> = self
            .findings
            .iter()
            .filter_map(|finding| Some(GuardFinding { field: inside(&finding.field)?, ..finding.clone() }))
            .collect();
        // How many of the findings that are not listed belong here is not known.
        let count = if findings.len() == self.findings.len() {
            self.count
        } else {
            findings.len().try_into().ok()?
        };
        (count > 0).then_some(Self { count, findings })
    }
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
    /// What stood there. Of text that was only flagged, its beginning, with what cannot be seen
    /// named.
    pub found: String,
    /// What stands there now; absent when the text was only flagged.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub replaced_by: Option<String>,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn report(fields: &[&str]) -> GuardReport {
        let finding = |field: &&str| GuardFinding {
            field: (*field).to_owned(),
            rule: "markup".to_owned(),
            start: 0,
            end: 1,
            found: "<".to_owned(),
            replaced_by: None,
        };
        GuardReport { count: 30, findings: fields.iter().map(finding).collect() }
    }

    #[test]
    fn each_entity_hears_of_its_own_findings() {
        let fields = |report: Option<GuardReport>| -> Vec<String> {
            report.into_iter().flat_map(|report| report.findings).map(|finding| finding.field).collect()
        };
        let batch = report(&["tasks[1].title", "tasks[10].title", "tasks[1].subtasks[0].title"]);
        assert_eq!(fields(batch.about("tasks[1]")), ["title"]);
        assert_eq!(batch.about("tasks[1]").map(|report| report.count), Some(1));
        assert_eq!(fields(batch.about("tasks[1].subtasks[0]")), ["title"]);
        assert_eq!(batch.about("tasks[2]"), None);
        assert_eq!(batch.about(""), None);
        let one = report(&["title", "tags[3]"]);
        assert_eq!(one.about(""), Some(one.clone()));
    }
}
