//! Documents, and searching for all kinds of things.

use serde_json::{Value, json};
use shared_types::{ErrorCode, document::IndexOutcome, operation::*};

use crate::fixture::Fixture;

async fn hits(bench: &Fixture, input: Value) -> Vec<String> {
    bench.call::<SearchEntities>(input).await.unwrap().hits.into_iter().map(|hit| hit.title).collect()
}

#[tokio::test]
async fn indexing_is_idempotent_and_replaces_by_content() {
    let bench = Fixture::new().await;
    let index = |input: Value| bench.call::<IndexDocument>(input);
    let text = json!({ "uri": "docs/a.md", "content": "# Alpha\n\nThe quick fox." });
    let first = index(text.clone()).await.unwrap();
    assert_eq!((first.outcome, first.document.title.as_str()), (IndexOutcome::Created, "Alpha"));
    let again = index(text).await.unwrap();
    assert_eq!((again.outcome, &again.document), (IndexOutcome::Unchanged, &first.document));
    let replaced = index(json!({ "uri": "docs/a.md", "content": "# Beta\n\nThe lazy dog." })).await.unwrap();
    assert_eq!((replaced.outcome, replaced.document.id), (IndexOutcome::Replaced, first.document.id));
    assert_eq!(hits(&bench, json!({ "query": "fox" })).await, Vec::<String>::new());
    assert_eq!(hits(&bench, json!({ "query": "dog" })).await, ["docs/a.md"]);

    let read = bench.call::<GetDocument>(json!({ "document_id": "docs/a.md" })).await.unwrap().document;
    assert_eq!(read.content.as_deref(), Some("# Beta\n\nThe lazy dog."));
    let by_id = bench.call::<GetDocument>(json!({ "document_id": read.id })).await.unwrap().document;
    assert_eq!(by_id, read);
    let near = bench.call::<GetDocument>(json!({ "document_id": "docs/b.md" })).await.unwrap_err();
    assert_eq!(near.context["nearest"], "docs/a.md");

    let removed = index(json!({ "uri": "docs/a.md", "remove": true })).await.unwrap();
    assert_eq!(removed.outcome, IndexOutcome::Removed);
    assert_eq!(hits(&bench, json!({ "query": "dog" })).await, Vec::<String>::new());
    let missing = index(json!({ "uri": "docs/a.md", "remove": true })).await.unwrap_err();
    assert_eq!(missing.code, ErrorCode::NotFound);
    let empty = index(json!({ "uri": "docs/c.md" })).await.unwrap_err();
    assert_eq!((empty.code, empty.field.as_deref()), (ErrorCode::MissingField, Some("content")));
}

#[tokio::test]
async fn a_long_document_is_found_by_any_of_its_words() {
    let bench = Fixture::new().await;
    let text: String = (0..4000).map(|n| format!("word{n} ")).collect();
    let document =
        bench.call::<IndexDocument>(json!({ "uri": "long", "content": text })).await.unwrap().document;
    assert!(document.chunks > 20);
    for n in [0, 1999, 3999] {
        let found = bench.call::<SearchEntities>(json!({ "query": format!("word{n}") })).await.unwrap().hits;
        assert_eq!(found[0].id, document.id.to_string());
        assert!(found[0].snippet.contains(&format!("**word{n}**")), "{}", found[0].snippet);
        assert!(found[0].snippet.chars().count() <= 200);
    }
    let listed = bench.call::<ListDocuments>(json!({})).await.unwrap();
    assert_eq!((listed.documents.len(), listed.next_cursor), (1, None));
}

#[tokio::test]
async fn any_text_is_found_by_its_own_words() {
    let bench = Fixture::new().await;
    for title in [
        "Render {{ name }} in templates",
        "Fix C++ // comments",
        "Say \"hello\" AND NOT goodbye",
        "登录页面需要修复",
        "naïve Straße café",
        "a:b -c ^d (e)",
        "snake_case and path/to/file.rs",
        "50% off; NEAR(x y)",
    ] {
        let id = bench.create(json!({ "title": title })).await.id.to_string();
        let found = bench.call::<SearchEntities>(json!({ "query": title })).await.unwrap().hits;
        assert!(found.iter().any(|hit| hit.id == id), "{title}");
    }
    for (query, title) in [
        ("{{ }}", "Render {{ name }} in templates"),
        ("//", "Fix C++ // comments"),
        ("登录", "登录页面需要修复"),
        ("cafe", "naïve Straße café"),
        ("templ*", "Render {{ name }} in templates"),
        ("\"to/file\"", "snake_case and path/to/file.rs"),
        ("%;", ""),
        ("\"unclosed", ""),
    ] {
        let expected: Vec<&str> = Some(title).filter(|title| !title.is_empty()).into_iter().collect();
        assert_eq!(hits(&bench, json!({ "query": query })).await, expected, "{query}");
    }
    let blank = bench.call::<SearchEntities>(json!({ "query": " \" \" " })).await.unwrap_err();
    assert_eq!((blank.code, blank.field.as_deref()), (ErrorCode::InvalidValue, Some("query")));
}

#[tokio::test]
async fn all_terms_must_occur_and_titles_count_more() {
    let bench = Fixture::new().await;
    bench
        .create(json!({ "title": "other", "description": "about login and a page that is quite long" }))
        .await;
    bench.create(json!({ "title": "login page" })).await;
    bench.create(json!({ "title": "login" })).await;
    assert_eq!(hits(&bench, json!({ "query": "login page" })).await, ["login page", "other"]);
    assert_eq!(
        hits(&bench, json!({ "query": "login page", "sort": "newest" })).await,
        ["login page", "other"]
    );
}

#[tokio::test]
async fn deleted_tasks_and_their_notes_are_not_found_until_they_are_back() {
    let bench = Fixture::new().await;
    let task = bench.create(json!({ "title": "walrus" })).await.id;
    bench.call::<UpdateTask>(json!({ "task_id": task, "note": "walrus again" })).await.unwrap();
    assert_eq!(hits(&bench, json!({ "query": "walrus" })).await.len(), 2);
    bench.call::<DeleteTask>(json!({ "task_id": task })).await.unwrap();
    assert_eq!(hits(&bench, json!({ "query": "walrus" })).await.len(), 0);
    bench.call::<UpdateTask>(json!({ "task_id": task, "restore": true, "title": "seal" })).await.unwrap();
    assert_eq!(hits(&bench, json!({ "query": "walrus", "types": ["note"] })).await, ["seal"]);
    assert_eq!(hits(&bench, json!({ "query": "walrus", "types": ["task"] })).await.len(), 0);
    assert_eq!(hits(&bench, json!({ "query": "seal" })).await, ["seal"]);
}

#[tokio::test]
async fn pages_of_a_search_show_each_hit_once() {
    let bench = Fixture::new().await;
    bench.call::<CreateProject>(json!({ "name": "P" })).await.unwrap();
    let tasks: Vec<Value> = (0..25)
        .map(|n| json!({ "title": format!("common {{{{ {n}"), "project_id": if n < 20 { Some("p") } else { None } }))
        .collect();
    bench.create_all(json!(tasks)).await;
    for (query, sort) in [("common", "rank"), ("common", "newest"), ("{{", "rank")] {
        let mut input =
            json!({ "query": query, "sort": sort, "limit": 6, "project_id": "P", "types": ["task"] });
        let mut seen = std::collections::HashSet::new();
        loop {
            let page = bench.call::<SearchEntities>(input.clone()).await.unwrap();
            let other = json!({ "query": "else", "cursor": page.next_cursor });
            for hit in &page.hits {
                assert!(seen.insert(hit.id.clone()), "{query} {sort}");
            }
            let Some(cursor) = page.next_cursor else { break };
            let error = bench.call::<SearchEntities>(other).await.unwrap_err();
            assert_eq!(error.field.as_deref(), Some("cursor"));
            input["cursor"] = cursor.into();
        }
        assert_eq!(seen.len(), 20, "{query} {sort}");
    }
}

#[tokio::test]
async fn a_word_that_nearly_every_text_has_finds_and_the_others_rank() {
    let bench = Fixture::new().await;
    let others = |from: usize| (from..from + 1000).map(|n| json!({ "title": format!("everywhere {n}") }));
    bench.create(json!({ "title": "harbour", "description": "everywhere" })).await;
    bench.create(json!({ "title": "pier", "description": "everywhere, and also in the harbour" })).await;
    for thousand in 0..10 {
        bench.create_all(Value::Array(others(thousand * 1000).collect())).await;
    }
    let hits = async |query| hits(&bench, json!({ "query": query, "limit": 2 })).await;
    assert_eq!(
        hits("everywhere harbour").await,
        ["harbour", "pier"],
        "the title counts more than what is newer"
    );
    assert_eq!(
        hits("everywhere").await,
        ["everywhere 9999", "everywhere 9998"],
        "nothing but their age tells"
    );
}
