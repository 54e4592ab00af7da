//! The log is folded into the database by the writer: while it is busy, when it is idle, and when readers let it.

use std::{
    fs,
    path::Path,
    time::{Duration, Instant},
};

use bindery_backend::{
    handle::{Caller, Handle},
    roles::Roles,
    store::{OpenError, Store, StoreOptions},
};
use rusqlite::Connection;
use serde_json::json;
use shared_types::operation::*;

const PATIENCE: Duration = Duration::from_secs(60);

/// The bytes of a frame of the log.
const FRAME: u64 = 4096 + 24;

/// A store that folds its log in from 100 pages on, and when nobody has written for so long.
async fn open(folder: &Path, idle: Duration) -> Store {
    open_with(folder, 100, idle).await
}

async fn open_with(folder: &Path, pages: u32, idle: Duration) -> Store {
    let mut options = StoreOptions::new(folder.join("tasks.db"));
    (options.checkpoint_pages, options.checkpoint_idle) = (pages, idle);
    Store::open(options, Roles::builtin()).await.unwrap()
}

async fn write(store: &Store) {
    let input = json!({ "title": "t", "description": "words to keep ".repeat(500) });
    let input = serde_json::from_value(input).unwrap();
    Handle::<CreateTask>::handle(store, input, &Caller::default()).await.unwrap();
}

fn log(folder: &Path) -> u64 {
    fs::metadata(folder.join("tasks.db-wal")).map_or(0, |found| found.len())
}

async fn until(met: impl Fn() -> bool) {
    let begun = Instant::now();
    while !met() {
        assert!(begun.elapsed() < PATIENCE, "in vain");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

#[tokio::test]
async fn a_busy_log_is_begun_again_and_an_idle_one_emptied() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path(), Duration::from_millis(300)).await;
    let begun = Instant::now();
    let mut writes = 0;
    // Longer than any pause between two checkpoints.
    while begun.elapsed() < Duration::from_secs(4) || writes < 300 {
        write(&store).await;
        writes += 1;
    }
    let longest = log(folder.path());
    let other_folder = tempfile::tempdir().unwrap();
    let other = open_with(other_folder.path(), u32::MAX, PATIENCE).await;
    for _ in 0..writes {
        write(&other).await;
    }
    let whole = log(other_folder.path());
    assert!(longest < whole / 8, "{longest} bytes of {whole} after {writes} writes");
    until(|| log(folder.path()) == 0).await;
    store.close().await;
}

#[tokio::test]
async fn a_long_reader_holds_up_the_checkpoint_and_no_write() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path(), Duration::from_millis(100)).await;
    write(&store).await;
    let reader = Connection::open(folder.path().join("tasks.db")).unwrap();
    let snapshot = reader.unchecked_transaction().unwrap();
    let seen = || snapshot.query_row("SELECT count(*) FROM tasks", (), |row| row.get::<_, i64>(0)).unwrap();
    assert_eq!(seen(), 1);
    for _ in 0..200 {
        write(&store).await;
    }
    assert!(log(folder.path()) > 500 * FRAME, "it is kept for the reader");
    tokio::time::sleep(Duration::from_millis(500)).await;
    assert!(log(folder.path()) > 500 * FRAME, "also when nobody writes");
    assert_eq!(seen(), 1);
    snapshot.commit().unwrap();
    until(|| log(folder.path()) == 0).await;
    store.close().await;
}

/// Copies what a process that is killed now leaves.
fn killed(folder: &Path) -> tempfile::TempDir {
    let copy = tempfile::tempdir().unwrap();
    for name in ["tasks.db", "tasks.db-wal", "tasks.db-sum"] {
        fs::copy(folder.join(name), copy.path().join(name)).unwrap();
    }
    copy
}

#[tokio::test]
async fn after_a_crash_another_program_may_fold_the_log_in_and_a_flipped_bit_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path(), Duration::from_millis(100)).await;
    for _ in 0..50 {
        write(&store).await;
    }
    until(|| log(folder.path()) == 0).await;
    write(&store).await;
    until(|| log(folder.path()) > 0).await;
    let (folded, flipped) = (killed(folder.path()), killed(folder.path()));
    store.close().await;

    let path = folded.path().join("tasks.db");
    Connection::open(&path).unwrap().execute_batch("UPDATE tasks SET title = 'other'").unwrap();
    assert_eq!(log(folded.path()), 0);
    for _ in 0..2 {
        let store = open(folded.path(), Duration::from_millis(100)).await;
        let input = serde_json::from_value(json!({})).unwrap();
        let all = Handle::<GetDashboardStats>::handle(&store, input, &Caller::default()).await.unwrap();
        assert_eq!(all.total, 51);
        store.close().await;
    }

    let path = flipped.path().join("tasks.db");
    let mut bytes = fs::read(&path).unwrap();
    // Some of them are in the log too, where they stay.
    let words: Vec<usize> =
        (0..bytes.len()).filter(|at| bytes[*at..].starts_with(b"words to keep")).collect();
    words.iter().for_each(|at| bytes[*at] ^= 1);
    fs::write(&path, &bytes).unwrap();
    let refused = Store::open(StoreOptions::new(&path), Roles::builtin()).await.unwrap_err();
    assert!(matches!(refused, OpenError::Changed { .. }), "{refused}");
    assert!(
        refused.to_string().contains("restore") && refused.to_string().contains("tasks.db-sum"),
        "{refused}"
    );
}
