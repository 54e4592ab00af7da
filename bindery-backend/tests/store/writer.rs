//! The writer: groups, isolation, and the order of what subscribers hear.

use futures::future::join_all;
use serde_json::json;
use shared_types::{ErrorCode, operation::*};

use crate::fixture::Fixture;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_write_that_fails_hurts_no_other_in_its_group() {
    let bench = Fixture::new().await;
    let mut feed = bench.store.subscribe();
    // Each bad plan fails at its last task, with three written before it.
    let calls = (0..200).map(|n| {
        let tasks = if n % 2 == 0 {
            json!([{ "title": format!("good {n}") }, { "title": "second" }])
        } else {
            json!([{ "title": format!("bad {n}") }, { "title": "x", "depends_on": ["nowhere"] }])
        };
        bench.call::<CreateTask>(json!({ "tasks": tasks }))
    });
    let results = join_all(calls).await;
    for (n, result) in results.iter().enumerate() {
        match result {
            Ok(written) => assert!(n % 2 == 0 && written.tasks.len() == 2),
            Err(error) => assert!(n % 2 == 1 && error.code == ErrorCode::NotFound, "{error}"),
        }
    }
    assert_eq!(bench.call::<GetDashboardStats>(json!({})).await.unwrap().total, 200);
    let bad = bench.call::<SearchEntities>(json!({ "query": "bad" })).await.unwrap();
    assert_eq!(bad.hits.len(), 0);
    let mut last = 0;
    let mut heard = 0;
    while let Ok(event) = feed.try_recv() {
        assert!(event.seq > last);
        last = event.seq;
        heard += 1;
    }
    assert_eq!(heard, 200);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_acknowledged_can_be_read_at_once() {
    let bench = Fixture::new().await;
    let calls = (0..100).map(async |n| {
        let task = bench.create(json!({ "title": format!("t{n}") })).await;
        assert_eq!(bench.get(task.id).await, task);
    });
    join_all(calls).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn more_than_the_queue_holds_is_refused_and_the_rest_is_done() {
    let bench = Fixture::new().await;
    let calls = (0..3000).map(|_| bench.call::<CreateTask>(json!({ "title": "t" })));
    let results = join_all(calls).await;
    let done = results.iter().filter(|result| result.is_ok()).count();
    assert!(
        results
            .iter()
            .flat_map(|result| result.as_ref().err())
            .all(|error| error.code == ErrorCode::Overloaded)
    );
    assert!(done >= 1024, "{done}");
    assert_eq!(bench.call::<GetDashboardStats>(json!({})).await.unwrap().total, done as i64);
}

#[tokio::test]
async fn a_change_names_what_else_looks_different() {
    let bench = Fixture::new().await;
    let project = bench.call::<CreateProject>(json!({ "name": "P" })).await.unwrap().project.id.to_string();
    let parent = bench.create(json!({ "title": "parent" })).await.id;
    let first = bench.create(json!({ "title": "first", "parent_id": parent, "project_id": "P" })).await.id;
    let second = bench.create(json!({ "title": "second", "depends_on": [first] })).await.id;
    let mut feed = bench.store.subscribe();
    bench.call::<CompleteTask>(json!({ "task_id": first })).await.unwrap();
    let event = feed.try_recv().unwrap();
    assert_eq!(event.entity_id, first.to_string());
    assert_eq!(event.affects, [second.to_string(), parent.to_string(), project]);
    let stored = bench.store.changes_after(event.seq - 1, 10).await.unwrap();
    assert_eq!(stored, [(*event).clone()]);
}
