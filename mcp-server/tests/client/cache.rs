//! What the cache may answer, and what not.

use std::time::Duration;

use futures::FutureExt;
use serde_json::json;
use tokio::time::sleep;

use crate::backend::{Reply, Scene};

/// Longer than any proof of being current lasts.
const LATER: Duration = Duration::from_millis(150);

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
    scene.fake.reply([Reply::Status(404, gone)]);
    assert!(scene.call("get_task", task()).await.is_err());
    assert!(scene.call("get_task", task()).await.is_ok());
}

#[tokio::test]
async fn equal_reads_at_once_cost_one_request_and_one_that_gives_up_takes_nothing_away() {
    let scene = Scene::following().await;
    scene.fake.reply([Reply::Held]);
    let asked = scene.fake.asked().len();
    let (mut first, mut second) =
        (Box::pin(scene.call("get_task", task())), Box::pin(scene.call("get_task", task())));
    assert!((&mut first).now_or_never().is_none() && (&mut second).now_or_never().is_none());
    drop(first);
    scene.fake.release();
    assert!(second.await.is_ok());
    assert_eq!((scene.fake.asked().len() - asked, scene.figures().shared), (1, 1));
}

#[tokio::test]
async fn a_read_after_an_own_write_joins_none_from_before_it() {
    let scene = Scene::following().await;
    scene.fake.reply([Reply::Held]);
    let asked = scene.fake.asked().len();
    let mut before = Box::pin(scene.call("get_task", task()));
    while scene.fake.asked().len() == asked {
        assert!((&mut before).now_or_never().is_none());
        tokio::task::yield_now().await;
    }
    scene.call("update_task", json!({ "task_id": "A", "title": "x" })).await.unwrap();
    let after = scene.call("get_task", task()).await;
    scene.fake.release();
    assert_ne!(before.await, after);
    assert_eq!(scene.call("get_task", task()).await, after, "the older answer was not kept");
}

#[tokio::test]
async fn a_change_that_the_feed_is_late_with_is_read_all_the_same() {
    let scene = Scene::following().await;
    let before = scene.call("get_task", task()).await;
    sleep(LATER).await;
    assert_eq!(scene.call("get_task", task()).await, before, "the backend says that nothing changed");
    scene.fake.commit_silently(2);
    sleep(LATER).await;
    assert_ne!(scene.call("get_task", task()).await, before);
    assert_eq!(scene.figures().misses.unproven, 1);
}

#[tokio::test]
async fn every_miss_has_a_reason() {
    let scene = Scene::following().await;
    let before = scene.figures();
    scene.call("get_task", task()).await.unwrap();
    scene.call("get_task", task()).await.unwrap();
    scene.call("update_task", json!({ "task_id": "A", "title": "x" })).await.unwrap();
    scene.call("get_task", task()).await.unwrap();
    scene.call("list_roles", json!({})).await.unwrap();
    let (hits, misses) = (scene.figures().hits - before.hits, scene.figures().misses);
    assert_eq!((hits, misses.absent - before.misses.absent), (1, 1));
    assert_eq!((misses.changed - before.misses.changed, misses.not_cacheable), (1, 1));
}
