use std::time::Duration;

use axum::body::{Body, Bytes};
use serde_json::json;

use crate::fixture::{Fixture, to};

#[tokio::test]
async fn a_task_lives_through_its_routes() {
    let at = Fixture::new().await;
    let task = at.task("Write the report").await;
    let path = format!("/api/tasks/{}", task["id"].as_str().unwrap());

    assert_eq!(at.get(&path).await.value()["task"]["title"], "Write the report");
    let changed = at.json("PATCH", &path, json!({ "priority": "high" })).await.value();
    assert_eq!(changed["task"]["priority"], "high");
    let done =
        at.json("POST", &format!("{path}/complete"), json!({ "completion_notes": "sent" })).await.value();
    assert_eq!(done["task"]["status"], "done");
    assert_eq!(at.send(to("DELETE", &path).body(Body::empty()).unwrap()).await.status, 200);
    assert_eq!(at.get("/api/tasks").await.value()["tasks"], json!([]));
}

#[tokio::test]
async fn the_query_string_is_read_as_the_types_say() {
    let at = Fixture::new().await;
    for title in ["a", "b", "c"] {
        at.task(title).await;
    }
    let page = at.get("/api/tasks?limit=2&status=todo&status=doing&fields=title").await;
    assert_eq!(page.value()["tasks"].as_array().unwrap().len(), 2, "{:?}", page.body);
    at.get("/api/tasks?limit=many").await.problem(422, "invalid_value");
    let problem = at.get("/api/tasks?statsu=todo").await.problem(422, "unknown_field");
    assert!(problem["suggestions"].to_string().contains("status"), "{problem}");
}

#[tokio::test]
async fn a_field_in_two_places_must_say_the_same() {
    let at = Fixture::new().await;
    let task = at.task("one").await;
    let path = format!("/api/tasks/{}", task["id"].as_str().unwrap());
    let same = at.json("PATCH", &path, json!({ "task_id": task["id"], "title": "two" })).await;
    assert_eq!(same.status, 200);
    let other = at.json("PATCH", &path, json!({ "task_id": "0000000000000", "title": "two" })).await;
    assert_eq!(other.problem(422, "invalid_value")["field"], "task_id");
}

#[tokio::test]
async fn what_is_not_json_is_refused_for_what_it_is() {
    let at = Fixture::new().await;
    let post = |content_type: &'static str, body: &'static str| {
        at.send(to("POST", "/api/tasks").header("content-type", content_type).body(body.into()).unwrap())
    };
    post("application/json", "{\"title\":").await.problem(400, "invalid_json");
    post("application/json", "[]").await.problem(422, "invalid_value");
    post("text/plain", "{\"title\":\"x\"}").await.problem(415, "unsupported_media_type");
    assert_eq!(post("application/json; charset=utf-8", "{\"title\":\"x\"}").await.status, 200);
    post("application/json", "").await.problem(422, "missing_field");
}

#[tokio::test]
async fn a_body_over_the_limit_is_refused_announced_or_not() {
    let at = Fixture::with(|options| options.max_body = 1000).await;
    let request = || to("POST", "/api/tasks").header("content-type", "application/json");
    // Nothing stands behind the announcement: the refusal cannot have waited for it.
    let never = Body::from_stream(futures::stream::pending::<Result<Bytes, std::io::Error>>());
    let announced = request().header("content-length", "1001").body(never).unwrap();
    at.send(announced).await.problem(413, "payload_too_large");
    let chunks =
        futures::stream::iter((0..20).map(|_| Ok::<_, std::io::Error>(Bytes::from_static(&[b' '; 100]))));
    at.send(request().body(Body::from_stream(chunks)).unwrap()).await.problem(413, "payload_too_large");
}

#[tokio::test]
async fn a_body_that_does_not_arrive_is_not_waited_for() {
    let at = Fixture::with(|options| options.request_timeout = Duration::from_millis(20)).await;
    let never = Body::from_stream(futures::stream::pending::<Result<Bytes, std::io::Error>>());
    let request = to("POST", "/api/tasks").header("content-type", "application/json").body(never).unwrap();
    at.send(request).await.problem(504, "timeout");
}

#[tokio::test]
async fn unknown_routes_and_methods_name_what_was_meant() {
    let at = Fixture::new().await;
    let problem = at.get("/api/task").await.problem(404, "unknown_operation");
    assert!(problem["suggestions"].to_string().contains("/api/tasks"), "{problem}");
    let reply = at.send(to("PUT", "/api/projects").body(Body::empty()).unwrap()).await;
    reply.problem(405, "method_not_allowed");
    for method in ["GET", "POST"] {
        assert!(reply.header("allow").contains(method), "{}", reply.header("allow"));
    }
    at.get("/api/tasks/0000000000000").await.problem(404, "not_found");
}

#[tokio::test]
async fn the_guard_report_ends_in_the_result_whoever_made_it() {
    let at = Fixture::new().await;
    let theirs =
        r#"{"count":1,"findings":[{"field":"description","rule":"r","start":0,"end":1,"found":"x"}]}"#;
    let request = to("POST", "/api/tasks")
        .header("content-type", "application/json")
        .header("bindery-actor", "Zo%C3%AB")
        .header("bindery-guard", theirs)
        .body(json!({ "title": "bell\u{7}" }).to_string().into())
        .unwrap();
    let written = at.send(request).await.value();
    assert_eq!(written["guard"]["count"], 2, "{written}");
    let path = format!("/api/tasks/{}?include=history", written["task"]["id"].as_str().unwrap());
    let history = at.get(&path).await.value()["task"]["history"].clone();
    assert_eq!(history[0]["actor"], "Zoë");
    assert_eq!(history[0]["guard"]["count"], 2);
    assert_eq!(at.task("clean").await.get("guard"), None);
}

#[tokio::test]
async fn each_task_of_a_batch_keeps_its_own_part_of_the_report() {
    let at = Fixture::new().await;
    let tasks = json!([{ "title": "plain" }, { "title": "<script>", "subtasks": [{ "title": "{{ x }}" }] }]);
    let request = to("POST", "/api/tasks")
        .header("content-type", "application/json")
        .body(json!({ "tasks": tasks }).to_string().into())
        .unwrap();
    let written = at.send(request).await.value();
    assert_eq!(written["guard"]["count"], 2, "{written}");
    let mut rows = Vec::new();
    for task in written["tasks"].as_array().unwrap() {
        let path = format!("/api/tasks/{}?include=history", task["id"].as_str().unwrap());
        let task = at.get(&path).await.value()["task"].clone();
        rows.push((task["title"].clone(), task["history"][0]["guard"]["findings"][0].clone()));
    }
    let markup = json!({
        "field": "title", "rule": "markup", "start": 0, "end": 1, "found": "<", "replaced_by": "&lt;",
    });
    let template = json!({ "field": "title", "rule": "template", "start": 0, "end": 2, "found": "{{" });
    assert_eq!(
        rows,
        [(json!("plain"), json!(null)), (json!("&lt;script>"), markup), (json!("{{ x }}"), template)]
    );
}

#[tokio::test]
async fn what_was_changed_on_the_way_in_is_found_as_it_was_written() {
    let at = Fixture::new().await;
    at.task("teach <script> tags").await;
    let found = at.get("/api/search?query=%22teach%20%3Cscript%3E%22").await.value();
    assert_eq!(found["hits"][0]["title"], "teach &lt;script> tags", "{found}");
    assert_eq!(found["guard"]["findings"][0]["field"], "query");
    assert_eq!(at.get("/api/search?query=teach").await.value().get("guard"), None);
}

#[tokio::test]
async fn health_probes_and_figures_answer() {
    let at = Fixture::new().await;
    at.task("one").await;
    let health = at.get("/health?detail=true").await;
    assert_eq!(health.status, 200);
    let health = health.value();
    assert_eq!(health["workspace"], at.folder().display().to_string());
    assert!(health["pool"]["request_count"].as_i64() >= Some(1), "{health}");
    assert_eq!(at.get("/health/live").await.status, 200);
    assert_eq!(at.get("/health/ready").await.status, 200);
    assert_eq!(at.get("/api/pool/health").await.status, 200);
    assert!(at.get("/api/pool/metrics").await.value()["max_connections"].as_i64() > Some(0));

    let page = at.get("/metrics").await;
    let page = String::from_utf8(page.body.to_vec()).unwrap();
    let created = "bindery_requests_total{operation=\"create_task\",outcome=\"ok\"} 1";
    assert!(page.lines().any(|line| line == created), "{page}");
}

#[tokio::test]
async fn a_store_that_is_closed_makes_the_backend_unhealthy() {
    let at = Fixture::new().await;
    at.app.store().close().await;
    let health = at.get("/health").await;
    assert_eq!(health.status, 503);
    assert_eq!(health.value()["status"], "unhealthy");
    assert!(at.get("/health/ready").await.status.is_server_error());
    assert_eq!(at.get("/health/live").await.status, 200);
}

#[tokio::test]
async fn in_production_a_fault_is_a_constant_text_and_an_id() {
    let at = Fixture::with(|options| options.production = true).await;
    at.app.store().close().await;
    let reply = at.json("POST", "/api/tasks", json!({ "title": "x" })).await;
    let problem = reply.value();
    assert!(reply.status.is_server_error(), "{problem}");
    assert_eq!(problem["detail"], problem["title"]);
    assert_eq!(problem["correlation_id"].as_str().unwrap().len(), 16);
}
