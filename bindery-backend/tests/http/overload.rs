//! More than can be done: each request is carried out or refused, and none is left waiting.

use std::convert::Infallible;

use axum::body::{Body, Bytes};
use futures::{FutureExt, StreamExt, future::join_all, stream};
use serde_json::json;
use tempfile::TempDir;
use tokio::io::AsyncWriteExt;
use tower::ServiceExt;

use crate::{
    backend::{Backend, command, exchange, reply},
    fixture::{Fixture, to},
};

#[tokio::test]
async fn a_burst_is_carried_out_in_part_and_the_rest_is_told_to_come_again() {
    let workspace = TempDir::new().unwrap();
    let mut command = command(workspace.path(), &[]);
    // One in work, and four that wait.
    command.env("BINDERY_MAX_REQUESTS", "1");
    let backend = Backend::run(workspace.path(), command);
    let plan = json!({ "tasks": vec![json!({ "title": "one of many" }); 100] }).to_string();
    let request = format!(
        "POST /api/tasks HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\
         Content-Type: application/json\r\nContent-Length: {}\r\n\r\n{plan}",
        plan.len()
    );
    let ask = async || {
        let mut stream = backend.tcp().await;
        stream.write_all(request.as_bytes()).await.unwrap();
        reply(&mut stream).await
    };
    let answers = join_all((0..200).map(|_| ask())).await;
    let (done, refused): (Vec<_>, Vec<_>) =
        answers.iter().partition(|(head, _)| head.starts_with("HTTP/1.1 200 "));
    assert!(!done.is_empty() && !refused.is_empty(), "{} and {}", done.len(), refused.len());
    for (head, body) in &refused {
        assert!(head.starts_with("HTTP/1.1 503 ") && head.contains("retry-after: 1"), "{head}");
        assert!(body.contains("\"overloaded\""), "{body}");
    }
    // What was refused left no trace, and what was done is there.
    let (_, stats) = exchange(backend.tcp().await, "GET", "/api/dashboard", None).await;
    assert_eq!(stats["total"], done.len() * 100, "{stats}");
    let (_, page) = metrics(&backend).await;
    let line = format!("bindery_requests_overloaded_total {}", refused.len());
    assert!(page.lines().any(|known| known == line), "{line} in {page}");
}

async fn metrics(backend: &Backend) -> (String, String) {
    let mut stream = backend.tcp().await;
    let head = b"GET /metrics HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n";
    stream.write_all(head).await.unwrap();
    reply(&mut stream).await
}

#[tokio::test]
async fn who_watches_is_answered_when_nobody_else_gets_in() {
    let at = Fixture::with(|options| options.max_requests = 0).await;
    at.get("/api/tasks").await.problem(503, "overloaded");
    at.rpc(r#"{"jsonrpc":"2.0","id":1,"method":"list_tasks"}"#).await.problem(503, "overloaded");
    for path in ["/health/live", "/health/ready", "/health", "/metrics", "/api/pool/health"] {
        assert_eq!(at.get(path).await.status, 200, "{path}");
    }
    let events = to("GET", "/api/events").body(Body::empty()).unwrap();
    assert_eq!(at.router.clone().oneshot(events).await.unwrap().status(), 200);
}

#[tokio::test]
async fn long_bodies_share_their_room_and_short_ones_need_none() {
    let at = Fixture::with(|options| options.max_body = 1 << 20).await;
    let post = |body: Body| {
        let request = to("POST", "/api/tasks").header("content-type", "application/json");
        at.send(request.body(body).unwrap())
    };
    let long = || Bytes::from(vec![b' '; 1 << 20]);
    // Each is there but for its end.
    let mut begun: Vec<_> = (0..17)
        .map(|_| {
            let begin = stream::iter([Ok::<_, Infallible>(long())]);
            Box::pin(post(Body::from_stream(begin.chain(stream::pending()))))
        })
        .collect();
    assert!(begun.iter_mut().all(|one| one.as_mut().now_or_never().is_none()));
    post(long().into()).await.problem(503, "overloaded");
    assert_eq!(post(r#"{"title":"short"}"#.into()).await.status, 200);
    drop(begun);
    // Only spaces: read to its end, and then found wanting.
    post(long().into()).await.problem(400, "invalid_json");
}

#[tokio::test]
async fn a_body_that_is_too_long_is_refused_before_it_comes() {
    let workspace = TempDir::new().unwrap();
    let backend = Backend::start(workspace.path(), &[]);
    let mut stream = backend.tcp().await;
    let head = b"POST /api/tasks HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\
        Content-Type: application/json\r\nContent-Length: 16777217\r\n\r\n";
    stream.write_all(head).await.unwrap();
    let (head, body) = reply(&mut stream).await;
    assert!(head.starts_with("HTTP/1.1 413 ") && body.contains("payload_too_large"), "{head} {body}");
}
