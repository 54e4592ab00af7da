//! The backend behind the tools: found or started, shared, replaced when it dies.

use std::{
    path::Path,
    process::Command,
    sync::atomic::{AtomicBool, Ordering},
    time::{Duration, Instant},
};

use serde_json::json;
use tests::{Stop, Workspace};

#[test]
fn the_store_is_right_after_every_process_has_ended() {
    let workspace = Workspace::new();
    let id = {
        let mut session = workspace.session();
        let id = session.call("create_task", &json!({"title": "Tomorrow"}))["task"]["id"].clone();
        assert_eq!(session.close().code(), Some(0));
        id
    };
    let mut session = workspace.session();
    assert_eq!(session.call("get_task", &json!({"task_id": id}))["task"]["title"], "Tomorrow");
}

#[test]
fn assistants_that_start_at_once_share_one_backend() {
    let workspace = Workspace::new();
    let databases: Vec<_> = std::thread::scope(|scope| {
        let starting: Vec<_> = (0..8)
            .map(|n| {
                let workspace = &workspace;
                scope.spawn(move || {
                    let mut session = workspace.session();
                    session.call("create_task", &json!({"title": format!("From {n}")}));
                    session.call("health_check", &json!({}))["database_id"].clone()
                })
            })
            .collect();
        starting.into_iter().map(|thread| thread.join().unwrap()).collect()
    });
    assert!(databases.iter().all(|database| *database == databases[0]));
    let listed = workspace.session().call("list_tasks", &json!({}));
    assert_eq!(listed["tasks"].as_array().unwrap().len(), 8);
}

#[test]
fn a_killed_backend_is_replaced_without_a_lost_call() {
    let workspace = Workspace::new();
    let mut session = workspace.session();
    let id = session.call("create_task", &json!({"title": "Before"}))["task"]["id"].clone();
    let pid = workspace.backend()["pid"].to_string();
    assert!(Command::new("kill").args(["-9", &pid]).status().unwrap().success());
    session.call("update_task", &json!({"task_id": id, "title": "After"}));
    assert_eq!(session.call("get_task", &json!({"task_id": id}))["task"]["title"], "After");
    assert_ne!(workspace.backend()["pid"].to_string(), pid);
}

#[test]
fn tools_are_listed_when_no_backend_can_start_and_calls_say_what_to_do() {
    let workspace = Workspace::new();
    let mut command = workspace.command();
    command.env("BINDERY_BACKEND", "/bin/false").env("BINDERY_TIMEOUT", "3");
    let mut session = tests::Session::start(command);
    session.initialize();
    assert_eq!(session.request("tools/list", json!({}))["result"]["tools"].as_array().unwrap().len(), 14);
    let error = session.fail("list_tasks", &json!({}));
    assert_eq!(error["error_code"], "backend_unavailable", "{error}");
    assert!(!error["suggestions"].as_array().unwrap().is_empty(), "{error}");
}

#[test]
fn the_workspace_keeps_itself_out_of_version_control() {
    let workspace = Workspace::new();
    workspace.session().call("health_check", &json!({}));
    assert_eq!(std::fs::read_to_string(workspace.path().join(".vespera/.gitignore")).unwrap().trim(), "*");
    assert!(workspace.path().join(".vespera/tasks.db").is_file());
}

/// Both read all the time, so that both have the old row in their caches when it changes.
#[test]
fn no_cache_outlives_a_change() {
    let workspace = Workspace::new();
    let mut writer = workspace.session();
    let mut reader = workspace.session();
    let id = writer.call("create_task", &json!({"title": "0"}))["task"]["id"].clone();
    for n in 1..50 {
        let title = n.to_string();
        writer.call("update_task", &json!({"task_id": id, "title": title}));
        assert_eq!(writer.call("get_task", &json!({"task_id": id}))["task"]["title"], title);
        let changed = Instant::now();
        while reader.call("get_task", &json!({"task_id": id}))["task"]["title"] != title.as_str() {
            assert!(changed.elapsed() < Duration::from_secs(5), "the old row is read long after the change");
        }
    }
}

/// Makes the running backend look as if it were of this version.
fn pretend(workspace: &Workspace, version: &str) {
    let mut about = workspace.backend();
    about["version"] = version.into();
    std::fs::write(workspace.path().join(".vespera/backend.json"), about.to_string()).unwrap();
}

#[test]
fn an_older_backend_hands_over_without_a_lost_call() {
    let workspace = Workspace::new();
    let mut working = workspace.session();
    working.call("create_task", &json!({"title": "0"}));
    let old = workspace.backend()["pid"].clone();
    let done = AtomicBool::new(false);
    let acknowledged = std::thread::scope(|scope| {
        let stream = scope.spawn(|| {
            let mut last = 0;
            while !done.load(Ordering::SeqCst) {
                last += 1;
                working.call("create_task", &json!({"title": last.to_string()}));
            }
            last
        });
        let stop = Stop(&done);
        pretend(&workspace, "0.0.1");
        let mut updated = workspace.session();
        updated.call("health_check", &json!({}));
        assert!(updated.log().contains("asking the older backend to hand over"), "{}", updated.log());
        assert_ne!(workspace.backend()["pid"], old);
        assert!(!Path::new(&format!("/proc/{old}")).exists(), "the older one is still there");
        // The one at work meets the other backend, too.
        let before = updated.call("get_dashboard_stats", &json!({}))["total"].clone();
        while updated.call("get_dashboard_stats", &json!({}))["total"] == before {}
        drop(stop);
        stream.join().unwrap()
    });
    let total = working.call("get_dashboard_stats", &json!({}))["total"].clone();
    assert_eq!(total, acknowledged + 1, "each call was carried out once");
}

#[test]
fn an_older_backend_that_an_operator_runs_is_used_as_it_is() {
    let workspace = Workspace::new();
    let server = tests::Server::start(workspace.path());
    pretend(&workspace, "0.0.1");
    workspace.session().call("create_task", &json!({"title": "Kept"}));
    assert_eq!(workspace.backend()["pid"], server.pid());
    let found = workspace.run(&["doctor"]).stdout;
    let found = String::from_utf8_lossy(&found);
    assert!(found.contains("whoever runs it has to restart it"), "{found}");
}
