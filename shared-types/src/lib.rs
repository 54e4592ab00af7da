//! The contract of Bindery: ids, entities, operations, errors and JSON-RPC envelopes.
//!
//! Every operation is declared once, in [`operation`]. REST routes, JSON-RPC methods, the client
//! and the MCP tools are four faces of that one list. This crate knows no web framework, no
//! database and no async runtime.

pub mod announcement;
pub mod dashboard;
pub mod document;
pub mod error;
pub mod execution;
pub mod guarded;
pub mod health;
pub mod history;
pub mod id;
pub mod operation;
pub mod patch;
pub mod project;
pub mod role;
pub mod rpc;
pub mod schema;
pub mod search;
pub mod task;
pub mod time;

pub use error::{Error, ErrorCode};
pub use id::{DocumentId, ExecutionId, NoteId, ProjectId, Reference, TaskId};
pub use operation::{Effect, Method, Operation, Spec};
pub use patch::Patch;
pub use time::Timestamp;

/// A JSON object, in the order it was written.
pub type JsonObject = serde_json::Map<String, serde_json::Value>;
