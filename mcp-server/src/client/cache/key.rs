//! Which answers may be kept, and under which key.

use serde_json::Value;
use shared_types::Spec;

/// Reads whose answers change without a change to the store: states of the process, the operator's
/// roles file, and counts that depend on the time of day.
const NEVER_STORED: [&str; 5] =
    ["health_check", "get_pool_metrics", "get_pool_health", "list_roles", "get_dashboard_stats"];

/// The key of an answer: the operation and its input in one canonical form. `None` when the answer
/// must not be stored.
pub(in crate::client) fn key(spec: &Spec, input: &Value) -> Option<String> {
    let depends_on_the_clock = || ["ready", "overdue"].iter().any(|field| is_set(&input[field]));
    if !spec.is_read() || NEVER_STORED.contains(&spec.name) || depends_on_the_clock() {
        return None;
    }
    Some(format!("{} {}", spec.name, canonical(input)))
}

fn is_set(value: &Value) -> bool {
    !matches!(value, Value::Null | Value::Bool(false))
}

/// The value with the keys of every object in order.
fn canonical(value: &Value) -> Value {
    match value {
        Value::Object(object) => {
            let mut members: Vec<_> = object.iter().collect();
            members.sort_by_key(|(name, _)| *name);
            members.into_iter().map(|(name, value)| (name.clone(), canonical(value))).collect()
        }
        Value::Array(items) => items.iter().map(canonical).collect(),
        other => other.clone(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;
    use shared_types::operation::find;

    use super::*;

    #[test]
    fn the_order_of_fields_makes_no_difference() {
        let key = |input| key(find("list_tasks").unwrap(), &input);
        assert_eq!(
            key(json!({ "a": { "b": 1, "c": 2 }, "d": 3 })),
            key(json!({ "d": 3, "a": { "c": 2, "b": 1 } }))
        );
        assert_ne!(key(json!({ "tags": ["a", "b"] })), key(json!({ "tags": ["b", "a"] })));
    }

    #[test]
    fn what_changes_by_itself_is_not_stored() {
        let key = |name, input| key(find(name).unwrap(), &input);
        assert_eq!(key("create_task", json!({})), None);
        assert_eq!(key("health_check", json!({})), None);
        assert_eq!(key("list_tasks", json!({ "ready": true })), None);
        assert!(key("list_tasks", json!({ "ready": false })).is_some());
    }
}
