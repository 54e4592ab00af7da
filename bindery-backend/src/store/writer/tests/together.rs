//! Requests that wait together are done together, and nobody can tell but by the clock.

use std::sync::{
    Arc,
    atomic::{AtomicI64, Ordering::Relaxed},
};

use proptest::prelude::*;
use serde_json::{Value, json};
use shared_types::{
    Error, Operation, Timestamp,
    operation::{CompleteTask, CreateProject, CreateTask, DeleteTask},
    task::TasksWritten,
};
use tempfile::TempDir;
use tokio::sync::{broadcast, oneshot};

use super::super::{Desk, Trail, job::Job, job::Request};
use crate::{
    handle::Caller,
    roles::Roles,
    store::{
        StoreOptions,
        clock::Clock,
        feed::ChangeEvent,
        ids::IdGenerator,
        metrics::Metrics,
        open::{self, Opened},
        replay::Write,
        rows::Rows,
        sql::Sql,
    },
};

type Answer<Op> = oneshot::Receiver<Result<<Op as Operation>::Output, Error>>;

fn job<Op: Write>(input: Value, actor: Option<&str>) -> (Box<dyn Job>, Answer<Op>) {
    let (reply, answer) = oneshot::channel();
    let caller = Caller { actor: actor.map(str::to_owned), guard: None };
    (Box::new(Request::<Op>::new(serde_json::from_value(input).unwrap(), caller, reply)), answer)
}

/// A desk on a store with a project and an open, a done and a deleted task.
struct Bench {
    desk: Desk,
    feed: broadcast::Receiver<Arc<ChangeEvent>>,
    open: String,
    done: String,
    deleted: String,
    _folder: TempDir,
}

impl Bench {
    fn new(clock: Clock) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let options = StoreOptions::new(folder.path().join("test.db"));
        let Opened { connection, prepared, .. } = open::writing(&options, &clock).unwrap();
        let (sender, feed) = broadcast::channel(1024);
        let desk = Desk {
            connection,
            options,
            ids: IdGenerator::after(prepared.last_id),
            clock,
            roles: Arc::new(Roles::builtin()),
            metrics: Arc::new(Metrics::new().unwrap()),
            rows: Arc::new(Rows::new(0)),
            feed: sender,
            position: Arc::new(AtomicI64::new(0)),
            trail: Trail::new(Arc::default()),
        };
        let nobody = String::new();
        let mut bench =
            Self { desk, feed, open: nobody.clone(), done: nobody.clone(), deleted: nobody, _folder: folder };
        bench.one::<CreateProject>(json!({ "name": "P" }), None).unwrap();
        bench.open = bench.created("open");
        bench.done = bench.created("done");
        bench.deleted = bench.created("deleted");
        bench.one::<CompleteTask>(json!({ "task_id": bench.done }), None).unwrap();
        bench.one::<DeleteTask>(json!({ "task_id": bench.deleted }), None).unwrap();
        bench
    }

    fn created(&mut self, title: &str) -> String {
        let written = self.one::<CreateTask>(json!({ "title": title }), None).unwrap();
        written.task.unwrap().id.to_string()
    }

    fn one<Op: Write>(&mut self, input: Value, actor: Option<&str>) -> Result<Op::Output, Error> {
        let (job, mut answer) = job::<Op>(input, actor);
        self.desk.commit(&mut vec![job]);
        answer.try_recv().unwrap()
    }

    /// The input of a request, with this store's ids in it.
    fn input(&self, request: &Asked) -> Value {
        let text = request.input.to_string();
        let ids = [("@open", &self.open), ("@done", &self.done), ("@deleted", &self.deleted)];
        let text = ids.into_iter().fold(text, |text, (name, id)| text.replace(name, id));
        serde_json::from_str(&text).unwrap()
    }

    fn one_by_one(&mut self, requests: &[Asked]) -> Vec<Result<TasksWritten, Error>> {
        let mut answers = Vec::new();
        for request in requests {
            let input = self.input(request);
            answers.push(self.one::<CreateTask>(input, request.actor));
        }
        answers
    }

    fn together(&mut self, requests: &[Asked]) -> Vec<Result<TasksWritten, Error>> {
        let jobs = requests.iter().map(|request| job::<CreateTask>(self.input(request), request.actor));
        let (mut jobs, answers): (Vec<_>, Vec<_>) = jobs.unzip();
        self.desk.commit(&mut jobs);
        answers.into_iter().map(|mut answer| answer.try_recv().unwrap()).collect()
    }

    /// Everything that was answered, stored and told, with ids named by their order.
    fn told(&mut self, answers: &[Result<TasksWritten, Error>]) -> String {
        let mut told = format!("{answers:#?}\n");
        for statement in [
            "SELECT json_array(id, title, description, status, priority, tags, labels, parent_id, project_id, role,
                               assignee, due_at, created_at, updated_at, completed_at, completion_notes, version,
                               open_dependencies) FROM tasks ORDER BY id",
            "SELECT json_array(task_id, depends_on) FROM dependencies ORDER BY task_id, depends_on",
            "SELECT json_array(seq, at, entity, entity_id, action, actor, version, before, after, guard, request_id,
                               affects, undoes) FROM history ORDER BY seq",
            "SELECT json_array(request_id, operation, response, at) FROM requests ORDER BY request_id",
            "SELECT json_array(project_id, status, priority, waiting, count) FROM task_counts
             WHERE count > 0 ORDER BY 1",
            "SELECT json_array(tag, task_id) FROM task_tags ORDER BY tag, task_id",
            "SELECT json_array(count(*)) FROM tasks WHERE id > (SELECT up_to FROM tasks_indexed)",
        ] {
            for row in self.desk.connection.all::<String>(statement, ()).unwrap() {
                told += &format!("{row}\n");
            }
        }
        while let Ok(event) = self.feed.try_recv() {
            told += &format!("{event:?}\n");
        }
        let ids: Vec<i64> = self
            .desk
            .connection
            .all("SELECT id FROM tasks UNION SELECT id FROM projects ORDER BY 1", ())
            .unwrap();
        for (place, id) in ids.into_iter().enumerate() {
            let shown = shared_types::TaskId::from_row_id(id).to_string();
            told = told.replace(&id.to_string(), &format!("#{place}")).replace(&shown, &format!("#{place}"));
        }
        told
    }
}

/// A request, in which `@open`, `@done` and `@deleted` stand for ids.
#[derive(Debug, Clone)]
struct Asked {
    input: Value,
    actor: Option<&'static str>,
}

fn reference() -> impl Strategy<Value = &'static str> {
    prop_oneof![20 => Just("@open"), 15 => Just("@done"), 1 => Just("@deleted"), 1 => Just("nowhere")]
}

fn task() -> impl Strategy<Value = Value> {
    let title =
        prop_oneof![20 => "\\PC{1,12}", 1 => Just(" ".to_owned()), 4 => "[\\x00-\\x1f\"\\\\é漢]{0,3}x"];
    let links = (
        prop::option::weighted(0.2, reference()),
        prop::collection::vec(reference(), 0..3),
        prop::option::weighted(0.3, prop_oneof![9 => Just("p"), 1 => Just("Q")]),
        prop::option::weighted(0.1, prop_oneof![5 => Just("reviewer"), 1 => Just("nobody")]),
    );
    let facts = (any::<i64>(), any::<bool>(), prop::collection::vec("[a-c]", 0..3));
    (title, links, facts).prop_map(|(title, (parent, depends_on, project, role), (number, done, tags))| {
        let mut task = json!({
            "title": title, "depends_on": depends_on, "tags": tags, "labels": { "number": number, "of": [1e300, "1"] },
            "status": if done { "done" } else { "todo" },
        });
        for (name, value) in [("parent_id", parent), ("project_id", project), ("role", role)] {
            if let Some(value) = value {
                task[name] = json!(value);
            }
        }
        task
    })
}

fn asked() -> impl Strategy<Value = Asked> {
    let plan = prop::collection::vec(task(), 1..4).prop_map(|mut tasks| {
        tasks[0]["ref"] = json!("first");
        if let Some(last) = tasks.get_mut(1) {
            last["depends_on"] = json!(["first"]);
            last["subtasks"] = json!([{ "title": "part" }]);
        }
        json!({ "tasks": tasks })
    });
    let input = prop_oneof![4 => task(), 1 => plan];
    let id = prop::option::weighted(0.3, prop_oneof![Just("r1"), Just("r2"), Just("r3")]);
    let actor = prop::option::of(Just("ann"));
    (input, id, actor).prop_map(|(mut input, id, actor)| {
        if let Some(id) = id {
            input["request_id"] = json!(id);
        }
        Asked { input, actor }
    })
}

/// Mostly requests that can be done; some are sent again.
fn group() -> impl Strategy<Value = Vec<Asked>> {
    (prop::collection::vec(asked(), 1..10), prop::collection::vec(any::<prop::sample::Index>(), 0..3))
        .prop_map(|(mut group, again)| {
            for index in again {
                let again = group[index.index(group.len())].clone();
                group.push(again);
            }
            group
        })
}

fn noon() -> Clock {
    Clock::from_fn(|| Timestamp::from_millis(1_772_366_400_000))
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, ..ProptestConfig::default() })]
    #[test]
    fn a_group_is_the_same_as_its_requests_one_by_one(groups in prop::collection::vec(group(), 1..3)) {
        let (mut alone, mut grouped) = (Bench::new(noon()), Bench::new(noon()));
        for group in &groups {
            let (expected, answers) = (alone.one_by_one(group), grouped.together(group));
            prop_assert_eq!(alone.told(&expected), grouped.told(&answers));
        }
    }
}

/// Requests that can all be done.
fn sound(count: usize) -> Vec<Asked> {
    (0..count).map(|n| Asked { input: json!({ "title": format!("t{n}") }), actor: None }).collect()
}

#[test]
fn what_waits_together_is_done_at_one_moment_and_what_fails_stands_alone() {
    let ticks = Arc::new(AtomicI64::new(1_772_366_400_000));
    let clock = Clock::from_fn(move || Timestamp::from_millis(ticks.fetch_add(1, Relaxed)));
    let mut bench = Bench::new(clock);
    let moments = |answers: Vec<Result<TasksWritten, Error>>| {
        let created = answers.into_iter().flatten().filter_map(|written| Some(written.task?.created_at));
        created.collect::<std::collections::BTreeSet<_>>().len()
    };
    assert_eq!(moments(bench.together(&sound(20))), 1);
    let mut group = sound(20);
    group[7].input["parent_id"] = json!("nowhere");
    assert_eq!(moments(bench.together(&group)), 19);
}
