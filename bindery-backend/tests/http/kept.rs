//! A task that is kept, or quickly read, is answered before the router, behind the same checks as everything else.

use std::num::NonZeroU32;

use axum::{
    body::Body,
    http::{StatusCode, request::Builder},
};
use bindery_backend::{
    handle::Caller,
    keys::{Key, Keys},
};
use serde_json::{Value, json};

use crate::fixture::{Fixture, Reply, to};

/// A store with a task that was read, so that it is kept; and the path of that task.
async fn kept() -> (Fixture, String) {
    let at = Fixture::new().await;
    let id = at.task("kept").await["id"].as_str().unwrap().to_owned();
    let path = format!("/api/tasks/{id}");
    at.get(&path).await;
    (at, path)
}

async fn send(at: &Fixture, request: Builder) -> Reply {
    at.send(request.body(Body::empty()).unwrap()).await
}

async fn figure(at: &Fixture, name: &str) -> u64 {
    let page = at.get("/metrics").await;
    let page = String::from_utf8(page.body.to_vec()).unwrap();
    let line = page.lines().find_map(|line| line.strip_prefix(name)).unwrap();
    line.trim().parse().unwrap()
}

#[tokio::test]
async fn a_kept_task_is_the_same_answer_and_is_counted() {
    let (at, path) = kept().await;
    const CALLS: &str = "bindery_requests_total{operation=\"get_task\",outcome=\"ok\"}";
    let (hits, calls) = (figure(&at, "bindery_row_cache_hits_total").await, figure(&at, CALLS).await);
    let long = at.get(&format!("{path}?include=notes")).await;
    let short = at.get(&path).await;
    let mut wanted = long.value();
    wanted["task"].as_object_mut().unwrap().remove("notes");
    assert_eq!(short.value(), wanted);
    for (name, value) in &long.headers {
        assert!(name == "content-length" || short.headers.get(name) == Some(value), "{name}");
    }
    assert!(short.headers.contains_key("content-security-policy"));
    assert_eq!(figure(&at, "bindery_row_cache_hits_total").await, hits + 1);
    assert_eq!(figure(&at, CALLS).await, calls + 2);
    assert!(figure(&at, "bindery_row_cache_bytes").await > 0);
    // JSON-RPC has it from there too.
    let id = path.rsplit('/').next().unwrap();
    let call = json!({ "jsonrpc": "2.0", "id": 1, "method": "get_task", "params": { "task_id": id } });
    assert_eq!(at.rpc(call.to_string()).await.value()["result"], short.value());
    assert_eq!(figure(&at, "bindery_row_cache_hits_total").await, hits + 2);
}

#[tokio::test]
async fn a_kept_task_is_for_nobody_who_would_not_get_another() {
    let (at, path) = kept().await;
    let foreign = to("GET", &path).header("origin", "http://evil.example");
    send(&at, foreign).await.problem(403, "forbidden");
    let other = Builder::new().uri(&path).header("host", "evil.example");
    send(&at, other).await.problem(403, "forbidden");
    let report = to("GET", &path).header("bindery-guard", "nonsense");
    assert_eq!(send(&at, report).await.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert_eq!(send(&at, to("HEAD", &path)).await.body.len(), 0);
    assert_eq!(send(&at, to("PUT", &path)).await.status, StatusCode::METHOD_NOT_ALLOWED);
    at.stop.cancel();
    at.get(&path).await.problem(503, "backend_unavailable");
}

#[tokio::test]
async fn a_kept_task_needs_the_key_that_every_route_needs() {
    let (text, key) = Key::generate("laptop").unwrap().unwrap();
    let keys = Keys::from_list(&key.to_string().replace(' ', ":")).unwrap();
    let at = Fixture::with(|options| {
        options.keys = keys;
        options.rate_limit = NonZeroU32::new(3).unwrap();
    });
    let at = at.await;
    let create =
        to("POST", "/api/tasks").header("content-type", "application/json").header("x-api-key", &text);
    let created = at.send(create.body(r#"{"title":"kept"}"#.into()).unwrap()).await.value();
    let path = format!("/api/tasks/{}", created["task"]["id"].as_str().unwrap());
    let ask = || send(&at, to("GET", &path).header("x-api-key", &text));
    for _ in 0..5 {
        assert_eq!(ask().await.status, 200);
    }
    at.get(&path).await.problem(401, "unauthorized");
    ask().await.problem(429, "rate_limited");
}

#[tokio::test]
async fn a_task_at_hand_takes_no_place() {
    let at = Fixture::with(|options| options.max_requests = 0).await;
    let call = async |name, input| {
        let json = at.app.call(name, input, Caller::default()).await.unwrap();
        serde_json::from_slice::<Value>(json.as_bytes()).unwrap()
    };
    let id = call("create_task", json!({ "title": "kept" })).await["task"]["id"].take();
    let path = format!("/api/tasks/{}", id.as_str().unwrap());
    at.get(&format!("{path}?include=notes")).await.problem(503, "overloaded");
    // Opens a connection, if none is open yet.
    call("get_dashboard_stats", json!({})).await;
    assert_eq!(at.get(&path).await.status, 200, "a connection is free");
    assert_eq!(at.get(&path).await.status, 200, "it is kept");
}
