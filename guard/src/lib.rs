//! Pure functions on untrusted data: JSON limits, lenient reading, text guard, redaction.
//!
//! No I/O, no async. The MCP server, the REST face and the JSON-RPC face call the same
//! [`Intake`], so the same input meets the same verdict wherever it enters.

pub mod intake;
pub mod limits;
pub mod redact;
pub mod suggest;

pub use intake::{Accepted, Intake};
pub use limits::Limits;
