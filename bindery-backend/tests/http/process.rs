//! The real binary: how it starts, whom it lets in, how it stops.

use std::{
    fs,
    io::Read,
    os::unix::fs::PermissionsExt,
    process::{Command, Stdio},
    time::{Duration, Instant},
};

use rustix::process::Signal;
use serde_json::json;
use shared_types::announcement::Announcement;
use tempfile::TempDir;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::UnixStream,
};

use crate::backend::{Backend, command, exchange, wait_for};

#[tokio::test]
async fn it_serves_a_workspace_and_keeps_its_data_over_a_restart() {
    let workspace = TempDir::new().unwrap();
    let mut first = Backend::start(workspace.path(), &[]);
    assert_eq!(first.about.workspace, workspace.path().canonicalize().unwrap());

    let title = json!({ "title": "kept" });
    let (status, written) = exchange(first.tcp().await, "POST", "/api/tasks", Some(title)).await;
    assert_eq!(status, 200, "{written}");
    let socket = UnixStream::connect(&first.about.socket).await.unwrap();
    let (_, health) = exchange(socket, "GET", "/health", None).await;
    assert_eq!(health["database_id"], first.about.database_id);

    first.signal(Signal::TERM);
    assert_eq!(first.exit_code(), Some(0));
    assert!(!workspace.path().join(".vespera/backend.json").exists());
    assert!(!first.about.socket.exists());

    let second = Backend::start(workspace.path(), &[]);
    assert_eq!(second.about.database_id, first.about.database_id);
    let path = format!("/api/tasks/{}", written["task"]["id"].as_str().unwrap());
    let (_, read) = exchange(second.tcp().await, "GET", &path, None).await;
    assert_eq!(read["task"]["title"], "kept");
}

#[test]
fn a_second_backend_is_refused_and_told_where_the_first_is() {
    let workspace = TempDir::new().unwrap();
    let first = Backend::start(workspace.path(), &[]);
    let second = command(workspace.path(), &[]).stderr(Stdio::piped()).output().unwrap();
    assert_eq!(second.status.code(), Some(3));
    let said = String::from_utf8(second.stderr).unwrap();
    assert!(said.contains(&format!("pid {}", first.about.pid)), "{said}");
    assert!(said.contains(first.about.url.as_deref().unwrap()), "{said}");
}

#[test]
fn a_backend_that_was_killed_leaves_nothing_in_the_way() {
    let workspace = TempDir::new().unwrap();
    let mut first = Backend::start(workspace.path(), &[]);
    first.signal(Signal::KILL);
    assert_eq!(first.exit_code(), None);
    assert!(first.about.socket.exists());
    let second = Backend::start(workspace.path(), &[]);
    assert_ne!(second.about.pid, first.about.pid);
}

#[tokio::test]
async fn a_feed_keeps_a_managed_backend_and_its_end_lets_it_go() {
    let workspace = TempDir::new().unwrap();
    let mut child = command(workspace.path(), &["--managed"]);
    child.env("BINDERY_GRACE", "1");
    let mut backend = Backend::run(workspace.path(), child);

    let mut feed = UnixStream::connect(&backend.about.socket).await.unwrap();
    feed.write_all(b"GET /api/events HTTP/1.1\r\nHost: localhost\r\n\r\n").await.unwrap();
    let mut seen = [0; 16];
    feed.read_exact(&mut seen).await.unwrap();
    // Twice the grace: only the feed can have kept it.
    tokio::time::sleep(Duration::from_secs(2)).await;
    assert_eq!(backend.child.try_wait().unwrap(), None);
    drop(feed);
    assert_eq!(backend.exit_code(), Some(0));
}

#[tokio::test]
async fn an_open_feed_does_not_hold_up_the_end() {
    let workspace = TempDir::new().unwrap();
    let mut backend = Backend::start(workspace.path(), &["--no-tcp"]);
    assert_eq!(backend.about.url, None);
    let mut feed = UnixStream::connect(&backend.about.socket).await.unwrap();
    feed.write_all(b"GET /api/events HTTP/1.1\r\nHost: localhost\r\n\r\n").await.unwrap();
    let mut seen = [0; 16];
    feed.read_exact(&mut seen).await.unwrap();

    let asked = Instant::now();
    backend.signal(Signal::TERM);
    assert_eq!(backend.exit_code(), Some(0));
    assert!(asked.elapsed() < Duration::from_secs(8), "{:?}", asked.elapsed());
}

#[tokio::test]
async fn a_second_signal_stops_at_once() {
    let workspace = TempDir::new().unwrap();
    let mut backend = Backend::start(workspace.path(), &[]);
    // A request whose body never comes keeps the first signal waiting.
    let mut stream = backend.tcp().await;
    let head = b"POST /api/tasks HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n\
        Content-Length: 10\r\nExpect: 100-continue\r\n\r\n";
    stream.write_all(head).await.unwrap();
    // The answer to `Expect` shows that the handler reads.
    stream.read_exact(&mut [0; 12]).await.unwrap();

    backend.signal(Signal::INT);
    let file = workspace.path().join(".vespera/backend.json");
    wait_for("the first signal", || (!file.exists()).then_some(()));
    backend.signal(Signal::INT);
    assert_eq!(backend.exit_code(), Some(130));
}

#[test]
fn another_user_gets_no_answer_on_the_socket() {
    let workspace = TempDir::new().unwrap();
    let log = workspace.path().join("log");
    let mut command = command(workspace.path(), &["--no-tcp"]);
    command.stderr(fs::File::create(&log).unwrap());
    let backend = Backend::run(workspace.path(), command);
    let socket = &backend.about.socket;
    // Only the kernel's word is left to tell the users apart.
    for (path, mode) in [(workspace.path(), 0o755), (socket.parent().unwrap(), 0o755), (socket, 0o666)] {
        fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
    }
    let ask = |user: &str| {
        let mut command = Command::new("setpriv");
        command.args(["--reuid", user, "--clear-groups", "curl", "-sS", "--unix-socket"]).arg(socket);
        command.arg("http://localhost/health/live").output()
    };
    let own = ask("0");
    if !own.is_ok_and(|answer| answer.stdout.starts_with(b"{")) {
        eprintln!("skipped: it takes root, setpriv and curl");
        return;
    }
    let other = ask("65534").unwrap();
    assert!(!other.status.success() && other.stdout.is_empty(), "{other:?}");
    // The connection was made, and it is the backend that closed it.
    let refused = "refused a connection of another user uid=65534";
    wait_for(refused, || fs::read_to_string(&log).unwrap().contains(refused).then_some(()));
}

#[test]
fn wrong_settings_are_named() {
    let workspace = TempDir::new().unwrap();
    for (name, value) in
        [("BINDERY_DURABILITY", "some"), ("RUST_LOG", "bindery=loud"), ("BINDERY_BIND", "0.0.0.0")]
    {
        let output = command(workspace.path(), &[]).env(name, value).stderr(Stdio::piped()).output().unwrap();
        assert_eq!(output.status.code(), Some(2), "{name}");
        let said = String::from_utf8(output.stderr).unwrap();
        assert!(said.contains(name) && said.contains(value), "{said}");
    }
    assert!(!workspace.path().join(".vespera").exists());
}

#[test]
fn the_log_is_one_line_an_event_and_begins_with_where_it_serves() {
    let workspace = TempDir::new().unwrap();
    let log = workspace.path().join("log");
    let mut command = command(workspace.path(), &[]);
    command.stderr(fs::File::create(&log).unwrap());
    let mut backend = Backend::run(workspace.path(), command);
    backend.signal(Signal::TERM);
    assert_eq!(backend.exit_code(), Some(0));

    let mut text = String::new();
    fs::File::open(&log).unwrap().read_to_string(&mut text).unwrap();
    let first = text.lines().next().unwrap();
    let Announcement { workspace, database, url, .. } = &backend.about;
    for part in [workspace.to_str(), database.to_str(), url.as_deref()] {
        assert!(first.contains(part.unwrap()), "{first}");
    }
    assert!(!text.contains('\u{1b}'), "{text}");
}
