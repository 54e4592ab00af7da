//! An assistant at work, over a real MCP connection to this very program.

pub mod connection;

use std::{env, error::Error, process::ExitCode, time::Instant};

use process_host::CallError;
use serde_json::{Value, json};

use crate::{
    cli::Outcome,
    terminal::{self, GOOD, NAME, QUIET, one_line, styled},
    workspace::{Reason, Workspace},
};
use connection::ServerProcess;

type Told<T> = Result<T, Box<dyn Error>>;

/// Plays the demonstration in `workspace`.
///
/// # Errors
/// When the server cannot be started, or a step fails.
pub async fn run(workspace: &Workspace) -> Outcome {
    terminal::print(&styled(NAME, "An assistant plans, works and looks back, over MCP on stdio."))?;
    let server = ServerProcess::start(&env::current_exe()?, workspace.root()).await?;
    let mut assistant = Assistant { server };
    let played = play(&mut assistant).await;
    let log = assistant.server.log();
    if !log.is_empty() {
        terminal::print_remark(&terminal::harmless(&log));
    }
    assistant.server.end().await?;
    played?;
    let named = match workspace.reason() {
        Reason::Named => format!("--workspace {} ", workspace.root().display()),
        _ => String::new(),
    };
    let database = workspace.database();
    let next = styled(NAME, format_args!("bindery-mcp {named}call list_tasks"));
    terminal::print(&format!("\nThe tasks are in {}. To see them:\n  {next}", database.display()))?;
    Ok(ExitCode::SUCCESS)
}

async fn play(assistant: &mut Assistant) -> Told<()> {
    assistant.greet().await?;
    let project = assistant.project().await?;
    assistant.plan(&project).await?;
    assistant.ready(&project).await?;
    assistant.work(&project).await?;
    assistant.ready(&project).await?;
    assistant.look_back(&project).await
}

struct Assistant {
    server: ServerProcess,
}

/// The result of a tool, and how long it took.
struct Answer {
    value: Value,
    elapsed_ms: f64,
}

impl Assistant {
    async fn greet(&mut self) -> Told<()> {
        let started = Instant::now();
        let connection = &self.server;
        let params = json!({
            "protocolVersion": "2025-11-25",
            "capabilities": {},
            "clientInfo": { "name": "bindery-demo", "version": env!("CARGO_PKG_VERSION") }
        });
        let greeting = connection.request("initialize", params).await?;
        connection.notify("notifications/initialized").await?;
        let tools = connection.request("tools/list", json!({})).await?;
        let name = greeting["serverInfo"]["name"].as_str().unwrap_or("the server");
        let count = tools["tools"].as_array().map_or(0, Vec::len);
        step(
            "tools/list",
            "says hello and asks for the tools",
            milliseconds(started),
            &[format!("{name} offers {count} tools")],
        )
    }

    /// Creates the project, or takes up the one of an earlier demonstration.
    async fn project(&mut self) -> Told<String> {
        const PROJECT: &str = "Bindery demo";
        let input = json!({ "name": PROJECT, "description": "What `bindery-mcp demo` left behind." });
        let started = Instant::now();
        let answer = match self.call("create_project", input).await? {
            Ok(answer) => answer,
            Err(error) if error["error_code"] == "already_exists" => {
                step(
                    "create_project",
                    "creates a project",
                    milliseconds(started),
                    &[format!("{PROJECT:?} is there already: going on with it")],
                )?;
                return Ok(PROJECT.to_owned());
            }
            Err(error) => return Err(failure(&error)),
        };
        let id = text(&answer.value["project"]["id"]);
        step("create_project", "creates a project", answer.elapsed_ms, &[format!("{id}  {PROJECT}")])?;
        Ok(id)
    }

    async fn plan(&mut self, project: &str) -> Told<()> {
        let input = json!({ "tasks": [
            { "ref": "release", "title": "Release 1.0", "project_id": project, "priority": "high", "tags": ["demo"] },
            { "ref": "test", "title": "Test on a clean machine", "parent_id": "release",
              "project_id": project, "priority": "urgent", "tags": ["demo"] },
            { "ref": "notes", "title": "Write the release notes", "parent_id": "release",
              "project_id": project, "tags": ["demo"] },
            { "title": "Publish", "parent_id": "release", "project_id": project,
              "depends_on": ["test", "notes"], "tags": ["demo"] },
        ]});
        let answer = self.call("create_task", input).await?.map_err(|error| failure(&error))?;
        step(
            "create_task",
            "plans four tasks with dependencies, in one call",
            answer.elapsed_ms,
            &rows(&answer.value["tasks"]),
        )
    }

    async fn ready(&mut self, project: &str) -> Told<()> {
        let input = json!({ "project_id": project, "ready": true, "fields": ["id", "title", "status"] });
        let answer = self.call("list_tasks", input).await?.map_err(|error| failure(&error))?;
        step("list_tasks", "asks what can be started now", answer.elapsed_ms, &rows(&answer.value["tasks"]))
    }

    async fn work(&mut self, project: &str) -> Told<()> {
        let input = json!({ "next": true, "project_id": project, "worker": "demo" });
        let claim = self.call("execute_task", input).await?.map_err(|error| failure(&error))?;
        let (task, execution) = (&claim.value["task"], &claim.value["execution"]);
        let until = text(&execution["lease_expires_at"]);
        let held = format!("{}  (held until {until})", row(task));
        step("execute_task", "claims the most important of them", claim.elapsed_ms, &[held])?;
        let input = json!({
            "task_id": task["id"], "execution_id": execution["id"],
            "completion_notes": "Done by the demonstration."
        });
        let done = self.call("complete_task", input).await?.map_err(|error| failure(&error))?;
        step("complete_task", "finishes it", done.elapsed_ms, &[row(&done.value["task"])])
    }

    async fn look_back(&mut self, project: &str) -> Told<()> {
        let input = json!({ "query": "release notes", "limit": 3 });
        let found = self.call("search_entities", input).await?.map_err(|error| failure(&error))?;
        step(
            "search_entities",
            "searches for \"release notes\"",
            found.elapsed_ms,
            &rows(&found.value["hits"]),
        )?;
        let input = json!({ "project_id": project });
        let board = self.call("get_dashboard_stats", input).await?.map_err(|error| failure(&error))?;
        let (of, ready) = (&board.value["by_status"], &board.value["ready"]);
        let counts =
            format!("{} to do ({ready} ready), {} doing, {} done", of["todo"], of["doing"], of["done"]);
        step("get_dashboard_stats", "looks at the dashboard", board.elapsed_ms, &[counts])
    }

    /// Calls a tool. The inner error is what the tool answered.
    async fn call(&mut self, tool: &str, input: Value) -> Result<Result<Answer, Value>, CallError> {
        let started = Instant::now();
        let params = json!({ "name": tool, "arguments": input });
        let mut result = self.server.request("tools/call", params).await?;
        let value = match result["structuredContent"].take() {
            // Older servers only send text.
            Value::Null => serde_json::from_str(&text(&result["content"][0]["text"])).unwrap_or(Value::Null),
            value => value,
        };
        Ok(match result["isError"] == true {
            true => Err(value),
            false => Ok(Answer { value, elapsed_ms: milliseconds(started) }),
        })
    }
}

fn failure(error: &Value) -> Box<dyn Error> {
    let suggestions = error["suggestions"].as_array().into_iter().flatten().map(text);
    let told = std::iter::once(text(&error["error"])).chain(suggestions);
    told.collect::<Vec<_>>().join(" ").into()
}

/// Tells one step: the tool, why the assistant called it, and what came back.
fn step(tool: &str, purpose: &str, elapsed_ms: f64, came_back: &[String]) -> Told<()> {
    let time = styled(QUIET, format_args!("{elapsed_ms:.1} ms"));
    let (mark, tool) = (styled(GOOD, "▸"), styled(NAME, tool));
    terminal::print(&format!("\n{mark} {tool}  {purpose}  {time}"))?;
    for line in came_back {
        terminal::print(&format!("    {line}"))?;
    }
    Ok(())
}

fn rows(list: &Value) -> Vec<String> {
    let rows: Vec<_> = list.as_array().into_iter().flatten().map(row).collect();
    if rows.is_empty() { vec!["nothing".to_owned()] } else { rows }
}

fn row(row: &Value) -> String {
    let words = ["id", "status", "title", "snippet"].map(|name| text(&row[name]));
    words.iter().filter(|word| !word.is_empty()).map(String::as_str).collect::<Vec<_>>().join("  ")
}

/// A text on one line; empty for anything else.
fn text(value: &Value) -> String {
    value.as_str().map(one_line).unwrap_or_default()
}

fn milliseconds(since: Instant) -> f64 {
    since.elapsed().as_secs_f64() * 1000.0
}
