//! What an operator sets holds in every process.

use std::process::Command;

use serde_json::{Value, json};
use tests::{Server, Session, Workspace, binary, http};

fn plan(tasks: usize) -> Value {
    json!({"tasks": vec![json!({"title": "a"}); tasks]})
}

/// `bindery-mcp` with a limit and without a backend: what it refuses, it refuses by itself.
fn alone(workspace: &Workspace) -> Command {
    let mut command = workspace.command();
    command.env("BINDERY_MAX_ITEMS", "3").env("BINDERY_BACKEND", workspace.path().join("absent"));
    command
}

#[test]
fn limits_hold_in_the_server() {
    let workspace = Workspace::new();
    let mut session = Session::start(alone(&workspace));
    session.initialize();
    assert_eq!(session.fail("create_task", &plan(4))["error_code"], "limit_exceeded");
    assert_eq!(session.fail("create_task", &plan(3))["error_code"], "backend_unavailable");
}

#[test]
fn limits_hold_for_calls_from_the_command_line() {
    let workspace = Workspace::new();
    for (tasks, code) in [(4, "limit_exceeded"), (3, "backend_unavailable")] {
        let mut command = alone(&workspace);
        let output = command.args(["call", "create_task", &plan(tasks).to_string(), "--json"]).output();
        let error: Value = serde_json::from_slice(&output.unwrap().stdout).unwrap();
        assert_eq!(error["error_code"], code, "{error}");
    }
}

#[test]
fn limits_hold_in_the_backend_that_the_server_starts() {
    let workspace = Workspace::new();
    let mut command = workspace.command();
    command.env("BINDERY_MAX_ITEMS", "3");
    let mut session = Session::start(command);
    session.initialize();
    session.call("create_task", &plan(3));
    let backend = workspace.backend();
    let post = |tasks| http::post(backend["url"].as_str().unwrap(), "/api/tasks", &[], &plan(tasks));
    assert_eq!(post(3).0, 200);
    let (status, problem) = post(4);
    assert_eq!((status, &problem["code"]), (422, &json!("limit_exceeded")), "{problem}");
}

#[test]
fn both_programs_name_a_setting_that_they_cannot_take() {
    for name in ["bindery-mcp", "bindery-backend"] {
        for (variable, value, takes) in [
            ("BINDERY_MAX_DEPTH", "101", "a whole number from 1 to 100"),
            ("BINDERY_TEXT_GUARD", "off", "neutralize, strip, reject or flag"),
        ] {
            let mut command = Command::new(binary(name));
            let output =
                command.arg("--print-config").current_dir("/").env(variable, value).output().unwrap();
            let said = String::from_utf8_lossy(&output.stderr);
            assert_eq!(output.status.code(), Some(2), "{said}");
            assert!(said.contains(variable) && said.contains(takes), "{said}");
        }
    }
}

#[test]
fn both_programs_print_what_they_were_set_to() {
    for name in ["bindery-mcp", "bindery-backend"] {
        let mut command = Command::new(binary(name));
        command.arg("--print-config").current_dir("/");
        command.env("BINDERY_MAX_CONTENT", "7").env("BINDERY_TEXT_GUARD", "flag");
        let printed = String::from_utf8(command.output().unwrap().stdout).unwrap();
        for line in ["BINDERY_MAX_CONTENT=7", "BINDERY_TEXT_GUARD=flag", "BINDERY_MAX_WRAPPED=100000"] {
            assert!(printed.lines().any(|printed| printed == line), "{line} in {printed}");
        }
    }
}

#[test]
fn the_durability_that_was_set_is_what_sqlite_works_by() {
    for (word, level) in [(None, "2"), (Some("full"), "2"), (Some("normal"), "1")] {
        let workspace = Workspace::new();
        let mut command = Server::command(workspace.path());
        command.envs(word.map(|word| ("BINDERY_DURABILITY", word)));
        let server = Server::run(workspace.path(), command);
        let metrics = server.send("GET", "/api/pool/metrics", None);
        let metrics: Value = serde_json::from_slice(&metrics.body).unwrap();
        let settings = metrics["settings"].as_array().unwrap();
        let found = settings.iter().find(|setting| setting["name"] == "synchronous").unwrap();
        assert_eq!(found["value"], level, "{word:?}");
    }
}
