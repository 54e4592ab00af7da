//! What the cache may answer, and what not.

use serde_json::json;

use crate::backend::Scene;

fn task() -> serde_json::Value {
    json!({ "task_id": "A" })
}

#[tokio::test]
async fn a_repeated_read_is_asked_once() {
    let scene = Scene::following().await;
    let first = scene.call("get_task", task()).await;
    assert_eq!(scene.call("get_task", task()).await, first);
    assert_ne!(scene.call("get_task", json!({ "task_id": "B" })).await, first);
    assert!(scene.client.health(false).cache_hit_rate > 0.0);
}

#[tokio::test]
async fn an_own_write_is_read_back() {
    let scene = Scene::following().await;
    let before = scene.call("get_task", task()).await;
    scene.call("update_task", json!({ "task_id": "A", "title": "x" })).await.unwrap();
    assert_ne!(scene.call("get_task", task()).await, before);
}

#[tokio::test]
async fn what_others_write_is_read_back() {
    let scene = Scene::following().await;
    let mut changes = scene.client.changes();
    let before = scene.call("get_task", task()).await;
    scene.fake.report_change(2);
    let notice = changes.recv().await.unwrap();
    assert_eq!((notice.seq, notice.entity_id.as_str()), (2, "X"));
    assert_ne!(scene.call("get_task", task()).await, before);
}

#[tokio::test]
async fn nothing_is_cached_while_the_feed_is_down_and_all_again_when_it_is_back() {
    let scene = Scene::following().await;
    let before = scene.call("get_task", task()).await;
    scene.fake.end_feeds();
    scene.eventually(async || scene.call("get_task", task()).await != before).await;
    scene.until_cached().await;
}

#[tokio::test]
async fn a_failed_read_is_not_kept() {
    let scene = Scene::following().await;
    let gone = json!({ "type": "urn:bindery:error:not_found", "code": "not_found", "detail": "gone" });
    scene.fake.reply([crate::backend::Reply::Status(404, gone)]);
    assert!(scene.call("get_task", task()).await.is_err());
    assert!(scene.call("get_task", task()).await.is_ok());
}
