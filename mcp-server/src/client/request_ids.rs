//! Request ids for writes whose callers gave none.

use std::{
    hash::{BuildHasher, RandomState},
    sync::atomic::{AtomicU64, Ordering},
};

use serde_json::Value;
use shared_types::JsonObject;

/// Makes request ids that no other process makes.
#[derive(Debug, Default)]
pub(super) struct RequestIds {
    random: RandomState,
    count: AtomicU64,
}

impl RequestIds {
    /// `input` with a `request_id`.
    pub(super) fn complete(&self, mut input: Value) -> Value {
        if input.is_null() {
            input = Value::Object(JsonObject::new());
        }
        if let Some(object) = input.as_object_mut()
            && object.get("request_id").is_none_or(Value::is_null)
        {
            object.insert("request_id".to_owned(), self.next().into());
        }
        input
    }

    fn next(&self) -> String {
        let count = self.count.fetch_add(1, Ordering::Relaxed);
        // Keyed with 128 bits from the system, and half of the input differs: 128 bits come out.
        let half = |which: u8| self.random.hash_one((which, count));
        format!("auto-{:016x}{:016x}", half(0), half(1))
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_write_gets_a_request_id_and_keeps_its_own() {
        let ids = RequestIds::default();
        let id = |input| ids.complete(input)["request_id"].as_str().unwrap().to_owned();
        assert_eq!(id(json!({ "request_id": "mine" })), "mine");
        let (first, second) = (id(json!({ "title": "x" })), id(Value::Null));
        assert!(first.starts_with("auto-") && first.len() == 37, "{first}");
        assert_ne!(first, second);
    }
}
