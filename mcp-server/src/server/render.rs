//! Results as compact text, for clients that show the model only the text.
//!
//! The text holds every fact of the structured content: one line an entity, `name: value` where
//! a name is needed, long text as it is.

use serde_json::Value;
use shared_types::JsonObject;

/// `value` as text.
pub(crate) fn render(value: &Value) -> String {
    let mut text = String::new();
    match value {
        Value::Object(object) => members(object, 0, &mut text),
        other => push_inline(other, &mut text),
    }
    text.truncate(text.trim_end().len());
    text
}

fn members(object: &JsonObject, level: usize, text: &mut String) {
    for (name, value) in object {
        match value {
            Value::Array(items) if items.iter().any(Value::is_object) => {
                indent(level, text);
                text.push_str(&format!("{name}:\n"));
                items.iter().for_each(|item| entity(item, level + 1, text));
            }
            Value::Object(inner) if !is_flat(inner) => {
                indent(level, text);
                text.push_str(&format!("{name}:\n"));
                members(inner, level + 1, text);
            }
            _ => {
                indent(level, text);
                text.push_str(&format!("{name}: "));
                push_inline(value, text);
                text.push('\n');
            }
        }
    }
}

/// One line for a flat entity; what does not fit on a line follows below it.
fn entity(value: &Value, level: usize, text: &mut String) {
    indent(level, text);
    text.push_str("- ");
    let Value::Object(object) = value else {
        push_inline(value, text);
        text.push('\n');
        return;
    };
    let (short, long): (Vec<_>, Vec<_>) = object.iter().partition(|(_, value)| fits_on_a_line(value));
    let words: Vec<String> = short.into_iter().map(|(name, value)| word(name, value)).collect();
    text.push_str(&words.join(" "));
    text.push('\n');
    for (name, value) in long {
        members(&JsonObject::from_iter([(name.clone(), value.clone())]), level + 1, text);
    }
}

/// Ids, titles and choices speak for themselves; everything else is named.
fn word(name: &str, value: &Value) -> String {
    let mut word = match name {
        "id" | "title" | "name" | "status" | "priority" | "kind" => String::new(),
        _ => format!("{name}:"),
    };
    push_inline(value, &mut word);
    word
}

fn fits_on_a_line(value: &Value) -> bool {
    match value {
        Value::String(text) => !text.contains('\n') && text.len() <= 200,
        Value::Array(items) => !items.iter().any(Value::is_object),
        Value::Object(object) => is_flat(object),
        _ => true,
    }
}

/// Whether JSON on one line shows the object as it is, with nothing nested and nothing escaped.
fn is_flat(object: &JsonObject) -> bool {
    object.values().all(|value| match value {
        Value::Object(_) | Value::Array(_) => false,
        Value::String(text) => !text.contains(|c: char| c.is_control() || c == '"' || c == '\\'),
        _ => true,
    })
}

fn push_inline(value: &Value, text: &mut String) {
    match value {
        Value::String(inner) => text.push_str(inner),
        Value::Array(items) => {
            for (index, item) in items.iter().enumerate() {
                if index > 0 {
                    text.push(',');
                }
                push_inline(item, text);
            }
        }
        other => text.push_str(&other.to_string()),
    }
}

fn indent(level: usize, text: &mut String) {
    text.extend(std::iter::repeat_n("  ", level));
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn rows_are_lines_and_long_text_is_kept() {
        let page = json!({
            "tasks": [
                {"id": "0A", "title": "First", "status": "todo", "tags": ["x", "y"], "version": 1},
                {"id": "0B", "title": "Second", "description": "two\nlines", "labels": {"a": {"b": 1}}},
            ],
            "next_cursor": "c",
        });
        assert_eq!(
            render(&page),
            "tasks:\n  - 0A First todo tags:x,y version:1\n  - 0B Second\n    description: two\nlines\n    labels:\n      a: {\"b\":1}\nnext_cursor: c"
        );
    }

    #[test]
    fn every_fact_of_the_structured_content_is_in_the_text() {
        fn leaves(value: &Value, found: &mut Vec<String>) {
            match value {
                Value::Array(items) => items.iter().for_each(|item| leaves(item, found)),
                Value::Object(object) => object.values().for_each(|item| leaves(item, found)),
                Value::String(text) => found.push(text.clone()),
                other => found.push(other.to_string()),
            }
        }
        let value = json!({
            "task": {"id": "0A", "labels": {"big": u64::MAX, "deep": {"list": [1, {"x": null}]}}, "history": [
                {"seq": 1, "before": {"title": "a\nb"}, "after": {"title": "c", "tags": ["d"]}}
            ]},
            "unblocked": ["0B", "0C"], "replayed": true,
        });
        let text = render(&value);
        let mut found = Vec::new();
        leaves(&value, &mut found);
        for leaf in found {
            assert!(text.contains(&leaf), "{leaf} is missing in\n{text}");
        }
    }
}
