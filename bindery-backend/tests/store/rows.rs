//! Kept tasks: whoever asks gets what the table holds, however fast it changes.

use std::sync::{
    Arc,
    atomic::{AtomicBool, AtomicI64, Ordering::SeqCst},
};

use bindery_backend::{
    handle::{Caller, Handle},
    store::Store,
};
use serde_json::{Value, json};
use shared_types::operation::*;

use crate::fixture::Fixture;

const READERS: usize = 4;
const WRITES: i64 = 200;

/// The answer as it is sent.
async fn answer(store: &Store, id: &str) -> Value {
    let input = serde_json::from_value(json!({ "task_id": id })).unwrap();
    let json = Handle::<GetTask>::answer(store, input, &Caller::default()).await.unwrap();
    serde_json::from_slice(json.as_bytes()).unwrap()
}

/// The row of a list, as it is sent.
async fn listed(store: &Store) -> Value {
    let json = Handle::<ListTasks>::answer(store, Default::default(), &Caller::default()).await.unwrap();
    let page: Value = serde_json::from_slice(json.as_bytes()).unwrap();
    page["tasks"][0].clone()
}

/// Reads until it is `over`, by id and in lists. No answer may be older than one that was there when it
/// was asked for.
async fn read(store: Store, id: String, newest: Arc<AtomicI64>, over: Arc<AtomicBool>) -> usize {
    let mut reads = 0;
    while !over.load(SeqCst) {
        let known = newest.load(SeqCst);
        let task =
            if reads % 2 == 0 { answer(&store, &id).await["task"].clone() } else { listed(&store).await };
        let version = task["version"].as_i64().unwrap();
        assert!(version == 1 || task["title"] == format!("title {}", version - 1), "{task}");
        assert!(version >= known, "version {version} after version {known}");
        newest.fetch_max(version, SeqCst);
        reads += 1;
        tokio::task::yield_now().await;
    }
    reads
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn no_reader_sees_an_older_state_than_was_seen_before() {
    let bench = Fixture::new().await;
    let id = bench.create(json!({ "title": "a" })).await.id.to_string();
    let (newest, over) = (Arc::new(AtomicI64::new(1)), Arc::new(AtomicBool::new(false)));
    let readers: Vec<_> = (0..READERS)
        .map(|_| tokio::spawn(read(bench.store.clone(), id.clone(), Arc::clone(&newest), Arc::clone(&over))))
        .collect();
    for number in 1..=WRITES {
        let change = json!({ "task_id": id, "title": format!("title {number}") });
        let written = bench.call::<UpdateTask>(change).await.unwrap().task.unwrap().version;
        // What is acknowledged is what everybody reads from now on.
        newest.fetch_max(written, SeqCst);
        tokio::task::yield_now().await;
    }
    over.store(true, SeqCst);
    for reader in readers {
        assert!(reader.await.unwrap() > 0);
    }
}

#[tokio::test]
async fn a_task_looks_different_when_what_it_waits_for_does() {
    let bench = Fixture::new().await;
    let ids =
        bench.create_all(json!([{ "title": "a", "ref": "a" }, { "title": "b", "depends_on": ["a"] }])).await;
    let waits = async || {
        let alone = answer(&bench.store, &ids[1]).await["task"]["waiting_for"] == json!([ids[0]]);
        let rows = listed(&bench.store).await;
        assert_eq!(rows["waiting_for"] == json!([ids[0]]), alone, "{rows}");
        alone
    };
    assert!(waits().await && waits().await);
    bench.call::<CompleteTask>(json!({ "task_id": ids[0] })).await.unwrap();
    assert!(!waits().await);
    bench.call::<UpdateTask>(json!({ "task_id": ids[0], "undo": true })).await.unwrap();
    assert!(waits().await);
    bench.call::<DeleteTask>(json!({ "task_id": ids[0] })).await.unwrap();
    assert!(!waits().await);
    bench.call::<UpdateTask>(json!({ "task_id": ids[0], "restore": true })).await.unwrap();
    assert!(waits().await);
}
