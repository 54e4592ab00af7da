//! The store against a model in memory: any sequence of operations gets the same answers from both.

mod operations;
mod state;

use std::{
    collections::BTreeSet,
    sync::{
        Arc,
        atomic::{AtomicI64, AtomicUsize, Ordering::Relaxed},
    },
    thread,
};

use bindery_backend::{
    handle::{Caller, Handle},
    roles::Roles,
    store::{Clock, Store, StoreOptions, Synchronous},
};
use proptest::test_runner::{Config, TestCaseError, TestRunner};
use serde_json::{Value, json};
use shared_types::{
    Error, Timestamp,
    operation::*,
    task::{GetTask as GetTaskInput, Status},
};
use tokio::runtime::Runtime;

use self::{
    operations::{Change, Expected, New, Operation, Step},
    state::{Model, Reply, name},
};

/// How many sequences are tried, and how many in CI.
const SEQUENCES: u32 = 1_000;
const SEQUENCES_IN_CI: u32 = 10_000;

const THREADS: u32 = 2;

/// In every so many sequences, each task is read after each step as it is kept and as it is stored.
const KEPT_EVERY: usize = 10;

/// 2026-03-01T12:00:00Z.
const NOON: i64 = 1_772_366_400_000;

#[test]
fn the_store_answers_as_the_model_does() {
    let in_ci = std::env::var_os("CI").is_some() || std::env::var_os("BINDERY_LONG").is_some();
    let sequences = if in_ci { SEQUENCES_IN_CI } else { SEQUENCES };
    thread::scope(|scope| {
        for _ in 0..THREADS {
            scope.spawn(|| try_sequences(sequences / THREADS));
        }
    });
}

fn try_sequences(count: u32) {
    let bench = Bench::new();
    let config = Config { cases: count, failure_persistence: None, ..Config::default() };
    let result = TestRunner::new(config).run(&operations::sequence(), |steps| bench.run(&steps));
    if let Err(failure) = result {
        panic!("{failure}");
    }
}

/// A store for many sequences, each in a project of its own.
struct Bench {
    runtime: Runtime,
    store: Store,
    clock: Arc<AtomicI64>,
    sequences: AtomicUsize,
    _folder: tempfile::TempDir,
}

/// One sequence: the model, and the ids that the store gave to its tasks and claims.
struct Run<'b> {
    bench: &'b Bench,
    project: String,
    model: Model,
    tasks: Vec<String>,
    claims: Vec<String>,
}

impl Bench {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let clock = Arc::new(AtomicI64::new(NOON));
        let shown = Arc::clone(&clock);
        let mut options = StoreOptions::new(folder.path().join("tasks.db"));
        options.synchronous = Synchronous::Normal;
        let clock_of_store = Clock::from_fn(move || Timestamp::from_millis(shown.load(Relaxed)));
        let store = runtime.block_on(Store::open_at(options, Roles::builtin(), clock_of_store)).unwrap();
        Self { runtime, store, clock, sequences: AtomicUsize::new(0), _folder: folder }
    }

    fn run(&self, steps: &[Step]) -> Result<(), TestCaseError> {
        let number = self.sequences.fetch_add(1, Relaxed);
        let project = format!("sequence {number}");
        self.call::<CreateProject>(json!({ "name": project })).unwrap();
        let model = Model::at(self.clock.load(Relaxed));
        let mut run = Run { bench: self, project, model, tasks: Vec::new(), claims: Vec::new() };
        for (place, (operation, again)) in steps.iter().enumerate() {
            run.step(place, operation, *again)?;
            if number.is_multiple_of(KEPT_EVERY) {
                run.compare_kept(operation)?;
            }
        }
        run.compare()
    }

    fn call<Op: shared_types::Operation>(&self, input: Value) -> Result<Value, Error>
    where
        Store: Handle<Op>,
    {
        let input = serde_json::from_value(input).unwrap();
        let output = self.runtime.block_on(self.store.handle(input, &Caller::default()))?;
        Ok(serde_json::to_value(output).unwrap())
    }
}

/// Ends the sequence as failed when the two differ.
macro_rules! same {
    ($found:expr, $wanted:expr, $($about:tt)+) => {
        match (&$found, &$wanted) {
            (found, wanted) if *found != *wanted => {
                let about = format!($($about)+);
                let told = format!("{about}: {found:?} from the store, {wanted:?} from the model");
                return Err(TestCaseError::fail(told));
            }
            _ => {}
        }
    };
}

impl Run<'_> {
    fn step(&mut self, place: usize, operation: &Operation, again: bool) -> Result<(), TestCaseError> {
        if let Operation::Wait(seconds) = operation {
            self.bench.clock.fetch_add(seconds * 1000, Relaxed);
        }
        let request_id = format!("{} {place}", self.project);
        let Some(input) = self.input(operation, &request_id) else {
            let _ = self.model.apply(operation);
            return Ok(());
        };
        let found = self.send(operation, input.clone());
        let wanted = self.model.apply(operation);
        if again {
            let mut repeated = self.send(operation, input);
            if let Ok(repeated) = &mut repeated {
                same!(repeated["replayed"].take(), json!(true), "a repetition of {operation:?}");
                repeated.as_object_mut().unwrap().remove("replayed");
            }
            same!(repeated.as_ref().ok(), found.as_ref().ok(), "a repetition of {operation:?}");
        }
        match (found, wanted) {
            (Ok(found), Ok(wanted)) => self.compare_reply(operation, &found, &wanted),
            (found, wanted) => {
                same!(found.err().map(|error| error.code), wanted.err(), "the code of {operation:?}");
                Ok(())
            }
        }
    }

    fn send(&self, operation: &Operation, input: Value) -> Result<Value, Error> {
        match operation {
            Operation::Create(_) => self.bench.call::<CreateTask>(input),
            Operation::Complete(..) => self.bench.call::<CompleteTask>(input),
            Operation::Delete(_) => self.bench.call::<DeleteTask>(input),
            Operation::Claim(..) | Operation::Keep(_) | Operation::Release(_) => {
                self.bench.call::<ExecuteTask>(input)
            }
            _ => self.bench.call::<UpdateTask>(input),
        }
    }

    /// The request; `None` when there is nothing to send.
    fn input(&self, operation: &Operation, request_id: &str) -> Option<Value> {
        let task = |number: usize| &self.tasks[self.model.task(number)];
        let mut input = match operation {
            Operation::Create(tasks) => json!({ "tasks": self.new_tasks(tasks) }),
            Operation::Update(number, change, expected) => self.update(*number, change, *expected),
            Operation::Complete(number, notes) => {
                json!({ "task_id": task(*number), "completion_notes": notes.map(|notes| format!("done {notes}")) })
            }
            Operation::Delete(number) => json!({ "task_id": task(*number) }),
            Operation::Restore(number) => json!({ "task_id": task(*number), "restore": true }),
            Operation::Undo(number) => json!({ "task_id": task(*number), "undo": true }),
            Operation::Claim(Some(number), worker) => {
                json!({ "task_id": task(*number), "worker": name(*worker) })
            }
            Operation::Claim(None, worker) => {
                json!({ "next": true, "project_id": self.project, "worker": name(*worker) })
            }
            Operation::Keep(number) => json!({ "execution_id": self.claims[self.model.claim(*number)?] }),
            Operation::Release(number) => {
                json!({ "execution_id": self.claims[self.model.claim(*number)?], "release": true })
            }
            Operation::Wait(_) => return None,
        };
        input["request_id"] = request_id.into();
        Some(input)
    }

    fn new_tasks(&self, tasks: &[New]) -> Vec<Value> {
        let mut all = self.tasks.len();
        let mut inputs = Vec::new();
        for new in tasks {
            let reference = |number: usize| {
                self.tasks.get(number % all).cloned().unwrap_or_else(|| format!("ref {}", number % all))
            };
            let depends_on: Vec<String> =
                new.depends_on.iter().filter(|_| all > 0).map(|number| reference(*number)).collect();
            let parent = new.parent.filter(|_| all > 0).map(reference);
            let subtasks: Vec<Value> = (all + 1..=all + new.subtasks)
                .map(|place| json!({ "title": format!("task {place}"), "ref": format!("ref {place}") }))
                .collect();
            inputs.push(json!({
                "title": format!("task {all}"), "ref": format!("ref {all}"), "status": new.status,
                "priority": new.priority, "parent_id": parent, "depends_on": depends_on,
                "project_id": self.project, "subtasks": subtasks,
            }));
            all += 1 + new.subtasks;
        }
        inputs
    }

    fn update(&self, number: usize, change: &Change, expected: Expected) -> Value {
        let task = self.model.task(number);
        let id = |number: &usize| &self.tasks[self.model.task(*number)];
        let mut input = json!({ "task_id": self.tasks[task] });
        let mut set = |name: &str, value: Value| input[name] = value;
        change.title.inspect(|title| set("title", json!(format!("title {title}"))));
        change.description.inspect(|text| set("description", json!(text.map(|text| format!("text {text}")))));
        change.status.inspect(|status| set("status", json!(status)));
        change.priority.inspect(|priority| set("priority", json!(priority)));
        change.tag.inspect(|tag| set("tags", json!([format!("tag {tag}")])));
        change.parent.inspect(|parent| set("parent_id", json!(parent.as_ref().map(id))));
        change.note.inspect(|note| set("note", json!(format!("note {note}"))));
        if let Some(numbers) = &change.depends_on {
            set("depends_on", numbers.iter().map(|number| id(number).as_str()).collect());
        }
        match expected {
            Expected::Nothing => {}
            Expected::TheVersion => set("expected_version", json!(self.model.tasks[task].version)),
            Expected::AnOlderOne => set("expected_version", json!(self.model.tasks[task].version - 1)),
        }
        input
    }

    fn compare_reply(
        &mut self,
        operation: &Operation,
        found: &Value,
        wanted: &Reply,
    ) -> Result<(), TestCaseError> {
        if let Operation::Create(_) = operation {
            for task in found["tasks"].as_array().unwrap() {
                let id = task["id"].as_str().unwrap().to_owned();
                same!(Some(&id) > self.tasks.last(), true, "the order of the ids");
                self.tasks.push(id);
            }
            same!(self.tasks.len(), self.model.tasks.len(), "the number of tasks");
            return Ok(());
        }
        if let (Some(id), Some(claim)) = (found["execution"]["id"].as_str(), wanted.claim) {
            if claim == self.claims.len() {
                self.claims.push(id.to_owned());
            }
            same!(Some(id), self.claims.get(claim).map(String::as_str), "the claim of {operation:?}");
        }
        same!(found["execution"].is_object(), wanted.claim.is_some(), "whether {operation:?} claims");
        // Of several tasks that were changed together, the one that was named comes first.
        let named = if found["task"].is_object() { &found["task"] } else { &found["tasks"][0] };
        let task = wanted.task.map(|(task, version)| json!([self.tasks[task], version]));
        same!(json!([named["id"], named["version"]]), task.unwrap_or(json!([null, null])), "{operation:?}");
        let unblocked = found["unblocked"].as_array().into_iter().flatten().filter_map(Value::as_str);
        let wanted: BTreeSet<&str> = wanted.unblocked.iter().map(|task| self.tasks[*task].as_str()).collect();
        same!(unblocked.collect::<BTreeSet<_>>(), wanted, "what {operation:?} sets free");
        Ok(())
    }

    /// Compares what is kept of each task, or will be from now on, with its row.
    fn compare_kept(&self, after: &Operation) -> Result<(), TestCaseError> {
        let (store, caller) = (&self.bench.store, Caller::default());
        for id in &self.tasks {
            let input: GetTaskInput = serde_json::from_value(json!({ "task_id": id })).unwrap();
            let answer = Handle::<GetTask>::answer(store, input.clone(), &caller);
            let kept = self.bench.runtime.block_on(answer).unwrap();
            let stored = Handle::<GetTask>::handle(store, input, &caller);
            let stored = serde_json::to_string(&self.bench.runtime.block_on(stored).unwrap()).unwrap();
            same!(String::from_utf8_lossy(kept.as_bytes()), stored, "task {id} after {after:?}");
        }
        Ok(())
    }

    /// Compares everything that can be read.
    fn compare(&self) -> Result<(), TestCaseError> {
        for task in 0..self.tasks.len() {
            let input = json!({ "task_id": self.tasks[task], "include": ["notes"] });
            let found = self.bench.call::<GetTask>(input).unwrap()["task"].take();
            let wanted = self.wanted(task);
            for (name, value) in wanted.as_object().unwrap() {
                let found = match name.as_str() {
                    "notes" => {
                        found["notes"].as_array().unwrap().iter().map(|note| note["text"].clone()).collect()
                    }
                    "deleted" => json!(found["deleted_at"].is_string()),
                    name => found[name].clone(),
                };
                // What is empty may be left out.
                let absent = found.is_null() && *value == json!([]);
                same!(if absent { value } else { &found }, value, "{name} of task {task}");
            }
        }
        let all = |wanted: &dyn Fn(usize) -> bool| -> Vec<usize> {
            (0..self.tasks.len()).filter(|task| wanted(*task)).collect()
        };
        let live = |task: usize| self.model.is_live(task);
        self.compare_list(json!({ "ready": true }), self.model.queue(|task| self.model.is_ready(task)))?;
        self.compare_list(json!({ "sort": "priority" }), self.model.queue(live))?;
        self.compare_list(json!({ "sort": "oldest", "deleted": true }), all(&|task| !live(task)))?;
        let done = |task: usize| live(task) && self.model.tasks[task].fields.status == Status::Done;
        self.compare_list(json!({ "sort": "oldest", "status": ["done"] }), all(&done))?;
        let tagged = |task: usize| live(task) && self.model.tasks[task].fields.tags == ["tag 1"];
        self.compare_list(json!({ "sort": "oldest", "tags": ["tag 1"] }), all(&tagged))?;

        let counts = self.bench.call::<GetDashboardStats>(json!({ "project_id": self.project })).unwrap();
        let open = |task: usize| live(task) && !self.model.tasks[task].fields.status.is_closed();
        let waiting = all(&|task| open(task) && !self.model.waiting_for(task).is_empty()).len();
        let ready = all(&|task| self.model.is_ready(task)).len();
        let wanted = [all(&live).len(), all(&done).len(), ready, waiting];
        let found = [&counts["total"], &counts["by_status"]["done"], &counts["ready"], &counts["waiting"]];
        same!(json!(found), json!(wanted), "total, done, ready and waiting");
        Ok(())
    }

    /// The fields of a task as they should be read.
    fn wanted(&self, task: usize) -> Value {
        let model = &self.model.tasks[task];
        let ids = |tasks: &BTreeSet<usize>| -> Vec<&String> {
            tasks.iter().map(|task| &self.tasks[*task]).collect()
        };
        let notes: Vec<&String> = model.notes.iter().map(|(_, text)| text).collect();
        let fields = &model.fields;
        json!({
            "title": fields.title, "description": fields.description, "status": fields.status,
            "priority": fields.priority, "tags": fields.tags, "assignee": fields.assignee,
            "completion_notes": fields.completion_notes, "version": model.version, "notes": notes,
            "completed_at": fields.completed_at.map(Timestamp::from_millis),
            "parent_id": fields.parent.map(|parent| &self.tasks[parent]),
            "depends_on": ids(&fields.depends_on), "waiting_for": ids(&self.model.waiting_for(task)),
            "deleted": model.deletion.is_some(),
        })
    }

    fn compare_list(&self, mut filter: Value, wanted: Vec<usize>) -> Result<(), TestCaseError> {
        let about = filter.to_string();
        filter["project_id"] = json!(self.project);
        filter["fields"] = json!(["id"]);
        filter["limit"] = json!(1000);
        let page = self.bench.call::<ListTasks>(filter).unwrap();
        let found: Vec<&str> =
            page["tasks"].as_array().unwrap().iter().filter_map(|task| task["id"].as_str()).collect();
        let wanted: Vec<&str> = wanted.into_iter().map(|task| self.tasks[task].as_str()).collect();
        same!(found, wanted, "the list {about}");
        Ok(())
    }
}
