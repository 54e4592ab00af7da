//! Calls one tool of a tool server.

mod arguments;
mod progress;

use std::process::ExitCode;

use clap::Args;
use serde::Serialize;
use serde_json::{Map, Value, value::RawValue};

use super::{
    Outcome, suggest,
    terminal::{self, NAME, styled},
    tools::{
        self, Tool, Tools, plain,
        server::{ServerArgs, ToolServer},
    },
};

#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  process-host call calculator expression='2 + 2' -- python3 -m bindery_tools
  process-host call string_transform text=hello operation=upper --child tools
  process-host call resize width=640 tags='[\"a\", \"b\"]' -- ./my-tools
  process-host call resize '{\"width\": 640}' --json -- ./my-tools | jq .path

Where the tool wants a number, an integer, true or false, a list or an object, the value is read as \
JSON; else it is text. `process-host tools` lists the tools of a server with what they take.")]
pub(super) struct Call {
    /// The tool's name
    tool: String,
    /// Its arguments: key=value pairs, or one JSON object
    #[arg(value_name = "KEY=VALUE | JSON")]
    arguments: Vec<String>,
    #[command(flatten)]
    server: ServerArgs,
    /// Print the result as the server sent it
    #[arg(long)]
    json: bool,
}

#[derive(Serialize)]
struct CallTool<'a> {
    tool: &'a str,
    arguments: Map<String, Value>,
}

/// Makes the call and prints what came of it.
///
/// # Errors
/// When there is no such server or tool, an argument does not fit, or the tool failed.
pub(super) async fn run(call: Call) -> Outcome {
    let server = ToolServer::open(&call.server).await?;
    let result = carry_out(&server, &call).await;
    server.close().await;
    let result = result?;
    terminal::print(&if call.json { result.get().to_owned() } else { to_text(&result) })?;
    Ok(ExitCode::SUCCESS)
}

async fn carry_out(server: &ToolServer, call: &Call) -> Result<Box<RawValue>, String> {
    let listed = server.ask("list_tools", &Map::new()).await.map_err(|error| server.explain(error))?;
    let Tools { tools } = tools::read(listed.get())?;
    let tool = find(&tools, &call.tool)?;
    let arguments = arguments::read(&tool.input_schema, &call.arguments)
        .map_err(|error| format!("{}: {error}", tool.name))?;
    let params = CallTool { tool: &tool.name, arguments };
    progress::shown(|progress| server.ask_with("call_tool", &params, progress))
        .await
        .map_err(|error| server.explain(error))
}

fn find<'a>(tools: &'a [Tool], name: &str) -> Result<&'a Tool, String> {
    tools.iter().find(|tool| tool.name == name).ok_or_else(|| {
        let instead = suggest::instead(name, tools.iter().map(|tool| tool.name.as_str()));
        format!("there is no tool {name}.{instead}")
    })
}

/// A result as people read it: text as it is, an object a member a line, anything else as JSON.
fn to_text(result: &RawValue) -> String {
    match serde_json::from_str(result.get()) {
        Ok(Value::Object(members)) if !members.is_empty() => {
            let line = |(name, value): (&String, &Value)| {
                format!("{}: {}", styled(NAME, terminal::harmless(name)), plain(value))
            };
            members.iter().map(line).collect::<Vec<_>>().join("\n")
        }
        Ok(value) => plain(&value),
        Err(_) => terminal::harmless(result.get()),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{json, value::to_raw_value};

    use super::*;

    #[test]
    fn results_are_plain() {
        let shown =
            |value: Value| anstream::adapter::strip_str(&to_text(&to_raw_value(&value).unwrap())).to_string();
        assert_eq!(shown(json!({"result": 4, "note": "a\nb"})), "result: 4\nnote: a\nb");
        assert_eq!(shown(json!("text")), "text");
        assert_eq!(shown(json!([1, "a"])), r#"[1,"a"]"#);
        assert_eq!(shown(json!({})), "{}");
    }

    #[test]
    fn an_unknown_tool_is_told_which_there_are() {
        let tools = tools::read(r#"{"tools": [{"name": "calculator"}, {"name": "echo"}]}"#).unwrap().tools;
        let told = find(&tools, "calculater").unwrap_err();
        assert_eq!(told, "there is no tool calculater. Did you mean calculator? There are: calculator, echo");
    }
}
