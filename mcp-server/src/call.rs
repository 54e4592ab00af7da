//! One operation from the command line, through the same guard and client as an assistant's.

mod render;

use std::{
    io::{self, Read},
    pin::pin,
    process::ExitCode,
    sync::Arc,
};

use clap::Args;
use guard::Intake;
use serde_json::Value;
use shared_types::{Error, ErrorCode, JsonObject, Spec, operation};
use tokio_util::sync::CancellationToken;

use crate::{
    cli::{self, Outcome},
    client::{CallOptions, Client},
    config::Config,
    executor::{self, Executors, Watch},
    terminal::{self, NOTE, styled},
};

/// Who calls, as the history names it.
const ACTOR: &str = "cli";
/// The most bytes that are read from stdin.
const STDIN_LIMIT: u64 = 16 * 1024 * 1024;

/// One call.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  bindery-mcp call create_task title='Fix the login' tags='[\"web\"]'
  bindery-mcp call list_tasks status=todo limit=5
  bindery-mcp call create_task '{\"tasks\": [{\"ref\": \"a\", \"title\": \"Design\"}, {\"title\": \"Build\", \"depends_on\": [\"a\"]}]}'
  bindery-mcp call index_document - < document.json
  bindery-mcp call get_dashboard_stats --json | jq .by_status

`bindery-mcp tools` lists the tools with their parameters.")]
pub struct Call {
    /// Name of the tool.
    pub tool: String,
    /// The input: key=value pairs, one JSON object, or - to read JSON from stdin.
    #[arg(value_name = "JSON | KEY=VALUE")]
    pub input: Vec<String>,
    /// Print the result as JSON; errors too, with exit code 1.
    #[arg(long)]
    pub json: bool,
}

/// Makes the call and prints what came of it.
///
/// # Errors
/// When the tool is not known, the input not acceptable or the call failed.
pub async fn run(config: &Config, call: Call) -> Outcome {
    let result = carry_out(config, &call).await;
    match (result, call.json) {
        (Ok(result), true) => {
            terminal::print(&serde_json::to_string_pretty(&result)?)?;
            Ok(ExitCode::SUCCESS)
        }
        (Ok(result), false) => {
            terminal::print(&render::to_text(&result))?;
            Ok(ExitCode::SUCCESS)
        }
        (Err(error), true) => {
            terminal::print(&serde_json::to_string_pretty(&error.to_tool_result(&call.tool))?)?;
            Ok(ExitCode::FAILURE)
        }
        (Err(error), false) => Err(error.into()),
    }
}

async fn carry_out(config: &Config, call: &Call) -> Result<Value, Error> {
    let spec = find(&call.tool)?;
    let intake = config.intake();
    let accepted = intake.accept(spec, read(&intake, &call.input)?)?;
    if let Some(report) = &accepted.report {
        let findings = if report.count == 1 { "finding" } else { "findings" };
        let remark = format_args!("guard: {} {findings} in the input", report.count);
        terminal::print_remark(&styled(NOTE, remark));
    }
    cli::build_backend_if_needed(config).await?;
    let client = cli::one_shot_client(config)
        .map_err(|error| Error::new(ErrorCode::BackendUnavailable, error.to_string()))?;
    let options = CallOptions { actor: Some(ACTOR.to_owned()), guard: accepted.report };
    let is_claim = executor::is_claim(spec, &accepted.input);
    let result = match client.call(spec, accepted.input, &options).await.map(Arc::unwrap_or_clone) {
        Ok(claim) if is_claim => execute(config, &client, claim).await,
        result => result,
    };
    client.detach().await;
    result
}

/// Lets the executor of the claimed task's role do it, if it has one. Ctrl-C stops it and gives the
/// task back.
async fn execute(config: &Config, client: &Client, claim: Value) -> Result<Value, Error> {
    let workspace =
        cli::find_workspace(config).map_err(|error| Error::new(ErrorCode::Internal, error.to_string()))?;
    let cancelled = CancellationToken::new();
    let watch = Watch {
        actor: ACTOR.to_owned(),
        cancelled: cancelled.clone(),
        progress: Box::new(|progress| terminal::print_remark(&terminal::harmless(&progress.to_string()))),
    };
    let executors = Executors::of(&workspace);
    let mut work = pin!(executors.carry_out(client, claim, watch));
    tokio::select! {
        claim = &mut work => claim,
        _ = tokio::signal::ctrl_c() => {
            cancelled.cancel();
            work.await
        }
    }
}

/// The operation of this name.
fn find(name: &str) -> Result<&'static Spec, Error> {
    operation::find(name).ok_or_else(|| {
        let error = Error::new(ErrorCode::UnknownOperation, format!("there is no tool {name:?}"));
        let names = operation::OPERATIONS.iter().map(|spec| spec.name);
        match guard::suggest::nearest(name, names) {
            Some(nearest) => error.suggest(format!("Did you mean {nearest}?")),
            None => error.suggest("`bindery-mcp tools` lists them."),
        }
    })
}

/// Reads the words of the command line as an input.
fn read(intake: &Intake, words: &[String]) -> Result<Value, Error> {
    match words {
        [] => Ok(Value::Object(JsonObject::new())),
        [word] if word == "-" => {
            let mut text = String::new();
            io::stdin()
                .take(STDIN_LIMIT)
                .read_to_string(&mut text)
                .map_err(|error| Error::new(ErrorCode::InvalidJson, format!("stdin: {error}")))?;
            read_json(intake, &text)
        }
        [word] if word.trim_start().starts_with('{') => read_json(intake, word),
        pairs => read_pairs(pairs),
    }
}

fn read_json(intake: &Intake, text: &str) -> Result<Value, Error> {
    intake.check_bytes(text.as_bytes(), 0)?;
    serde_json::from_str(text)
        .map_err(|error| Error::new(ErrorCode::InvalidJson, format!("the input is not JSON: {error}")))
}

fn read_pairs(pairs: &[String]) -> Result<Value, Error> {
    let mut input = JsonObject::new();
    for pair in pairs {
        let (key, value) = pair.split_once('=').filter(|(key, _)| !key.is_empty()).ok_or_else(|| {
            Error::new(ErrorCode::InvalidValue, format!("{pair:?} is neither key=value nor a JSON object."))
                .suggest("Quote values with spaces: title='Fix the login'.")
        })?;
        if input.insert(key.to_owned(), read_value(value)).is_some() {
            return Err(Error::new(ErrorCode::InvalidValue, format!("{key} is given twice.")).at(key));
        }
    }
    Ok(Value::Object(input))
}

/// Objects and arrays as JSON, everything else as text: the guard reads numbers and booleans from
/// text where the operation wants them, and a title that looks like a number stays a title.
fn read_value(text: &str) -> Value {
    match serde_json::from_str(text) {
        Ok(value @ (Value::Object(_) | Value::Array(_))) => value,
        _ => Value::String(text.to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn words(words: &[&str]) -> Result<Value, Error> {
        read(&Intake::default(), &words.iter().map(ToString::to_string).collect::<Vec<_>>())
    }

    #[test]
    fn an_input_is_pairs_or_one_object() {
        assert_eq!(words(&[]), Ok(json!({})));
        assert_eq!(words(&[r#"{"limit": 5}"#]), Ok(json!({ "limit": 5 })));
        assert_eq!(
            words(&["title=a=b", "limit=5", r#"tags=["x"]"#, "note=[draft"]),
            Ok(json!({ "title": "a=b", "limit": "5", "tags": ["x"], "note": "[draft" }))
        );
    }

    #[test]
    fn other_words_are_refused() {
        for wrong in [&["title"][..], &["=x"], &["a=1", "a=2"], &["{not json"]] {
            assert!(words(wrong).is_err(), "{wrong:?}");
        }
    }

    #[test]
    fn an_unknown_tool_suggests_the_nearest() {
        assert_eq!(find("creat_task").unwrap_err().suggestions, ["Did you mean create_task?"]);
        assert_eq!(find("zzz").unwrap_err().suggestions, ["`bindery-mcp tools` lists them."]);
    }
}
