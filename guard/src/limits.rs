//! JSON limits, checked in one pass over the bytes before anything is built from them.

mod bytes;
mod level;
mod value;
mod variables;

use std::fmt;

use serde_json::Value;
use shared_types::{Error, ErrorCode, document::CONTENT_LIMIT};

use crate::path::Path;
use level::{Key, Level};

pub use variables::InvalidLimit;

/// How deep, wide and long an input may be.
///
/// [`Limits::read`] takes each from the variable that is named beside it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Limits {
    /// Levels of objects and arrays. Each element of a `subtasks` array starts again at its
    /// parent's level, so that plans may nest [`Limits::subtask_levels`] deep (`BINDERY_MAX_DEPTH`).
    pub depth: usize,
    /// How many `subtasks` arrays may lie within one another.
    pub subtask_levels: usize,
    /// Keys in one object (`BINDERY_MAX_KEYS`).
    pub keys: usize,
    /// Items in one array (`BINDERY_MAX_ITEMS`).
    pub items: usize,
    /// Unicode scalar values in one string (`BINDERY_MAX_CHARACTERS`).
    pub characters: usize,
    /// Unicode scalar values in a document's `content`, which is longer than any other text
    /// (`BINDERY_MAX_CONTENT`).
    pub content_characters: usize,
    /// Bytes of an input that comes as a JSON text inside a string (`BINDERY_MAX_WRAPPED`).
    pub wrapped_bytes: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            depth: 10,
            subtask_levels: 10,
            keys: 100,
            items: 1000,
            characters: 10_000,
            content_characters: CONTENT_LIMIT,
            wrapped_bytes: 100_000,
        }
    }
}

impl Limits {
    /// Checks a JSON document. `envelope` is the number of levels around the input, such as 1
    /// for the `params` of a JSON-RPC request.
    ///
    /// # Errors
    /// `invalid_json`, or `limit_exceeded` or `refused` at the path that breaks a limit.
    pub fn check_bytes(&self, bytes: &[u8], envelope: usize) -> Result<(), Error> {
        let text = str::from_utf8(bytes).map_err(|error| not_json(format_args!("{error}")))?;
        bytes::check(self, envelope, text)
    }

    /// Checks a document that was built already.
    ///
    /// # Errors
    /// `limit_exceeded` or `refused` at the path that breaks a limit.
    pub fn check_value(&self, value: &Value, form: Form) -> Result<(), Error> {
        value::Pass { limits: self, form }.check(value, Key::Other, Level::default(), &Path::Root)
    }
}

/// Whether strings may still hold JSON that is to be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Form {
    /// As it was sent: a string that looks like JSON may have [`Limits::wrapped_bytes`].
    AsSent,
    /// As it was read: strings are only text.
    AsRead,
}

impl Limits {
    fn exceeded(&self, limit: usize, what: &str, path: &Path<'_>) -> Error {
        let error = Error::new(ErrorCode::LimitExceeded, format!("more than {limit} {what}"));
        at(error.with("limit", limit).suggest("Split the input into smaller ones."), path)
    }

    /// Checks how a key is written; `path` is the object's.
    fn check_key(&self, key: &str, path: &Path<'_>) -> Result<(), Error> {
        if key.starts_with("__") || key == "constructor" || key == "prototype" {
            let error = Error::new(ErrorCode::Refused, format!("the key {key:?} is not allowed"));
            return Err(at(error.suggest("Use another key."), path));
        }
        let is_plain = key.bytes().all(|byte| byte.is_ascii_graphic());
        if !is_plain && key.chars().any(char::is_control) {
            return Err(at(Error::new(ErrorCode::Refused, "a key contains a control character"), path));
        }
        Ok(())
    }

    /// Checks the length of a text that is the value of `key`. It never has more characters than
    /// bytes, so most texts need no counting.
    fn check_length(
        &self,
        bytes: usize,
        characters: impl FnOnce() -> usize,
        key: Key,
        may_be_json: impl FnOnce() -> bool,
        path: &Path<'_>,
    ) -> Result<(), Error> {
        let limit = if key == Key::Content { self.content_characters } else { self.characters };
        if bytes <= limit {
            return Ok(());
        }
        let characters = characters();
        if characters <= limit {
            return Ok(());
        }
        let limit = if may_be_json() { limit.max(self.wrapped_bytes) } else { limit };
        if characters <= limit {
            return Ok(());
        }
        Err(self.exceeded(limit, "characters in a string", path))
    }
}

/// Whether lenient reading might take the text for an object or an array.
fn looks_like_json(text: &str) -> bool {
    text.trim_start().starts_with(['{', '['])
}

fn at(error: Error, path: &Path<'_>) -> Error {
    if path.is_nothing() { error } else { error.at(path.to_string()) }
}

fn not_json(why: fmt::Arguments<'_>) -> Error {
    Error::new(ErrorCode::InvalidJson, format!("not valid JSON: {why}"))
        .suggest("Send one JSON document in UTF-8.")
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn code(json: &str) -> Option<ErrorCode> {
        Limits::default().check_bytes(json.as_bytes(), 0).err().map(|error| error.code)
    }

    fn nested(levels: usize) -> String {
        format!("{}1{}", "[".repeat(levels), "]".repeat(levels))
    }

    #[test]
    fn each_limit_holds_exactly() {
        let array = |n: usize| format!("[{}]", vec!["0"; n].join(","));
        let object =
            |n: usize| format!("{{{}}}", (0..n).map(|i| format!("\"k{i}\":0")).collect::<Vec<_>>().join(","));
        let text = |n: usize| format!("\"{}\"", "é".repeat(n));
        for (make, limit) in
            [(&nested as &dyn Fn(usize) -> String, 10), (&array, 1000), (&object, 100), (&text, 10_000)]
        {
            assert_eq!(code(&make(limit)), None);
            assert_eq!(code(&make(limit + 1)), Some(ErrorCode::LimitExceeded));
        }
    }

    #[test]
    fn a_bomb_of_brackets_is_refused_without_recursion() {
        assert_eq!(code(&"[".repeat(1_000_000)), Some(ErrorCode::LimitExceeded));
    }

    #[test]
    fn subtasks_nest_ten_levels_and_keep_their_own_depth() {
        let plan = |levels: usize| {
            let mut task = r#"{"title":"t","labels":{"a":{"b":{"c":1}}}}"#.to_owned();
            for _ in 0..levels {
                task = format!(r#"{{"title":"t","subtasks":[{task}]}}"#);
            }
            task
        };
        assert_eq!(code(&plan(10)), None);
        assert_eq!(code(&plan(11)), Some(ErrorCode::LimitExceeded));
    }

    #[test]
    fn dangerous_and_repeated_keys_are_refused_however_they_are_written() {
        for json in [
            r#"{"__proto__":1}"#,
            r#"{"\u005f\u005fproto\u005f\u005f":1}"#,
            r#"{"a":[{"constructor":1}]}"#,
            r#"{"prototype":1}"#,
            r#"{"__anything":1}"#,
            r#"{"a\u0000":1}"#,
            r#"{"title":1,"\u0074itle":2}"#,
        ] {
            assert_eq!(code(json), Some(ErrorCode::Refused), "{json}");
        }
        assert_eq!(code(r#"{"title":"__proto__ constructor"}"#), None);
    }

    #[test]
    fn the_path_starts_inside_the_envelope() {
        let json = format!(r#"{{"params":{{"tasks":[{{"title":"{}"}}]}}}}"#, "a".repeat(10_001));
        let error = Limits::default().check_bytes(json.as_bytes(), 1).unwrap_err();
        assert_eq!(error.field.as_deref(), Some("tasks[0].title"));
    }

    #[test]
    fn only_json_that_is_still_to_be_read_may_be_longer_than_a_text() {
        let value = Value::from(format!("[{}", "a".repeat(10_000)));
        assert!(Limits::default().check_value(&value, Form::AsSent).is_ok());
        assert!(Limits::default().check_value(&value, Form::AsRead).is_err());
    }

    #[test]
    fn values_meet_the_same_limits_as_bytes() {
        let long = |count: usize| "é".repeat(count);
        let object = |count: usize| (0..count).map(|i| (format!("k{i}"), Value::from(i))).collect::<Value>();
        for value in [
            serde_json::from_str(&nested(10)).unwrap(),
            serde_json::from_str(&nested(11)).unwrap(),
            json!({ "labels": object(100) }),
            json!({ "labels": object(101) }),
            json!([vec![1; 1000]]),
            json!([vec![1; 1001]]),
            json!({"a": [long(10_000)]}),
            json!({"a": [1, long(10_001)]}),
            json!({"content": long(1_000_000)}),
            json!({"content": long(1_000_001)}),
            json!({"content": [long(10_001)]}),
            json!({"a": {"b": {"__proto__": 1}}}),
            json!({"tasks": [{"a\u{1}": 1}]}),
            json!({"a": {"constructor": 1}}),
            json!({"a": {"prototype": 1}}),
            json!({"a": format!("[{}", long(90_000))}),
            json!({"subtasks": [{"subtasks": [{"labels": [[[[[[[[[1]]]]]]]]]}]}]}),
            json!({"subtasks": [{"subtasks": [{"labels": [[[[[[[[[[1]]]]]]]]]]}]}]}),
        ] {
            let of_bytes = Limits::default().check_bytes(value.to_string().as_bytes(), 0);
            assert_eq!(Limits::default().check_value(&value, Form::AsSent), of_bytes, "{of_bytes:?}");
        }
    }

    #[test]
    fn a_violation_is_told_with_its_place_and_the_limit() {
        for (json, field, limit) in [
            (json!({"a": [1, "x".repeat(10_001)]}), "a[1]", 10_000),
            (json!({"content": "x".repeat(1_000_001)}), "content", 1_000_000),
            (json!({"a": {"b": vec![0; 1001]}}), "a.b", 1000),
            (json!({"a": [[[[[[[[[[1]]]]]]]]]]}), "a[0][0][0][0][0][0][0][0][0]", 10),
        ] {
            let error = Limits::default().check_bytes(json.to_string().as_bytes(), 0).unwrap_err();
            assert_eq!((error.field.as_deref(), &error.context["limit"]), (Some(field), &json!(limit)));
        }
    }

    #[test]
    fn the_envelope_takes_no_level_of_the_input() {
        for envelope in [0, 1, 2] {
            let verdict = |levels| Limits::default().check_bytes(nested(levels).as_bytes(), envelope);
            assert!(verdict(10 + envelope).is_ok());
            assert!(verdict(11 + envelope).is_err());
        }
    }
}
