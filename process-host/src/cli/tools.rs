//! Tool servers: children that have tools, and tell which.

pub(super) mod server;

use std::process::ExitCode;

use clap::Args;
use serde::Deserialize;
use serde_json::Value;

use super::{
    Outcome,
    terminal::{self, NAME, QUIET, harmless, one_line, styled, wrapped},
};
use server::{ServerArgs, ToolServer};

#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  process-host tools -- python3 -m bindery_tools
  process-host tools --child tools               of the host that runs
  process-host tools --child tools --json | jq '.tools[].name'

A tool server answers the JSON-RPC requests list_tools and call_tool, a message a line.")]
pub(super) struct List {
    #[command(flatten)]
    server: ServerArgs,
    /// Print what the server answered, as it is
    #[arg(long)]
    json: bool,
}

/// A tool, as its server describes it.
#[derive(Debug, Clone, Deserialize)]
pub(super) struct Tool {
    /// What it is called by.
    pub(super) name: String,
    /// What it does.
    #[serde(default)]
    pub(super) description: String,
    /// What it takes: a JSON schema of an object.
    #[serde(default)]
    pub(super) input_schema: Value,
}

/// What `list_tools` answers.
#[derive(Debug, Deserialize)]
pub(super) struct Tools {
    /// In the server's order.
    pub(super) tools: Vec<Tool>,
}

/// Prints the tools of a server.
///
/// # Errors
/// When there is no server, or it does not answer.
pub(super) async fn run(list: List) -> Outcome {
    let server = ToolServer::open(&list.server).await?;
    let answer = server.ask("list_tools", &serde_json::Map::new()).await;
    let answer = match answer {
        Ok(answer) => answer,
        Err(error) => return Err(server.explain(error).into()),
    };
    let text = match list.json {
        true => answer.get().to_owned(),
        false => {
            let Tools { tools } = read(answer.get())?;
            tools.iter().map(to_text).collect::<Vec<_>>().join("\n\n")
        }
    };
    server.close().await;
    terminal::print(&text)?;
    Ok(ExitCode::SUCCESS)
}

/// Reads what `list_tools` answered.
///
/// # Errors
/// When it is something else.
pub(super) fn read(answer: &str) -> Result<Tools, String> {
    serde_json::from_str(answer).map_err(|error| {
        format!(
            "this is no tool server: list_tools should answer {{\"tools\": [{{\"name\", …}}]}}, and {error}"
        )
    })
}

fn to_text(tool: &Tool) -> String {
    let head = match one_line(&tool.description) {
        description if description.is_empty() => styled(NAME, harmless(&tool.name)),
        description => {
            let name = harmless(&tool.name);
            // The first line is shorter by the name before it, which the second would be without it.
            let text = wrapped(&format!("{name}  {description}"), 2);
            format!("{}{}", styled(NAME, &name), &text[name.len()..])
        }
    };
    let parameters = parameters(&tool.input_schema);
    let width = parameters.iter().map(|parameter| parameter.name.chars().count()).max().unwrap_or_default();
    parameters.iter().fold(head, |text, parameter| {
        let required = if parameter.required { ", required" } else { "" };
        let about = match parameter.about.as_str() {
            "" => String::new(),
            about => format!("  {}", styled(QUIET, about)),
        };
        format!("{text}\n    {:width$}  {}{required}{about}", harmless(&parameter.name), parameter.kind)
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
            about: property["description"].as_str().map(one_line).unwrap_or_default(),
        })
        .collect()
}

/// The type in words: `text`, `upper|lower`, `list of integer`.
fn kind(schema: &Value) -> String {
    let alternatives = schema["anyOf"].as_array().or_else(|| schema["oneOf"].as_array());
    if let Some(alternatives) = alternatives {
        let mut kinds: Vec<_> = alternatives.iter().map(kind).collect();
        kinds.dedup();
        return kinds.join("|");
    }
    if let Some(values) = schema["enum"].as_array() {
        return values.iter().map(plain).collect::<Vec<_>>().join("|");
    }
    let name = |name: &str| match name {
        "string" => "text".to_owned(),
        "boolean" => "true|false".to_owned(),
        "array" if schema["items"].is_object() => format!("list of {}", kind(&schema["items"])),
        "array" => "list".to_owned(),
        other => harmless(other),
    };
    match &schema["type"] {
        Value::String(only) => name(only),
        Value::Array(names) => names.iter().filter_map(Value::as_str).map(name).collect::<Vec<_>>().join("|"),
        _ => "anything".to_owned(),
    }
}

/// Text as it is, anything else as JSON.
pub(super) fn plain(value: &Value) -> String {
    harmless(&value.as_str().map_or_else(|| value.to_string(), str::to_owned))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_tool_is_shown_with_its_parameters() {
        let answer = json!({"tools": [{"name": "crop", "description": "Cut a picture\n  to size.", "input_schema": {
            "type": "object", "required": ["file"], "properties": {
                "file": {"type": "string", "description": "its path"},
                "corners": {"type": "array", "items": {"type": "integer"}},
                "mode": {"enum": ["keep", "drop"]},
                "scale": {"anyOf": [{"type": "number"}, {"type": "null"}]}
            }
        }}]});
        let Tools { tools } = read(&answer.to_string()).unwrap();
        assert_eq!(
            anstream::adapter::strip_str(&to_text(&tools[0])).to_string(),
            "\
crop  Cut a picture to size.
    file     text, required  its path
    corners  list of integer
    mode     keep|drop
    scale    number|null"
        );
    }

    #[test]
    fn an_answer_that_is_none_is_explained() {
        assert!(read("[]").unwrap_err().starts_with("this is no tool server"));
    }
}
