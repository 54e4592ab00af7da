//! A store with a clock that the test moves, spoken to in JSON.

use std::{
    path::PathBuf,
    sync::{
        Arc,
        atomic::{AtomicI64, Ordering::Relaxed},
    },
};

use bindery_backend::{
    handle::{Caller, Handle},
    roles::Roles,
    store::{Clock, OpenError, Store, StoreOptions},
};
use serde_json::Value;
use shared_types::{
    Error, Operation, Timestamp,
    operation::{CreateTask, GetTask},
    task::{Task, TasksWritten},
};
use tempfile::TempDir;

pub(crate) struct Fixture {
    pub(crate) folder: TempDir,
    pub(crate) store: Store,
    clock: Arc<AtomicI64>,
}

/// 2026-03-01T12:00:00Z.
const NOON: i64 = 1_772_366_400_000;

impl Fixture {
    pub(crate) async fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let clock = Arc::new(AtomicI64::new(NOON));
        let store = open(folder.path().join("tasks.db"), &clock).await.unwrap();
        Self { folder, store, clock }
    }

    pub(crate) fn path(&self) -> PathBuf {
        self.folder.path().join("tasks.db")
    }

    /// Closes the store and opens it again.
    pub(crate) async fn reopen(&mut self) {
        self.store.close().await;
        self.store = self.try_open().await.unwrap();
    }

    pub(crate) async fn try_open(&self) -> Result<Store, OpenError> {
        open(self.path(), &self.clock).await
    }

    pub(crate) fn advance(&self, seconds: i64) {
        self.clock.fetch_add(seconds * 1000, Relaxed);
    }

    /// Carries out an operation as nobody in particular.
    pub(crate) async fn call<Op: Operation>(&self, input: Value) -> Result<Op::Output, Error>
    where
        Store: Handle<Op>,
    {
        self.call_as::<Op>(None, input).await
    }

    /// Carries out an operation as `actor`.
    pub(crate) async fn call_as<Op: Operation>(
        &self,
        actor: Option<&str>,
        input: Value,
    ) -> Result<Op::Output, Error>
    where
        Store: Handle<Op>,
    {
        let input = serde_json::from_value(input).unwrap();
        let caller = Caller { actor: actor.map(str::to_owned), guard: None };
        self.store.handle(input, &caller).await
    }

    /// Creates one task and returns it.
    pub(crate) async fn create(&self, input: Value) -> Task {
        self.call::<CreateTask>(input).await.unwrap().task.unwrap()
    }

    /// Creates a batch and returns the ids in order.
    pub(crate) async fn create_all(&self, tasks: Value) -> Vec<String> {
        let written: TasksWritten =
            self.call::<CreateTask>(serde_json::json!({ "tasks": tasks })).await.unwrap();
        written.tasks.iter().map(|task| task.id.to_string()).collect()
    }

    pub(crate) async fn get(&self, id: impl ToString) -> Task {
        self.call::<GetTask>(serde_json::json!({ "task_id": id.to_string() })).await.unwrap().task
    }

    /// The task with everything that can be included.
    pub(crate) async fn get_whole(&self, id: impl ToString) -> Task {
        let include = ["children", "history", "notes", "executions"];
        let input = serde_json::json!({ "task_id": id.to_string(), "include": include });
        self.call::<GetTask>(input).await.unwrap().task
    }
}

async fn open(path: PathBuf, clock: &Arc<AtomicI64>) -> Result<Store, OpenError> {
    let clock = Arc::clone(clock);
    let clock = Clock::from_fn(move || Timestamp::from_millis(clock.load(Relaxed)));
    Store::open_at(StoreOptions::new(path), Roles::builtin(), clock).await
}
