//! Backups of a store in use, and their return.

use std::{fs, os::unix::fs::PermissionsExt};

use rusqlite::Connection;
use serde_json::json;
use shared_types::operation::CreateTask;
use tokio_util::sync::CancellationToken;

use crate::fixture::{Workspace, call, names};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_backup_of_a_store_that_is_written_to_is_one_moment_of_it() {
    let workspace = Workspace::with_tasks(20).await;
    let store = workspace.open().await;
    let stop = CancellationToken::new();
    let writer = tokio::spawn({
        let (store, stop) = (store.clone(), stop.clone());
        async move {
            while !stop.is_cancelled() {
                // Both, or neither.
                let pair =
                    json!({ "tasks": [{ "title": "a", "ref": "a" }, { "title": "b", "depends_on": ["a"] }] });
                call::<CreateTask>(&store, pair).await;
            }
        }
    });
    let mut sizes = Vec::new();
    for n in 0..3 {
        let copy = workspace.path().join(format!("{n}.db"));
        let command = workspace.command(&["backup", copy.to_str().unwrap()]);
        let mut command = tokio::process::Command::from(command);
        let output = command.output().await.unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        assert_eq!(fs::metadata(&copy).unwrap().permissions().mode() & 0o777, 0o600);

        let other = Workspace::empty();
        other.well(&["restore", copy.to_str().unwrap()]);
        assert!(other.well(&["check"]).contains("is sound"));
        let connection = Connection::open(other.database()).unwrap();
        let count = |title| {
            let statement = "SELECT count(*) FROM tasks WHERE title = ?1";
            connection.query_row(statement, [title], |row| row.get::<_, i64>(0)).unwrap()
        };
        let (firsts, seconds) = (count("a"), count("b"));
        assert_eq!(firsts, seconds);
        sizes.push(firsts);
    }
    stop.cancel();
    writer.await.unwrap();
    store.close().await;
    assert!(sizes[0] < sizes[2], "nothing was written meanwhile: {sizes:?}");
}

#[tokio::test]
async fn a_restore_sets_the_present_database_aside_with_its_log() {
    let workspace = Workspace::with_tasks(3).await;
    let copy = workspace.path().join("copy.db");
    let copy = copy.to_str().unwrap();
    workspace.well(&["backup", copy]);
    let before = workspace.well(&["export"]);
    // Committed, but only in the log: nobody has closed the store.
    let store = workspace.open().await;
    call::<CreateTask>(&store, json!({ "title": "after the backup" })).await;
    assert!(workspace.inside("tasks.db-wal").metadata().unwrap().len() > 0);
    let with_log = workspace.well(&["export"]);

    let said = workspace.well(&["restore", copy]);
    assert_eq!(workspace.well(&["export"]), before);
    drop(store);
    let aside = said.lines().last().unwrap().rsplit_once(" is in ").unwrap().1.to_owned();
    let other = Workspace::empty();
    other.well(&["restore", &aside]);
    assert_eq!(other.well(&["export"]), with_log, "what was set aside is whole");
    assert_eq!(workspace.well(&["check"]).matches("is sound").count(), 1);
}

#[tokio::test]
async fn only_a_sound_backup_of_ours_is_restored() {
    let workspace = Workspace::with_tasks(200).await;
    let path = |name: &str| workspace.path().join(name).to_str().unwrap().to_owned();
    workspace.well(&["backup", &path("good.db")]);
    let before = workspace.well(&["export"]);
    let mut bytes = fs::read(path("good.db")).unwrap();
    let half = bytes.len() / 2;
    bytes[half..half + 30_000].fill(0xaa);
    fs::write(path("damaged.db"), bytes).unwrap();
    fs::write(path("empty.db"), "").unwrap();
    let tamper = |name: &str, statement: &str| {
        Connection::open(path(name)).unwrap().execute_batch(statement).unwrap();
    };
    tamper("foreign.db", "CREATE TABLE songs (name TEXT)");
    fs::copy(path("good.db"), path("newer.db")).unwrap();
    tamper("newer.db", "PRAGMA user_version = 99");
    for (name, says) in [
        ("damaged.db", "is damaged"),
        ("empty.db", "not an SQLite database"),
        ("foreign.db", "not one of Bindery"),
        ("newer.db", "update bindery-backend"),
    ] {
        let (code, said) = workspace.fails(&["restore", &path(name)]);
        assert!(code == 1 && said.contains(says), "{name}: {said}");
    }
    assert_eq!(workspace.well(&["export"]), before);
    let left = names(&workspace.inside(""));
    assert!(left.iter().all(|name| !name.contains("aside") && !name.contains("partial")), "{left:?}");
}

#[tokio::test]
async fn a_vacuum_gives_space_back_and_keeps_everything() {
    let workspace = Workspace::with_tasks(1).await;
    let store = workspace.open().await;
    for n in 0..30 {
        let content = "words to be removed again ".repeat(2000);
        let input = json!({ "uri": n.to_string(), "content": content });
        call::<shared_types::operation::IndexDocument>(&store, input).await;
    }
    for n in 0..30 {
        let input = json!({ "uri": n.to_string(), "remove": true });
        call::<shared_types::operation::IndexDocument>(&store, input).await;
    }
    store.close().await;
    let before = workspace.well(&["export"]);
    let size = workspace.database().metadata().unwrap().len();
    let report: serde_json::Value = serde_json::from_str(&workspace.well(&["vacuum", "--json"])).unwrap();
    let now = workspace.database().metadata().unwrap().len();
    assert_eq!((report["bytes_before"].as_u64(), report["bytes_after"].as_u64()), (Some(size), Some(now)));
    assert!(now * 2 < size, "{size} became {now}");
    assert_eq!(workspace.well(&["export"]), before);
    assert!(workspace.well(&["check"]).contains("is sound"));
}
