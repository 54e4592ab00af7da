//! The database file: created, kept, migrated, and never harmed.

use bindery_backend::store::OpenError;
use rusqlite::Connection;
use serde_json::json;
use shared_types::{TaskId, operation::*};

use crate::fixture::Fixture;

fn tamper(bench: &Fixture, statements: &str) {
    Connection::open(bench.path()).unwrap().execute_batch(statements).unwrap();
}

#[tokio::test]
async fn a_restart_keeps_everything_and_leaves_no_log() {
    let mut bench = Fixture::new().await;
    let task = bench.create(json!({ "title": "kept", "labels": { "n": u64::MAX } })).await;
    let id = bench.store.database_id().to_owned();
    assert_eq!(id.len(), 32);
    bench.store.close().await;
    assert!(!bench.folder.path().join("tasks.db-wal").exists());
    let refused = bench.call::<CreateTask>(json!({ "title": "late" })).await.unwrap_err();
    assert_eq!(refused.code.as_str(), "backend_unavailable");
    bench.store = bench.try_open().await.unwrap();
    assert_eq!(bench.get(task.id).await, task);
    assert_eq!(bench.store.database_id(), id);
}

#[tokio::test]
async fn ids_are_not_given_out_again_when_the_clock_goes_back() {
    let mut bench = Fixture::new().await;
    let before = bench.create(json!({ "title": "before" })).await.id;
    let document = json!({ "uri": "u", "content": "c" });
    let removed = bench.call::<IndexDocument>(document).await.unwrap().document.id;
    bench.call::<IndexDocument>(json!({ "uri": "u", "remove": true })).await.unwrap();
    bench.advance(-3600);
    let same_run = bench.create(json!({ "title": "same run" })).await.id;
    bench.reopen().await;
    let next_run = bench.create(json!({ "title": "next run" })).await.id;
    assert!(before < same_run && same_run < next_run);
    assert!(next_run.row_id() > removed.row_id(), "not even that of a document that is gone");
}

#[tokio::test]
async fn a_database_of_a_newer_version_is_left_alone() {
    let bench = Fixture::new().await;
    bench.store.close().await;
    tamper(&bench, "PRAGMA user_version = 99");
    let error = bench.try_open().await.unwrap_err();
    assert!(matches!(error, OpenError::Newer { found: 99, .. }), "{error}");
    assert!(error.to_string().contains("update bindery-backend"));
}

/// What the store looked like when a table listed the steps to its schema.
const EARLIER: [&str; 4] = [
    include_str!("../../../migrations/sqlite/0001_entities.sql"),
    include_str!("../../../migrations/sqlite/0002_derived.sql"),
    include_str!("../../../migrations/sqlite/0003_search.sql"),
    include_str!("../../../migrations/sqlite/0004_text_trails.sql"),
];

#[tokio::test]
async fn a_database_of_an_earlier_version_is_brought_up_to_date() {
    let mut bench = Fixture::new().await;
    bench.store.close().await;
    for file in ["tasks.db", "tasks.db-sum"] {
        std::fs::remove_file(bench.folder.path().join(file)).unwrap();
    }
    tamper(&bench, &EARLIER.concat());
    tamper(
        &bench,
        "CREATE TABLE _sqlx_migrations (version BIGINT);
         INSERT INTO _sqlx_migrations VALUES (1), (2), (3), (4);
         INSERT INTO tasks (id, title, status, priority, tags, labels, created_at, updated_at, version)
         VALUES (4194304, 'indexed task', 'todo', 1, '[]', '{}', 0, 0, 1),
                (8388608, 'listed task', 'todo', 1, '[]', '{}', 0, 0, 1);
         INSERT INTO tasks_text (rowid, title, tags) VALUES (4194304, 'indexed task', '[]');
         DELETE FROM tasks_unindexed WHERE id = 4194304;
         INSERT INTO changes (seq, at, entity, entity_id, action, version, before, after, affects)
         VALUES (7, 0, 'task', 4194304, 'created', 1, '{}', '{}', '[]');
         INSERT INTO requests VALUES ('old', 'create_task', x'', '{}', 0)",
    );
    for _ in 0..2 {
        bench.store = bench.try_open().await.unwrap();
        let search = json!({ "query": "task", "sort": "newest" });
        let hits = bench.call::<SearchEntities>(search).await.unwrap().hits;
        let titles: Vec<_> = hits.iter().map(|hit| hit.title.as_str()).collect();
        assert_eq!(titles, ["listed task", "indexed task"]);
        let task = bench.get(TaskId::from_row_id(4_194_304)).await;
        bench.call::<DeleteTask>(json!({ "task_id": task.id })).await.unwrap();
        bench.call::<UpdateTask>(json!({ "task_id": task.id, "restore": true })).await.unwrap();
        bench.store.close().await;
    }
    let connection = Connection::open(bench.path()).unwrap();
    let seqs: String =
        connection.query_row("SELECT json_group_array(seq) FROM history", (), |row| row.get(0)).unwrap();
    assert_eq!(seqs, "[7,8,9,10,11]");
    let old: i64 = connection.query_row("SELECT count(*) FROM requests", (), |row| row.get(0)).unwrap();
    assert_eq!(old, 0);
}

#[tokio::test]
async fn what_is_not_ours_is_never_overwritten() {
    let bench = Fixture::new().await;
    bench.store.close().await;

    let text = "this is a shopping list, and not a short one\n".repeat(100);
    std::fs::write(bench.path(), &text).unwrap();
    let error = bench.try_open().await.unwrap_err();
    assert!(matches!(error, OpenError::NotADatabase(_)), "{error}");
    assert_eq!(std::fs::read_to_string(bench.path()).unwrap(), text);

    std::fs::remove_file(bench.path()).unwrap();
    tamper(&bench, "CREATE TABLE songs (name TEXT)");
    let foreign = std::fs::read(bench.path()).unwrap();
    let error = bench.try_open().await.unwrap_err();
    assert!(matches!(error, OpenError::Foreign(_)), "{error}");
    assert_eq!(std::fs::read(bench.path()).unwrap(), foreign);
}

#[tokio::test]
async fn a_damaged_database_is_refused() {
    let bench = Fixture::new().await;
    for n in 0..50 {
        bench.create(json!({ "title": format!("t{n}"), "description": "x".repeat(5000) })).await;
    }
    bench.store.close().await;
    let mut bytes = std::fs::read(bench.path()).unwrap();
    let half = bytes.len() / 2;
    bytes[half..half + 40_000].fill(0xaa);
    std::fs::write(bench.path(), &bytes).unwrap();
    let error = bench.try_open().await.unwrap_err();
    assert!(matches!(error, OpenError::Damaged { .. }), "{error}");
    assert_eq!(std::fs::read(bench.path()).unwrap(), bytes);
}

#[tokio::test]
async fn a_letter_that_changed_in_a_closed_database_is_noticed() {
    let mut bench = Fixture::new().await;
    let task = bench.create(json!({ "title": "a lighthouse" })).await;
    bench.store.close().await;
    let sum = bench.folder.path().join("tasks.db-sum");
    let intact = std::fs::read(bench.path()).unwrap();
    let letter = intact.windows(12).position(|text| text == b"a lighthouse").unwrap();
    let mut damaged = intact.clone();
    damaged[letter] = b'b';
    std::fs::write(bench.path(), &damaged).unwrap();
    let error = bench.try_open().await.unwrap_err();
    assert!(matches!(error, OpenError::Changed { .. }), "{error}");
    assert!(error.to_string().contains(sum.to_str().unwrap()), "{error}");
    assert_eq!(std::fs::read(bench.path()).unwrap(), damaged);

    std::fs::write(bench.path(), []).unwrap();
    let error = bench.try_open().await.unwrap_err();
    assert!(matches!(error, OpenError::Changed { .. }), "an emptied file is no new one: {error}");

    std::fs::write(bench.path(), intact).unwrap();
    let store = bench.try_open().await.unwrap();
    store.close().await;
    assert!(sum.exists());
    std::fs::write(bench.path(), damaged).unwrap();
    std::fs::remove_file(sum).unwrap();
    bench.store = bench.try_open().await.unwrap();
    assert_eq!(bench.get(task.id).await.title, "b lighthouse", "taken as it is when that was asked for");
}

#[tokio::test]
async fn every_connection_is_set_up_as_promised() {
    let bench = Fixture::new().await;
    bench.create(json!({ "title": "t" })).await;
    let metrics = bench.store.pool_metrics().await.unwrap();
    let settings: Vec<(&str, &str)> =
        metrics.settings.iter().map(|setting| (setting.name.as_str(), setting.value.as_str())).collect();
    assert_eq!(
        settings,
        [
            ("journal_mode", "wal"),
            ("synchronous", "2"),
            ("cache_size", "-8192"),
            ("busy_timeout", "5000"),
            ("foreign_keys", "1"),
            ("temp_store", "2"),
            ("mmap_size", "29826161"),
        ]
    );
    assert!(metrics.wal_bytes > 0 && metrics.query_count > 0 && metrics.acquire_failures == 0);
    assert_eq!((metrics.max_connections, metrics.min_connections), (8, 2));
}
