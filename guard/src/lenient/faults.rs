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
