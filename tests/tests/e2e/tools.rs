//! All fourteen tools, with arguments in every form that clients send.

use serde_json::{Map, Value, json};
use tests::{Session, Workspace};

/// How a client writes the arguments.
#[derive(Clone, Copy, Debug)]
enum Form {
    Plain,
    /// The whole input as a JSON string in the wrapper field.
    Wrapped,
    /// Every scalar and array as a string.
    Stringified,
}

const WRAPPERS: &[(&str, &str)] = &[
    ("create_task", "task_input"),
    ("update_task", "task_update"),
    ("list_tasks", "filters"),
    ("complete_task", "task_completion"),
    ("execute_task", "execution_input"),
    ("assign_role_to_task", "role_assignment"),
    ("create_project", "project_input"),
    ("search_entities", "search_input"),
    ("index_document", "document_input"),
];

impl Form {
    fn write(self, tool: &str, arguments: &Value) -> Value {
        match self {
            Self::Plain => arguments.clone(),
            Self::Wrapped => {
                let wrapper =
                    WRAPPERS.iter().find(|(name, _)| *name == tool).map_or("input", |(_, wrapper)| wrapper);
                json!({ wrapper: arguments.to_string() })
            }
            Self::Stringified => {
                let stringified = arguments.as_object().unwrap().iter().map(|(name, value)| {
                    let text = match value {
                        Value::String(text) => text.clone(),
                        other => other.to_string(),
                    };
                    (name.clone(), Value::String(text))
                });
                Value::Object(stringified.collect::<Map<_, _>>())
            }
        }
    }
}

struct Assistant {
    session: Session,
    form: Form,
}

impl Assistant {
    fn call(&mut self, tool: &str, arguments: Value) -> Value {
        self.session.call(tool, &self.form.write(tool, &arguments))
    }
}

fn work_through_a_project(form: Form) {
    let workspace = Workspace::new();
    let mut assistant = Assistant { session: workspace.session(), form };

    let project =
        assistant.call("create_project", json!({"name": "Boat", "description": "Build it"}))["project"]
            .clone();
    assert_eq!(project["open_tasks"], 0);
    let plan = assistant.call(
        "create_task",
        json!({"tasks": [
            {"ref": "keel", "title": "Lay the keel", "project_id": "boat", "priority": "high", "tags": ["wood"]},
            {"ref": "hull", "title": "Build the hull", "project_id": "boat", "depends_on": ["keel"],
             "subtasks": [{"title": "Cut planks", "project_id": "boat", "labels": {"count": 40}}]},
        ]}),
    );
    let id_of = |name: &str| {
        let rows = plan["tasks"].as_array().unwrap();
        rows.iter().find(|row| row["ref"] == name).unwrap()["id"].clone()
    };
    let (keel, hull) = (id_of("keel"), id_of("hull"));

    let read =
        assistant.call("get_task", json!({"task_id": hull, "include": ["children", "history"]}))["task"]
            .clone();
    assert_eq!(read["waiting_for"], json!([keel]));
    assert_eq!(read["children"][0]["title"], "Cut planks");
    assert_eq!(read["history"][0]["action"], "created");

    let ready = assistant
        .call("list_tasks", json!({"ready": true, "project_id": "Boat", "limit": 5, "priority": ["high"]}));
    assert_eq!(ready["tasks"].as_array().unwrap().len(), 1);
    assert_eq!(ready["tasks"][0]["id"], keel);

    let role = assistant.call("assign_role_to_task", json!({"task_id": keel, "role": "developer"}));
    assert_eq!(role["task"]["role"], "developer");
    let claim =
        assistant.call("execute_task", json!({"next": true, "project_id": "Boat", "lease_seconds": 60}));
    assert_eq!(claim["task"]["id"], keel);
    assert_eq!(claim["task"]["status"], "doing");
    assert!(claim["role"]["brief"].as_str().unwrap().len() > 20);
    let execution = claim["execution"]["id"].clone();
    let renewed = assistant.call("execute_task", json!({"execution_id": execution}));
    assert_eq!(renewed["execution"]["id"], execution);

    let updated = assistant.call(
        "update_task",
        json!({"task_id": keel, "expected_version": renewed["task"]["version"], "note": "Oak, not pine", "labels": {"kg": 900}}),
    );
    assert_eq!(updated["task"]["labels"], json!({"kg": 900}));
    let done = assistant.call(
        "complete_task",
        json!({"task_id": keel, "execution_id": execution, "completion_notes": "Straight"}),
    );
    assert_eq!(done["unblocked"], json!([hull]));
    assert_eq!(done["task"]["status"], "done");

    let indexed =
        assistant.call("index_document", json!({"uri": "docs/oak.md", "content": "# Oak\n\nOak is heavy."}));
    assert_eq!(indexed["outcome"], "created");
    let again =
        assistant.call("index_document", json!({"uri": "docs/oak.md", "content": "# Oak\n\nOak is heavy."}));
    assert_eq!(again["outcome"], "unchanged");
    let hits = assistant
        .call("search_entities", json!({"query": "oak", "types": ["note", "document"], "limit": 10}));
    let kinds: Vec<_> =
        hits["hits"].as_array().unwrap().iter().map(|hit| hit["kind"].as_str().unwrap()).collect();
    assert!(kinds.contains(&"note") && kinds.contains(&"document"), "{hits}");

    let deleted = assistant.call("delete_task", json!({"task_id": hull}));
    assert_eq!(deleted["tasks"].as_array().unwrap().len(), 2, "the subtask goes with it: {deleted}");
    let restored = assistant.call("update_task", json!({"task_id": hull, "restore": true}));
    assert_eq!(restored["task"]["status"], "todo");
    let undone = assistant.call("update_task", json!({"task_id": keel, "undo": true}));
    assert_eq!(undone["task"]["status"], "doing", "{undone}");

    assert!(assistant.call("list_roles", json!({}))["roles"].as_array().unwrap().len() >= 7);
    let dashboard = assistant.call("get_dashboard_stats", json!({"project_id": "Boat"}));
    assert_eq!(dashboard["total"], 3);
    let health = assistant.call("health_check", json!({"detail": true}));
    assert_eq!(health["pool"]["max_connections"], 8);
    assert_eq!(health["client"]["circuit_breaker"], "closed");
}

#[test]
fn a_project_with_plain_arguments() {
    work_through_a_project(Form::Plain);
}

#[test]
fn a_project_with_the_whole_input_as_a_string() {
    work_through_a_project(Form::Wrapped);
}

#[test]
fn a_project_with_every_value_as_a_string() {
    work_through_a_project(Form::Stringified);
}

#[test]
fn text_and_structure_say_the_same() {
    fn leaves(value: &Value, found: &mut Vec<String>) {
        match value {
            Value::Array(items) => items.iter().for_each(|item| leaves(item, found)),
            Value::Object(object) => object.values().for_each(|item| leaves(item, found)),
            Value::String(text) => found.push(text.clone()),
            other => found.push(other.to_string()),
        }
    }
    let workspace = Workspace::new();
    let mut session = workspace.session();
    session.call(
        "create_task",
        &json!({"title": "One", "description": "two\nlines", "labels": {"a": {"b": [1, 2]}}}),
    );
    for (tool, arguments) in [
        ("list_tasks", json!({"fields": ["title", "description", "labels"]})),
        ("get_dashboard_stats", json!({})),
        ("list_roles", json!({"name": "tester"})),
        ("get_task", json!({"task_id": "x"})),
    ] {
        let result = session.tool(tool, &arguments);
        let text = result["content"][0]["text"].as_str().unwrap();
        let mut found = Vec::new();
        leaves(&result["structuredContent"], &mut found);
        for leaf in found {
            assert!(text.contains(&leaf), "{tool}: {leaf:?} is not in\n{text}");
        }
    }
}

#[test]
fn a_repeated_request_id_does_nothing_twice() {
    let workspace = Workspace::new();
    let mut session = workspace.session();
    let arguments = json!({"title": "Once", "request_id": "r-1"});
    let first = session.call("create_task", &arguments);
    let second = session.call("create_task", &arguments);
    assert_eq!(second["task"], first["task"]);
    assert_eq!(second["replayed"], true);
    let error = session.fail("create_task", &json!({"title": "Other", "request_id": "r-1"}));
    assert_eq!(error["error_code"], "request_id_reused");
    assert_eq!(session.call("list_tasks", &json!({}))["tasks"].as_array().unwrap().len(), 1);
}

#[test]
fn a_long_list_is_cut_with_a_cursor_and_complete_in_the_end() {
    let workspace = Workspace::new();
    let mut session = workspace.session();
    let tasks: Vec<_> = (0..300).map(|n| json!({"title": format!("{n} {}", "words ".repeat(60))})).collect();
    session.call("create_task", &json!({"tasks": tasks}));
    let (mut seen, mut cursor, mut pages) = (std::collections::BTreeSet::new(), Value::Null, 0);
    loop {
        let result = session.tool("list_tasks", &json!({"limit": 1000, "cursor": cursor}));
        assert!(result["structuredContent"].to_string().len() < 30_000);
        let page = &result["structuredContent"];
        seen.extend(
            page["tasks"].as_array().unwrap().iter().map(|row| row["id"].as_str().unwrap().to_owned()),
        );
        pages += 1;
        cursor = page["next_cursor"].clone();
        if cursor.is_null() {
            break;
        }
    }
    assert_eq!(seen.len(), 300);
    assert!(pages > 3, "{pages}");
}
