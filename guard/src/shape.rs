//! The schema of an input in the form the lenient reader walks: made once an operation.

use std::collections::HashMap;

use serde_json::Value;
use shared_types::JsonObject;

/// What a value must be.
#[derive(Debug)]
pub(crate) enum Shape {
    /// Anything.
    Any,
    /// A text.
    Text(Text),
    /// A whole number.
    Integer {
        /// The smallest allowed.
        min: Option<i64>,
        /// The largest allowed.
        max: Option<i64>,
    },
    /// True or false.
    Boolean,
    /// An array.
    List {
        /// What each item must be.
        items: Box<Field>,
        /// The most items allowed.
        max: Option<usize>,
    },
    /// An object with known fields.
    Record(Vec<(String, Field)>),
    /// An object with any fields.
    Object,
    /// The record of this name in the contract's definitions, which contains itself.
    Named(String),
}

/// What a text must be.
#[derive(Debug)]
pub(crate) struct Text {
    pub(crate) kind: TextKind,
    pub(crate) min: usize,
    pub(crate) max: Option<usize>,
}

/// What a text stands for.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum TextKind {
    /// Whatever somebody wrote.
    Free,
    /// One of these words.
    Choice(Vec<String>),
    /// An id, a temporary ref or a name.
    Reference,
    /// A point in time.
    Time,
}

/// A value that may be absent.
#[derive(Debug)]
pub(crate) struct Field {
    pub(crate) shape: Shape,
    pub(crate) nullable: bool,
    pub(crate) required: bool,
}

/// The input of one operation.
#[derive(Debug)]
pub(crate) struct Contract {
    pub(crate) root: Shape,
    pub(crate) definitions: HashMap<String, Shape>,
}

impl Contract {
    /// Reads the schema that `shared_types::schema::of_input` makes.
    pub(crate) fn from_schema(schema: &Value) -> Self {
        let definitions = schema
            .get("$defs")
            .and_then(Value::as_object)
            .map(|all| all.iter().map(|(name, schema)| (name.clone(), field(schema).shape)).collect())
            .unwrap_or_default();
        Self { root: field(schema).shape, definitions }
    }
}

fn field(schema: &Value) -> Field {
    let Some(object) = schema.as_object() else {
        return Field { shape: Shape::Any, nullable: true, required: false };
    };
    if let Some(alternatives) = object.get("anyOf").and_then(Value::as_array) {
        let is_null = |schema: &&Value| schema.get("type").is_some_and(|kind| kind == "null");
        let nullable = alternatives.iter().any(|schema| is_null(&schema));
        if let Some(schema) = alternatives.iter().find(|schema| !is_null(schema)) {
            return Field { nullable, ..field(schema) };
        }
    }
    if let Some(name) = object.get("$ref").and_then(Value::as_str) {
        let name = name.rsplit('/').next().unwrap_or(name).to_owned();
        return Field { shape: Shape::Named(name), nullable: false, required: false };
    }
    let (kind, nullable) = type_of(object);
    Field { shape: shape(object, kind), nullable, required: false }
}

fn type_of(object: &JsonObject) -> (&str, bool) {
    match object.get("type") {
        Some(Value::String(kind)) => (kind, false),
        Some(Value::Array(kinds)) => {
            let kinds: Vec<_> = kinds.iter().filter_map(Value::as_str).collect();
            let kind = kinds.iter().find(|kind| **kind != "null").copied().unwrap_or("any");
            (kind, kinds.contains(&"null"))
        }
        _ if choices(object).is_some() => ("string", false),
        _ => ("any", true),
    }
}

fn shape(object: &JsonObject, kind: &str) -> Shape {
    let size = |name: &str| object.get(name).and_then(Value::as_u64).and_then(|n| usize::try_from(n).ok());
    match kind {
        "string" => Shape::Text(Text {
            kind: text_kind(object),
            min: size("minLength").unwrap_or(0),
            max: size("maxLength"),
        }),
        "integer" => Shape::Integer {
            min: object.get("minimum").and_then(Value::as_i64),
            max: object.get("maximum").and_then(Value::as_i64),
        },
        "boolean" => Shape::Boolean,
        "array" => Shape::List {
            items: Box::new(field(object.get("items").unwrap_or(&Value::Null))),
            max: size("maxItems"),
        },
        "object" => record(object),
        _ => Shape::Any,
    }
}

fn text_kind(object: &JsonObject) -> TextKind {
    if let Some(choices) = choices(object) {
        return TextKind::Choice(choices);
    }
    match object.get("format").and_then(Value::as_str) {
        Some("reference") => TextKind::Reference,
        Some("date-time") => TextKind::Time,
        _ => TextKind::Free,
    }
}

/// The words of an enum, written as `enum` or as one `const` a variant.
fn choices(object: &JsonObject) -> Option<Vec<String>> {
    if let Some(words) = object.get("enum").and_then(Value::as_array) {
        return Some(words.iter().filter_map(Value::as_str).map(str::to_owned).collect());
    }
    let variants = object.get("oneOf").and_then(Value::as_array)?;
    let mut words = Vec::new();
    for variant in variants {
        words.extend(choices(variant.as_object()?).unwrap_or_default());
        words.extend(variant.get("const").and_then(Value::as_str).map(str::to_owned));
    }
    (!words.is_empty()).then_some(words)
}

fn record(object: &JsonObject) -> Shape {
    let properties = object.get("properties").and_then(Value::as_object);
    let open = object.get("additionalProperties").is_some_and(|more| *more != Value::Bool(false));
    let Some(properties) = properties else {
        // No properties and nothing more allowed is the input of an operation without arguments.
        return if open { Shape::Object } else { Shape::Record(Vec::new()) };
    };
    let required: Vec<_> = object
        .get("required")
        .and_then(Value::as_array)
        .map(|names| names.iter().filter_map(Value::as_str).collect())
        .unwrap_or_default();
    let fields = properties.iter().map(|(name, schema)| {
        (name.clone(), Field { required: required.contains(&name.as_str()), ..field(schema) })
    });
    Shape::Record(fields.collect())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    /// A schema as its shape is printed, with `nullable` after it where it is.
    fn shown(schema: Value) -> String {
        let Field { shape, nullable, .. } = field(&schema);
        format!("{shape:?}{}", if nullable { " nullable" } else { "" })
    }

    #[test]
    fn types_are_read_from_their_schemas() {
        for (schema, expected) in [
            (json!(true), "Any nullable"),
            (json!({}), "Any nullable"),
            (json!({"type": "boolean"}), "Boolean"),
            (json!({"type": ["boolean", "null"]}), "Boolean nullable"),
            (json!({"type": ["null", "boolean"]}), "Boolean nullable"),
            (json!({"type": ["boolean"]}), "Boolean"),
            (json!({"type": "integer", "minimum": 1}), "Integer { min: Some(1), max: None }"),
            (json!({"type": "integer", "maximum": 9}), "Integer { min: None, max: Some(9) }"),
            (json!({"type": "object", "additionalProperties": true}), "Object"),
            (json!({"type": "object", "additionalProperties": false}), "Record([])"),
            (json!({"type": "object"}), "Record([])"),
            (json!({"$ref": "#/$defs/NewTask"}), "Named(\"NewTask\")"),
            (json!({"anyOf": [{"$ref": "#/$defs/A"}, {"type": "null"}]}), "Named(\"A\") nullable"),
            (json!({"anyOf": [{"type": "boolean"}, {"type": "integer"}]}), "Boolean"),
        ] {
            assert_eq!(shown(schema.clone()), expected, "{schema}");
        }
    }

    #[test]
    fn texts_are_read_from_their_schemas() {
        let kind = |schema: Value| match field(&schema).shape {
            Shape::Text(Text { kind, min, max }) => (kind, min, max),
            other => unreachable!("{other:?} is no text"),
        };
        let words = || TextKind::Choice(vec!["a".to_owned(), "b".to_owned()]);
        for (schema, expected) in [
            (json!({"type": "string"}), (TextKind::Free, 0, None)),
            (json!({"type": "string", "minLength": 1, "maxLength": 9}), (TextKind::Free, 1, Some(9))),
            (json!({"type": "string", "format": "reference"}), (TextKind::Reference, 0, None)),
            (json!({"type": "string", "format": "date-time"}), (TextKind::Time, 0, None)),
            (json!({"type": "string", "enum": ["a", "b"]}), (words(), 0, None)),
            (json!({"enum": ["a", "b"]}), (words(), 0, None)),
            (json!({"oneOf": [{"const": "a"}, {"type": "string", "enum": ["b"]}]}), (words(), 0, None)),
        ] {
            assert_eq!(kind(schema.clone()), expected, "{schema}");
        }
        assert_eq!(shown(json!({"oneOf": [{"type": "integer"}]})), "Any nullable");
    }

    #[test]
    fn records_and_lists_are_read_from_their_schemas() {
        let schema = json!({
            "type": "object",
            "properties": {"tasks": {"type": "array", "items": {"$ref": "#/$defs/Task"}, "maxItems": 3}, "a": {}},
            "required": ["tasks"],
            "$defs": {"Task": {"type": "object", "properties": {"title": {"type": "boolean"}}}},
        });
        let contract = Contract::from_schema(&schema);
        let Shape::Record(fields) = &contract.root else { unreachable!("it has properties") };
        let [(tasks, list), (_, any)] = fields.as_slice() else { unreachable!("it has two") };
        assert_eq!((tasks.as_str(), list.required, any.required), ("tasks", true, false));
        let Shape::List { items, max } = &list.shape else { unreachable!("tasks are a list") };
        assert!(matches!(&items.shape, Shape::Named(name) if name == "Task"));
        assert_eq!(*max, Some(3));
        let task = format!("{:?}", contract.definitions["Task"]);
        assert_eq!(task, "Record([(\"title\", Field { shape: Boolean, nullable: false, required: false })])");
    }
}
