//! Full-text search.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{Reference, guarded::GuardReport};

/// What can be found.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
#[schemars(inline)]
pub enum EntityKind {
    /// A task.
    Task,
    /// A project.
    Project,
    /// A note on a task.
    Note,
    /// A chunk of a document.
    Document,
}

impl EntityKind {
    /// Every kind.
    pub const ALL: [Self; 4] = [Self::Task, Self::Project, Self::Note, Self::Document];

    /// The kind as it is stored and sent.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Task => "task",
            Self::Project => "project",
            Self::Note => "note",
            Self::Document => "document",
        }
    }
}

/// The order of what is found.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
#[schemars(inline)]
pub enum SearchSort {
    /// Best match first (BM25).
    #[default]
    Rank,
    /// Newest first.
    Newest,
}

/// Searches tasks, projects, notes and documents.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct SearchEntities {
    /// Words to find; all must occur. `"…"` finds a phrase, `word*` a beginning.
    #[schemars(length(min = 1, max = 1000), extend("x-hint" = "words (all must match), \"a phrase\", prefix*"))]
    pub query: String,
    /// Only these kinds.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 4))]
    pub types: Vec<EntityKind>,
    /// Only this project: its id or its name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub project_id: Option<Reference>,
    /// The order; `rank` when not given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sort: Option<SearchSort>,
    /// At most this many; 20 when not given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 100))]
    pub limit: Option<i64>,
    /// Where the last page ended, as it was returned.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 500))]
    pub cursor: Option<String>,
}

/// One thing that was found.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct SearchHit {
    /// What it is.
    pub kind: EntityKind,
    /// Its id: of the task, the project, the note's task, or the document.
    pub id: String,
    /// Its title, name or uri.
    pub title: String,
    /// The place that matches; `**` marks the words.
    pub snippet: String,
    /// Lower is better; absent with `newest`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rank: Option<f64>,
    /// Status of a task or of a note's task.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub status: Option<String>,
}

/// A page of what was found.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct SearchPage {
    /// What was found.
    pub hits: Vec<SearchHit>,
    /// Give this as `cursor` for the next page; absent on the last.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next_cursor: Option<String>,
    /// What the text guard changed or flagged.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub guard: Option<GuardReport>,
}
