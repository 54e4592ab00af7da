//! The full-text index trails the writes, and no search can tell.

use futures::future::join_all;
use rusqlite::Connection;
use serde_json::{Value, json};
use shared_types::operation::*;

use crate::fixture::Fixture;

async fn found(bench: &Fixture, query: &str) -> usize {
    bench.call::<SearchEntities>(json!({ "query": query, "limit": 100 })).await.unwrap().hits.len()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_search_finds_what_was_acknowledged_the_moment_before_however_much_is_written() {
    let bench = Fixture::new().await;
    let writers = (0..32).map(async |writer| {
        for n in 0..20 {
            let word = format!("w{writer}n{n}");
            let (first, second) = (format!("{word}a"), format!("{word}b"));
            let id = bench.create(json!({ "title": first })).await.id;
            assert_eq!(found(&bench, &first).await, 1);
            bench.call::<UpdateTask>(json!({ "task_id": id, "title": second })).await.unwrap();
            assert_eq!((found(&bench, &first).await, found(&bench, &second).await), (0, 1));
            if n % 2 == 0 {
                bench.call::<DeleteTask>(json!({ "task_id": id })).await.unwrap();
                assert_eq!(found(&bench, &second).await, 0);
            }
        }
    });
    join_all(writers).await;
}

#[tokio::test]
async fn what_changes_before_it_is_indexed_is_found_as_it_is() {
    let bench = Fixture::new().await;
    let ids =
        bench.create_all(json!([{ "title": "kept" }, { "title": "renamed" }, { "title": "gone" }])).await;
    let again = bench.create(json!({ "title": "back" })).await.id;
    bench.call::<UpdateTask>(json!({ "task_id": ids[1], "title": "other" })).await.unwrap();
    bench
        .call::<DeleteTask>(json!({ "tasks": [{ "task_id": ids[2] }, { "task_id": again }] }))
        .await
        .unwrap();
    bench.call::<UpdateTask>(json!({ "task_id": again, "restore": true })).await.unwrap();
    for (word, hits) in [("kept", 1), ("renamed", 0), ("other", 1), ("gone", 0), ("back", 1)] {
        assert_eq!(found(&bench, word).await, hits, "{word}");
    }
    bench.call::<UpdateTask>(json!({ "task_id": ids[2], "restore": true })).await.unwrap();
    bench.call::<DeleteTask>(json!({ "task_id": ids[0] })).await.unwrap();
    assert_eq!((found(&bench, "gone").await, found(&bench, "kept").await), (1, 0));
}

#[tokio::test]
async fn what_an_earlier_process_left_unindexed_is_found() {
    let mut bench = Fixture::new().await;
    let tasks: Vec<Value> = (0..500).map(|n| json!({ "title": format!("left{n} behind") })).collect();
    bench.create_all(json!(tasks)).await;
    // The writer of the first store rests once everything is found.
    assert_eq!(found(&bench, "left499").await, 1);
    let connection = Connection::open(bench.path()).unwrap();
    let crashed = "INSERT INTO tasks_text (tasks_text) VALUES ('delete-all');
                   UPDATE tasks_indexed SET up_to = 0";
    connection.execute_batch(crashed).unwrap();
    assert_eq!(found(&bench, "left499").await, 0);
    drop(connection);
    bench.store = bench.try_open().await.unwrap();
    assert_eq!((found(&bench, "left499").await, found(&bench, "behind").await), (1, 100));
}
