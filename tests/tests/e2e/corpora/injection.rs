//! Text that would be a statement, a command or a path is only ever text: it is found under its own
//! letters or refused, and leaves nothing behind but what was written.

use std::collections::{BTreeMap, BTreeSet};

use serde::Deserialize;
use serde_json::{Map, Value, json};
use tests::{Face, Faces, faces::Answer, http::percent_encoded};

use super::{
    assert_none, rows,
    traces::{self, Traces},
};

/// About how many payloads stand in one place of an input. Every payload stands in some, because the
/// places begin at different ones.
const A_PLACE: usize = 50;

/// About how many are looked for and name a document.
const NAMES: usize = 300;

#[test]
fn statements_are_only_text() {
    attack("sql_injection.jsonl");
}

#[test]
fn commands_are_only_text() {
    attack("command_injection.jsonl");
}

#[test]
fn paths_are_only_text() {
    attack("path_traversal.jsonl");
}

#[derive(Deserialize)]
struct Row {
    payload: String,
}

fn attack(corpus: &str) {
    let rows: Vec<Row> = rows(corpus);
    // A blank is no text, and as a filter none at all.
    let payloads: Vec<&str> =
        rows.iter().map(|row| row.payload.as_str()).filter(|text| !text.trim().is_empty()).collect();
    if payloads.is_empty() {
        return;
    }
    let mut faces = Faces::new();
    let victim = faces.call(Face::Rest, "create_task", &json!({"title": "Victim"})).unwrap()["task"].clone();
    let before = Traces::of(faces.workspace());

    let mut failures = write_tasks(&mut faces, &payloads);
    failures.extend(find_tasks(&mut faces, &payloads));
    let (documents, wrong) = write_documents(&mut faces, &payloads);
    failures.extend(wrong);
    failures.extend(fill_places(&mut faces, &payloads, &victim["id"]));
    failures.extend(read_resources(&mut faces, &payloads));
    failures.extend(ask_for_paths(&faces, &payloads));

    assert_eq!(Traces::of(faces.workspace()), before);
    assert_eq!(traces::count(faces.workspace()), (1 + 3 * payloads.len() as i64, documents));
    let after = faces.call(Face::Rest, "get_task", &json!({"task_id": victim["id"]})).unwrap();
    assert_eq!(after["task"], victim);
    faces.check_health();
    assert_none(&failures);
}

/// Every so many of the payloads, so that there are about `count`.
fn some<'a>(payloads: &[&'a str], count: usize) -> impl Iterator<Item = &'a str> {
    payloads.iter().copied().step_by(payloads.len().div_ceil(count))
}

fn beginning(text: &str, characters: usize) -> String {
    text.chars().take(characters).collect()
}

/// As titles, assignees and descriptions, by every face.
fn write_tasks(faces: &mut Faces, payloads: &[&str]) -> Vec<String> {
    let mut failures = Vec::new();
    for face in Face::ALL {
        let mut sent = BTreeMap::new();
        for batch in payloads.chunks(500) {
            let tasks: Vec<Value> = batch.iter().map(|payload| task(payload)).collect();
            let written = faces.call(face, "create_task", &json!({"tasks": tasks})).unwrap();
            let ids = written["tasks"].as_array().unwrap().iter().map(|row| row["id"].to_string());
            sent.extend(ids.zip(tasks.into_iter().map(|task| (task, written["guard"].is_null()))));
        }
        for row in list_tasks(faces, face) {
            let Some((task, unchanged)) = sent.remove(&row["id"].to_string()) else { continue };
            let kept = task.as_object().unwrap().iter().all(|(field, text)| row[field] == *text);
            if !kept && unchanged {
                failures.push(format!("{face:?} made {row} of {task}"));
            }
        }
        failures.extend(sent.values().map(|(task, _)| format!("{face:?} does not list {task}")));
    }
    failures
}

fn task(payload: &str) -> Value {
    json!({"title": beginning(payload, 500), "assignee": beginning(payload, 200), "description": payload})
}

fn list_tasks(faces: &mut Faces, face: Face) -> Vec<Value> {
    let mut rows = Vec::new();
    let mut cursor = Value::Null;
    loop {
        let fields = ["title", "assignee", "description"];
        let ask = json!({"limit": 1000, "fields": fields, "cursor": cursor});
        let mut page = faces.call(face, "list_tasks", &ask).unwrap();
        rows.append(page["tasks"].as_array_mut().unwrap());
        cursor = page["next_cursor"].take();
        if cursor.is_null() {
            return rows;
        }
    }
}

/// As a filter that matches exactly what was written under it.
fn find_tasks(faces: &mut Faces, payloads: &[&str]) -> Vec<String> {
    let mut failures = Vec::new();
    for (payload, face) in some(payloads, NAMES).zip(Face::ALL.into_iter().cycle()) {
        let assignee = beginning(payload, 200);
        let filter = json!({"assignee": assignee, "fields": ["assignee"]});
        let found = faces.call(face, "list_tasks", &filter).unwrap()["tasks"].take();
        let found = found.as_array().unwrap();
        // Once by each face; they may differ from the payload only as one.
        let alike = found.iter().all(|row| row["assignee"] == found[0]["assignee"]);
        if found.len() < 3 || !alike {
            failures.push(format!("{face:?} finds {} tasks of {assignee:?}", found.len()));
        }
    }
    failures
}

/// As the names of documents. Returns how many there are then.
fn write_documents(faces: &mut Faces, payloads: &[&str]) -> (i64, Vec<String>) {
    let mut names = BTreeSet::new();
    let mut failures = Vec::new();
    for (payload, face) in some(payloads, NAMES).zip(Face::ALL.into_iter().cycle()) {
        let name = beginning(payload, 1000);
        let document = json!({"uri": name, "content": "Only text"});
        let written = faces.call(face, "index_document", &document).unwrap();
        names.insert(written["document"]["uri"].to_string());
        let reader = if face == Face::Mcp { Face::JsonRpc } else { face };
        let read = faces.call(reader, "get_document", &json!({"document_id": name}));
        let is_it = read.as_ref().is_ok_and(|read| read["document"]["id"] == written["document"]["id"]);
        if !is_it {
            failures.push(format!("{reader:?} does not find the document {name:?}: {read:?}"));
        }
        if written["document"]["uri"] != name && written["guard"].is_null() {
            failures.push(format!("{face:?} made {} of {name:?}", written["document"]["uri"]));
        }
    }
    (names.len() as i64, failures)
}

/// What a payload in a place brings.
#[derive(Clone, Copy)]
enum Brings {
    Refusal,
    /// A refusal, or an empty list under this name: nothing is called like a payload there.
    Nothing(&'static str),
    /// Whatever contains its words.
    Hits,
}

/// An operation, a field of its input, and what comes of a payload there.
const PLACES: &[(&str, &str, Brings)] = &[
    ("get_task", "task_id", Brings::Refusal),
    ("get_task", "include", Brings::Refusal),
    ("update_task", "task_id", Brings::Refusal),
    ("update_task", "parent_id", Brings::Refusal),
    ("delete_task", "task_id", Brings::Refusal),
    ("complete_task", "task_id", Brings::Refusal),
    ("complete_task", "execution_id", Brings::Refusal),
    ("execute_task", "task_id", Brings::Refusal),
    ("execute_task", "execution_id", Brings::Refusal),
    ("assign_role_to_task", "task_id", Brings::Refusal),
    ("assign_role_to_task", "role", Brings::Refusal),
    ("create_task", "role", Brings::Refusal),
    ("create_task", "project_id", Brings::Refusal),
    ("create_task", "depends_on", Brings::Refusal),
    ("create_task", "due_at", Brings::Refusal),
    ("create_project", "project_id", Brings::Refusal),
    ("index_document", "task_id", Brings::Refusal),
    ("list_tasks", "status", Brings::Refusal),
    ("list_tasks", "sort", Brings::Refusal),
    ("list_tasks", "fields", Brings::Refusal),
    ("list_tasks", "project_id", Brings::Refusal),
    ("list_tasks", "updated_since", Brings::Refusal),
    ("list_tasks", "cursor", Brings::Refusal),
    ("list_tasks", "tags", Brings::Nothing("tasks")),
    ("list_tasks", "role", Brings::Nothing("tasks")),
    ("search_entities", "query", Brings::Hits),
    ("search_entities", "project_id", Brings::Refusal),
    ("get_project", "project_id", Brings::Refusal),
    ("list_documents", "cursor", Brings::Refusal),
    ("get_dashboard_stats", "project_id", Brings::Refusal),
];

fn fill_places(faces: &mut Faces, payloads: &[&str], victim: &Value) -> Vec<String> {
    let stride = payloads.len().div_ceil(A_PLACE);
    assert!(stride <= PLACES.len(), "some payloads stand in no place");
    let mut failures = Vec::new();
    for (place, (operation, field, brings)) in PLACES.iter().enumerate() {
        let chosen = payloads.iter().skip(place % stride).step_by(stride);
        let offering = Face::ALL.into_iter().filter(|face| face.offers(operation));
        for (payload, face) in chosen.zip(offering.cycle()) {
            let mut input = around(operation, victim);
            input.insert((*field).to_owned(), json!(payload));
            let answer = faces.call(face, operation, &Value::Object(input));
            if !is_harmless(&answer, *brings) {
                failures.push(format!("{face:?} {operation} {field}={payload:?}: {answer:?}"));
            }
        }
    }
    failures
}

/// What the operation needs besides, so that only the payload can be wrong.
fn around(operation: &str, victim: &Value) -> Map<String, Value> {
    let input = match operation {
        "get_task" | "complete_task" => json!({"task_id": victim}),
        "update_task" => json!({"task_id": victim, "title": "Changed"}),
        "assign_role_to_task" => json!({"task_id": victim, "role": "tester"}),
        "create_task" => json!({"title": "Created"}),
        "create_project" => json!({"name": "Created"}),
        "index_document" => json!({"uri": "created", "content": "Created"}),
        "search_entities" => json!({"query": "text"}),
        _ => json!({}),
    };
    input.as_object().cloned().unwrap_or_default()
}

fn is_harmless(answer: &Answer, brings: Brings) -> bool {
    match (answer, brings) {
        (Err(_), _) | (Ok(_), Brings::Hits) => true,
        (Ok(_), Brings::Refusal) => false,
        (Ok(result), Brings::Nothing(list)) => result[list] == json!([]),
    }
}

/// As parts of a resource's name, and as the whole of it.
fn read_resources(faces: &mut Faces, payloads: &[&str]) -> Vec<String> {
    let mut failures = Vec::new();
    for payload in some(payloads, A_PLACE) {
        for prefix in ["bindery://task/", "bindery://project/", ""] {
            let uri = format!("{prefix}{payload}");
            let answer = faces.session().request("resources/read", json!({"uri": uri}));
            // Not found, or longer than any name.
            if ![json!(-32002), json!(-32602)].contains(&answer["error"]["code"]) {
                failures.push(format!("{uri:?}: {answer}"));
            }
        }
        let reference = json!({"type": "ref/resource", "uri": "bindery://task/{id}"});
        let typed = json!({"ref": reference, "argument": {"name": "id", "value": payload}});
        let answer = faces.session().request("completion/complete", typed);
        if answer["result"]["completion"]["values"] != json!([]) {
            failures.push(format!("completing {payload:?}: {answer}"));
        }
    }
    failures
}

/// As paths of the backend, as they are where HTTP allows it and encoded.
fn ask_for_paths(faces: &Faces, payloads: &[&str]) -> Vec<String> {
    let mut failures = Vec::new();
    for payload in some(payloads, A_PLACE) {
        let raw: String = payload.chars().map(|c| if c.is_ascii_graphic() { c } else { '+' }).collect();
        for path in [raw, percent_encoded(payload)] {
            for folder in ["/docs/", "/", "/api/tasks/"] {
                let response = faces.http("GET", &format!("{folder}{path}"), None);
                let shows_a_file = String::from_utf8_lossy(&response.body).contains("root:x:");
                if response.status >= 500 || shows_a_file {
                    failures.push(format!("GET {folder}{path}: {}", response.status));
                }
            }
        }
    }
    failures
}
