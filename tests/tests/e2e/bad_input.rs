//! Wrong input gets the right error with a next step, and the store stays as it was.

use serde_json::{Value, json};
use tests::{Session, Workspace};

fn nested(levels: usize) -> Value {
    (0..levels).fold(json!(1), |inner, _| json!([inner]))
}

fn object_of(keys: usize) -> Value {
    Value::Object((0..keys).map(|n| (format!("k{n}"), json!(n))).collect())
}

fn everything(session: &mut Session) -> (Value, Value) {
    let tasks = session
        .call("list_tasks", &json!({"limit": 1000, "fields": ["id", "title", "version", "depends_on"]}));
    (tasks, session.call("get_dashboard_stats", &json!({})))
}

#[test]
fn each_bad_input_is_refused_and_nothing_changes() {
    let workspace = Workspace::new();
    let mut session = workspace.session();
    let task = session.call("create_task", &json!({"title": "Only one"}))["task"].clone();
    let id = task["id"].as_str().unwrap();
    let mut slip = id.to_owned();
    slip.replace_range(12..13, if id.ends_with('0') { "1" } else { "0" });
    let before = everything(&mut session);
    let long = |n: usize| "x".repeat(n);

    for (tool, arguments, code, field) in [
        ("get_task", json!({"task_id": slip}), "not_found", Some("task_id")),
        ("get_task", json!({"task_id": "no-such"}), "not_found", Some("task_id")),
        ("get_task", json!({"task_id": 17}), "invalid_value", Some("task_id")),
        ("get_task", json!({}), "missing_field", Some("task_id")),
        ("create_task", json!({}), "missing_field", Some("title")),
        ("create_task", json!({"title": ""}), "invalid_value", Some("title")),
        ("create_task", json!({"title": " \n"}), "invalid_value", Some("title")),
        ("create_task", json!({"title": long(501)}), "limit_exceeded", Some("title")),
        (
            "create_task",
            json!({"title": "a", "description": long(10_001)}),
            "limit_exceeded",
            Some("description"),
        ),
        ("create_task", json!({"title": "a", "labels": {"x": nested(9)}}), "limit_exceeded", None),
        ("create_task", json!({"title": "a", "labels": object_of(101)}), "limit_exceeded", None),
        ("create_task", json!({"tasks": vec![json!({"title": "a"}); 1001]}), "limit_exceeded", Some("tasks")),
        ("create_task", json!({"title": "a", "labels": {"__proto__": 1}}), "refused", None),
        ("create_task", json!({"title": "a", "labels": {"a\u{0}": 1}}), "refused", None),
        ("create_task", json!({"title": "a", "priority": "hgih"}), "invalid_value", Some("priority")),
        ("create_task", json!({"title": "a", "titel": "b"}), "unknown_field", Some("titel")),
        ("create_task", json!({"title": "a", "role": "develper"}), "not_found", Some("role")),
        ("create_task", json!({"title": "a", "project_id": "Nowhere"}), "not_found", Some("project_id")),
        ("create_task", json!({"title": "a", "parent_id": slip}), "not_found", Some("parent_id")),
        ("create_task", json!({"title": "a", "due_at": "someday"}), "invalid_value", Some("due_at")),
        (
            "create_task",
            json!({"tasks": [{"title": "a", "ref": "x"}, {"title": "b", "depends_on": ["y"]}]}),
            "not_found",
            Some("tasks[1].depends_on[0]"),
        ),
        (
            "create_task",
            json!({"tasks": [{"title": "a", "ref": "x", "depends_on": ["y"]}, {"title": "b", "ref": "y", "depends_on": ["x"]}]}),
            "cycle",
            None,
        ),
        (
            "create_task",
            json!({"tasks": [{"title": "a", "ref": "x"}, {"title": "b", "ref": "x"}]}),
            "invalid_value",
            Some("tasks[1].ref"),
        ),
        ("update_task", json!({"task_id": id, "parent_id": id}), "cycle", None),
        ("update_task", json!({"task_id": id, "depends_on": [id]}), "cycle", None),
        ("update_task", json!({"task_id": id}), "invalid_value", None),
        (
            "update_task",
            json!({"task_id": id, "title": "b", "expected_version": 9}),
            "version_conflict",
            None,
        ),
        ("update_task", json!({"task_id": id, "undo": "maybe"}), "invalid_value", Some("undo")),
        ("assign_role_to_task", json!({"task_id": id, "role": "wizard"}), "not_found", Some("role")),
        ("list_tasks", json!({"cursor": "garbage"}), "invalid_value", Some("cursor")),
        ("list_tasks", json!({"limit": 0}), "invalid_value", Some("limit")),
        ("execute_task", json!({}), "missing_field", None),
        ("complete_task", json!({"task_id": id, "execution_id": "0000000000000"}), "not_found", None),
    ] {
        let error = session.fail(tool, &arguments);
        let shown = arguments.to_string().chars().take(100).collect::<String>();
        assert_eq!(error["error_code"], code, "{tool} {shown}: {error}");
        assert_eq!(error["success"], false);
        assert_eq!(error["operation"], tool);
        if let Some(field) = field {
            assert_eq!(error["field"], field, "{tool} {shown}: {error}");
        }
        assert!(error["error"].as_str().is_some_and(|text| !text.is_empty()));
    }
    assert_eq!(everything(&mut session), before);
}

#[test]
fn slips_are_answered_with_the_nearest_word() {
    let workspace = Workspace::new();
    let mut session = workspace.session();
    let id = session.call("create_task", &json!({"title": "a"}))["task"]["id"].as_str().unwrap().to_owned();
    let mut slip = id.clone();
    slip.replace_range(12..13, if id.ends_with('0') { "1" } else { "0" });
    for (tool, arguments, nearest) in [
        ("get_task", json!({"task_id": slip}), id.as_str()),
        ("create_task", json!({"title": "a", "priority": "hgih"}), "high"),
        ("create_task", json!({"titel": "a"}), "title"),
        ("create_task", json!({"title": "a", "role": "develper"}), "developer"),
    ] {
        let error = session.fail(tool, &arguments);
        assert!(error["suggestions"].to_string().contains(nearest), "{tool}: {error}");
    }
    let answer = session.request("tools/call", json!({"name": "creat_task", "arguments": {}}));
    assert_eq!(answer["error"]["code"], -32602);
    assert!(answer["error"]["message"].as_str().unwrap().contains("create_task"));
}

#[test]
fn broken_lines_are_answered_and_the_session_goes_on() {
    let workspace = Workspace::new();
    let mut session = workspace.session();
    for (line, code) in [
        ("{not json".to_owned(), -32700),
        ("{\"jsonrpc\":\"2.0\",\"id\":\"\0\",\"method\":\"ping\"}".to_owned(), -32700),
        ("[1,2]".to_owned(), -32600),
        ("\"text\"".to_owned(), -32600),
        (r#"{"jsonrpc":"2.0","id":5}"#.to_owned(), -32600),
        (format!("{{\"x\":\"{}\"}}", "y".repeat(64 * 1024 * 1024)), -32600),
    ] {
        session.send_line(&line);
        assert_eq!(session.receive()["error"]["code"], code, "{}", line.chars().take(60).collect::<String>());
    }
    assert!(session.is_silent());
    let answer = session.request("tools/call", json!({"arguments": {}}));
    assert_eq!(answer["error"]["code"], -32602, "{answer}");
}

#[test]
fn control_characters_are_removed_and_reported() {
    let workspace = Workspace::new();
    let mut session = workspace.session();
    let written = session.call("create_task", &json!({"title": "a\u{0}b", "description": "\u{1b}[31mred"}));
    assert_eq!(written["task"]["title"], "ab");
    assert_eq!(written["task"]["description"], "red");
    assert_eq!(written["guard"]["count"], 2, "{written}");
    let read = session.call("get_task", &json!({"task_id": written["task"]["id"], "include": ["history"]}));
    assert_eq!(read["task"]["history"][0]["guard"]["count"], 2, "{read}");
}

#[test]
fn integers_in_labels_survive_to_the_last_digit() {
    let workspace = Workspace::new();
    let mut session = workspace.session();
    let labels = json!({"max": i64::MAX, "min": i64::MIN, "unsigned": u64::MAX, "odd": 9_007_199_254_740_993_i64, "float": 0.1});
    let id = session.call("create_task", &json!({"title": "a", "labels": labels}))["task"]["id"].clone();
    session.call("update_task", &json!({"task_id": id, "labels": "{\"more\":18446744073709551615}"}));
    let mut expected = labels;
    expected["more"] = json!(u64::MAX);
    let mut other = workspace.session();
    assert_eq!(other.call("get_task", &json!({"task_id": id}))["task"]["labels"], expected);
}
