//! The store as lines of JSON: what an export writes and an import reads.
//!
//! The first line is a [`Header`]; then comes one [`Line`] for each project, task, note, document,
//! execution and change, in this order of kinds and each kind in the order of its key. Nothing in it
//! varies from one export to the next, so that two exports of the same content are the same bytes.
//!
//! Left out is what follows from the rest (chunks, counts, tags, the full-text index, open
//! dependencies), and the answers kept for repeated requests, which are no content.

mod columns;
mod export;
mod import;
mod intake;
mod kinds;
mod links;
mod merge;
mod report;

use serde::{Deserialize, Serialize};
use shared_types::Error;

use self::kinds::{ChangeRecord, DocumentRecord, ExecutionRecord, NoteRecord, ProjectRecord, TaskRecord};
pub use self::{
    export::export,
    import::{ImportOptions, import},
    report::{Conflict, Counts, ImportReport},
};
use super::OpenError;

/// What the first line calls itself.
const FORMAT: &str = "bindery-export";

/// The version of the lines.
const VERSION: u32 = 1;

/// The first line.
#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Header {
    format: String,
    version: u32,
    /// The schema of the store it came from.
    schema: i64,
}

/// Any other line, under the name of its kind.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Line {
    Project(ProjectRecord),
    Task(Box<TaskRecord>),
    Note(NoteRecord),
    Document(Box<DocumentRecord>),
    Execution(ExecutionRecord),
    Change(Box<ChangeRecord>),
}

/// Why an export or an import stopped. An import has changed nothing then.
#[derive(Debug, thiserror::Error)]
pub enum PortableError {
    /// The store cannot be opened.
    #[error(transparent)]
    Open(#[from] OpenError),
    /// A line cannot be taken.
    #[error("line {number}: {}", told(error))]
    Line {
        /// Its number; the header is the first.
        number: u64,
        /// Why.
        error: Box<Error>,
    },
    /// It was asked to stop.
    #[error("stopped; nothing was changed")]
    Stopped,
    /// The database failed.
    #[error("the database failed: {0}")]
    Database(#[from] rusqlite::Error),
    /// What is stored is not what the store writes.
    #[error("what is stored cannot be read ({0}): `bindery-backend check` says more")]
    Unreadable(#[from] serde_json::Error),
    /// The lines cannot be read or written.
    #[error("{0}")]
    Io(#[from] std::io::Error),
}

/// The error with the field it is about and the next step.
fn told(error: &Error) -> String {
    let field = error.field.as_ref().map(|field| format!("{field}: ")).unwrap_or_default();
    let steps: String = error.suggestions.iter().map(|step| format!(" {step}")).collect();
    format!("{field}{}.{steps}", error.message.trim_end_matches('.'))
}
