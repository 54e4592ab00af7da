//! Exporting and importing in tests, and a store that is worth it.

use std::path::Path;

use bindery_backend::store::{
    portable::{Counts, ImportOptions, ImportReport, PortableError, export, import},
    progress::Unwatched,
};
use guard::{Limits, Policy};
use serde_json::{Value, json};
use shared_types::operation::*;

use crate::fixture::Fixture;

pub(crate) fn exported(database: &Path) -> String {
    let mut lines = Vec::new();
    let written = export(database, &mut lines, &Unwatched).unwrap();
    let lines = String::from_utf8(lines).unwrap();
    assert_eq!(lines.lines().count() as u64, written);
    lines
}

pub(crate) fn options(database: &Path) -> ImportOptions {
    ImportOptions {
        database: database.to_owned(),
        limits: Limits::default(),
        text_guard: Policy::Neutralize,
        dry_run: false,
    }
}

pub(crate) fn imported(database: &Path, lines: &str) -> Result<ImportReport, PortableError> {
    import(&options(database), &mut lines.as_bytes(), &Unwatched)
}

pub(crate) fn counts(report: &ImportReport, kind: &str) -> (u64, u64, u64, u64, u64) {
    let none = Counts::default();
    let of = report.kinds.iter().find(|counts| counts.kind == kind).unwrap_or(&none);
    (of.inserted, of.updated, of.unchanged, of.kept, of.conflicts)
}

/// A store with some of everything.
pub(crate) async fn rich() -> Fixture {
    let bench = Fixture::new().await;
    bench.call::<CreateProject>(json!({ "name": "Größe 漢字", "description": "d" })).await.unwrap();
    let labels =
        json!({ "least": i64::MIN, "most": u64::MAX, "real": 0.1, "e": 1e300, "z": 1, "a": [{ "b": null }] });
    let ids = bench
        .create_all(json!([
            { "title": "plan", "ref": "p", "project_id": "größe 漢字", "labels": labels, "tags": ["x", "ü y"],
              "subtasks": [{ "title": "part", "depends_on": ["q"], "due_at": "2026-04-01" }] },
            { "title": "Vec<String> && 🎉", "ref": "q", "priority": "urgent", "role": "tester" },
            { "title": "last", "ref": "r", "depends_on": ["p", "q"], "description": "line\nline\ttab \"quoted\"" },
            { "title": "gone", "ref": "g", "subtasks": [{ "title": "gone too" }] },
            { "title": "undone" }
        ]))
        .await;
    bench.advance(5);
    let update = |change: Value| bench.call_as::<UpdateTask>(Some("ada"), change);
    update(json!({ "task_id": ids[0], "note": "look\u{2028}here" })).await.unwrap();
    let undone = ids.last().unwrap();
    update(json!({ "task_id": undone, "note": "not this" })).await.unwrap();
    update(json!({ "task_id": undone, "undo": true })).await.unwrap();
    update(json!({ "task_id": undone, "title": "changed" })).await.unwrap();
    bench.call::<ExecuteTask>(json!({ "next": true, "worker": "ada" })).await.unwrap();
    let claim = bench.call::<ExecuteTask>(json!({ "next": true, "worker": "bob" })).await.unwrap();
    let done = json!({ "task_id": claim.task.unwrap().id, "execution_id": claim.execution.unwrap().id });
    bench.call::<CompleteTask>(done).await.unwrap();
    bench.call::<DeleteTask>(json!({ "task_id": ids[4] })).await.unwrap();
    for n in 0..3 {
        let content = format!("# Chapter {n}\n\n{}", "words of a manual. ".repeat(300));
        let input = json!({ "uri": format!("doc/{n}.md"), "content": content, "project_id": "größe 漢字" });
        bench.call::<IndexDocument>(input).await.unwrap();
    }
    bench.call::<IndexDocument>(json!({ "uri": "doc/1.md", "remove": true })).await.unwrap();
    bench.call::<IndexDocument>(json!({ "uri": "doc/2.md", "content": "short" })).await.unwrap();
    bench
}
