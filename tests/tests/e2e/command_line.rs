//! The commands for people.

use serde_json::{Value, json};
use tests::Workspace;

fn stdout(output: &std::process::Output) -> String {
    String::from_utf8(output.stdout.clone()).unwrap()
}

#[test]
fn the_demo_leaves_tasks_that_a_second_process_lists_and_runs_twice() {
    let workspace = Workspace::new();
    for _ in 0..2 {
        let output = workspace.run(&["demo"]);
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        assert!(stdout(&output).contains("complete_task"), "{}", stdout(&output));
    }
    let output = workspace.run(&["call", "list_tasks", "--json"]);
    let listed: Value = serde_json::from_str(&stdout(&output)).unwrap();
    assert!(listed["tasks"].as_array().unwrap().len() >= 4, "{listed}");
}

#[test]
fn call_takes_json_and_pairs() {
    let workspace = Workspace::new();
    let output =
        workspace.run(&["call", "create_task", "title=Paint it", "tags=a,b", "priority=high", "--json"]);
    let created: Value = serde_json::from_str(&stdout(&output)).unwrap();
    assert_eq!(created["task"]["tags"], json!(["a", "b"]));
    let arguments = json!({"task_id": created["task"]["id"], "title": "Varnish it"}).to_string();
    let output = workspace.run(&["call", "update_task", &arguments]);
    assert!(stdout(&output).contains("Varnish it"), "{}", stdout(&output));
}

#[test]
fn a_failed_call_says_why_on_one_line_and_exits_with_1() {
    let workspace = Workspace::new();
    for arguments in [
        &["call", "get_task", "task_id=nothing"][..],
        &["call", "creat_task", "title=x"],
        &["call", "create_task", "titel=x"],
        &["call", "create_task", "{broken"],
    ] {
        let output = workspace.run(arguments);
        assert_eq!(output.status.code(), Some(1), "{arguments:?}");
        assert!(output.stdout.is_empty());
        let said = String::from_utf8_lossy(&output.stderr);
        let lines = said.lines().filter(|line| !line.contains("INFO") && !line.trim().is_empty()).count();
        assert_eq!(lines, 1, "{arguments:?}: {said}");
        assert!(!said.contains('\u{1b}'), "colour without a terminal: {said}");
    }
}

#[test]
fn doctor_and_tools_answer_programs_in_json() {
    let workspace = Workspace::new();
    let tools: Value = serde_json::from_str(&stdout(&workspace.run(&["tools", "--json"]))).unwrap();
    assert_eq!(tools.as_array().unwrap().len(), 14);
    let report: Value = serde_json::from_str(&stdout(&workspace.run(&["doctor", "--json"]))).unwrap();
    assert!(
        report.to_string().contains(&*workspace.path().file_name().unwrap().to_string_lossy()),
        "{report}"
    );
}
