//! A result as a person reads it.

use serde_json::Value;
use shared_types::JsonObject;

use crate::terminal::{NAME, QUIET, harmless, one_line, styled};

/// The fields that say what a row is; they stand first, without their names.
const HEADLINE: [&str; 7] = ["id", "kind", "status", "name", "title", "text", "action"];

/// Any result as text: fields one a line, rows of a list one a line.
pub(super) fn to_text(value: &Value) -> String {
    let mut lines = Vec::new();
    match value {
        Value::Object(object) => fields(object, 0, &mut lines),
        other => lines.push(scalar(other)),
    }
    if lines.is_empty() { styled(QUIET, "nothing") } else { lines.join("\n") }
}

fn fields(object: &JsonObject, depth: usize, lines: &mut Vec<String>) {
    let indent = "  ".repeat(depth);
    for (name, value) in object {
        let name = styled(NAME, harmless(name));
        match value {
            Value::Array(rows) if rows.iter().any(Value::is_object) => {
                lines.push(format!("{indent}{name} ({})", rows.len()));
                lines.extend(rows.iter().map(|row| format!("{indent}  {}", self::row(row))));
            }
            Value::Object(inner) if !inner.is_empty() => {
                lines.push(format!("{indent}{name}"));
                fields(inner, depth + 1, lines);
            }
            Value::String(text) if text.contains('\n') => {
                lines.push(format!("{indent}{name}"));
                lines.extend(harmless(text).lines().map(|line| format!("{indent}  {line}")));
            }
            other => lines.push(format!("{indent}{name}: {}", scalar(other))),
        }
    }
}

/// One row of a list: what it is, then the rest as `name=value`.
fn row(row: &Value) -> String {
    let Value::Object(row) = row else { return scalar(row) };
    let head = HEADLINE.iter().filter_map(|name| row.get(*name)).map(scalar);
    let rest = row
        .iter()
        .filter(|(name, _)| !HEADLINE.contains(&name.as_str()))
        .map(|(name, value)| styled(QUIET, format_args!("{}={}", harmless(name), scalar(value))));
    head.chain(rest).collect::<Vec<_>>().join("  ")
}

/// A value on one line.
fn scalar(value: &Value) -> String {
    match value {
        Value::String(text) => one_line(text),
        Value::Array(items) => items.iter().map(scalar).collect::<Vec<_>>().join(", "),
        other => harmless(&other.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn plain(value: &Value) -> String {
        anstream::adapter::strip_str(&to_text(value)).to_string()
    }

    #[test]
    fn lists_have_a_row_a_line() {
        let page = json!({
            "tasks": [{ "id": "A", "title": "Fix\nit", "status": "todo", "tags": ["x", "y"] }],
            "next_cursor": "c"
        });
        assert_eq!(plain(&page), "tasks (1)\n  A  todo  Fix it  tags=x, y\nnext_cursor: c");
    }

    #[test]
    fn objects_are_indented_and_texts_keep_their_lines() {
        let read = json!({ "task": { "id": "A", "description": "one\ntwo", "labels": {} } });
        assert_eq!(plain(&read), "task\n  id: A\n  description\n    one\n    two\n  labels: {}");
        assert_eq!(plain(&json!({})), "nothing");
    }

    #[test]
    fn a_title_cannot_speak_to_the_terminal() {
        let page = json!({ "tasks": [{ "title": "\u{1b}]0;owned\u{7}" }] });
        assert!(!plain(&page).contains('\u{1b}') && !to_text(&page).contains('\u{7}'));
    }
}
