//! Pure functions on untrusted data: JSON limits, lenient reading, text guard, redaction.
//!
//! No I/O, no async. The MCP server, the REST face and the JSON-RPC face call the same
//! [`Intake`], so the same input meets the same verdict wherever it enters:
//!
//! 1. [`limits`]: how deep, wide and long JSON may be;
//! 2. [`lenient`]: the input as its operation declares it, whatever form it came in;
//! 3. [`text`]: what is taken out of text, and said to be.
//!
//! The way out is [`disclose`], which decides what a caller is told of a fault, and [`redact`]: what
//! an error or a log line must not give away.

mod disclosure;
pub mod intake;
pub mod lenient;
pub mod limits;
mod path;
pub mod redact;
mod scan;
mod shape;
pub mod suggest;
pub mod text;

pub use disclosure::{Disclosure, disclose};
pub use intake::{Accepted, Intake};
pub use limits::{InvalidLimit, Limits};
pub use text::{Policy, UnknownPolicy};
