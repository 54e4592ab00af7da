//! Lenient reading: the input as its operation declares it, whatever form it came in.
//!
//! Clients send objects as JSON texts, numbers and flags as strings, arrays as comma-separated
//! words, or the whole input inside a wrapper field. The declared type decides what a value
//! means; nothing is guessed: `"2024"` stays text where a title is declared. The constraints of
//! the schema are enforced on the way.

use std::{collections::HashMap, sync::LazyLock};

use serde_json::{Value, map::Entry};
use shared_types::{Error, ErrorCode, JsonObject, Operation, Spec, Timestamp, for_each_operation, schema};

use crate::{
    Limits,
    shape::{Contract, Field, Shape, Text, TextKind},
    suggest::nearest,
};

static CONTRACTS: LazyLock<HashMap<&'static str, Contract>> = LazyLock::new(|| {
    macro_rules! contracts {
        ($($operation:ident),+) => {
            [$({
                type Input = <shared_types::operation::$operation as Operation>::Input;
                let name = shared_types::operation::$operation::SPEC.name;
                (name, Contract::from_schema(&schema::of_input::<Input>()))
            }),+]
        };
    }
    for_each_operation!(contracts).into_iter().collect()
});

/// Reads `input` as an input of the operation: unwraps it, turns strings into what is declared,
/// and enforces the schema.
///
/// # Errors
/// `missing_field`, `unknown_field`, `invalid_value` or `limit_exceeded`, at the path concerned.
pub fn read(spec: &Spec, input: Value, limits: &Limits) -> Result<Value, Error> {
    let Some(contract) = CONTRACTS.get(spec.name) else {
        return Err(Error::new(ErrorCode::UnknownOperation, format!("unknown operation {}", spec.name)));
    };
    let reader = Reader { contract, limits };
    let input = match input {
        Value::Null => JsonObject::new(),
        other => reader.object(other, "")?,
    };
    let input = reader.unwrap(spec, input)?;
    reader.value(&contract.root, Value::Object(input), "")
}

struct Reader<'a> {
    contract: &'a Contract,
    limits: &'a Limits,
}

impl Reader<'_> {
    /// Merges the wrapper's fields with those that stand beside it.
    fn unwrap(&self, spec: &Spec, mut input: JsonObject) -> Result<JsonObject, Error> {
        for name in [spec.wrapper, "input"] {
            if self.has_field(name) {
                continue;
            }
            let Some(wrapped) = input.remove(name) else { continue };
            for (key, value) in self.object(wrapped, name)? {
                match input.entry(key) {
                    Entry::Vacant(place) => {
                        place.insert(value);
                    }
                    Entry::Occupied(place) if *place.get() == value => {}
                    Entry::Occupied(place) => {
                        let key = place.key();
                        let message = format!("{key} is given both beside {name} and inside it");
                        return Err(Error::new(ErrorCode::InvalidValue, message).at(key.clone()));
                    }
                }
            }
        }
        Ok(input)
    }

    fn has_field(&self, name: &str) -> bool {
        matches!(&self.contract.root, Shape::Record(fields) if fields.iter().any(|(known, _)| known == name))
    }

    fn value(&self, shape: &Shape, value: Value, path: &str) -> Result<Value, Error> {
        match shape {
            Shape::Any => Ok(value),
            Shape::Text(text) => text_value(text, value, path),
            Shape::Integer { min, max } => integer(*min, *max, &value, path),
            Shape::Boolean => boolean(&value, path),
            Shape::List { items, max } => self.list(items, *max, value, path),
            Shape::Record(fields) => self.record(fields, value, path),
            Shape::Object => self.object(value, path).map(Value::Object),
            Shape::Named(name) => match self.contract.definitions.get(name) {
                Some(shape) => self.value(shape, value, path),
                None => Ok(value),
            },
        }
    }

    fn record(&self, fields: &[(String, Field)], value: Value, path: &str) -> Result<Value, Error> {
        let mut given = self.object(value, path)?;
        let mut read = JsonObject::with_capacity(given.len());
        for (name, field) in fields {
            let place = join(path, name);
            let Some(value) = given.remove(name) else {
                if field.required {
                    return Err(missing(name, &place));
                }
                continue;
            };
            if let Some(value) = self.field(field, value, &place)? {
                read.insert(name.clone(), value);
            }
        }
        match given.keys().next() {
            None => Ok(Value::Object(read)),
            Some(unknown) => Err(unknown_field(unknown, fields, path)),
        }
    }

    /// `None` when the value says "not given" for a field that cannot be null.
    fn field(&self, field: &Field, value: Value, path: &str) -> Result<Option<Value>, Error> {
        let says_nothing = value.is_null() || (field.nullable && is_empty_word(&field.shape, &value));
        if !says_nothing {
            return self.value(&field.shape, value, path).map(Some);
        }
        match (field.nullable, field.required) {
            (true, _) => Ok(Some(Value::Null)),
            (false, false) => Ok(None),
            (false, true) => Err(missing(path.rsplit('.').next().unwrap_or(path), path)),
        }
    }

    fn list(&self, items: &Field, max: Option<usize>, value: Value, path: &str) -> Result<Value, Error> {
        let values = match value {
            Value::Array(values) => values,
            Value::String(text) => self.list_from_text(&items.shape, &text, path)?,
            other => return Err(wrong_type("an array", &other, path)),
        };
        if let Some(max) = max.filter(|max| values.len() > *max) {
            return Err(Error::new(ErrorCode::LimitExceeded, format!("more than {max} items"))
                .at(path)
                .with("limit", max));
        }
        let read = values
            .into_iter()
            .enumerate()
            .map(|(i, value)| self.value(&items.shape, value, &format!("{path}[{i}]")));
        read.collect::<Result<_, _>>().map(Value::Array)
    }

    /// A JSON array in a string, or words between commas.
    fn list_from_text(&self, item: &Shape, text: &str, path: &str) -> Result<Vec<Value>, Error> {
        let trimmed = text.trim();
        if trimmed.starts_with('[') {
            return match self.parse(trimmed, path)? {
                Value::Array(values) => Ok(values),
                other => Err(wrong_type("an array", &other, path)),
            };
        }
        match item {
            Shape::Text(_) => {
                let words = trimmed.split(',').map(str::trim).filter(|word| !word.is_empty());
                Ok(words.map(Value::from).collect())
            }
            _ if trimmed.is_empty() => Ok(Vec::new()),
            _ => Err(wrong_type("an array", &Value::from(text), path)),
        }
    }

    /// An object, or a string that holds one as JSON.
    fn object(&self, value: Value, path: &str) -> Result<JsonObject, Error> {
        match value {
            Value::Object(object) => Ok(object),
            Value::String(text) if text.trim_start().starts_with('{') => match self.parse(&text, path)? {
                Value::Object(object) => Ok(object),
                other => Err(wrong_type("an object", &other, path)),
            },
            other => Err(wrong_type("an object", &other, path)),
        }
    }

    fn parse(&self, text: &str, path: &str) -> Result<Value, Error> {
        if text.len() > self.limits.wrapped_bytes {
            let limit = self.limits.wrapped_bytes;
            let error =
                Error::new(ErrorCode::LimitExceeded, format!("more than {limit} bytes of JSON in a string"));
            return Err(error.at(path).with("limit", limit).suggest("Send it as JSON, not as a string."));
        }
        self.limits.check_bytes(text.as_bytes(), 0).map_err(|error| {
            let field = match &error.field {
                Some(inner) if path.is_empty() => inner.clone(),
                Some(inner) => format!("{path}.{inner}"),
                None => path.to_owned(),
            };
            error.at(field)
        })?;
        serde_json::from_str(text)
            .map_err(|error| Error::new(ErrorCode::InvalidJson, format!("not valid JSON: {error}")).at(path))
    }
}

/// Whether an empty string means "nothing": for ids, choices, times, numbers and flags, where no
/// empty string is valid, but never for free text.
fn is_empty_word(shape: &Shape, value: &Value) -> bool {
    let empty = value.as_str().is_some_and(|text| text.trim().is_empty());
    empty && !matches!(shape, Shape::Text(Text { kind: TextKind::Free, .. }) | Shape::Any)
}

fn text_value(text: &Text, value: Value, path: &str) -> Result<Value, Error> {
    let Value::String(given) = value else {
        return Err(wrong_type("a string", &value, path));
    };
    let read = match &text.kind {
        TextKind::Free => given,
        TextKind::Reference => given.trim().to_owned(),
        TextKind::Choice(words) => choice(words, &given, path)?,
        TextKind::Time => match given.trim().parse::<Timestamp>() {
            Ok(time) => time.to_string(),
            Err(error) => return Err(invalid(format!("{error}, got {}", shown(&given)), path)),
        },
    };
    check_length(text, &read, path)?;
    Ok(Value::String(read))
}

fn choice(words: &[String], given: &str, path: &str) -> Result<String, Error> {
    let word = given.trim();
    if let Some(known) = words.iter().find(|known| known.eq_ignore_ascii_case(word)) {
        return Ok(known.clone());
    }
    let error = invalid(format!("expected one of {}, got {}", words.join(", "), shown(given)), path);
    Err(match nearest(word, words.iter().map(String::as_str)) {
        Some(known) => error.suggest(format!("Did you mean {known:?}?")),
        None => error,
    })
}

fn check_length(text: &Text, given: &str, path: &str) -> Result<(), Error> {
    if given.len() < text.min {
        return Err(invalid("must not be empty".to_owned(), path));
    }
    if let Some(max) = text.max.filter(|max| given.len() > *max && given.chars().count() > *max) {
        return Err(Error::new(ErrorCode::LimitExceeded, format!("longer than {max} characters"))
            .at(path)
            .with("limit", max)
            .suggest("Shorten it, or move the detail into description, a note or a document."));
    }
    Ok(())
}

fn integer(min: Option<i64>, max: Option<i64>, value: &Value, path: &str) -> Result<Value, Error> {
    let number = match value {
        Value::Number(number) => number.as_i64().or_else(|| whole(number.as_f64()?)),
        Value::String(text) => text.trim().parse().ok(),
        _ => None,
    };
    let Some(number) = number else {
        return Err(wrong_type("a whole number", value, path));
    };
    if min.is_some_and(|min| number < min) || max.is_some_and(|max| number > max) {
        let bound = |limit: Option<i64>| limit.map(|limit| limit.to_string()).unwrap_or_default();
        return Err(invalid(format!("must be in {}..={}, got {number}", bound(min), bound(max)), path));
    }
    Ok(number.into())
}

/// 3.0 is the whole number 3; beyond 2^53 a float no longer says which number is meant.
fn whole(number: f64) -> Option<i64> {
    #[expect(clippy::cast_possible_truncation, reason = "the range is checked")]
    (number.fract() == 0.0 && number.abs() <= 9_007_199_254_740_992.0).then_some(number as i64)
}

fn boolean(value: &Value, path: &str) -> Result<Value, Error> {
    let flag = match value {
        Value::Bool(flag) => Some(*flag),
        Value::String(text) => text.trim().to_ascii_lowercase().parse().ok(),
        _ => None,
    };
    flag.map(Value::Bool).ok_or_else(|| wrong_type("true or false", value, path))
}

fn join(path: &str, name: &str) -> String {
    if path.is_empty() { name.to_owned() } else { format!("{path}.{name}") }
}

fn missing(name: &str, path: &str) -> Error {
    Error::new(ErrorCode::MissingField, format!("{name} is required")).at(path)
}

fn invalid(message: String, path: &str) -> Error {
    Error::new(ErrorCode::InvalidValue, message).at(path)
}

fn unknown_field(unknown: &str, fields: &[(String, Field)], path: &str) -> Error {
    let known = || fields.iter().map(|(name, _)| name.as_str());
    let error = Error::new(ErrorCode::UnknownField, format!("there is no field {}", shown(unknown)))
        .at(join(path, &unknown.chars().take(100).collect::<String>()));
    match nearest(unknown, known()) {
        Some(name) => error.suggest(format!("Did you mean {name:?}?")),
        None if fields.is_empty() => error.suggest("This operation takes no fields."),
        None => error.suggest(format!("Known fields: {}.", known().collect::<Vec<_>>().join(", "))),
    }
}

fn wrong_type(expected: &str, value: &Value, path: &str) -> Error {
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
fn shown(text: &str) -> String {
    match text.char_indices().nth(60) {
        Some((end, _)) => format!("{:?}…", &text[..end]),
        None => format!("{text:?}"),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;
    use shared_types::operation::find;

    use super::*;

    fn read_as(operation: &str, input: Value) -> Result<Value, Error> {
        read(find(operation).unwrap(), input, &Limits::default())
    }

    #[test]
    fn strings_become_what_is_declared() {
        let plain = json!({
            "title": "2024", "tags": ["a", "b"], "labels": {"n": 9007199254740993i64},
            "priority": "high", "depends_on": ["x"], "subtasks": [{"title": "true"}],
        });
        let stringified = json!({
            "title": "2024", "tags": "[\"a\",\"b\"]", "labels": "{\"n\":9007199254740993}",
            "priority": " HIGH ", "depends_on": "x", "subtasks": "[{\"title\":\"true\"}]",
        });
        let wrapped = json!({ "task_input": plain.to_string() });
        let read_plain = read_as("create_task", plain.clone()).unwrap();
        assert_eq!(read_plain, plain);
        assert_eq!(read_as("create_task", stringified).unwrap(), plain);
        assert_eq!(read_as("create_task", wrapped).unwrap(), plain);
        assert_eq!(read_as("create_task", json!({"task_input": plain})).unwrap(), plain);
        assert_eq!(
            read_as("list_tasks", json!({"ready": "true", "limit": "5", "status": "todo, doing"})).unwrap(),
            json!({"ready": true, "limit": 5, "status": ["todo", "doing"]})
        );
    }

    #[test]
    fn a_number_is_no_title() {
        let error = read_as("create_task", json!({"title": 2024})).unwrap_err();
        assert_eq!((error.code, error.field.as_deref()), (ErrorCode::InvalidValue, Some("title")));
    }

    #[test]
    fn a_slip_is_answered_with_its_place_and_the_nearest_word() {
        let error =
            read_as("create_task", json!({"tasks": [{"title": "a"}, {"title": "b", "priority": "hgih"}]}));
        let error = error.unwrap_err();
        assert_eq!(error.field.as_deref(), Some("tasks[1].priority"));
        assert_eq!(error.message, "expected one of low, normal, high, urgent, got \"hgih\"");
        assert_eq!(error.suggestions, ["Did you mean \"high\"?"]);

        let error = read_as("create_task", json!({"titel": "a"})).unwrap_err();
        assert_eq!(error.code, ErrorCode::UnknownField);
        assert_eq!(error.suggestions, ["Did you mean \"title\"?"]);
    }

    #[test]
    fn constraints_are_enforced() {
        for (operation, input, code, field) in [
            ("create_task", json!({"title": "x".repeat(501)}), ErrorCode::LimitExceeded, "title"),
            ("create_task", json!({"title": ""}), ErrorCode::InvalidValue, "title"),
            ("create_task", json!({"title": "a", "tags": vec!["t"; 101]}), ErrorCode::LimitExceeded, "tags"),
            ("list_tasks", json!({"limit": 0}), ErrorCode::InvalidValue, "limit"),
            ("list_tasks", json!({"limit": 1.5}), ErrorCode::InvalidValue, "limit"),
            ("get_task", json!({}), ErrorCode::MissingField, "task_id"),
            ("get_task", json!({"task_id": ["a"]}), ErrorCode::InvalidValue, "task_id"),
            ("create_task", json!({"title": "a", "due_at": "soon"}), ErrorCode::InvalidValue, "due_at"),
            ("get_pool_metrics", json!({"a": 1}), ErrorCode::UnknownField, "a"),
        ] {
            let error = read_as(operation, input.clone()).unwrap_err();
            assert_eq!((error.code, error.field.as_deref()), (code, Some(field)), "{operation} {input}");
        }
    }

    #[test]
    fn null_empties_and_an_empty_word_is_no_id() {
        let read = read_as(
            "update_task",
            json!({"task_id": "t", "parent_id": "", "description": "", "due_at": null}),
        );
        assert_eq!(
            read.unwrap(),
            json!({"task_id": "t", "description": "", "parent_id": null, "due_at": null})
        );
    }

    #[test]
    fn a_wrapper_that_contradicts_is_refused() {
        let error = read_as("create_task", json!({"title": "a", "task_input": {"title": "b"}})).unwrap_err();
        assert_eq!(error.code, ErrorCode::InvalidValue);
    }

    #[test]
    fn json_in_a_string_meets_the_limits() {
        let deep = format!("{{\"labels\":{}1{}}}", "[".repeat(10), "]".repeat(10));
        let error = read_as("create_task", json!({"task_input": deep})).unwrap_err();
        assert_eq!(error.code, ErrorCode::LimitExceeded);
        let long = format!("{{\"title\":\"a\",\"description\":\"{}\"}}", " ".repeat(100_000));
        let error = read_as("create_task", json!({"task_input": long})).unwrap_err();
        assert_eq!(error.code, ErrorCode::LimitExceeded);
    }
}
