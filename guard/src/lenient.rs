//! Lenient reading: the input as its operation declares it, whatever form it came in.
//!
//! Clients send objects as JSON texts, numbers and flags as strings, arrays as comma-separated
//! words, or the whole input inside a wrapper field. The declared type decides what a value
//! means; nothing is guessed: `"2024"` stays text where a title is declared. The constraints of
//! the schema are enforced on the way.

mod faults;
mod scalars;

use std::{collections::HashMap, mem, sync::LazyLock};

use serde_json::{Value, map::Entry};
use shared_types::{Error, ErrorCode, JsonObject, Operation, Spec, for_each_operation, schema};

use crate::{
    Limits,
    path::Path,
    shape::{Contract, Field, Shape},
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
/// and enforces the schema. What is as declared stays where it is.
///
/// # Errors
/// `missing_field`, `unknown_field`, `invalid_value` or `limit_exceeded`, at the path concerned.
pub fn read(spec: &Spec, mut input: Value, limits: &Limits) -> Result<Value, Error> {
    let Some(contract) = CONTRACTS.get(spec.name) else {
        return Err(Error::new(ErrorCode::UnknownOperation, format!("unknown operation {}", spec.name)));
    };
    if input.is_null() {
        input = Value::Object(JsonObject::new());
    }
    let reader = Reader { contract, limits };
    reader.unwrap(spec, reader.object(&mut input, &Path::Root)?)?;
    reader.value(&contract.root, &mut input, &Path::Root)?;
    Ok(input)
}

struct Reader<'a> {
    contract: &'a Contract,
    limits: &'a Limits,
}

impl Reader<'_> {
    /// Merges the wrapper's fields with those that stand beside it.
    fn unwrap(&self, spec: &Spec, input: &mut JsonObject) -> Result<(), Error> {
        for name in [spec.wrapper, "input"] {
            if !input.keys().any(|given| given == name) || self.has_field(name) {
                continue;
            }
            let Some(mut wrapped) = input.shift_remove(name) else { continue };
            let wrapped = self.object(&mut wrapped, &Path::Key(&Path::Root, name))?;
            for (key, value) in mem::take(wrapped) {
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
        Ok(())
    }

    fn has_field(&self, name: &str) -> bool {
        matches!(&self.contract.root, Shape::Record(fields) if fields.iter().any(|(known, _)| known == name))
    }

    fn value(&self, shape: &Shape, value: &mut Value, path: &Path<'_>) -> Result<(), Error> {
        match shape {
            Shape::Any => Ok(()),
            Shape::Text(text) => scalars::text(text, value, path),
            Shape::Integer { min, max } => scalars::integer(*min, *max, value, path),
            Shape::Boolean => scalars::boolean(value, path),
            Shape::List { items, max } => self.list(items, *max, value, path),
            Shape::Record(fields) => self.record(fields, value, path),
            Shape::Object => self.object(value, path).map(|_| ()),
            Shape::Named(name) => match self.contract.definitions.get(name) {
                Some(shape) => self.value(shape, value, path),
                None => Ok(()),
            },
        }
    }

    fn record(&self, fields: &[(String, Field)], value: &mut Value, path: &Path<'_>) -> Result<(), Error> {
        let given = self.object(value, path)?;
        let is_missing = |(name, field): &&(String, Field)| field.required && !given.contains_key(name);
        if let Some((name, _)) = fields.iter().find(is_missing) {
            return Err(faults::missing(name, &Path::Key(path, name)));
        }
        let field = |name: &str| fields.iter().find(|(known, _)| known == name).map(|(_, field)| field);
        let mut all_given = true;
        // Most are given in the order in which they are declared.
        let mut in_order = fields.iter().cycle();
        for (name, value) in given.iter_mut() {
            let known = in_order.by_ref().take(fields.len()).find(|(known, _)| known == name);
            let Some((_, field)) = known else {
                return Err(faults::unknown_field(name, fields, path));
            };
            all_given &= self.field(field, name, value, &Path::Key(path, name))?;
        }
        if !all_given {
            given.retain(|name, value| !value.is_null() || field(name).is_some_and(|field| field.nullable));
        }
        Ok(())
    }

    /// Whether the field is given: `null` says "not given" where it cannot be the value.
    fn field(&self, field: &Field, name: &str, value: &mut Value, path: &Path<'_>) -> Result<bool, Error> {
        if field.nullable && scalars::is_empty_word(&field.shape, value) {
            *value = Value::Null;
        }
        if !value.is_null() {
            return self.value(&field.shape, value, path).map(|()| true);
        }
        if field.required && !field.nullable {
            return Err(faults::missing(name, path));
        }
        Ok(field.nullable)
    }

    fn list(
        &self,
        items: &Field,
        max: Option<usize>,
        value: &mut Value,
        path: &Path<'_>,
    ) -> Result<(), Error> {
        if let Value::String(text) = value {
            *value = self.list_from_text(&items.shape, text, path)?;
        }
        let Value::Array(values) = value else {
            return Err(faults::wrong_type("an array", value, path));
        };
        if let Some(max) = max.filter(|max| values.len() > *max) {
            return Err(Error::new(ErrorCode::LimitExceeded, format!("more than {max} items"))
                .at(path.to_string())
                .with("limit", max));
        }
        let mut values = values.iter_mut().enumerate();
        values.try_for_each(|(index, value)| self.value(&items.shape, value, &Path::Index(path, index)))
    }

    /// A JSON array in a string, or words between commas.
    fn list_from_text(&self, item: &Shape, text: &str, path: &Path<'_>) -> Result<Value, Error> {
        let trimmed = text.trim();
        if trimmed.starts_with('[') {
            return self.parse(trimmed, path);
        }
        match item {
            Shape::Text(_) => {
                let words = trimmed.split(',').map(str::trim).filter(|word| !word.is_empty());
                Ok(words.map(Value::from).collect())
            }
            _ if trimmed.is_empty() => Ok(Value::Array(Vec::new())),
            _ => Err(faults::wrong_type("an array", &Value::from(text), path)),
        }
    }

    /// An object, or a string that holds one as JSON and becomes it.
    fn object<'v>(&self, value: &'v mut Value, path: &Path<'_>) -> Result<&'v mut JsonObject, Error> {
        if let Value::String(text) = value
            && text.trim_start().starts_with('{')
        {
            *value = self.parse(text, path)?;
        }
        match value {
            Value::Object(object) => Ok(object),
            other => Err(faults::wrong_type("an object", other, path)),
        }
    }

    fn parse(&self, text: &str, path: &Path<'_>) -> Result<Value, Error> {
        if text.len() > self.limits.wrapped_bytes {
            let limit = self.limits.wrapped_bytes;
            let error =
                Error::new(ErrorCode::LimitExceeded, format!("more than {limit} bytes of JSON in a string"));
            return Err(error
                .at(path.to_string())
                .with("limit", limit)
                .suggest("Send it as JSON, not as a string."));
        }
        self.limits.check_bytes(text.as_bytes(), 0).map_err(|error| {
            let inside = match &error.field {
                Some(inner) if path.is_nothing() => inner.clone(),
                Some(inner) if inner.starts_with('[') => format!("{path}{inner}"),
                Some(inner) => format!("{path}.{inner}"),
                None => path.to_string(),
            };
            error.at(inside)
        })?;
        serde_json::from_str(text).map_err(|error| {
            Error::new(ErrorCode::InvalidJson, format!("not valid JSON: {error}")).at(path.to_string())
        })
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

    #[test]
    fn a_wrapper_may_repeat_what_stands_beside_it() {
        let read = read_as("create_task", json!({"title": "a", "input": {"title": "a", "role": "r"}}));
        assert_eq!(read.unwrap(), json!({"title": "a", "role": "r"}));
        let error = read_as("create_task", json!({"input": 1})).unwrap_err();
        assert_eq!((error.code, error.field.as_deref()), (ErrorCode::InvalidValue, Some("input")));
        assert_eq!(read_as("health_check", Value::Null).unwrap(), json!({}));
    }

    #[test]
    fn null_is_not_given_where_it_is_no_value() {
        let read = read_as("create_task", json!({"tags": null, "title": "a", "role": null, "labels": null}));
        assert_eq!(read.unwrap(), json!({"title": "a", "role": null}));
        let error = read_as("get_task", json!({"task_id": null})).unwrap_err();
        assert_eq!((error.code, error.field.as_deref()), (ErrorCode::MissingField, Some("task_id")));
    }

    #[test]
    fn a_list_may_be_written_in_ways() {
        for (given, tags) in [
            (json!("a, b ,,c"), json!(["a", "b", "c"])),
            (json!(" [\"a,b\"] "), json!(["a,b"])),
            (json!(""), json!([])),
            (json!([]), json!([])),
        ] {
            let read = read_as("create_task", json!({"title": "t", "tags": given})).unwrap();
            assert_eq!(read, json!({"title": "t", "tags": tags}));
        }
        let read = read_as("create_task", json!({"title": "t", "subtasks": " "})).unwrap();
        assert_eq!(read, json!({"title": "t", "subtasks": []}));
        for (given, field) in [
            (json!({"subtasks": "a,b"}), "subtasks"),
            (json!({"tags": {"a": 1}}), "tags"),
            (json!({"tags": ["a", ["b"]]}), "tags[1]"),
            (json!({"subtasks": [{"title": "a"}, {"tags": [1]}]}), "subtasks[1].tags[0]"),
        ] {
            let error = read_as("create_task", given).unwrap_err();
            assert_eq!((error.code, error.field.as_deref()), (ErrorCode::InvalidValue, Some(field)));
        }
        assert!(read_as("create_task", json!({"title": "a", "tags": vec!["t"; 100]})).is_ok());
    }

    #[test]
    fn json_in_a_string_is_told_with_its_place() {
        for (given, code, field) in [
            (json!({"labels": "{\"a\":{\"__x\":1}}"}), ErrorCode::Refused, "labels.a"),
            (json!({"labels": "{\"__x\":1}"}), ErrorCode::Refused, "labels"),
            (json!({"tags": "[{\"__x\":1}]"}), ErrorCode::Refused, "tags[0]"),
            (json!({"task_input": "{\"labels\":{\"__x\":1}}"}), ErrorCode::Refused, "task_input.labels"),
            (json!("{\"labels\":{\"__x\":1}}"), ErrorCode::Refused, "labels"),
            (json!({"labels": "{a"}), ErrorCode::InvalidJson, "labels"),
        ] {
            let error = read_as("create_task", given).unwrap_err();
            assert_eq!((error.code, error.field.as_deref()), (code, Some(field)));
        }
        let task = json!({"title": "a"});
        assert_eq!(read_as("create_task", Value::from(format!(" {task}"))).unwrap(), task);
    }

    #[test]
    fn json_in_a_string_has_a_length_of_its_own() {
        let limits = Limits { wrapped_bytes: 20, ..Limits::default() };
        let spec = find("create_task").unwrap();
        let labels = |length: usize| json!({"labels": format!("{{\"a\":{}}}", "1".repeat(length - 6))});
        assert!(read(spec, labels(20), &limits).is_ok());
        let error = read(spec, labels(21), &limits).unwrap_err();
        assert_eq!((error.code, error.field.as_deref()), (ErrorCode::LimitExceeded, Some("labels")));
    }

    #[test]
    fn a_field_is_no_wrapper() {
        let contract = Contract::from_schema(&json!({
            "type": "object",
            "properties": {"input": {"type": "object", "additionalProperties": true}},
        }));
        let reader = Reader { contract: &contract, limits: &Limits::default() };
        let mut input = json!({"input": {"a": 1}});
        reader.unwrap(find("get_task").unwrap(), input.as_object_mut().unwrap()).unwrap();
        assert_eq!(input, json!({"input": {"a": 1}}));
    }
}
