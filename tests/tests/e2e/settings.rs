//! What an operator sets holds in every process.

use std::process::Command;

use serde_json::{Value, json};
use tests::{Session, Workspace, binary, http};

#[test]
fn limits_hold_in_the_server_and_in_the_backend_that_it_starts() {
    let workspace = Workspace::new();
    let mut command = workspace.command();
    command.env("BINDERY_MAX_ITEMS", "3");
    let mut session = Session::start(command);
    session.initialize();
    let plan = |tasks: usize| json!({"tasks": vec![json!({"title": "a"}); tasks]});
    session.call("create_task", &plan(3));
    assert_eq!(session.fail("create_task", &plan(4))["error_code"], "limit_exceeded");

    let backend = workspace.backend();
    let post = |tasks| http::post(backend["url"].as_str().unwrap(), "/api/tasks", &[], &plan(tasks));
    assert_eq!(post(3).0, 200);
    let (status, problem) = post(4);
    assert_eq!((status, &problem["code"]), (422, &json!("limit_exceeded")), "{problem}");
}

#[test]
fn limits_hold_for_calls_from_the_command_line() {
    let workspace = Workspace::new();
    let mut command = workspace.command();
    command.env("BINDERY_MAX_KEYS", "1").args(["call", "create_task", "title=a", "status=todo", "--json"]);
    let error: Value = serde_json::from_slice(&command.output().unwrap().stdout).unwrap();
    assert_eq!(error["error_code"], "limit_exceeded", "{error}");
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
