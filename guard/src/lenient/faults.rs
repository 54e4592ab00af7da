//! What is said of an input that does not fit.

use serde_json::Value;
use shared_types::{Error, ErrorCode};

use crate::{path::Path, shape::Field, suggest::nearest};

pub(super) fn missing(name: &str, path: &Path<'_>) -> Error {
    Error::new(ErrorCode::MissingField, format!("{name} is required")).at(path.to_string())
}

pub(super) fn invalid(message: String, path: &Path<'_>) -> Error {
    Error::new(ErrorCode::InvalidValue, message).at(path.to_string())
}

pub(super) fn unknown_field(unknown: &str, fields: &[(String, Field)], path: &Path<'_>) -> Error {
    let known = || fields.iter().map(|(name, _)| name.as_str());
    let beginning: String = unknown.chars().take(100).collect();
    let error = Error::new(ErrorCode::UnknownField, format!("there is no field {}", shown(unknown)))
        .at(Path::Key(path, &beginning).to_string());
    match nearest(unknown, known()) {
        Some(name) => error.suggest(format!("Did you mean {name:?}?")),
        None if fields.is_empty() => error.suggest("This operation takes no fields."),
        None => error.suggest(format!("Known fields: {}.", known().collect::<Vec<_>>().join(", "))),
    }
}

pub(super) fn wrong_type(expected: &str, value: &Value, path: &Path<'_>) -> Error {
    let got = match value {
        Value::Null => "null".to_owned(),
        Value::Bool(flag) => flag.to_string(),
        Value::Number(number) => number.to_string(),
        Value::String(text) => shown(text),
        Value::Array(_) => "an array".to_owned(),
        Value::Object(_) => "an object".to_owned(),
    };
    invalid(format!("expected {expected}, got {got}"), path)
}

/// The beginning of a text in quotes, for messages.
pub(super) fn shown(text: &str) -> String {
    match text.char_indices().nth(60) {
        Some((end, _)) => format!("{:?}…", &text[..end]),
        None => format!("{text:?}"),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::shape::Shape;

    #[test]
    fn a_wrong_value_is_shown_in_short() {
        let long = "é".repeat(61);
        for (value, got) in [
            (json!(null), "null".to_owned()),
            (json!(false), "false".to_owned()),
            (json!(1.5), "1.5".to_owned()),
            (json!("a\"b"), r#""a\"b""#.to_owned()),
            (json!("é".repeat(60)), format!("{:?}", "é".repeat(60))),
            (json!(long), format!("{:?}…", "é".repeat(60))),
            (json!([1]), "an array".to_owned()),
            (json!({}), "an object".to_owned()),
        ] {
            let error = wrong_type("a flag", &value, &Path::Root);
            assert_eq!(error.message, format!("expected a flag, got {got}"));
        }
    }

    #[test]
    fn an_unknown_field_is_answered_with_what_is_known() {
        let field =
            |name: &str| (name.to_owned(), Field { shape: Shape::Any, nullable: true, required: false });
        let tasks = Path::Key(&Path::Root, "tasks");
        let of = |name: &str, fields: &[_]| unknown_field(name, fields, &tasks);
        let error = of("x", &[field("title"), field("role")]);
        assert_eq!((error.code, error.field.as_deref()), (ErrorCode::UnknownField, Some("tasks.x")));
        assert_eq!(error.suggestions, ["Known fields: title, role."]);
        assert_eq!(of("x", &[]).suggestions, ["This operation takes no fields."]);
        assert_eq!(of("rule", &[field("role")]).suggestions, ["Did you mean \"role\"?"]);
        let error = of(&"x".repeat(101), &[]);
        assert_eq!(error.field, Some(format!("tasks.{}", "x".repeat(100))));
    }
}
