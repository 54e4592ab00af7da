//! Lists: every order, every filter, pages by count and by size.

use std::collections::HashMap;

use bindery_backend::handle::{Caller, Handle};
use proptest::{collection::vec, prelude::*, sample::subsequence, test_runner::TestRunner};
use serde_json::{Value, json, value::RawValue};
use shared_types::{ErrorCode, operation::*, task::TaskRow};

use crate::fixture::Fixture;

/// Reads all pages of a list; returns the titles, and the number of pages.
async fn titles(bench: &Fixture, mut input: Value) -> (Vec<String>, usize) {
    let (mut titles, mut pages) = (Vec::new(), 0);
    loop {
        let page = bench.call::<ListTasks>(input.clone()).await.unwrap();
        pages += 1;
        assert!(serde_json::to_string(&page.tasks).unwrap().len() < 24_100 || page.tasks.len() == 1);
        titles.extend(page.tasks.iter().map(|row| row.0["title"].as_str().unwrap().to_owned()));
        match page.next_cursor {
            Some(cursor) => input["cursor"] = cursor.into(),
            None => return (titles, pages),
        }
    }
}

async fn seven() -> Fixture {
    let bench = Fixture::new().await;
    for (title, priority, due) in [
        ("a", "low", Some("2026-03-05")),
        ("b", "urgent", None),
        ("c", "normal", Some("2026-02-05")),
        ("d", "urgent", Some("2026-03-05")),
        ("e", "low", None),
        ("f", "high", Some("2026-01-05")),
        ("g", "normal", None),
    ] {
        bench.advance(1);
        bench.create(json!({ "title": title, "priority": priority, "due_at": due })).await;
    }
    bench
}

#[tokio::test]
async fn every_order_is_the_same_in_one_page_and_in_many() {
    let bench = seven().await;
    let c = bench.call::<SearchEntities>(json!({ "query": "c" })).await.unwrap().hits[0].id.clone();
    bench.advance(1);
    bench.call::<UpdateTask>(json!({ "task_id": c, "assignee": "ada" })).await.unwrap();
    for (sort, expected) in [
        ("newest", "gfedcba"),
        ("oldest", "abcdefg"),
        ("updated", "cgfedba"),
        ("priority", "bdfcgae"),
        ("due", "fcadbeg"),
    ] {
        for limit in [1, 2, 3, 7] {
            let (titles, pages) = titles(&bench, json!({ "sort": sort, "limit": limit })).await;
            assert_eq!(titles.concat(), expected, "{sort} by {limit}");
            assert_eq!(pages, 7_usize.div_ceil(limit));
        }
    }
}

#[tokio::test]
async fn a_cursor_is_good_only_for_its_own_order() {
    let bench = seven().await;
    let page = bench.call::<ListTasks>(json!({ "limit": 2 })).await.unwrap();
    for cursor in [page.next_cursor.as_deref().unwrap(), "ff", "'; DROP TABLE tasks"] {
        let error = bench.call::<ListTasks>(json!({ "sort": "due", "cursor": cursor })).await.unwrap_err();
        assert_eq!((error.code, error.field.as_deref()), (ErrorCode::InvalidValue, Some("cursor")));
    }
}

#[tokio::test]
async fn long_rows_make_short_pages_and_never_an_empty_one() {
    let bench = Fixture::new().await;
    for n in 0..12 {
        bench.create(json!({ "title": format!("t{n}"), "description": "x".repeat(9_000) })).await;
    }
    let huge: String = "\u{1}".repeat(9_000);
    bench.create(json!({ "title": "huge", "description": huge })).await;
    let (titles, pages) = titles(&bench, json!({ "fields": ["title", "description"], "limit": 100 })).await;
    assert_eq!(titles.len(), 13);
    assert_eq!(pages, 7, "two to a page, and the huge one alone");
}

#[tokio::test]
async fn filters_combine() {
    let bench = Fixture::new().await;
    bench.call::<CreateProject>(json!({ "name": "P" })).await.unwrap();
    let ids = bench
        .create_all(json!([
            { "title": "a", "project_id": "p", "tags": ["x", "y"], "role": "tester", "due_at": "2026-01-01" },
            { "title": "b", "project_id": "p", "tags": ["x"], "assignee": "ada", "priority": "high" },
            { "title": "c", "tags": ["y"], "status": "done", "due_at": "2026-01-01" },
        ]))
        .await;
    bench.create(json!({ "title": "d", "parent_id": ids[0], "depends_on": [ids[1]] })).await;
    for (filter, expected) in [
        (json!({ "tags": ["x"] }), "ab"),
        (json!({ "tags": ["x", "y"] }), "a"),
        (json!({ "status": ["todo", "done"], "tags": ["y"] }), "ac"),
        (json!({ "project_id": "P", "priority": ["high", "urgent"] }), "b"),
        (json!({ "role": "tester", "assignee": "ada" }), ""),
        (json!({ "assignee": "ada" }), "b"),
        (json!({ "parent_id": ids[0] }), "d"),
        (json!({ "overdue": true }), "a"),
        (json!({ "ready": true }), "ba"),
        (json!({ "ready": true, "sort": "newest" }), "ba"),
        (json!({ "updated_since": "2026-03-01T12:00:01Z" }), ""),
        (json!({ "tags": ["' OR 1=1 --"] }), ""),
    ] {
        let mut input = filter.clone();
        if input.get("ready").is_none() {
            input["sort"] = "oldest".into();
        }
        assert_eq!(titles(&bench, input).await.0.concat(), expected, "{filter}");
    }
    bench.call::<UpdateTask>(json!({ "task_id": ids[0], "tags": ["z"] })).await.unwrap();
    assert_eq!(titles(&bench, json!({ "tags": ["x"] })).await.0.concat(), "b");
}

const FIELDS: [&str; 20] = [
    "id",
    "title",
    "description",
    "status",
    "priority",
    "tags",
    "labels",
    "parent_id",
    "project_id",
    "role",
    "assignee",
    "depends_on",
    "waiting_for",
    "due_at",
    "created_at",
    "updated_at",
    "completed_at",
    "completion_notes",
    "deleted_at",
    "version",
];

fn tasks() -> impl Strategy<Value = Vec<Value>> {
    let text = || prop_oneof!["\\PC{1,20}", "[\\x01-\\x7f\u{80}-\u{2ff}\u{1f600}]{1,20}"];
    let label = prop_oneof![
        any::<u64>().prop_map(|number| json!(number)),
        any::<i64>().prop_map(|number| json!(number)),
        any::<f64>()
            .prop_filter("JSON has no other", |number| number.is_finite())
            .prop_map(|number| json!(number)),
        text().prop_map(|text| json!({ "nested": [text, null, 1e300, u64::MAX] })),
    ];
    let task = (text(), prop::option::of(text()), vec(text(), 0..3), vec(label, 0..3), 0..3_usize);
    let status = prop_oneof![Just("todo"), Just("done"), Just("cancelled")];
    vec((task, status, prop::option::of("20[0-9]{2}-0[1-9]-1[0-9]T1[0-9]:00:00[.][0-9]{3}Z")), 1..6).prop_map(|tasks| {
        let made = tasks.into_iter().enumerate().map(|(place, ((title, text, tags, labels, links), status, due))| {
            let labels: serde_json::Map<_, _> =
                labels.into_iter().enumerate().map(|(name, label)| (name.to_string(), label)).collect();
            let links: Vec<_> = (place.saturating_sub(links)..place).map(|other| format!("ref {other}")).collect();
            json!({
                "ref": format!("ref {place}"), "title": format!("t{title}"), "description": text, "tags": tags,
                "labels": labels, "parent_id": links.first(), "depends_on": links, "assignee": text,
                "status": status, "due_at": due,
            })
        });
        made.collect()
    })
}

#[test]
fn a_row_is_the_task_with_the_fields_that_were_asked_for() {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let bench = runtime.block_on(Fixture::new());
    let inputs = (tasks(), subsequence(&FIELDS, 0..=FIELDS.len()));
    let config = ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(100) };
    let result = TestRunner::new(config).run(&inputs, |(tasks, fields)| {
        runtime.block_on(async {
            let ids = bench.create_all(json!(tasks)).await;
            let input: shared_types::task::ListTasks =
                serde_json::from_value(json!({ "fields": fields, "limit": ids.len(), "sort": "newest" }))
                    .unwrap();
            let page =
                Handle::<ListTasks>::answer(&bench.store, input.clone(), &Caller::default()).await.unwrap();
            let page: HashMap<String, Box<RawValue>> = serde_json::from_slice(page.as_bytes()).unwrap();
            let rows: Vec<&RawValue> = serde_json::from_str(page["tasks"].get()).unwrap();
            prop_assert_eq!(rows.len(), ids.len());
            for (row, id) in rows.iter().zip(ids.iter().rev()) {
                let wanted = TaskRow::select(&bench.get(id).await, &input.fields);
                prop_assert_eq!(row.get(), serde_json::to_string(&wanted).unwrap());
            }
            Ok(())
        })
    });
    if let Err(failure) = result {
        panic!("{failure}");
    }
}

#[tokio::test]
async fn a_filter_that_no_index_answers_finds_what_is_far_down() {
    let bench = Fixture::new().await;
    let wanted = bench.create(json!({ "title": "wanted", "status": "done" })).await.id;
    for _ in 0..10 {
        bench.create_all(Value::Array(vec![json!({ "title": "other" }); 1000])).await;
    }
    let page =
        bench.call::<ListTasks>(json!({ "status": ["done", "cancelled"], "limit": 10 })).await.unwrap();
    assert_eq!(page.tasks.iter().map(TaskRow::id).collect::<Vec<_>>(), [wanted.to_string()]);
    let slow = bench.store.pool_metrics().await.unwrap();
    assert_eq!(
        (slow.query_failures, slow.in_use),
        (0, 0),
        "it was moved to another thread, and nobody can tell"
    );
}
