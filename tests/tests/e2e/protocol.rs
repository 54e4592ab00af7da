//! The protocol itself, in both eras.

use serde_json::{Value, json};
use tests::Workspace;

/// What the 2026-07-28 protocol puts on every request.
fn modern_meta() -> Value {
    json!({
        "io.modelcontextprotocol/protocolVersion": "2026-07-28",
        "io.modelcontextprotocol/clientCapabilities": {},
        "io.modelcontextprotocol/clientInfo": {"name": "e2e", "version": "1"},
    })
}

#[test]
fn every_older_version_is_spoken() {
    let workspace = Workspace::new();
    for version in ["2024-11-05", "2025-03-26", "2025-06-18", "2025-11-25"] {
        let mut session = workspace.raw_session();
        let answer = session.request(
            "initialize",
            json!({"protocolVersion": version, "capabilities": {}, "clientInfo": {"name": "e2e", "version": "1"}}),
        );
        assert_eq!(answer["result"]["protocolVersion"], version, "{answer}");
        assert_eq!(answer["result"]["serverInfo"]["name"], "bindery");
        session.send(&json!({"jsonrpc": "2.0", "method": "notifications/initialized"}));
        assert_eq!(session.request("tools/list", json!({}))["result"]["tools"].as_array().unwrap().len(), 14);
    }
}

#[test]
fn the_2026_version_is_spoken_without_a_handshake() {
    let workspace = Workspace::new();
    let mut session = workspace.raw_session();
    let answer = session.request("server/discover", json!({"_meta": modern_meta()}));
    let versions = answer["result"]["supportedVersions"].as_array().unwrap();
    assert!(versions.contains(&json!("2026-07-28")) && versions.contains(&json!("2025-11-25")), "{answer}");
    let answer = session.request("tools/list", json!({"_meta": modern_meta()}));
    assert_eq!(answer["result"]["tools"].as_array().unwrap().len(), 14);
    let call = json!({"_meta": modern_meta(), "name": "create_task", "arguments": {"title": "Modern"}});
    let answer = session.request("tools/call", call);
    assert_eq!(answer["result"]["structuredContent"]["task"]["title"], "Modern", "{answer}");
    assert_eq!(answer["result"]["resultType"], "complete");
    let answer = session.request("ping", json!({"_meta": modern_meta()}));
    assert_eq!(answer["error"]["code"], -32601, "ping is gone in 2026-07-28");
}

#[test]
fn a_probe_before_initialize_is_answered_and_does_no_harm() {
    let workspace = Workspace::new();
    let mut session = workspace.raw_session();
    session.send(&json!({"jsonrpc": "2.0", "method": "notifications/cancelled", "params": {"requestId": 1}}));
    assert!(session.request("server/discover", json!({"_meta": modern_meta()}))["result"].is_object());
    assert!(session.request("server/discover", json!({}))["error"].is_object());
    assert_eq!(session.initialize()["result"]["protocolVersion"], "2025-11-25");
}

#[test]
fn a_second_initialize_is_refused_and_the_session_goes_on() {
    let workspace = Workspace::new();
    let mut session = workspace.session();
    assert_eq!(session.initialize()["error"]["code"], -32600);
    assert!(session.request("tools/list", json!({}))["result"].is_object());
}

#[test]
fn the_end_of_input_before_initialize_is_a_clean_end() {
    let workspace = Workspace::new();
    assert_eq!(workspace.raw_session().close().code(), Some(0));
}

#[test]
fn what_is_not_offered_is_not_found() {
    let workspace = Workspace::new();
    let mut session = workspace.session();
    for (method, params) in [
        ("logging/setLevel", json!({"level": "info"})),
        ("tasks/get", json!({"taskId": "1"})),
        ("tasks/cancel", json!({"taskId": "1"})),
        ("skills/list", json!({})),
        ("no/such", json!({})),
        ("subscriptions/listen", json!({"notifications": {}})),
    ] {
        let answer = session.request(method, params);
        assert_eq!(answer["error"]["code"], -32601, "{method}: {answer}");
    }
}

#[test]
fn nothing_but_protocol_reaches_stdout_however_much_is_logged() {
    let workspace = Workspace::new();
    let mut command = workspace.command();
    command.env("RUST_LOG", "trace");
    let mut session = tests::Session::start(command);
    session.initialize();
    session.call("create_task", &json!({"title": "Quiet"}));
    // Every line the session read was JSON-RPC, or it would have stopped.
    assert!(session.is_silent());
}

#[test]
fn two_hundred_requests_at_once_are_all_answered() {
    let workspace = Workspace::new();
    let mut session = workspace.session();
    let mut open: std::collections::BTreeSet<i64> = (0..200)
        .map(|n| {
            let arguments = json!({"title": format!("Task {n}")});
            session.start_request("tools/call", json!({"name": "create_task", "arguments": arguments}))
        })
        .collect();
    while !open.is_empty() {
        let answer = session.receive();
        assert_eq!(answer["result"]["isError"], false, "{answer}");
        assert!(open.remove(&answer["id"].as_i64().unwrap()));
    }
}

#[test]
fn resources_prompts_and_completions() {
    let workspace = Workspace::new();
    let mut session = workspace.session();
    let project = session.call("create_project", &json!({"name": "Garden"}))["project"].clone();
    let task =
        session.call("create_task", &json!({"title": "Dig", "project_id": "garden", "tags": ["soil"]}));
    let id = task["task"]["id"].as_str().unwrap();

    let listed = session.request("resources/list", json!({}))["result"]["resources"].clone();
    assert_eq!(listed[0]["uri"], "bindery://dashboard");
    assert_eq!(listed[1]["name"], "Garden");
    for (uri, pointer, value) in [
        (format!("bindery://task/{id}"), "/task/title", json!("Dig")),
        (format!("bindery://project/{}", project["id"].as_str().unwrap()), "/project/open_tasks", json!(1)),
        ("bindery://dashboard".to_owned(), "/by_status/todo", json!(1)),
    ] {
        let read = session.request("resources/read", json!({"uri": uri}));
        let text = read["result"]["contents"][0]["text"].as_str().unwrap_or_else(|| panic!("{read}"));
        assert_eq!(serde_json::from_str::<Value>(text).unwrap().pointer(pointer), Some(&value), "{uri}");
    }
    for uri in ["bindery://task/0000000000000", "bindery://nothing", "file:///etc/passwd"] {
        assert_eq!(session.request("resources/read", json!({"uri": uri}))["error"]["code"], -32002, "{uri}");
    }

    let prompts = session.request("prompts/list", json!({}))["result"]["prompts"].clone();
    let names: Vec<_> =
        prompts.as_array().unwrap().iter().map(|prompt| prompt["name"].as_str().unwrap()).collect();
    assert_eq!(names, ["plan_project", "next_task", "review_progress"]);
    let answer = session.request("prompts/get", json!({"name": "plan_project", "arguments": {}}));
    assert_eq!(answer["error"]["code"], -32602);

    for (reference, argument, value, expected) in [
        (json!({"type": "ref/prompt", "name": "next_task"}), "role", "dev", "developer"),
        (json!({"type": "ref/prompt", "name": "next_task"}), "project", "gar", "Garden"),
        (json!({"type": "ref/prompt", "name": "review_progress"}), "tag", "s", "soil"),
        (json!({"type": "ref/resource", "uri": "bindery://task/{id}"}), "id", &id[..8], id),
    ] {
        let answer = session.request(
            "completion/complete",
            json!({"ref": reference, "argument": {"name": argument, "value": value}}),
        );
        assert_eq!(answer["result"]["completion"]["values"], json!([expected]), "{argument}: {answer}");
    }
}

#[test]
fn a_subscriber_hears_of_what_another_assistant_changes() {
    let workspace = Workspace::new();
    let mut watcher = workspace.session();
    let mut writer = workspace.session();
    let task = writer.call("create_task", &json!({"title": "Watched"}))["task"].clone();
    let uri = format!("bindery://task/{}", task["id"].as_str().unwrap());
    assert!(watcher.request("resources/subscribe", json!({"uri": uri}))["result"].is_object());
    assert!(watcher.request("resources/subscribe", json!({"uri": "bindery://x"}))["error"].is_object());
    // The watcher's feed is open once it has read from the backend.
    watcher.call("health_check", &json!({}));
    writer.call("create_project", &json!({"name": "Seen"}));
    writer.call("update_task", &json!({"task_id": task["id"], "title": "Changed"}));
    let mut heard = Vec::new();
    while heard.len() < 2 {
        let message = watcher.receive();
        heard.push((message["method"].as_str().unwrap().to_owned(), message["params"]["uri"].clone()));
    }
    assert!(heard.contains(&("notifications/resources/list_changed".to_owned(), Value::Null)), "{heard:?}");
    assert!(heard.contains(&("notifications/resources/updated".to_owned(), json!(uri))), "{heard:?}");
}

#[test]
fn a_listener_of_the_2026_version_hears_of_changes() {
    let workspace = Workspace::new();
    let mut writer = workspace.session();
    let task = writer.call("create_task", &json!({"title": "Watched"}))["task"].clone();
    let uri = format!("bindery://task/{}", task["id"].as_str().unwrap());
    let mut watcher = workspace.raw_session();
    let read = json!({"_meta": modern_meta(), "name": "get_task", "arguments": {"task_id": task["id"]}});
    assert_eq!(watcher.request("tools/call", read)["result"]["isError"], false);
    let filter = json!({"resourceSubscriptions": [uri], "resourcesListChanged": true});
    watcher.start_request("subscriptions/listen", json!({"_meta": modern_meta(), "notifications": filter}));
    assert_eq!(watcher.receive()["method"], "notifications/subscriptions/acknowledged");
    writer.call("update_task", &json!({"task_id": task["id"], "title": "Changed"}));
    let heard = watcher.receive();
    assert_eq!(heard["method"], "notifications/resources/updated", "{heard}");
    assert_eq!(heard["params"]["uri"], uri);
}
