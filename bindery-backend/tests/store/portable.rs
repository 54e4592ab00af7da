//! Export and import: the same bytes there and back, and the same answers.

use std::path::Path;

use proptest::prelude::*;
use rusqlite::Connection;
use serde_json::{Value, json};
use shared_types::operation::*;

use crate::{
    exchange::{counts, exported, imported, rich},
    fixture::Fixture,
};

/// Everything that the reading operations say of a store.
async fn answers(bench: &Fixture) -> Vec<Value> {
    let mut answers = Vec::new();
    for input in [json!({ "ready": true }), json!({ "tags": ["ü y"] }), json!({ "deleted": true }), json!({})]
    {
        let page = bench.call::<ListTasks>(input).await.unwrap();
        for row in &page.tasks {
            answers.push(serde_json::to_value(bench.get_whole(row.id()).await).unwrap());
        }
        answers.push(serde_json::to_value(page).unwrap());
    }
    for query in ["manual", "plan", "look", "größe", "gone", "short"] {
        let found = bench.call::<SearchEntities>(json!({ "query": query })).await.unwrap();
        answers.push(serde_json::to_value(found).unwrap());
    }
    answers.push(serde_json::to_value(bench.call::<GetDashboardStats>(json!({})).await.unwrap()).unwrap());
    answers.push(serde_json::to_value(bench.call::<ListProjects>(json!({})).await.unwrap()).unwrap());
    answers.push(serde_json::to_value(bench.call::<ListDocuments>(json!({})).await.unwrap()).unwrap());
    answers
}

/// The tables that triggers keep.
fn derived(database: &Path) -> Vec<(String, i64)> {
    let connection = Connection::open(database).unwrap();
    let mut statement = connection
        .prepare(
        "SELECT 'count ' || project_id || status || priority || waiting, count FROM task_counts WHERE count > 0
         UNION ALL SELECT 'tag ' || tag, task_id FROM task_tags
         UNION ALL SELECT 'open ' || id, open_dependencies FROM tasks ORDER BY 1, 2",
    )
    .unwrap();
    let rows = statement.query_map((), |row| Ok((row.get(0)?, row.get(1)?))).unwrap();
    rows.collect::<Result<_, _>>().unwrap()
}

#[tokio::test]
async fn there_and_back_is_the_same_to_the_byte_and_to_every_reader() {
    let bench = rich().await;
    let lines = exported(&bench.path());
    assert_eq!(exported(&bench.path()), lines, "an export is the same twice");

    let mut copy = Fixture::new().await;
    copy.store.close().await;
    let report = imported(&copy.path(), &lines).unwrap();
    assert_eq!(report.guarded, 0);
    assert_eq!((counts(&report, "task"), counts(&report, "document")), ((7, 0, 0, 0, 0), (2, 0, 0, 0, 0)));
    assert_eq!(exported(&copy.path()), lines);
    assert_eq!(derived(&copy.path()), derived(&bench.path()));

    copy.store = copy.try_open().await.unwrap();
    copy.advance(5);
    let (was, is) = (answers(&bench).await, answers(&copy).await);
    for (was, is) in was.iter().zip(&is) {
        assert_eq!(was, is);
    }
    assert_eq!(was.len(), is.len());
}

#[tokio::test]
async fn undo_goes_on_where_it_was() {
    let bench = Fixture::new().await;
    let task = bench.create(json!({ "title": "one" })).await.id;
    bench.call::<UpdateTask>(json!({ "task_id": task, "title": "two" })).await.unwrap();
    bench.call::<UpdateTask>(json!({ "task_id": task, "title": "three" })).await.unwrap();
    bench.call::<UpdateTask>(json!({ "task_id": task, "undo": true })).await.unwrap();
    let lines = exported(&bench.path());
    let mut copy = Fixture::new().await;
    copy.store.close().await;
    imported(&copy.path(), &lines).unwrap();
    copy.store = copy.try_open().await.unwrap();
    let undone = copy.call::<UpdateTask>(json!({ "task_id": task, "undo": true })).await.unwrap();
    assert_eq!(undone.task.unwrap().title, "one");
    let next = copy.create(json!({ "title": "next" })).await.id;
    assert!(next > task, "ids go on above those that came");
}

#[tokio::test]
async fn an_id_of_the_history_is_not_given_out_again() {
    let bench = Fixture::new().await;
    bench.advance(3600);
    let input = json!({ "uri": "u", "content": "c" });
    let removed = bench.call::<IndexDocument>(input).await.unwrap().document.id;
    bench.call::<IndexDocument>(json!({ "uri": "u", "remove": true })).await.unwrap();
    let lines = exported(&bench.path());
    let mut copy = Fixture::new().await;
    copy.store.close().await;
    imported(&copy.path(), &lines).unwrap();
    copy.store = copy.try_open().await.unwrap();
    assert!(copy.create(json!({ "title": "t" })).await.id.row_id() > removed.row_id());
}

/// Any text that the text guard leaves alone.
fn plain() -> impl Strategy<Value = String> {
    "[a-zA-Zäß漢🎉 \\n\\t\"\\\\/{}0-9.,;:!?'-]{1,60}[a-z]"
}

fn json_value() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        any::<i64>().prop_map(Value::from),
        any::<u64>().prop_map(Value::from),
        prop::num::f64::NORMAL.prop_map(Value::from),
        plain().prop_map(Value::from),
        any::<bool>().prop_map(Value::from),
    ];
    leaf.prop_recursive(4, 16, 4, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            prop::collection::hash_map("[a-z]{1,6}", inner, 0..4).prop_map(|map| json!(map)),
        ]
    })
}

fn plan() -> impl Strategy<Value = Vec<Value>> {
    let task =
        (plain(), prop::option::of(plain()), prop::collection::hash_map("[a-z]{1,6}", json_value(), 0..4));
    let task = (task, prop::collection::vec("[a-zü]{1,5}", 0..3), any::<prop::sample::Index>());
    prop::collection::vec(task, 1..8).prop_map(|tasks| {
        let plan = tasks.into_iter().enumerate().map(|(n, ((title, description, labels), tags, other))| {
            let mut task = json!({ "ref": n.to_string(), "title": title, "labels": labels, "tags": tags });
            task["description"] = description.map_or(Value::Null, Value::from);
            if n > 0 {
                task["depends_on"] = json!([other.index(n).to_string()]);
            }
            task
        });
        plan.collect()
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_plan_comes_through_unchanged(plan in plan(), done in any::<prop::sample::Index>()) {
        let runtime = tokio::runtime::Runtime::new().unwrap();
        let (lines, again) = runtime.block_on(async {
            let bench = Fixture::new().await;
            let ids = bench.create_all(json!(plan)).await;
            let id = &ids[done.index(ids.len())];
            bench.call::<UpdateTask>(json!({ "task_id": id, "status": "done", "note": plan[0]["title"] })).await.unwrap();
            bench.call::<DeleteTask>(json!({ "task_id": ids[0] })).await.unwrap();
            let lines = exported(&bench.path());
            let copy = Fixture::new().await;
            copy.store.close().await;
            imported(&copy.path(), &lines).unwrap();
            assert_eq!(derived(&copy.path()), derived(&bench.path()));
            (lines, exported(&copy.path()))
        });
        prop_assert_eq!(again, lines);
    }
}
