//! Real text of real projects goes in, comes back byte for byte, and is found.

use std::collections::BTreeMap;

use serde_json::{Value, json};
use tests::{Session, Workspace, extras};

fn first_line(text: &str) -> String {
    text.lines().find(|line| !line.trim().is_empty()).unwrap_or(text).chars().take(500).collect()
}

#[test]
fn real_text_survives_the_round_trip_and_is_found() {
    let Some(path) = extras::corpus("benign_code_text.jsonl") else { return };
    let texts: Vec<String> = std::fs::read_to_string(path)
        .unwrap()
        .lines()
        .map(|line| serde_json::from_str::<Value>(line).unwrap()["text"].as_str().unwrap().to_owned())
        .collect();
    let workspace = Workspace::new();
    let mut session = workspace.session();

    let mut stored = BTreeMap::new();
    for batch in texts.chunks(500) {
        let tasks: Vec<_> =
            batch.iter().map(|text| json!({"title": first_line(text), "description": text})).collect();
        let written = session.call("create_task", &json!({"tasks": tasks}));
        assert!(written["guard"].is_null(), "{}", written["guard"]);
        for (row, text) in written["tasks"].as_array().unwrap().iter().zip(batch) {
            stored.insert(row["id"].as_str().unwrap().to_owned(), text.clone());
        }
    }
    assert_eq!(stored.len(), texts.len());

    let mut reader = workspace.session();
    let mut cursor = Value::Null;
    let mut unread = stored.clone();
    loop {
        let page = reader.call(
            "list_tasks",
            &json!({"fields": ["title", "description"], "limit": 1000, "cursor": cursor}),
        );
        for row in page["tasks"].as_array().unwrap() {
            let text = unread.remove(row["id"].as_str().unwrap()).unwrap();
            assert_eq!(row["description"], text);
            assert_eq!(row["title"], first_line(&text));
        }
        cursor = page["next_cursor"].clone();
        if cursor.is_null() {
            break;
        }
    }
    assert!(unread.is_empty(), "{} were not listed", unread.len());

    let missing: Vec<_> = stored.iter().filter(|(id, text)| !is_found(&mut reader, id, text)).collect();
    assert!(
        missing.is_empty(),
        "{} of {} are not found, such as {:?}",
        missing.len(),
        stored.len(),
        missing[0]
    );
}

/// Searches for the text's own words, as somebody would who remembers how it began.
fn is_found(session: &mut Session, id: &str, text: &str) -> bool {
    let words: Vec<_> = text.split_whitespace().take(12).collect();
    let query: String = words.join(" ").chars().take(1000).collect();
    let mut cursor = Value::Null;
    // Texts that begin alike fill the first pages.
    for _ in 0..20 {
        let page = session.call(
            "search_entities",
            &json!({"query": query, "types": ["task"], "limit": 100, "cursor": cursor}),
        );
        if page["hits"].as_array().unwrap().iter().any(|hit| hit["id"] == id) {
            return true;
        }
        cursor = page["next_cursor"].clone();
        if cursor.is_null() {
            return false;
        }
    }
    false
}
