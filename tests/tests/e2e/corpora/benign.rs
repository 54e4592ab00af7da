//! Real text of real projects goes in, comes back byte for byte, and is found.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::{Value, json};
use tests::{Face, Faces, Session, Workspace};

use super::rows;

/// A search takes longer than all the rest, so only every so many texts are searched for.
const SEARCHED: usize = 10;

#[derive(Deserialize)]
struct Row {
    text: String,
    /// What a browser makes of it: nothing, elements, or something that runs.
    chromium_static: Effect,
}

#[derive(Clone, Copy, PartialEq, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Effect {
    Inert,
    Markup,
    Active,
}

fn first_line(text: &str) -> String {
    text.lines().find(|line| !line.trim().is_empty()).unwrap_or(text).chars().take(500).collect()
}

/// Whether the guard put something else in the place of a text, or of a part of it.
fn is_changed(written: &Value) -> bool {
    let findings = written["guard"]["findings"].as_array();
    findings.is_some_and(|all| all.iter().any(|finding| finding["replaced_by"].is_string()))
}

#[test]
fn inert_text_survives_the_round_trip_and_is_found() {
    let rows = rows::<Row>("benign_code_text.jsonl");
    let inert = rows.iter().filter(|row| row.chromium_static == Effect::Inert);
    let texts: Vec<&str> = inert.map(|row| row.text.as_str()).collect();
    if texts.is_empty() {
        return;
    }
    let workspace = Workspace::new();
    let stored = write(&mut workspace.session(), &texts);
    assert_eq!(stored.len(), texts.len());

    let mut reader = workspace.session();
    let mut unread = stored.clone();
    let mut cursor = Value::Null;
    loop {
        let page = reader.call(
            "list_tasks",
            &json!({"fields": ["title", "description"], "limit": 1000, "cursor": cursor}),
        );
        for row in page["tasks"].as_array().unwrap() {
            let text = unread.remove(row["id"].as_str().unwrap()).unwrap();
            assert_eq!(row["description"], text);
            assert_eq!(row["title"], first_line(text));
        }
        cursor = page["next_cursor"].clone();
        if cursor.is_null() {
            break;
        }
    }
    assert!(unread.is_empty(), "{} were not listed", unread.len());

    let searched: Vec<_> = stored.iter().step_by(SEARCHED).collect();
    let missing: Vec<_> = searched.iter().filter(|(id, text)| !is_found(&mut reader, id, text)).collect();
    assert!(missing.is_empty(), "{} of {} are not found: {missing:?}", missing.len(), searched.len());
}

/// Writes the texts as tasks and returns them by id.
fn write<'a>(session: &mut Session, texts: &[&'a str]) -> BTreeMap<String, &'a str> {
    let mut stored = BTreeMap::new();
    for batch in texts.chunks(500) {
        let tasks: Vec<_> =
            batch.iter().map(|text| json!({"title": first_line(text), "description": text})).collect();
        let written = session.call("create_task", &json!({"tasks": tasks}));
        for (row, text) in written["tasks"].as_array().unwrap().iter().zip(batch) {
            stored.insert(row["id"].as_str().unwrap().to_owned(), *text);
        }
    }
    stored
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

#[test]
fn hardly_any_real_text_is_changed() {
    let rows = rows::<Row>("benign_code_text.jsonl");
    if rows.is_empty() {
        return;
    }
    let mut faces = Faces::new();
    // A report lists twenty findings, so a text is written alone where it can be changed at all;
    // inert ones never are, as the test above shows.
    let suspects = rows.iter().filter(|row| row.chromium_static != Effect::Inert);
    let changed = suspects.filter(|row| {
        let new = json!({"title": "Text", "description": row.text});
        is_changed(&faces.call(Face::Rest, "create_task", &new).unwrap())
    });
    let changed = changed.count();
    assert!(changed * 1000 <= rows.len() * 22, "{changed} of {} texts are changed", rows.len());
}
