//! What the client does when the backend does not do what it should.

use std::time::{Duration, Instant};

use mcp_server::{CallOptions, Client, Config};
use serde_json::{Value, json};
use shared_types::{Error, ErrorCode, operation::ListRoles};

use crate::backend::{Reply, Scene};

const LONG: Duration = Duration::from_secs(30);

fn problem(error: &Error) -> Reply {
    Reply::Status(error.code.http_status(), error.to_problem())
}

#[tokio::test]
async fn a_broken_answer_is_asked_for_again() {
    let scene = Scene::plain(LONG).await;
    scene.fake.reply([Reply::Broken, Reply::Broken]);
    assert!(scene.call("list_roles", Value::Null).await.is_ok());
    assert_eq!(scene.client.health(false).retries, 2);
}

#[tokio::test]
async fn a_repeated_write_carries_the_same_request_id() {
    let scene = Scene::plain(LONG).await;
    scene.fake.reply([Reply::Broken]);
    scene.call("create_task", json!({ "title": "x" })).await.unwrap();
    let ids: Vec<_> = scene.fake.asked().into_iter().map(|asked| asked.body["request_id"].clone()).collect();
    assert_eq!(ids.len(), 2);
    assert!(ids[0].as_str().unwrap().starts_with("auto-") && ids[0] == ids[1], "{ids:?}");
}

#[tokio::test]
async fn a_refusal_comes_back_whole_and_is_not_repeated() {
    let scene = Scene::plain(LONG).await;
    let refusal = Error::new(ErrorCode::VersionConflict, "version is 4, not 3")
        .with("current_version", 4)
        .suggest("Read the task again.");
    scene.fake.reply([problem(&refusal)]);
    assert_eq!(scene.call("update_task", json!({ "task_id": "A" })).await, Err(refusal));
    assert_eq!(scene.fake.asked().len(), 1);
}

#[tokio::test]
async fn a_busy_backend_gets_a_moment_and_is_not_given_up() {
    let scene = Scene::plain(LONG).await;
    let busy = Error::new(ErrorCode::Overloaded, "busy");
    scene.fake.reply(vec![problem(&busy); 8]);
    assert_eq!(scene.call("list_roles", Value::Null).await.unwrap_err().code, ErrorCode::Overloaded);
    assert_eq!(scene.fake.asked().len(), 4, "one attempt and three retries");
    assert!(scene.call("list_roles", Value::Null).await.is_err());
    assert_eq!(scene.client.health(false).circuit_breaker, "closed");
}

#[tokio::test]
async fn five_failures_open_the_circuit_and_caller_errors_do_not() {
    let scene = Scene::plain(LONG).await;
    scene.fake.reply(vec![problem(&Error::new(ErrorCode::NotFound, "no")); 6]);
    for _ in 0..6 {
        assert_eq!(scene.call("list_roles", Value::Null).await.unwrap_err().code, ErrorCode::NotFound);
    }
    assert_eq!(scene.client.health(false).circuit_breaker, "closed");

    scene.fake.reply(vec![problem(&Error::new(ErrorCode::Internal, "fault")); 5]);
    for _ in 0..5 {
        assert_eq!(scene.call("list_roles", Value::Null).await.unwrap_err().code, ErrorCode::Internal);
    }
    let error = scene.call("list_roles", Value::Null).await.unwrap_err();
    assert_eq!(error.code, ErrorCode::CircuitOpen);
    assert!((50_000..=60_000).contains(&error.context["retry_after_ms"].as_u64().unwrap()));
    assert_eq!(scene.fake.asked().len(), 11);
    let health = scene.client.health(true);
    assert_eq!((health.circuit_breaker.as_str(), health.figures.unwrap().failures), ("open", 5));
    assert!((50_000..=60_000).contains(&health.retry_after_ms.unwrap()));

    let mut fastest = LONG;
    for _ in 0..20 {
        let begun = Instant::now();
        assert!(scene.call("create_task", json!({ "title": "x" })).await.is_err());
        fastest = fastest.min(begun.elapsed());
    }
    assert!(fastest < Duration::from_millis(5), "{fastest:?}");
}

#[tokio::test]
async fn the_backend_says_when_to_come_again() {
    let scene = Scene::plain(LONG).await;
    scene.fake.reply([Reply::Busy(1)]);
    let begun = Instant::now();
    assert!(scene.call("list_roles", Value::Null).await.is_ok());
    assert!(begun.elapsed() >= Duration::from_secs(1), "{:?}", begun.elapsed());
}

#[tokio::test]
async fn a_wait_beyond_the_deadline_is_not_begun() {
    let scene = Scene::plain(Duration::from_secs(20)).await;
    scene.fake.reply([Reply::Busy(21)]);
    let error = scene.call("list_roles", Value::Null).await.unwrap_err();
    assert_eq!((error.code, &error.context["retry_after_ms"]), (ErrorCode::Overloaded, &json!(21_000)));
    assert_eq!(scene.fake.asked().len(), 1);
}

#[tokio::test]
async fn a_silent_backend_costs_the_deadline_and_no_more() {
    let scene = Scene::plain(Duration::from_millis(300)).await;
    scene.fake.reply([Reply::Silence]);
    assert_eq!(scene.call("list_roles", Value::Null).await.unwrap_err().code, ErrorCode::Timeout);
    assert_eq!(scene.fake.asked().len(), 1);
}

#[tokio::test]
async fn an_answer_that_is_no_json_is_a_fault() {
    let scene = Scene::plain(LONG).await;
    scene
        .fake
        .reply([Reply::Status(502, json!("a proxy's page")), Reply::Status(200, json!({ "roles": [] }))]);
    let roles =
        scene.client.request::<ListRoles>(&Default::default(), &CallOptions::default()).await.unwrap();
    assert_eq!(roles.roles, []);
    let error =
        scene.client.request::<ListRoles>(&Default::default(), &CallOptions::default()).await.unwrap_err();
    assert_eq!(error.code, ErrorCode::Internal, "the answer has another type");
}

#[tokio::test]
async fn an_unhealthy_backend_says_how_it_is() {
    let scene = Scene::plain(LONG).await;
    let health = json!({ "status": "unhealthy", "recommendations": ["Free some space."] });
    scene.fake.reply([Reply::Status(503, health.clone())]);
    assert_eq!(scene.call("list_roles", Value::Null).await, Ok(health));
}

#[tokio::test]
async fn the_backend_learns_who_asks() {
    let scene = Scene::plain(LONG).await;
    scene.call("get_task", json!({ "task_id": "A" })).await.unwrap();
    let asked = scene.fake.asked().remove(0);
    assert_eq!((asked.line.as_str(), asked.actor.as_deref()), ("GET /api/tasks/A", Some("Zo%C3%AB")));
}

#[tokio::test]
async fn one_correlation_id_leads_from_the_answer_to_both_logs() {
    for production in [false, true] {
        let scene = Scene::set(Config { production, ..Config::default() }, Client::one_shot).await;
        let mut fault = Error::new(ErrorCode::Internal, "open /srv/tasks.db: password=hunter2");
        fault.correlation_id = Some("0123456789abcdef".to_owned());
        scene.fake.reply([problem(&fault)]);
        let told = scene.call("list_roles", Value::Null).await.unwrap_err();
        assert_eq!(told.correlation_id, fault.correlation_id);
        let message = if production { fault.code.title() } else { "open [path]: password=[credential]" };
        assert_eq!(told.message, message);
    }
}

#[tokio::test]
async fn what_fails_on_this_side_is_told_like_a_fault_of_the_backend() {
    for production in [false, true] {
        let config = Config { production, timeout: Duration::from_millis(300), ..Config::default() };
        let scene = Scene::set(config, Client::one_shot).await;
        scene.fake.reply([Reply::Silence, Reply::Status(200, json!({ "roles": "none" }))]);
        let mut told = vec![scene.call("list_roles", Value::Null).await.unwrap_err()];
        let options = CallOptions::default();
        told.push(scene.client.request::<ListRoles>(&Default::default(), &options).await.unwrap_err());
        for error in told {
            assert_eq!(error.message == error.code.title(), production, "{error}");
            assert_eq!(error.correlation_id.map(|id| id.len()), Some(16));
        }
    }
}

#[tokio::test]
async fn the_end_of_one_backend_is_one_failure_however_many_calls_it_cuts_off() {
    let scene = Scene::plain(LONG).await;
    scene.call("list_roles", Value::Null).await.unwrap();
    scene.fake.reply(vec![Reply::Broken; 8]);
    let calls = (0..8).map(|n| scene.call("create_task", json!({ "title": n })));
    assert!(futures::future::join_all(calls).await.iter().all(Result::is_ok));
    assert_eq!(scene.client.health(false).circuit_breaker, "closed");
}
