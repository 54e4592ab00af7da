//! The schemas of inputs, outputs and problems, as the contract's types make them.

use serde_json::{Value, json};
use shared_types::{Error, JsonObject, Method, operation::Route, schema};

use super::{PROBLEM, operations::path_fields};
use crate::catalogue::{CATALOGUE, Entry};

/// All schemas that the document refers to.
pub(super) fn components() -> JsonObject {
    let mut components = JsonObject::new();
    for entry in CATALOGUE.iter() {
        add(&mut components, output_name(entry), entry.output.clone());
        for route in entry.spec.routes.iter().filter(|route| route.method != Method::Get) {
            add(&mut components, body_name(entry, route), body(entry, route));
        }
    }
    add(&mut components, PROBLEM.to_owned(), problem());
    add(&mut components, "RpcRequest".to_owned(), rpc_request());
    add(&mut components, "RpcResponse".to_owned(), rpc_response());
    components
}

/// The name of the operation's output.
pub(super) fn output_name(entry: &Entry) -> String {
    format!("{}Output", pascal(entry.spec.name))
}

/// The name of the body that the route takes: the input, less what stands in the path.
pub(super) fn body_name(entry: &Entry, route: &Route) -> String {
    let suffix = if path_fields(route).is_empty() { "Input" } else { "ByIdInput" };
    format!("{}{suffix}", pascal(entry.spec.name))
}

/// Whether the route's body has a field that must be given.
pub(super) fn requires_body(entry: &Entry, route: &Route) -> bool {
    body(entry, route)["required"].as_array().is_some_and(|required| !required.is_empty())
}

/// The schema of a path or query parameter. Text has no `null`: what is not given is left out.
pub(super) fn of_parameter(schema: &Value) -> Value {
    let mut schema = schema.clone();
    if let Some(types) = schema.get_mut("type").and_then(Value::as_array_mut) {
        types.retain(|one| one != "null");
        if let [only] = types.as_slice() {
            schema["type"] = only.clone();
        }
    }
    if let Some(values) = schema.get_mut("enum").and_then(Value::as_array_mut) {
        values.retain(|value| !value.is_null());
    }
    let choices = schema.get("anyOf").and_then(Value::as_array).cloned().unwrap_or_default();
    let mut choices = choices.into_iter().filter(|choice| choice["type"] != "null");
    if let (Some(Value::Object(only)), None, Some(object)) =
        (choices.next(), choices.next(), schema.as_object_mut())
    {
        object.remove("anyOf");
        for (keyword, value) in only {
            object.entry(keyword).or_insert(value);
        }
    }
    schema
}

fn body(entry: &Entry, route: &Route) -> Value {
    let mut schema = entry.input.clone();
    let in_path = path_fields(route);
    if let Some(properties) = schema.get_mut("properties").and_then(Value::as_object_mut) {
        properties.retain(|name, _| !in_path.contains(&name.as_str()));
    }
    if let Some(required) = schema.get_mut("required").and_then(Value::as_array_mut) {
        required.retain(|name| !in_path.iter().any(|field| name == field));
    }
    close(&mut schema);
    schema
}

/// Says what the guard enforces: an object with known fields has no others.
fn close(schema: &mut Value) {
    match schema {
        Value::Object(object) => {
            if object.get("properties").is_some_and(Value::is_object) {
                object.entry("additionalProperties").or_insert(Value::Bool(false));
            }
            object.values_mut().for_each(close);
        }
        Value::Array(items) => items.iter_mut().for_each(close),
        _ => {}
    }
}

/// Adds a schema. Its own definitions move beside it, since `#` is the whole document here.
fn add(components: &mut JsonObject, name: String, mut schema: Value) {
    if let Some(Value::Object(definitions)) = schema.as_object_mut().and_then(|object| object.remove("$defs"))
    {
        for (name, definition) in definitions {
            add(components, name, definition);
        }
    }
    redirect(&mut schema);
    components.insert(name, schema);
}

fn redirect(schema: &mut Value) {
    match schema {
        Value::Object(object) => {
            if let Some(Value::String(target)) = object.get_mut("$ref") {
                *target = target.replace("#/$defs/", "#/components/schemas/");
            }
            object.values_mut().for_each(redirect);
        }
        Value::Array(items) => items.iter_mut().for_each(redirect),
        _ => {}
    }
}

/// An error as [`Error::to_problem`] writes it.
fn problem() -> Value {
    let mut schema = schema::of_output::<Error>();
    schema["title"] = PROBLEM.into();
    schema["required"] = json!(["type", "title", "status", "detail", "code"]);
    if let Some(properties) = schema.get_mut("properties").and_then(Value::as_object_mut) {
        let detail = properties.remove("message").unwrap_or_default();
        let word = json!({ "type": "string", "description": "`urn:bindery:error:` and the code." });
        properties.insert("type".to_owned(), word);
        properties
            .insert("title".to_owned(), json!({ "type": "string", "description": "The code in words." }));
        properties
            .insert("status".to_owned(), json!({ "type": "integer", "description": "The HTTP status." }));
        properties.insert("detail".to_owned(), detail);
    }
    schema
}

fn rpc_request() -> Value {
    let call = json!({
        "type": "object",
        "required": ["jsonrpc", "method"],
        "properties": {
            "jsonrpc": { "const": "2.0" },
            "id": { "type": ["string", "integer"], "description": "Left out, it is a notification." },
            "method": { "type": "string", "description": "The name of an operation." },
            "params": { "type": "object", "description": "The operation's input." },
        },
    });
    json!({ "anyOf": [call, { "type": "array", "items": call, "minItems": 1, "maxItems": 100 }] })
}

fn rpc_response() -> Value {
    let answer = json!({
        "type": "object",
        "required": ["jsonrpc", "id"],
        "properties": {
            "jsonrpc": { "const": "2.0" },
            "id": { "type": ["string", "integer", "null"] },
            "result": { "type": "object", "description": "The operation's output." },
            "error": {
                "type": "object",
                "required": ["code", "message", "data"],
                "properties": {
                    "code": { "type": "integer" },
                    "message": { "type": "string" },
                    "data": { "type": "object", "description": "The members of a problem." },
                },
            },
        },
    });
    json!({ "anyOf": [answer, { "type": "array", "items": answer }] })
}

fn pascal(name: &str) -> String {
    let words = name.split('_').map(|word| {
        let (first, rest) = word.split_at(word.len().min(1));
        first.to_uppercase() + rest
    });
    words.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Every schema and every `$defs` of the contract, as it is before it becomes a component.
    fn originals() -> Vec<(String, Value)> {
        let inputs = CATALOGUE.iter().flat_map(|entry| {
            entry
                .spec
                .routes
                .iter()
                .filter(|r| r.method != Method::Get)
                .map(|r| (body_name(entry, r), body(entry, r)))
        });
        inputs.chain(CATALOGUE.iter().map(|entry| (output_name(entry), entry.output.clone()))).collect()
    }

    #[test]
    fn nothing_of_a_schema_is_lost_on_the_way() {
        let components = components();
        for (name, mut original) in originals() {
            let definitions = original.as_object_mut().and_then(|object| object.remove("$defs"));
            redirect(&mut original);
            assert_eq!(components.get(&name), Some(&original), "{name}");
            for (name, mut definition) in
                definitions.iter().filter_map(Value::as_object).flatten().map(|(n, d)| (n, d.clone()))
            {
                redirect(&mut definition);
                assert_eq!(components.get(name), Some(&definition), "two definitions of {name}");
            }
        }
    }

    #[test]
    fn a_parameter_has_no_null() {
        let schema =
            json!({ "description": "d", "anyOf": [{ "type": "string", "enum": ["a"] }, { "type": "null" }] });
        assert_eq!(of_parameter(&schema), json!({ "description": "d", "type": "string", "enum": ["a"] }));
        let schema = json!({ "type": ["integer", "null"], "minimum": 1 });
        assert_eq!(of_parameter(&schema), json!({ "type": "integer", "minimum": 1 }));
    }
}
