//! Importing into a store that has something: the later version wins, and a fault leaves nothing.

use bindery_backend::store::portable::{PortableError, import};
use bindery_backend::store::progress::Unwatched;
use serde_json::{Value, json};
use shared_types::operation::*;

use crate::{
    exchange::{counts, exported, imported, options, rich},
    fixture::Fixture,
};

/// A second store with the same content, closed.
async fn copy_of(lines: &str) -> Fixture {
    let copy = Fixture::new().await;
    copy.store.close().await;
    imported(&copy.path(), lines).unwrap();
    copy
}

fn refused_at(error: PortableError) -> (u64, String) {
    match error {
        PortableError::Line { number, error } => (number, error.to_string()),
        other => panic!("{other}"),
    }
}

/// The lines with `change` made to each.
fn edited(lines: &str, change: impl Fn(&mut Value)) -> String {
    let edit = |line: &str| {
        let mut value: Value = serde_json::from_str(line).unwrap();
        change(&mut value);
        value.to_string() + "\n"
    };
    lines.lines().map(edit).collect()
}

#[tokio::test]
async fn the_same_again_changes_nothing() {
    let bench = rich().await;
    bench.store.close().await;
    let lines = exported(&bench.path());
    let report = imported(&bench.path(), &lines).unwrap();
    for kind in &report.kinds {
        assert_eq!((kind.inserted, kind.updated, kind.kept, kind.conflicts), (0, 0, 0, 0), "{kind:?}");
    }
    assert_eq!(exported(&bench.path()), lines);
}

#[tokio::test]
async fn the_later_version_wins_whichever_side_has_it() {
    let mut bench = Fixture::new().await;
    let ids = bench
        .create_all(
            json!([{ "title": "a", "ref": "a" }, { "title": "b", "depends_on": ["a"], "tags": ["old"] }]),
        )
        .await;
    bench.store.close().await;
    let earlier = exported(&bench.path());
    let mut copy = copy_of(&earlier).await;

    bench.store = bench.try_open().await.unwrap();
    let change =
        json!({ "task_id": ids[1], "title": "b2", "depends_on": [], "tags": ["new"], "note": "why" });
    bench.call::<UpdateTask>(change).await.unwrap();
    bench.call::<CompleteTask>(json!({ "task_id": ids[0] })).await.unwrap();
    bench.create(json!({ "title": "c", "depends_on": [ids[1]] })).await;
    bench.store.close().await;
    let later = exported(&bench.path());

    let report = imported(&copy.path(), &later).unwrap();
    assert_eq!((counts(&report, "task"), counts(&report, "note")), ((1, 2, 0, 0, 0), (1, 0, 0, 0, 0)));
    assert_eq!(exported(&copy.path()), later, "the history goes on as it did there");
    copy.store = copy.try_open().await.unwrap();
    let undone = copy.call::<UpdateTask>(json!({ "task_id": ids[1], "undo": true })).await.unwrap();
    let task = undone.task.unwrap();
    assert_eq!((task.title.as_str(), task.depends_on.len(), task.tags), ("b", 1, vec!["old".to_owned()]));

    let report = imported(&bench.path(), &earlier).unwrap();
    assert_eq!(counts(&report, "task"), (0, 0, 0, 2, 0), "the store's own is later and stays");
    assert_eq!(exported(&bench.path()), later);
}

#[tokio::test]
async fn of_two_that_parted_the_stores_own_stays_and_the_conflict_is_told() {
    let mut bench = Fixture::new().await;
    let id = bench.create(json!({ "title": "one" })).await.id;
    bench.store.close().await;
    let mut copy = copy_of(&exported(&bench.path())).await;
    for (side, title) in [(&mut bench, "here"), (&mut copy, "there")] {
        side.store = side.try_open().await.unwrap();
        side.advance(if title == "here" { 1 } else { 2 });
        side.call::<UpdateTask>(json!({ "task_id": id, "title": title })).await.unwrap();
        side.store.close().await;
    }
    let report = imported(&bench.path(), &exported(&copy.path())).unwrap();
    assert_eq!((counts(&report, "task"), counts(&report, "change")), ((0, 0, 0, 0, 1), (0, 0, 1, 1, 0)));
    assert_eq!((report.conflicts[0].line, report.conflicts[0].id.clone()), (2, id.to_string()));
    bench.store = bench.try_open().await.unwrap();
    assert_eq!(bench.get(id).await.title, "here");
    let undone = bench.call::<UpdateTask>(json!({ "task_id": id, "undo": true })).await.unwrap();
    assert_eq!(undone.task.unwrap().title, "one", "what never was here is not what an undo brings back");
}

#[tokio::test]
async fn what_was_removed_here_does_not_come_back() {
    let mut bench = Fixture::new().await;
    let id = bench.create(json!({ "title": "t" })).await.id;
    bench.call::<UpdateTask>(json!({ "task_id": id, "note": "n" })).await.unwrap();
    bench.call::<IndexDocument>(json!({ "uri": "u", "content": "c" })).await.unwrap();
    let earlier = exported(&bench.path());
    bench.call::<UpdateTask>(json!({ "task_id": id, "undo": true })).await.unwrap();
    bench.call::<IndexDocument>(json!({ "uri": "u", "remove": true })).await.unwrap();
    bench.store.close().await;
    let before = exported(&bench.path());
    let report = imported(&bench.path(), &earlier).unwrap();
    assert_eq!((counts(&report, "note").4, counts(&report, "document").4), (1, 1), "{report:?}");
    assert_eq!(exported(&bench.path()), before);
    bench.store = bench.try_open().await.unwrap();
}

#[tokio::test]
async fn a_dry_run_tells_the_same_and_changes_nothing() {
    let bench = rich().await;
    let lines = exported(&bench.path());
    let folder = tempfile::tempdir().unwrap();
    let database = folder.path().join("tasks.db");
    let mut options = options(&database);
    options.dry_run = true;
    let tried = import(&options, &mut lines.as_bytes(), &Unwatched).unwrap();
    assert!(!database.exists());
    let mut done = imported(&database, &lines).unwrap();
    done.dry_run = true;
    assert_eq!(tried, done);

    let before = exported(&database);
    let changed = edited(&lines, |line| {
        if let Some(task) = line.get_mut("task") {
            task["version"] = json!(99);
            task["title"] = json!("changed");
        }
    });
    let tried = import(&options, &mut changed.as_bytes(), &Unwatched).unwrap();
    assert_eq!(counts(&tried, "task"), (0, 7, 0, 0, 0));
    assert_eq!(exported(&database), before);
}

#[tokio::test]
async fn a_broken_line_anywhere_leaves_nothing() {
    let bench = rich().await;
    let lines = exported(&bench.path());
    let count = lines.lines().count();
    for broken in [2, count / 2, count] {
        let copy = Fixture::new().await;
        copy.create(json!({ "title": "own" })).await;
        copy.store.close().await;
        let before = exported(&copy.path());
        let cut = |(at, line): (usize, &str)| {
            if at + 1 == broken { format!("{}\n", &line[..line.len() - 1]) } else { format!("{line}\n") }
        };
        let text: String = lines.lines().enumerate().map(cut).collect();
        let (number, said) = refused_at(imported(&copy.path(), &text).unwrap_err());
        assert_eq!(number, broken as u64, "{said}");
        assert_eq!(exported(&copy.path()), before);
    }
}

#[tokio::test]
async fn what_contradicts_itself_or_the_store_is_refused_with_its_line() {
    let bench = Fixture::new().await;
    bench.call::<CreateProject>(json!({ "name": "Plan" })).await.unwrap();
    let ids = bench
        .create_all(json!([{ "title": "a", "ref": "a" }, { "title": "b", "depends_on": ["a"], "project_id": "plan" }]))
        .await;
    bench.call::<UpdateTask>(json!({ "task_id": ids[0], "note": "n" })).await.unwrap();
    bench.call::<IndexDocument>(json!({ "uri": "u", "content": "c" })).await.unwrap();
    let lines = exported(&bench.path());
    let nobody = "0CWR8S1M70001";
    let on_task = |line: &mut Value, id: &str, field: &str, value: Value| {
        if line["task"]["id"] == id {
            line["task"][field] = value;
        }
    };
    for (text, at, says) in [
        (edited(&lines, |line| on_task(line, &ids[0], "depends_on", json!([ids[1]]))), 3, "circle"),
        (edited(&lines, |line| on_task(line, &ids[0], "depends_on", json!([ids[0]]))), 3, "circle"),
        (edited(&lines, |line| on_task(line, &ids[0], "parent_id", json!(ids[0]))), 3, "circle"),
        (edited(&lines, |line| on_task(line, &ids[1], "depends_on", json!([nobody]))), 4, "no task"),
        (edited(&lines, |line| on_task(line, &ids[1], "parent_id", json!(nobody))), 4, "no task"),
        (edited(&lines, |line| on_task(line, &ids[1], "project_id", json!(nobody))), 4, "FOREIGN KEY"),
        (edited(&lines, |line| on_task(line, &ids[1], "title", json!(" "))), 4, "blank"),
        (edited(&lines, |line| on_task(line, &ids[1], "id", json!("7ZZZZZZZZZZZZ"))), 4, "future"),
        (edited(&lines, |line| on_task(line, &ids[1], "version", json!(i64::MAX))), 4, "a number from"),
        (lines.lines().skip(1).map(|line| format!("{line}\n")).collect(), 1, "no export"),
        (String::new(), 1, "no export"),
        (lines.replacen("\"version\":1", "\"version\":2", 1), 1, "Update bindery-backend"),
        (lines.replacen("\"schema\":", "\"schema\":9", 1), 1, "Update bindery-backend"),
        (lines.clone() + lines.lines().last().unwrap(), lines.lines().count() as u64 + 1, "order of seq"),
    ] {
        let folder = tempfile::tempdir().unwrap();
        let (number, said) = refused_at(imported(&folder.path().join("tasks.db"), &text).unwrap_err());
        assert!(number == at && said.contains(says), "{says} at {at}: {number}: {said}");
    }
}

#[tokio::test]
async fn a_name_that_another_has_here_is_refused() {
    let bench = Fixture::new().await;
    bench.call::<CreateProject>(json!({ "name": "Plan" })).await.unwrap();
    bench.call::<IndexDocument>(json!({ "uri": "u", "content": "c" })).await.unwrap();
    let lines = exported(&bench.path());
    for (operation, line) in [("project", 2), ("document", 3)] {
        let other = Fixture::new().await;
        if operation == "project" {
            other.call::<CreateProject>(json!({ "name": "PLAN" })).await.unwrap();
        } else {
            other.call::<IndexDocument>(json!({ "uri": "u", "content": "other" })).await.unwrap();
        }
        other.store.close().await;
        let (number, said) = refused_at(imported(&other.path(), &lines).unwrap_err());
        assert!(number == line && said.contains("is taken"), "{number}: {said}");
    }
}

#[tokio::test]
async fn text_from_outside_passes_the_guard() {
    let bench = Fixture::new().await;
    bench.create(json!({ "title": "<script>alert(1)</script>", "labels": { "a": "\u{1b}[31m" } })).await;
    let lines = exported(&bench.path());
    let copy = Fixture::new().await;
    copy.store.close().await;
    let report = imported(&copy.path(), &lines).unwrap();
    assert_eq!(report.guarded, 2, "the task and its creation");
    let again = exported(&copy.path());
    assert!(
        again.contains("&lt;script>") && !again.contains("<script>") && !again.contains("\\u001b"),
        "{again}"
    );
}
