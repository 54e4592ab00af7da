//! The table of tools.

use std::process::ExitCode;

use serde_json::{Value, json};
use shared_types::{
    Operation, Spec,
    operation::*,
    schema::{of_input, of_output},
};

use crate::{
    cli::Outcome,
    terminal::{self, NAME, QUIET, styled},
};

/// An operation with its schemas.
#[derive(Debug, Clone)]
pub struct Tool {
    /// What is known about it.
    pub spec: Spec,
    /// The schema of its input.
    pub input: Value,
    /// The schema of its output.
    pub output: Value,
}

/// The operations that are offered to assistants.
pub fn all() -> Vec<Tool> {
    macro_rules! table {
        ($($marker:ident),+) => {
            vec![$(Tool {
                spec: $marker::SPEC,
                input: of_input::<<$marker as Operation>::Input>(),
                output: of_output::<<$marker as Operation>::Output>(),
            }),+]
        };
    }
    let mut tools = shared_types::for_each_operation!(table);
    tools.retain(|tool| tool.spec.tool);
    tools
}

/// Prints the table.
///
/// # Errors
/// When stdout cannot be written to.
pub fn print(as_json: bool) -> Outcome {
    let tools = all();
    let text = match as_json {
        true => serde_json::to_string_pretty(&tools.iter().map(to_json).collect::<Vec<_>>())?,
        false => tools.iter().map(to_text).collect::<Vec<_>>().join("\n\n"),
    };
    terminal::print(&text)?;
    Ok(ExitCode::SUCCESS)
}

fn to_json(tool: &Tool) -> Value {
    json!({
        "name": tool.spec.name,
        "title": tool.spec.title,
        "description": tool.spec.description,
        "read_only": tool.spec.is_read(),
        "input_schema": tool.input,
        "output_schema": tool.output,
    })
}

fn to_text(tool: &Tool) -> String {
    let head = format!("{}  {}", styled(NAME, tool.spec.name), tool.spec.description);
    let parameters = parameters(&tool.input);
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
        let tools = all();
        assert_eq!(tools.len(), 14);
        let create = anstream::adapter::strip_str(&to_text(&tools[0])).to_string();
        assert!(create.starts_with("create_task  Create a task"), "{create}");
        assert!(create.contains("todo|doing|done|blocked|cancelled"), "{create}");
        assert!(create.contains("list of text"), "{create}");
        let get = anstream::adapter::strip_str(&to_text(&tools[1])).to_string();
        assert!(get.contains("task_id  text, required"), "{get}");
    }
}
