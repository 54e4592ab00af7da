//! Lists: every order, every filter, pages by count and by size.

use serde_json::{Value, json};
use shared_types::{ErrorCode, operation::*};

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
