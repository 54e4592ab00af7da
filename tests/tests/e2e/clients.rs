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
    let created =
        inspect(&["--method", "tools/call", "--tool-name", "create_task", "--tool-arg", "title=Inspected"]);
    assert_eq!(created["structuredContent"]["task"]["title"], "Inspected");
    let read = inspect(&["--method", "resources/read", "--uri", "bindery://dashboard"]);
    assert!(read["contents"][0]["text"].as_str().unwrap().contains("Inspected"));
    let prompt = inspect(&["--method", "prompts/get", "--prompt-name", "next_task"]);
    assert!(prompt["messages"][0]["content"]["text"].as_str().unwrap().contains("execute_task"));
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
