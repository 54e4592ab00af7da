//! What callers and logs are told of faults and of hostile text.

use std::{
    fs::{self, File},
    process::Command,
    time::{Duration, Instant},
};

use serde_json::{Value, json};
use tests::{Session, Workspace, binary, http};

const TIMESTAMP: &str = "2026-01-01T00:00:00.000000Z";

/// What would look like another line of the log, in red, if it reached one as it is.
fn hostile(word: &str) -> String {
    format!("{word}\r\n{TIMESTAMP} ERROR forged\u{1b}[31m password=hunter2")
}

/// A session that no backend can be started for.
fn without_backend(workspace: &Workspace, production: &str) -> Session {
    let absent = workspace.path().join("absent").display().to_string();
    let mut command = workspace.command();
    command.envs([("BINDERY_BACKEND", &*absent), ("BINDERY_TIMEOUT", "3"), ("MCP_PRODUCTION", production)]);
    let mut session = Session::start(command);
    session.initialize();
    session
}

/// What a tool, a resource and a completion say when the backend is missing: message and id.
fn faults(session: &mut Session) -> Vec<(String, String)> {
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let tool = session.fail("list_tasks", &json!({}));
    let uri = json!({"uri": "bindery://dashboard"});
    let completion = json!({
        "ref": {"type": "ref/prompt", "name": "next_task"}, "argument": {"name": "role", "value": "d"},
    });
    let mut faults = vec![(text(&tool["error"]), text(&tool["correlation_id"]))];
    for (method, params) in
        [("resources/list", json!({})), ("resources/read", uri), ("completion/complete", completion)]
    {
        let error = session.request(method, params)["error"].clone();
        faults.push((text(&error["message"]), text(&error["data"]["correlation_id"])));
    }
    faults
}

#[test]
fn in_production_a_fault_is_a_constant_text_and_an_id_that_the_log_explains() {
    let workspace = Workspace::new();
    let mut session = without_backend(&workspace, "true");
    let faults = faults(&mut session);
    let log = session.log();
    for (message, id) in faults {
        assert_eq!(message, "The backend cannot be reached");
        let line = log.lines().find(|line| line.contains(&id)).unwrap_or_else(|| panic!("{id}: {log}"));
        assert!(line.contains("ERROR") && line.contains("BINDERY_BACKEND names [path]"), "{line}");
    }
}

#[test]
fn elsewhere_a_fault_is_told_without_paths() {
    let workspace = Workspace::new();
    let mut session = without_backend(&workspace, "false");
    for (message, id) in faults(&mut session) {
        assert_eq!(message, "BINDERY_BACKEND names [path], which is not a file");
        assert_eq!(id.len(), 16);
    }
}

/// Hostile text wherever a client can put some.
fn provoke(session: &mut Session) {
    let request = |id: &str, method: &str, params: Value| json!({"jsonrpc": "2.0", "id": hostile(id), "method": method, "params": params});
    let told = json!({"title": hostile("lemons"), "description": hostile("lemons")});
    for message in [
        request("1", &hostile("method"), json!({"text": hostile("lemons")})),
        request("2", "tools/call", json!({"name": hostile("tool"), "arguments": told})),
        request("3", "tools/call", json!({"name": "create_task", "arguments": told})),
        request("4", "tools/call", json!({"name": "get_task", "arguments": {"task_id": hostile("task")}})),
        request("5", "resources/read", json!({"uri": hostile("bindery://task/")})),
        request("6", "prompts/get", json!({"name": hostile("prompt")})),
    ] {
        session.send(&message);
        assert_eq!(session.receive()["id"], message["id"]);
    }
    let cancelled = json!({"requestId": hostile("7"), "reason": hostile("lemons")});
    session.send(&json!({"jsonrpc": "2.0", "method": "notifications/cancelled", "params": cancelled}));
    session.send(&json!({"jsonrpc": "2.0", "method": hostile("notifications/")}));
    session.send_line(hostile("no json"));
}

#[test]
fn no_text_from_outside_forges_a_line_of_a_log_or_shows_a_secret_in_it() {
    let workspace = Workspace::new();
    let mut command = workspace.command();
    command.env("RUST_LOG", "trace");
    let mut session = Session::start(command);
    let client = json!({"name": hostile("client"), "version": "1"});
    let version = json!({"protocolVersion": "2025-11-25", "capabilities": {}, "clientInfo": client});
    session.request("initialize", version);
    session.send(&json!({"jsonrpc": "2.0", "method": "notifications/initialized"}));
    provoke(&mut session);

    let backend = workspace.backend();
    let actor = "Bindery-Actor: a%0D%0A2026-01-01T00:00:00.000000Z%20ERROR%20forged%1B[31m";
    let call = json!({
        "jsonrpc": "2.0", "id": hostile("8"), "method": hostile("method"), "params": {"a": hostile("lemons")},
    });
    http::post(backend["url"].as_str().unwrap(), "/rpc", &[actor], &call);
    let task = json!({"title": hostile("lemons"), "role": hostile("role")});
    http::post(backend["url"].as_str().unwrap(), "/api/tasks?x=password=hunter2", &[actor], &task);
    let of_backend = fs::read_to_string(workspace.path().join(".vespera/backend.log")).unwrap();

    for log in [session.log(), of_backend] {
        assert!(log.lines().count() > 10, "{log}");
        assert_is_clean(&log);
        assert!(!log.contains("lemons"), "a body is in the log: {log}");
    }
}

#[test]
fn the_name_of_a_folder_forges_no_line_of_the_backend_either() {
    let workspace = Workspace::new();
    let folder = workspace.path().join(hostile("folder"));
    fs::create_dir(&folder).unwrap();
    let path = workspace.path().join("backend.log");
    let mut command = Command::new(binary("bindery-backend"));
    command.args(["--port", "0", "--workspace"]).arg(&folder).stderr(File::create(&path).unwrap());
    let mut backend = command.spawn().unwrap();
    let begun = Instant::now();
    while !fs::read_to_string(&path).unwrap().contains("serving") && begun.elapsed().as_secs() < 20 {
        std::thread::sleep(Duration::from_millis(20));
    }
    backend.kill().unwrap();
    backend.wait().unwrap();
    let log = fs::read_to_string(path).unwrap();
    assert!(log.contains("folder"), "{log}");
    assert_is_clean(&log);
}

/// Whether every line was begun by the program, and none holds a secret or would repaint a terminal.
fn assert_is_clean(log: &str) {
    let is_a_line = |line: &str| line.starts_with("20") && line.get(26..27) == Some("Z");
    assert!(log.lines().all(is_a_line), "{log}");
    assert!(!log.lines().any(|line| line.starts_with(TIMESTAMP)), "{log}");
    assert!(!log.contains('\u{1b}') && !log.contains("hunter2"), "{log}");
}
