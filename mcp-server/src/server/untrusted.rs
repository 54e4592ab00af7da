//! The mark on text that others wrote.
//!
//! What is stored came from assistants, programs and people that the reader need not trust, so
//! every result that may hold some of it says so, for clients that keep such text apart. The
//! protocol has no key for this; ours is named as it asks, after a reversed domain.

use rmcp::model::MetaObject;
use serde_json::Value;

const KEY: &str = "io.github.bindery/untrusted";

/// The `_meta` of a result that is data and no instruction.
pub(super) fn mark() -> MetaObject {
    MetaObject([(KEY.to_owned(), Value::Bool(true))].into_iter().collect())
}
