//! The backend behind the tools: found or started, shared, replaced when it dies.

use std::{
    io::{ErrorKind, Write},
    net::{TcpListener, TcpStream},
    os::unix::fs::PermissionsExt,
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
        // It lets go of the workspace before it is gone itself.
        let handed_over = Instant::now();
        while Path::new(&format!("/proc/{old}")).exists() {
            assert!(handed_over.elapsed() < Duration::from_secs(30), "the older one is still there");
            std::thread::sleep(Duration::from_millis(10));
        }
        // The one at work meets the other backend, too.
        let before = updated.call("get_dashboard_stats", &json!({}))["total"].clone();
        while updated.call("get_dashboard_stats", &json!({}))["total"] == before {}
        drop(stop);
        stream.join().unwrap()
    });
    let total = working.call("get_dashboard_stats", &json!({}))["total"].clone();
    assert_eq!(total, acknowledged + 1, "each call was carried out once");
}

/// It announces itself no longer and keeps its lock, until the sender of half a request is cut off.
#[test]
fn a_call_that_meets_a_leaving_backend_waits_for_its_end() {
    let workspace = Workspace::new();
    let leaving = tests::Server::start(workspace.path());
    let mut connected = workspace.session();
    let id = connected.call("create_task", &json!({"title": "Kept"}))["task"]["id"].clone();
    let mut slow = TcpStream::connect(leaving.address()).unwrap();
    slow.write_all(
        b"POST /api/tasks HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n\
          Content-Length: 100\r\n\r\n{",
    )
    .unwrap();
    // Answered after the half request was taken on: connections are accepted in turn.
    assert_eq!(leaving.send("GET", "/health", None).status, 200);
    assert!(Command::new("kill").arg(leaving.pid().to_string()).status().unwrap().success());
    let told = Instant::now();
    while workspace.path().join(".vespera/backend.json").exists() {
        assert!(told.elapsed() < Duration::from_secs(30), "it does not leave: {}", leaving.log());
        std::thread::sleep(Duration::from_millis(10));
    }
    // Kept to the end: the backend that they start leaves with them.
    let mut sessions = [connected, workspace.session()];
    std::thread::scope(|scope| {
        for session in &mut sessions {
            let id = &id;
            scope.spawn(move || {
                assert_eq!(session.call("get_task", &json!({"task_id": id}))["task"]["title"], "Kept");
            });
        }
    });
    assert_ne!(workspace.backend()["pid"], leaving.pid());
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

#[test]
fn a_stranger_on_the_port_is_passed_over_and_never_spoken_to() {
    let stranger = TcpListener::bind("127.0.0.1:0").unwrap();
    let taken = stranger.local_addr().unwrap().port();
    let workspace = Workspace::new();
    let mut command = workspace.command();
    command.env("BINDERY_PORT", taken.to_string());
    let mut session = tests::Session::start(command);
    session.initialize();
    session.call("create_task", &json!({"title": "Elsewhere"}));

    let url = workspace.backend()["url"].as_str().unwrap().to_owned();
    assert_ne!(url, format!("http://127.0.0.1:{taken}"));
    assert!(workspace.backend_log().contains("the port is in use"), "{}", workspace.backend_log());
    let mut doctor = workspace.command();
    let found = doctor.arg("doctor").env("BINDERY_PORT", taken.to_string()).output().unwrap().stdout;
    let found = String::from_utf8_lossy(&found);
    assert!(found.contains(&format!("{taken} was in use")) && found.contains(&url), "{found}");
    stranger.set_nonblocking(true).unwrap();
    assert_eq!(stranger.accept().unwrap_err().kind(), ErrorKind::WouldBlock, "it was spoken to");
}

#[test]
fn a_workspace_deep_down_has_its_socket_in_the_runtime_folder() {
    let (root, runtime) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let deep = root.path().join("d".repeat(120));
    std::fs::create_dir(&deep).unwrap();
    let start = || {
        let mut command = Command::new(tests::binary("bindery-mcp"));
        command.arg("--workspace").arg(&deep).env("XDG_RUNTIME_DIR", runtime.path());
        command.env("BINDERY_PORT", "0").env("BINDERY_BACKEND", tests::binary("bindery-backend"));
        command.env("BINDERY_GRACE", "1");
        let mut session = tests::Session::start(command);
        session.initialize();
        session
    };
    let (mut first, mut second) = (start(), start());
    let id = first.call("create_task", &json!({"title": "Deep"}))["task"]["id"].clone();
    assert_eq!(second.call("get_task", &json!({"task_id": id}))["task"]["title"], "Deep");

    let about = std::fs::read(deep.join(".vespera/backend.json")).unwrap();
    let about: serde_json::Value = serde_json::from_slice(&about).unwrap();
    let socket = Path::new(about["socket"].as_str().unwrap());
    let mode = |path: &Path| std::fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!(socket.parent(), Some(&*runtime.path().join("bindery")));
    assert_eq!((mode(socket.parent().unwrap()), mode(socket)), (0o700, 0o600));
    assert_eq!((first.close().code(), second.close().code()), (Some(0), Some(0)));
    let closed = Instant::now();
    while socket.exists() {
        assert!(closed.elapsed() < Duration::from_secs(30), "the socket outlives its use");
        std::thread::sleep(Duration::from_millis(20));
    }
}
