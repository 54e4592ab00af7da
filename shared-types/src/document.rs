//! Documents: reference text, cut into chunks that search can find.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{DocumentId, ProjectId, Reference, TaskId, Timestamp, guarded::GuardReport};

/// The most characters that a document's content can have.
pub const CONTENT_LIMIT: usize = 1_000_000;

/// An indexed document.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Document {
    /// Its id.
    pub id: DocumentId,
    /// The name under which it is indexed, such as a path or a URL.
    pub uri: String,
    /// Its title.
    pub title: String,
    /// SHA-256 of the content, in hexadecimal.
    pub content_hash: String,
    /// Length of the content in bytes.
    pub bytes: i64,
    /// Number of chunks.
    pub chunks: i64,
    /// The project to which it belongs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub project_id: Option<ProjectId>,
    /// The task to which it belongs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub task_id: Option<TaskId>,
    /// When it was first indexed.
    pub created_at: Timestamp,
    /// When its content last changed.
    pub updated_at: Timestamp,
    /// Goes up by one with every change.
    pub version: i64,
    /// The text as it was indexed; with `get_document`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub content: Option<String>,
}

/// Indexes a text under a name, replaces it, or removes it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct IndexDocument {
    /// The name to index it under, such as a path or a URL; the same name replaces.
    #[schemars(length(min = 1, max = 1000), extend("x-hint" = "path or URL; the same uri replaces"))]
    pub uri: String,
    /// Its text. Required, unless `remove` is set.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 1_000_000))]
    pub content: Option<String>,
    /// Its title; the first heading or line of the text when not given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 500))]
    pub title: Option<String>,
    /// The project to which it belongs: id or name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub project_id: Option<Reference>,
    /// The task to which it belongs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub task_id: Option<Reference>,
    /// Removes the document from the index.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub remove: bool,
    /// Makes a retry safe: the same id returns the first result.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 200))]
    pub request_id: Option<String>,
}

/// What indexing did.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
#[schemars(inline)]
pub enum IndexOutcome {
    /// The name was free.
    Created,
    /// The name had other content.
    Replaced,
    /// The name already had exactly this content.
    Unchanged,
    /// The document is no longer found.
    Removed,
}

/// A document that was indexed.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct DocumentWritten {
    /// The document as the row is now, without its content.
    pub document: Document,
    /// What was done.
    pub outcome: IndexOutcome,
    /// Whether this is the remembered result of an earlier call with the same `request_id`.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub replayed: bool,
    /// What the text guard changed or flagged.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub guard: Option<GuardReport>,
}

/// Reads one document with its content.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct GetDocument {
    /// Its id or its uri.
    #[schemars(length(max = 1000))]
    pub document_id: String,
}

/// One document that was read.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct DocumentRead {
    /// The document.
    pub document: Document,
}

/// Lists documents, newest first.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct ListDocuments {
    /// Only this project: its id or its name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub project_id: Option<Reference>,
    /// At most this many; 50 when not given.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 1000))]
    pub limit: Option<i64>,
    /// Where the last page ended, as it was returned.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 500))]
    pub cursor: Option<String>,
}

/// A page of documents.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct DocumentPage {
    /// The documents.
    pub documents: Vec<Document>,
    /// Give this as `cursor` for the next page; absent on the last.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next_cursor: Option<String>,
}
