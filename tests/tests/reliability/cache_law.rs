//! The law of the caches: after a write is acknowledged, the assistant that made it never reads
//! the old row, and no other does in a read that begins 100 ms later.
//!
//! Several assistants read and write a few tasks at random, each with several calls in flight,
//! while backends are stopped and killed under them. Every answer is held against a model of what
//! was acknowledged when.

mod history;

use std::{
    sync::atomic::{AtomicUsize, Ordering},
    time::{Duration, Instant},
};

use rustix::process::{Pid, Signal, kill_process};
use serde_json::{Value, json};
use tests::{Session, Workspace, effort};

use history::{History, Seen};

const ASSISTANTS: usize = 4;
/// Calls that an assistant has in flight.
const IN_FLIGHT: usize = 4;
const TASKS: usize = 4;
/// Longer than the law gives to others.
const LATER: Duration = Duration::from_millis(120);

#[test]
fn no_assistant_reads_what_was_replaced() {
    // Without optimization a machine with two cores does about a thousand a second.
    let operations = effort(if cfg!(debug_assertions) { 20_000 } else { 100_000 }, 1_000_000);
    let seed = fastrand::u64(..);
    println!("{operations} operations, seed {seed}");
    let mut random = fastrand::Rng::with_seed(seed);
    let workspace = Workspace::new();
    let mut sessions: Vec<_> = (0..ASSISTANTS).map(|_| workspace.session()).collect();
    let tasks: Vec<_> = (0..TASKS).map(|n| create(&mut sessions[0], n)).collect();
    let pids: Vec<_> = sessions.iter().map(Session::pid).collect();

    let left = AtomicUsize::new(operations);
    let begun = Instant::now();
    let history = std::thread::scope(|scope| {
        let players: Vec<_> = (0..)
            .zip(&mut sessions)
            .map(|(number, session)| {
                let player = Player { number, session, tasks: &tasks, random: random.fork(), left: &left };
                scope.spawn(|| player.play())
            })
            .collect();
        disturb(&workspace, &pids, &left, &mut random);
        let histories = players.into_iter().map(|player| player.join().unwrap());
        histories.fold(History::default(), History::merge)
    });
    let elapsed = begun.elapsed();
    let rate = operations as f64 / elapsed.as_secs_f64();
    println!("{history} in {:.1} s, {rate:.0} a second", elapsed.as_secs_f64());
    let mut hits = 0;
    for session in &mut sessions {
        let client = session.call("health_check", &json!({"detail": true}))["client"].clone();
        hits += client["figures"]["hits"].as_u64().unwrap() + client["figures"]["shared"].as_u64().unwrap();
        println!("{client}");
    }
    assert_eq!(history.broken(), Vec::<String>::new());
    assert!(history.failed() * 100 < operations, "{} calls failed", history.failed());
    assert!(hits * 20 > operations as u64, "the caches were hardly used: {hits} hits");
}

/// The backend stops at the moment at which it has answered the writer, and may not yet have told
/// the reader.
#[test]
fn a_stopped_backend_leaves_no_old_row_in_a_cache() {
    let rounds = effort(40, 1000);
    let workspace = Workspace::new();
    let (mut writer, mut reader) = (workspace.session(), workspace.session());
    let id = create(&mut writer, 0);
    let backend = backend(&workspace).unwrap();
    for _ in 0..rounds {
        reader.call("get_task", &json!({"task_id": id}));
        reader.call("get_task", &json!({"task_id": id}));
        let written = writer.call("update_task", &json!({"task_id": id, "title": "again"}));
        kill_process(backend, Signal::STOP).unwrap();
        std::thread::sleep(LATER);
        let asked = reader.start_request("tools/call", call("get_task", &json!({"task_id": id})));
        std::thread::sleep(LATER);
        kill_process(backend, Signal::CONT).unwrap();
        let read = loop {
            let message = reader.receive();
            if message["id"] == asked {
                break message["result"]["structuredContent"].clone();
            }
        };
        assert_eq!(read["task"]["version"], version(&written), "{read}");
    }
}

fn version(answer: &Value) -> Value {
    let row = if answer["task"].is_object() { &answer["task"] } else { &answer["tasks"][0] };
    row["version"].clone()
}

fn create(session: &mut Session, number: usize) -> String {
    let created = session.call("create_task", &json!({"title": format!("Task {number}")}));
    created["task"]["id"].as_str().unwrap().to_owned()
}

fn call(tool: &str, arguments: &Value) -> Value {
    json!({"name": tool, "arguments": arguments})
}

fn backend(workspace: &Workspace) -> Option<Pid> {
    Pid::from_raw(workspace.backend()["pid"].as_i64()?.try_into().ok()?)
}

/// Stops and kills backends and stops assistants, until all operations are done.
fn disturb(workspace: &Workspace, assistants: &[u32], left: &AtomicUsize, random: &mut fastrand::Rng) {
    while left.load(Ordering::SeqCst) > 0 {
        std::thread::sleep(Duration::from_millis(random.u64(500..1500)));
        let pause = Duration::from_millis(random.u64(50..300));
        let target = match random.u8(..4) {
            0 => Pid::from_raw(assistants[random.usize(..assistants.len())].cast_signed()),
            _ => backend(workspace),
        };
        let Some(target) = target else { continue };
        if random.u8(..4) == 0 && backend(workspace) == Some(target) {
            // It may have ended by itself.
            let _ = kill_process(target, Signal::KILL);
            continue;
        }
        let _ = kill_process(target, Signal::STOP);
        std::thread::sleep(pause);
        let _ = kill_process(target, Signal::CONT);
    }
}

/// One assistant.
struct Player<'a> {
    number: usize,
    session: &'a mut Session,
    tasks: &'a [String],
    random: fastrand::Rng,
    /// Operations that nobody has begun.
    left: &'a AtomicUsize,
}

impl Player<'_> {
    fn play(mut self) -> History {
        let mut history = History::default();
        let mut underway = Vec::new();
        loop {
            while underway.len() < IN_FLIGHT && self.takes_one() {
                underway.push(self.begin());
            }
            if underway.is_empty() {
                return history;
            }
            let message = self.session.receive();
            let ended = Instant::now();
            let Some(place) = underway.iter().position(|(id, ..)| message["id"] == *id) else { continue };
            let (_, is_write, begun) = underway.swap_remove(place);
            let result = &message["result"];
            if result["isError"] != false {
                history.fail(&result["structuredContent"]["error"].to_string());
                continue;
            }
            for (task, version) in self.versions(&result["structuredContent"]) {
                history.add(Seen { player: self.number, task, version, begun, ended }, is_write);
            }
        }
    }

    fn takes_one(&mut self) -> bool {
        // Now and then nobody asks for a while, as people do.
        if self.random.u16(..500) == 0 {
            std::thread::sleep(Duration::from_millis(self.random.u64(..150)));
        }
        self.left.fetch_update(Ordering::SeqCst, Ordering::SeqCst, |left| left.checked_sub(1)).is_ok()
    }

    /// Begins an operation: its id, whether it writes, and when it began.
    fn begin(&mut self) -> (i64, bool, Instant) {
        let id = &self.tasks[self.random.usize(..TASKS)];
        let begun = Instant::now();
        let (is_write, params) = match self.random.u8(..100) {
            0..2 => {
                let title = format!("By {}, {}", self.number, self.random.u32(..));
                (true, call("update_task", &json!({"task_id": id, "title": title})))
            }
            2..20 => (false, call("list_tasks", &json!({}))),
            _ => (false, call("get_task", &json!({"task_id": id}))),
        };
        (self.session.start_request("tools/call", params), is_write, begun)
    }

    /// The tasks in an answer with their versions.
    fn versions(&self, answer: &Value) -> Vec<(usize, i64)> {
        let rows = answer["tasks"].as_array().cloned().unwrap_or_else(|| vec![answer["task"].clone()]);
        let number = |row: &Value| self.tasks.iter().position(|id| row["id"] == id.as_str());
        rows.iter().filter_map(|row| Some((number(row)?, row["version"].as_i64()?))).collect()
    }
}
