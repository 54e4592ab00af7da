//! JSON-RPC 2.0 envelopes.

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::Error;

/// A request id: a string or a number, sent back as it came.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(untagged)]
pub enum RequestId {
    /// A number.
    Number(i64),
    /// A string.
    Text(String),
}

/// A failed response; `id` is `None` when the request's id could not be read.
pub fn failure(id: Option<&RequestId>, error: &Error) -> Value {
    json!({
        "jsonrpc": "2.0",
        "id": id,
        "error": { "code": error.code.rpc_code(), "message": error.message, "data": error.to_data() },
    })
}
