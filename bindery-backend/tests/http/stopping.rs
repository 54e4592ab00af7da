//! The way down of the real binary: what was begun is finished, what comes is refused.

use std::fs;

use rustix::process::Signal;
use serde_json::json;
use tempfile::TempDir;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

use crate::backend::{Backend, exchange, reply, wait_for};

const BODY: &[u8] = br#"{"title":"begun"}"#;

/// A request that has begun: its handler asks for the body.
async fn begin(backend: &Backend) -> TcpStream {
    let mut stream = backend.tcp().await;
    let head = format!(
        "POST /api/tasks HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n\
         Content-Length: {}\r\nExpect: 100-continue\r\n\r\n",
        BODY.len()
    );
    stream.write_all(head.as_bytes()).await.unwrap();
    let mut go_on = [0; 25];
    stream.read_exact(&mut go_on).await.unwrap();
    assert!(go_on.starts_with(b"HTTP/1.1 100 Continue"));
    stream
}

/// A connection that has had an answer and is kept open.
async fn keep(backend: &Backend) -> TcpStream {
    let mut stream = backend.tcp().await;
    stream.write_all(b"GET /nowhere HTTP/1.1\r\nHost: localhost\r\n\r\n").await.unwrap();
    let mut seen = Vec::new();
    while !seen.ends_with(b"}") {
        seen.push(stream.read_u8().await.unwrap());
    }
    stream
}

#[tokio::test]
async fn what_was_begun_is_finished_and_what_comes_is_refused() {
    let workspace = TempDir::new().unwrap();
    let mut backend = Backend::start(workspace.path(), &[]);
    let mut begun = begin(&backend).await;
    let mut kept = keep(&backend).await;
    backend.signal(Signal::TERM);
    let file = workspace.path().join(".vespera/backend.json");
    wait_for("the signal", || (!file.exists()).then_some(()));

    kept.write_all(b"GET /api/tasks HTTP/1.1\r\nHost: localhost\r\n\r\n").await.unwrap();
    let (head, body) = reply(&mut kept).await;
    assert!(head.starts_with("HTTP/1.1 503 "), "{head}");
    assert!(body.contains("\"backend_unavailable\""), "{body}");
    for header in ["retry-after: 1", "connection: close"] {
        assert!(head.contains(header), "{head}");
    }
    assert_eq!(exchange(backend.tcp().await, "POST", "/rpc", Some(json!([]))).await.0, 503);
    assert_eq!(exchange(backend.tcp().await, "GET", "/health/live", None).await.0, 200);

    begun.write_all(BODY).await.unwrap();
    let (head, body) = reply(&mut begun).await;
    assert!(head.starts_with("HTTP/1.1 200 ") && body.contains("\"begun\""), "{head} {body}");
    assert_eq!(backend.exit_code(), Some(0));
}

#[tokio::test]
async fn the_database_is_left_in_one_file() {
    let workspace = TempDir::new().unwrap();
    let mut backend = Backend::start(workspace.path(), &[]);
    let title = json!({ "title": "kept" });
    assert_eq!(exchange(backend.tcp().await, "POST", "/api/tasks", Some(title)).await.0, 200);
    let wal = workspace.path().join(".vespera/tasks.db-wal");
    assert!(fs::metadata(&wal).unwrap().len() > 0);
    backend.signal(Signal::TERM);
    assert_eq!(backend.exit_code(), Some(0));
    assert!(!wal.exists());
}
