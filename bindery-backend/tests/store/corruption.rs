//! Damage done to the file: it is refused, or an answer says so, or nothing that is stored is different.

use std::{
    collections::BTreeMap,
    fs,
    path::Path,
    sync::atomic::{AtomicUsize, Ordering::Relaxed},
    thread,
};

use bindery_backend::{
    handle::{Caller, Handle},
    roles::Roles,
    store::{Clock, Store, StoreOptions},
};
use serde_json::{Value, json};
use shared_types::{Error, Operation, Timestamp, operation::*};

use crate::fixture::Fixture;

/// How many databases are damaged, and how many with `BINDERY_LONG`.
const SHORT: usize = 600;
const LONG: usize = 10_000;

const THREADS: usize = 4;

/// A database as it lies on the disk: with the sums of its pages, and its log if it was not closed in order.
#[derive(Clone, PartialEq)]
struct Files {
    database: Vec<u8>,
    log: Vec<u8>,
    sum: Vec<u8>,
}

impl Files {
    /// A file that is not there is as good as an empty one.
    fn read(path: &Path) -> Self {
        let read = |extension| fs::read(path.with_extension(extension)).unwrap_or_default();
        Self { database: read("db"), log: read("db-wal"), sum: read("db-sum") }
    }

    fn write(&self, path: &Path) {
        let files = [("db", &self.database), ("db-wal", &self.log), ("db-sum", &self.sum)];
        for (extension, content) in files.into_iter().filter(|(_, content)| !content.is_empty()) {
            fs::write(path.with_extension(extension), content).unwrap();
        }
    }
}

/// What was done to a file, by its name.
type Damage = (&'static str, fn(&mut Vec<u8>, &mut fastrand::Rng));

const DAMAGES: [Damage; 8] = [
    ("a flipped bit", |bytes, chance| flip(bytes, chance, 1)),
    ("flipped bits", |bytes, chance| {
        let count = chance.usize(2..64);
        flip(bytes, chance, count);
    }),
    ("a page of zeros", |bytes, chance| page(bytes, chance).fill(0)),
    ("a page of noise", |bytes, chance| {
        page(bytes, chance).iter_mut().for_each(|byte| *byte = chance.u8(..))
    }),
    ("a file cut off", |bytes, chance| bytes.truncate(chance.usize(..bytes.len()))),
    ("something at the end", |bytes, chance| {
        let count = chance.usize(1..10_000);
        bytes.extend((0..count).map(|_| chance.u8(..)));
    }),
    ("two pages swapped", |bytes, chance| {
        let (one, other) = (chance.usize(..bytes.len() / PAGE), chance.usize(..bytes.len() / PAGE));
        for byte in 0..PAGE {
            bytes.swap(one * PAGE + byte, other * PAGE + byte);
        }
    }),
    ("a head of another kind", |bytes, chance| {
        let at = chance.usize(..100);
        bytes[at] = chance.u8(..);
    }),
];

const PAGE: usize = 4096;

fn flip(bytes: &mut [u8], chance: &mut fastrand::Rng, count: usize) {
    for _ in 0..count {
        bytes[chance.usize(..bytes.len())] ^= 1 << chance.u8(..8);
    }
}

fn page<'b>(bytes: &'b mut [u8], chance: &mut fastrand::Rng) -> &'b mut [u8] {
    let at = chance.usize(..bytes.len() / PAGE) * PAGE;
    &mut bytes[at..at + PAGE]
}

/// How a damaged database behaves.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Outcome {
    /// The start refused it, and left the files as they were.
    Refused,
    /// It was opened, and an answer said that something cannot be read.
    Told,
    /// All that is stored is there.
    Harmless,
    /// As above, but for the last writes: damage to the log is the same as a log that ends there.
    Earlier,
    /// An answer was wrong.
    Silent,
}

#[test]
fn no_damage_to_a_closed_database_goes_unnoticed() {
    let outcomes = damage_all("closed in order", |original| &original.closed);
    assert_eq!(outcomes.get(&Outcome::Silent), None);
}

#[test]
fn no_damage_to_a_database_that_was_not_closed_goes_unnoticed() {
    let outcomes = damage_all("not closed", |original| &original.killed);
    assert_eq!(outcomes.get(&Outcome::Silent), None);
    let refused = *outcomes.get(&Outcome::Refused).unwrap_or(&0) as f64 / count() as f64;
    assert!(refused > 0.5, "what the log does not cover is compared");
}

fn count() -> usize {
    if std::env::var_os("BINDERY_LONG").is_some() { LONG } else { SHORT }
}

/// Damages many copies, and tells how often each outcome was.
fn damage_all(kind: &str, files: fn(&Original) -> &Files) -> BTreeMap<Outcome, usize> {
    let original = original();
    let next = AtomicUsize::new(0);
    let run = || {
        let mut outcomes = Vec::new();
        while next.fetch_add(1, Relaxed) < count() {
            outcomes.push(damage(files(&original), &original.states, fastrand::u64(..)));
        }
        outcomes
    };
    let mut sums: BTreeMap<Outcome, usize> = BTreeMap::new();
    let mut by_damage: BTreeMap<(&str, Outcome), usize> = BTreeMap::new();
    thread::scope(|scope| {
        let threads: Vec<_> = (0..THREADS).map(|_| scope.spawn(run)).collect();
        for (name, outcome) in threads.into_iter().flat_map(|thread| thread.join().unwrap()) {
            *sums.entry(outcome).or_default() += 1;
            *by_damage.entry((name, outcome)).or_default() += 1;
        }
    });
    println!("{} databases {kind}, damaged: {sums:?}; {by_damage:?}", count());
    sums
}

/// Damages a copy as `seed` says, and reads it.
fn damage(files: &Files, states: &[Value], seed: u64) -> (&'static str, Outcome) {
    let mut chance = fastrand::Rng::with_seed(seed);
    let mut damaged = files.clone();
    let (name, act) = DAMAGES[chance.usize(..DAMAGES.len())];
    let in_log = !damaged.log.is_empty() && chance.bool();
    act(if in_log { &mut damaged.log } else { &mut damaged.database }, &mut chance);
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("tasks.db");
    damaged.write(&path);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let outcome = runtime.block_on(async {
        let Ok(store) = open(&path).await else {
            assert!(Files::read(&path) == damaged, "a refused database was changed, seed {seed}");
            return Outcome::Refused;
        };
        let found = picture(&store).await;
        store.close().await;
        match found {
            Err(_) => Outcome::Told,
            Ok(found) if Some(&found) == states.last() => Outcome::Harmless,
            Ok(found) if in_log && states.contains(&found) => Outcome::Earlier,
            Ok(_) => Outcome::Silent,
        }
    });
    (name, outcome)
}

async fn open(path: &Path) -> Result<Store, bindery_backend::store::OpenError> {
    // Standing still, so that what is overdue does not depend on when the test runs.
    let clock = Clock::from_fn(|| Timestamp::from_millis(1_772_366_400_000));
    Store::open_at(StoreOptions::new(path), Roles::builtin(), clock).await
}

/// A database with something of everything, and what can be read from it.
struct Original {
    /// As it was when it was last closed in order.
    closed: Files,
    /// As a killed process leaves it: the last writes are in the log.
    killed: Files,
    /// What was read before the last writes, and after each of them.
    states: Vec<Value>,
}

fn original() -> Original {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let mut bench = Fixture::new().await;
        fill(&bench).await;
        bench.reopen().await;
        let mut states = vec![picture(&bench.store).await.unwrap()];
        for number in 0..5 {
            bench.create(json!({ "title": format!("late {number}"), "labels": { "n": number } })).await;
            states.push(picture(&bench.store).await.unwrap());
        }
        let killed = Files::read(&bench.path());
        bench.store.close().await;
        Original { closed: Files::read(&bench.path()), killed, states }
    })
}

async fn fill(bench: &Fixture) {
    bench.call::<CreateProject>(json!({ "name": "Works", "description": "What is built" })).await.unwrap();
    let task = |number: usize| {
        json!({
            "title": format!("Task {number}"), "ref": format!("r{number}"), "project_id": "Works",
            "description": "Look, then say what you found. ".repeat(number % 40), "tags": ["a", "b"],
            "depends_on": if number % 3 == 1 { vec![format!("r{}", number - 1)] } else { Vec::new() },
            "labels": { "number": number }, "due_at": "2026-02-01",
        })
    };
    let ids = bench.create_all((0..40).map(task).collect()).await;
    for id in ids.iter().step_by(4) {
        bench
            .call::<UpdateTask>(json!({ "task_id": id, "note": "A note", "priority": "high" }))
            .await
            .unwrap();
    }
    for id in ids.iter().step_by(6) {
        let done = json!({ "task_id": id, "completion_notes": "Done", "request_id": format!("done {id}") });
        bench.call::<CompleteTask>(done).await.unwrap();
    }
    bench.call::<DeleteTask>(json!({ "task_id": ids[5] })).await.unwrap();
    bench.call_as::<ExecuteTask>(Some("ann"), json!({ "next": true })).await.unwrap();
    for number in 0..3 {
        let text = format!("Chapter {number}. {}", "The pump stands in the hall. ".repeat(60));
        bench
            .call::<IndexDocument>(json!({ "uri": format!("doc:{number}"), "content": text }))
            .await
            .unwrap();
    }
}

/// Everything that a caller can read.
async fn picture(store: &Store) -> Result<Value, Error> {
    let mut seen = vec![call::<GetDashboardStats>(store, json!({})).await?];
    for deleted in [false, true] {
        let input = json!({ "limit": 1000, "deleted": deleted, "sort": "oldest", "fields": ["id"] });
        let page = call::<ListTasks>(store, input).await?;
        for task in page["tasks"].as_array().unwrap() {
            let include = ["children", "history", "notes", "executions"];
            seen.push(call::<GetTask>(store, json!({ "task_id": task["id"], "include": include })).await?);
        }
        seen.push(page);
    }
    for filter in [json!({ "ready": true }), json!({ "status": ["done"] }), json!({ "tags": ["a"] })] {
        seen.push(call::<ListTasks>(store, filter).await?);
    }
    for sort in ["newest", "updated", "priority", "due"] {
        let input = json!({ "limit": 1000, "sort": sort, "fields": ["id"] });
        seen.push(call::<ListTasks>(store, input).await?);
    }
    seen.push(call::<ListProjects>(store, json!({})).await?);
    let documents = call::<ListDocuments>(store, json!({})).await?;
    for document in documents["documents"].as_array().unwrap() {
        seen.push(call::<GetDocument>(store, json!({ "document_id": document["id"] })).await?);
    }
    seen.push(documents);
    for query in ["pump", "note", "look", "works"] {
        seen.push(call::<SearchEntities>(store, json!({ "query": query })).await?);
    }
    seen.push(serde_json::to_value(store.changes_after(0, 10_000).await?).unwrap());
    Ok(seen.into())
}

async fn call<Op: Operation>(store: &Store, input: Value) -> Result<Value, Error>
where
    Store: Handle<Op>,
{
    let output = store.handle(serde_json::from_value(input).unwrap(), &Caller::default()).await?;
    Ok(serde_json::to_value(output).unwrap())
}
