//! Request ids: a retry returns the first result.

use serde_json::json;
use shared_types::{ErrorCode, operation::*};

use crate::fixture::Fixture;

#[tokio::test]
async fn the_same_request_is_done_once_also_after_a_restart() {
    let mut bench = Fixture::new().await;
    let input = json!({ "title": "once", "request_id": "r1" });
    let first = bench.call::<CreateTask>(input.clone()).await.unwrap();
    bench.reopen().await;
    let mut again = bench.call::<CreateTask>(input).await.unwrap();
    assert!(again.replayed && !first.replayed);
    again.replayed = false;
    assert_eq!(again, first);
    assert_eq!(bench.call::<ListTasks>(json!({})).await.unwrap().tasks.len(), 1);
}

#[tokio::test]
async fn a_request_id_belongs_to_one_request() {
    let bench = Fixture::new().await;
    let task = bench.create(json!({ "title": "a", "request_id": "r1" })).await.id;
    let other = bench.call::<CreateTask>(json!({ "title": "b", "request_id": "r1" })).await.unwrap_err();
    assert_eq!((other.code, other.field.as_deref()), (ErrorCode::RequestIdReused, Some("request_id")));
    let elsewhere = json!({ "task_id": task, "request_id": "r1" });
    assert_eq!(bench.call::<DeleteTask>(elsewhere).await.unwrap_err().code, ErrorCode::RequestIdReused);
}

#[tokio::test]
async fn a_request_that_failed_can_be_repeated() {
    let bench = Fixture::new().await;
    let input = json!({ "name": "P", "request_id": "r1" });
    let task = json!({ "title": "t", "project_id": "P", "request_id": "r2" });
    assert_eq!(bench.call::<CreateTask>(task.clone()).await.unwrap_err().code, ErrorCode::NotFound);
    bench.call::<CreateProject>(input).await.unwrap();
    assert!(!bench.call::<CreateTask>(task).await.unwrap().replayed);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_same_request_at_once_is_done_once() {
    let bench = Fixture::new().await;
    let calls = (0..32).map(|_| bench.call::<CreateTask>(json!({ "title": "t", "request_id": "r" })));
    let results = futures::future::join_all(calls).await;
    let fresh = results.iter().filter(|result| !result.as_ref().unwrap().replayed).count();
    assert_eq!(fresh, 1);
    assert_eq!(bench.store.last_seq().await.unwrap(), 1);
}
