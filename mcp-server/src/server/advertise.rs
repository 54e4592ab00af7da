//! Tool definitions as models see them: flat, plain and short.
//!
//! A model pays for every token of `tools/list` in every conversation, and clients drop tools
//! whose schemas use root unions or references. So what is advertised is a digest of the full
//! schema: names, plain types, choices and hints. The full schema is enforced all the same.

use std::{borrow::Cow, sync::Arc};

use rmcp::model::{Tool, ToolAnnotations};
use serde_json::{Map, Value, json};
use shared_types::{Effect, Operation, Spec, for_each_operation, schema};

/// The tools, in the order of the list.
pub fn tools() -> Vec<Tool> {
    macro_rules! definitions {
        ($($operation:ident),+) => {
            [$({
                use shared_types::operation::$operation as Op;
                let input = schema::of_input::<<Op as Operation>::Input>();
                let output = schema::of_output::<<Op as Operation>::Output>();
                (Op::SPEC, input, output)
            }),+]
        };
    }
    for_each_operation!(definitions)
        .into_iter()
        .filter(|(spec, ..)| spec.tool)
        .map(|(spec, input, output)| tool(&spec, &input, &output))
        .collect()
}

fn tool(spec: &Spec, input: &Value, output: &Value) -> Tool {
    Tool::new(Cow::Borrowed(spec.name), Cow::Borrowed(spec.description), Arc::new(input_schema(input)))
        .with_title(spec.title)
        .with_raw_output_schema(Arc::new(output_schema(output)))
        .with_annotations(annotations(spec))
}

fn annotations(spec: &Spec) -> ToolAnnotations {
    ToolAnnotations::with_title(spec.title)
        .read_only(spec.is_read())
        .destructive(spec.effect == Effect::Change)
        .idempotent(spec.idempotent)
        .open_world(false)
}

fn input_schema(full: &Value) -> Map<String, Value> {
    let mut digest = object_schema(full, input_property);
    if let Some(required) =
        full.get("required").filter(|names| names.as_array().is_some_and(|n| !n.is_empty()))
    {
        digest.insert("required".to_owned(), required.clone());
    }
    digest
}

/// Nothing is required: the structured content of an error must fit as well.
fn output_schema(full: &Value) -> Map<String, Value> {
    object_schema(full, output_property)
}

fn object_schema(full: &Value, property: fn(&Value) -> Value) -> Map<String, Value> {
    let properties: Map<_, _> = full
        .get("properties")
        .and_then(Value::as_object)
        .into_iter()
        .flatten()
        .map(|(name, schema)| (name.clone(), property(schema)))
        .collect();
    let mut object = Map::new();
    object.insert("type".to_owned(), json!("object"));
    object.insert("properties".to_owned(), Value::Object(properties));
    object
}

fn input_property(full: &Value) -> Value {
    let mut digest = plain(full);
    if let (Some(hint), Some(object)) = (full.get("x-hint"), digest.as_object_mut()) {
        object.insert("description".to_owned(), hint.clone());
    }
    digest
}

fn output_property(full: &Value) -> Value {
    match plain_type(full) {
        "array" => json!({ "type": "array", "items": { "type": plain_type(&full["items"]) } }),
        kind => json!({ "type": kind }),
    }
}

/// Type, choices and items, and nothing else.
fn plain(full: &Value) -> Value {
    let mut digest = Map::new();
    let kind = plain_type(full);
    digest.insert("type".to_owned(), json!(kind));
    if let Some(words) = choices(full) {
        digest.insert("enum".to_owned(), json!(words));
    }
    if kind == "array" {
        digest.insert("items".to_owned(), plain(&full["items"]));
    }
    Value::Object(digest)
}

/// The one type a value has when it is not null.
fn plain_type(full: &Value) -> &str {
    let not_null = |kind: &&Value| kind.as_str() != Some("null");
    match &full["type"] {
        Value::String(kind) => kind,
        Value::Array(kinds) => kinds.iter().find(not_null).and_then(Value::as_str).unwrap_or("object"),
        _ => match alternative(full) {
            Some(schema) => plain_type(schema),
            None if choices(full).is_some() => "string",
            None => "object",
        },
    }
}

/// The alternative of `anyOf` that is not null.
fn alternative(full: &Value) -> Option<&Value> {
    full["anyOf"].as_array()?.iter().find(|schema| schema["type"] != "null")
}

/// The words of an enum, whether written as `enum` or as one `const` a variant.
fn choices(full: &Value) -> Option<Vec<&str>> {
    if let Some(schema) = alternative(full) {
        return choices(schema);
    }
    if let Some(words) = full["enum"].as_array() {
        return Some(words.iter().filter_map(Value::as_str).collect());
    }
    full["oneOf"].as_array()?.iter().map(|variant| variant["const"].as_str()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tokens(text: &str) -> usize {
        tiktoken_rs::o200k_base_singleton().encode_ordinary(text).len()
    }

    /// What a model pays for: name, description and schemas.
    fn cost(with_output: bool) -> usize {
        let shown: Vec<_> = tools()
            .iter()
            .map(|tool| {
                let mut shown = json!({
                    "name": tool.name, "description": tool.description, "inputSchema": tool.input_schema,
                });
                if with_output {
                    shown["outputSchema"] = json!(tool.output_schema);
                }
                shown
            })
            .collect();
        tokens(&json!(shown).to_string())
    }

    #[test]
    fn the_list_of_tools_fits_its_token_budget() {
        for tool in tools() {
            println!("{:24} {}", tool.name, tokens(&json!(tool.input_schema).to_string()));
        }
        println!("without output schemas {}, with {}", cost(false), cost(true));
        assert!(cost(false) <= 2200, "{}", cost(false));
        assert!(cost(true) <= 4000, "{}", cost(true));
    }

    #[test]
    fn schemas_are_flat_and_plain() {
        fn check(name: &str, schema: &Value, root: bool) {
            match schema {
                Value::Object(object) => {
                    for banned in ["$ref", "oneOf", "anyOf", "allOf", "format", "$defs"] {
                        assert!(!object.contains_key(banned), "{name}: {banned}");
                    }
                    if object.get("type") == Some(&json!("array")) {
                        assert!(object.contains_key("items"), "{name}: array without items");
                    }
                    assert!(!root || object["type"] == "object", "{name}");
                    object.values().for_each(|inner| check(name, inner, false));
                }
                Value::Array(items) => items.iter().for_each(|inner| check(name, inner, false)),
                _ => {}
            }
        }
        let tools = tools();
        assert_eq!(tools.len(), 14);
        for tool in &tools {
            check(&tool.name, &json!(tool.input_schema), true);
            check(&tool.name, &json!(tool.output_schema), true);
            let annotations = tool.annotations.as_ref().unwrap();
            assert!(annotations.title.is_some() && annotations.read_only_hint.is_some());
            assert!(annotations.destructive_hint.is_some() && annotations.idempotent_hint.is_some());
            assert_eq!(annotations.open_world_hint, Some(false));
        }
    }

    #[test]
    fn choices_and_hints_are_told() {
        let tools = tools();
        let update = tools.iter().find(|tool| tool.name == "update_task").unwrap();
        let properties = &update.input_schema["properties"];
        assert_eq!(properties["priority"]["enum"], json!(["low", "normal", "high", "urgent"]));
        assert_eq!(properties["labels"]["description"], "merged; null removes a key");
    }
}
