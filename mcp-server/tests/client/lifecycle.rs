//! Which backend is taken for ours.

use std::{os::unix::fs::PermissionsExt, path::PathBuf, time::Duration};

use mcp_server::{
    Backend,
    lifecycle::{Endpoint, Leave, StartOptions, endpoint::Absence},
    workspace::Workspace,
};
use serde_json::json;
use shared_types::ErrorCode;

use crate::backend::{DATABASE, FakeBackend, Scene, announce, empty_workspace};

/// A program in place of the backend's.
fn program(workspace: &Workspace, script: &str) -> StartOptions {
    let path: PathBuf = workspace.root().join("program");
    std::fs::write(&path, format!("#!/bin/sh\n{script}\n")).unwrap();
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o755)).unwrap();
    StartOptions { binary: Some(path) }
}

#[tokio::test]
async fn the_socket_is_preferred_and_the_port_will_do() {
    let scene = Scene::plain(Duration::from_secs(30)).await;
    let endpoint = Endpoint::find(&scene.workspace).await.unwrap();
    assert_eq!(endpoint.base().as_str(), "http://localhost/");
    std::fs::remove_file(scene.workspace.state_dir().join("test.sock")).unwrap();
    let endpoint = Endpoint::find(&scene.workspace).await.unwrap();
    assert_eq!(endpoint.base().host_str(), Some("127.0.0.1"));
}

#[tokio::test]
async fn a_stranger_is_never_taken_for_ours() {
    let (_root, ours) = empty_workspace();
    let (_other_root, theirs) = empty_workspace();
    let state = ours.prepare().unwrap();
    let fake = FakeBackend::new(&theirs);
    let _serving = fake.serve(&state).await;
    let announced: serde_json::Value =
        serde_json::from_slice(&std::fs::read(state.join("backend.json")).unwrap()).unwrap();

    // Copied along with its directory: the file itself names another workspace.
    assert!(matches!(Endpoint::find(&ours).await, Err(Absence::Stranger(_))));
    // The port went to another workspace's backend: only the handshake tells.
    let mut stale = announced.clone();
    stale["workspace"] = json!(ours.root());
    announce(&state, &stale);
    assert!(matches!(Endpoint::find(&ours).await, Err(Absence::Stranger(_))));
    assert_eq!(fake.asked().len(), 0);
}

#[tokio::test]
async fn another_database_is_a_stranger() {
    let (_root, workspace) = empty_workspace();
    let state = workspace.prepare().unwrap();
    let _serving = FakeBackend::new(&workspace).serve(&state).await;
    let text = std::fs::read_to_string(state.join("backend.json")).unwrap();
    std::fs::write(state.join("backend.json"), text.replace(DATABASE, "older")).unwrap();
    assert!(matches!(Endpoint::find(&workspace).await, Err(Absence::Stranger(_))));
}

#[tokio::test]
async fn a_program_that_ends_is_reported_with_its_last_words() {
    let (_root, workspace) = empty_workspace();
    let options = program(&workspace, "echo 'disk is full' >&2; exit 7");
    let backend = Backend::start(workspace, options);
    let error = backend.ensure().await.unwrap_err();
    assert_eq!(error.code, ErrorCode::BackendUnavailable);
    assert!(error.message.contains("with exit code 7") && error.message.contains("disk is full"), "{error}");
    backend.leave(Leave::Stopped).await;
}

#[tokio::test]
async fn code_three_means_that_somebody_else_serves() {
    let (_root, workspace) = empty_workspace();
    let state = workspace.prepare().unwrap();
    let started = state.join("started");
    let options = program(&workspace, &format!("touch {}; exit 3", started.display()));
    let backend = Backend::start(workspace.clone(), options);
    let appears = async {
        while !started.exists() {
            tokio::task::yield_now().await;
        }
        FakeBackend::new(&workspace).serve(&state).await
    };
    let (found, _serving) = tokio::join!(backend.ensure(), appears);
    assert_eq!(found.unwrap().announcement().database_id, DATABASE);
    backend.leave(Leave::ToItsLease).await;
}

#[tokio::test]
async fn leaving_during_a_start_stops_what_was_started() {
    let (_root, workspace) = empty_workspace();
    let state = workspace.prepare().unwrap();
    let pid_file = state.join("pid");
    let options = program(
        &workspace,
        &format!("echo $$ > {0}.new; mv {0}.new {0}; exec sleep 600", pid_file.display()),
    );
    let backend = Backend::start(workspace, options);
    while !pid_file.exists() {
        tokio::task::yield_now().await;
    }
    backend.leave(Leave::Stopped).await;
    let pid = std::fs::read_to_string(&pid_file).unwrap();
    assert!(!PathBuf::from(format!("/proc/{}", pid.trim())).exists());
}

#[tokio::test]
async fn a_backend_that_is_killed_as_it_starts_is_started_again_but_not_for_ever() {
    for (kills, expected) in [(1, "with exit code 7"), (9, "with SIGKILL")] {
        let (_root, workspace) = empty_workspace();
        let starts = workspace.prepare().unwrap().join("starts");
        let script =
            format!("echo x >> {0}; [ $(wc -l < {0}) -gt {kills} ] && exit 7; kill -9 $$", starts.display());
        let options = program(&workspace, &script);
        let backend = Backend::start(workspace, options);
        let error = backend.ensure().await.unwrap_err();
        assert!(error.message.contains(expected), "{error}");
        let starts = std::fs::read_to_string(&starts).unwrap().lines().count();
        assert_eq!(starts, if kills == 1 { 2 } else { 3 });
        backend.leave(Leave::Stopped).await;
    }
}
