//! The table of tools.

use std::process::ExitCode;

use serde_json::Value;
use shared_types::{Operation, Spec, for_each_operation, schema::of_input};

use crate::{
    cli::Outcome,
    server,
    terminal::{self, NAME, QUIET, styled},
};

/// Prints the table for people, or as JSON exactly what assistants are offered.
///
/// # Errors
/// When stdout cannot be written to.
pub fn print(as_json: bool) -> Outcome {
    let text = match as_json {
        true => serde_json::to_string_pretty(&server::tools())?,
        false => table().iter().map(|(spec, input)| to_text(spec, input)).collect::<Vec<_>>().join("\n\n"),
    };
    terminal::print(&text)?;
    Ok(ExitCode::SUCCESS)
}

/// The tools with the schemas of their inputs, in full: what assistants are offered is shortened,
/// since they pay for every word.
fn table() -> Vec<(Spec, Value)> {
    macro_rules! rows {
        ($($operation:ident),+) => {
            vec![$({
                use shared_types::operation::$operation as Op;
                (Op::SPEC, of_input::<<Op as Operation>::Input>())
            }),+]
        };
    }
    let mut rows = for_each_operation!(rows);
    rows.retain(|(spec, _)| spec.tool);
    rows
}

fn to_text(spec: &Spec, input: &Value) -> String {
    let head = format!("{}  {}", styled(NAME, spec.name), spec.description);
    let parameters = parameters(input);
    let width = parameters.iter().map(|parameter| parameter.name.len()).max().unwrap_or_default();
    parameters.iter().fold(head, |text, parameter| {
        let required = if parameter.required { ", required" } else { "" };
        let about = styled(QUIET, &parameter.about);
        format!("{text}\n    {:width$}  {}{required}  {about}", parameter.name, parameter.kind)
    })
}

struct Parameter {
    name: String,
    kind: String,
    required: bool,
    about: String,
}

fn parameters(schema: &Value) -> Vec<Parameter> {
    let Some(properties) = schema["properties"].as_object() else { return Vec::new() };
    let required = schema["required"].as_array();
    properties
        .iter()
        .map(|(name, property)| Parameter {
            name: name.clone(),
            kind: kind(property),
            required: required.is_some_and(|names| names.iter().any(|known| known == name)),
            about: property["description"].as_str().map(terminal::one_line).unwrap_or_default(),
        })
        .collect()
}

/// The type in words: `text`, `todo|doing`, `list of text`.
fn kind(schema: &Value) -> String {
    let alternatives = schema["anyOf"].as_array().or_else(|| schema["oneOf"].as_array());
    if let Some(alternatives) = alternatives {
        let mut kinds: Vec<_> = alternatives.iter().map(kind).filter(|kind| kind != "null").collect();
        kinds.dedup();
        return kinds.join("|");
    }
    if let Some(values) = schema["enum"].as_array() {
        return values.iter().filter_map(Value::as_str).collect::<Vec<_>>().join("|");
    }
    if let Some(value) = schema["const"].as_str() {
        return value.to_owned();
    }
    let name = match &schema["type"] {
        Value::Array(names) => names.iter().filter_map(Value::as_str).find(|name| *name != "null"),
        name => name.as_str(),
    };
    match name {
        Some("array") => format!("list of {}", kind(&schema["items"])),
        Some("string") => "text".to_owned(),
        Some("integer") => "number".to_owned(),
        Some("boolean") => "true|false".to_owned(),
        Some(other) => other.to_owned(),
        None => "object".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_shows_every_tool_and_its_parameters() {
        let table = table();
        assert_eq!(table.len(), 14);
        let shown =
            |(spec, input): &(Spec, Value)| anstream::adapter::strip_str(&to_text(spec, input)).to_string();
        let create = shown(&table[0]);
        assert!(create.starts_with("create_task  Create a task"), "{create}");
        assert!(create.contains("todo|doing|done|blocked|cancelled"), "{create}");
        assert!(create.contains("list of text"), "{create}");
        assert!(shown(&table[1]).contains("task_id  text, required"));
    }
}
