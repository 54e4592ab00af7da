//! Clients that nobody here wrote drive the server.

use std::{
    path::{Path, PathBuf},
    process::Command,
};

use serde_json::Value;
use tests::{Workspace, binaries::root, binary, extras};

/// The Python with the packages of `tests/clients/python/requirements.txt`.
fn python() -> Option<PathBuf> {
    let python = root().join("target/test-tools/python/bin/python");
    extras::available("the Python client", python.is_file()).then_some(python)
}

/// The folder with the packages of `tests/clients/typescript/package.json`.
fn typescript() -> Option<PathBuf> {
    let folder = root().join("tests/clients/typescript");
    extras::available("the TypeScript clients", folder.join("node_modules/.bin/node").exists())
        .then_some(folder)
}

fn drive(command: &mut Command) -> String {
    let output = command.output().unwrap();
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(output.status.success(), "{said}\n{}", String::from_utf8_lossy(&output.stderr));
    said
}

#[test]
fn the_python_client_in_both_modes() {
    let Some(python) = python() else { return };
    let script = root().join("tests/clients/python/drive.py");
    let workspace = Workspace::new();
    for mode in ["auto", "legacy", "2026-07-28"] {
        let said = drive(
            Command::new(&python)
                .arg(&script)
                .arg(binary("bindery-mcp"))
                .arg(workspace.path())
                .arg(mode)
                .env("BINDERY_PORT", "0"),
        );
        assert!(said.contains(&format!("ok {mode}")), "{said}");
    }
}

fn node(folder: &Path) -> Command {
    let mut command = Command::new(folder.join("node_modules/.bin/node"));
    command.current_dir(folder).env("BINDERY_PORT", "0");
    command
}

#[test]
fn the_typescript_clients() {
    let Some(folder) = typescript() else { return };
    let workspace = Workspace::new();
    for (script, mode) in [("v1.mjs", None), ("v2.mjs", None), ("v2.mjs", Some("auto"))] {
        let mut command = node(&folder);
        command.arg(script).arg(binary("bindery-mcp")).arg(workspace.path()).args(mode);
        assert!(drive(&mut command).contains("ok v"));
    }
}

#[test]
fn the_inspector() {
    let Some(folder) = typescript() else { return };
    let inspector =
        folder.join("node_modules/@modelcontextprotocol/inspector/clients/launcher/build/index.js");
    let workspace = Workspace::new();
    let inspect = |arguments: &[&str]| -> Value {
        let mut command = node(&folder);
        command
            .arg(&inspector)
            .arg("--cli")
            .arg(binary("bindery-mcp"))
            .arg("--workspace")
            .arg(workspace.path());
        let said = drive(command.args(arguments));
        serde_json::from_str(&said).unwrap_or_else(|_| panic!("{said}"))
    };
    assert_eq!(inspect(&["--method", "tools/list"])["tools"].as_array().unwrap().len(), 14);
    let call = |tool: &str, arguments: &[&str]| -> Value {
        let arguments = arguments.iter().flat_map(|argument| ["--tool-arg", *argument]);
        let method = ["--method", "tools/call", "--tool-name", tool];
        inspect(&method.into_iter().chain(arguments).collect::<Vec<_>>())["structuredContent"].clone()
    };
    let created = call("create_task", &["title=Inspected"]);
    let id = format!("task_id={}", created["task"]["id"].as_str().unwrap());
    for (tool, arguments, field) in [
        ("create_project", &["name=Inspection"][..], "project"),
        ("get_task", &[&id], "task"),
        ("update_task", &[&id, "priority=high"], "task"),
        ("assign_role_to_task", &[&id, "role=tester"], "task"),
        ("list_tasks", &["ready=true"], "tasks"),
        ("execute_task", &[&id], "execution"),
        ("update_task", &[&id, "status=todo"], "task"),
        ("complete_task", &[&id], "task"),
        ("index_document", &["uri=notes.md", "content=Inspected with care"], "document"),
        ("search_entities", &["query=Inspected"], "hits"),
        ("list_roles", &[], "roles"),
        ("get_dashboard_stats", &[], "total"),
        ("health_check", &[], "status"),
    ] {
        assert!(!call(tool, arguments)[field].is_null(), "{tool}");
    }
    let read = inspect(&["--method", "resources/read", "--uri", "bindery://dashboard"]);
    assert!(read["contents"][0]["text"].as_str().unwrap().contains("Inspection"));
    let prompt = inspect(&["--method", "prompts/get", "--prompt-name", "next_task"]);
    assert!(prompt["messages"][0]["content"]["text"].as_str().unwrap().contains("execute_task"));
    assert_eq!(call("delete_task", &[&id])["task"]["title"], "Inspected");
}

#[test]
fn the_openapi_document_is_what_is_served() {
    let Some(python) = python() else { return };
    let workspace = Workspace::new();
    let mut session = workspace.session();
    session.call("create_project", &serde_json::json!({"name": "Schema"}));
    let url = workspace.backend()["url"].as_str().unwrap().to_owned();
    let schemathesis = python.with_file_name("schemathesis");
    drive(
        Command::new(schemathesis)
            .args(["run", &format!("{url}/api/openapi.json"), "--url", &url])
            .args(["--checks", "not_a_server_error,status_code_conformance,content_type_conformance,response_schema_conformance"])
            .args(["--max-examples", "40", "--seed", "1", "--exclude-path", "/api/events", "--no-color"])
            .current_dir(workspace.path()),
    );
}
