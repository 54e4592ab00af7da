//! Assistants and backends are killed at work: the others go on, nothing acknowledged is lost or
//! done twice, and nothing is left behind.

mod follower;

use std::{
    collections::BTreeMap,
    fs,
    path::Path,
    sync::atomic::{AtomicBool, AtomicUsize, Ordering},
    time::{Duration, Instant},
};

use rustix::process::{Pid, Signal, kill_process};
use serde_json::{Value, json};
use tests::{Session, Stop, Workspace, effort};

use follower::Follower;

const ASSISTANTS: usize = 4;
/// Tasks in one call, so that a kill falls into the middle of one.
const BATCH: usize = 20;
const PATIENCE: Duration = Duration::from_secs(60);

#[test]
fn killed_assistants_and_backends_harm_no_other_and_leave_nothing() {
    let kills = effort(4, 100);
    let workspace = Workspace::new();
    let mut sessions: Vec<_> = (0..ASSISTANTS).map(|_| session(&workspace)).collect();
    let follower = Follower::start(&workspace);

    let stop = AtomicBool::new(false);
    let batches: Vec<_> = (0..ASSISTANTS).map(|_| AtomicUsize::new(0)).collect();
    let victim = sessions[0].pid();
    std::thread::scope(|scope| {
        for (number, (session, done)) in sessions.iter_mut().zip(&batches).enumerate() {
            let (stop, dies) = (&stop, number == 0);
            scope.spawn(move || work(number, session, done, stop, dies));
        }
        let _stop = Stop(&stop);
        await_work(&batches);
        kill(victim);
        let survivors = &batches[1..];
        await_work(survivors);
        for _ in 0..kills {
            kill(backend(&workspace));
            await_work(survivors);
        }
    });

    let done: Vec<_> = batches.iter().map(|done| done.load(Ordering::SeqCst)).collect();
    check_tasks(&mut sessions[1], &done);
    let last = position(&workspace);
    until("the feed tells everything", || follower.seen().last() == Some(&last));
    assert_eq!(follower.seen(), (1..=last).collect::<Vec<_>>(), "a gap or a repeat");
    println!("{kills} backends killed, batches {done:?}, {last} changes, each told once");

    follower.stop();
    sessions.drain(..).for_each(Session::kill);
    until("the grace period is over", || processes(workspace.path()).is_empty());
    check_folder(&workspace);
    check_tasks(&mut session(&workspace), &done);
}

#[test]
fn what_dies_together_hinders_no_next_start() {
    for round in 0..effort(3, 50) {
        let workspace = Workspace::new();
        let mut sessions: Vec<_> = (0..ASSISTANTS).map(|_| session(&workspace)).collect();
        for (number, session) in sessions.iter_mut().enumerate() {
            session.call("create_task", &json!({"title": format!("{number}")}));
            // Killed in the middle of this one.
            session
                .start_request("tools/call", json!({"name": "create_task", "arguments": batch(number, 0)}));
        }
        let backend = backend(&workspace);
        // Either may go first.
        if round % 2 == 0 {
            kill(backend);
        }
        sessions.drain(..).for_each(Session::kill);
        if round % 2 == 1 {
            kill(backend);
        }
        until("all are gone", || processes(workspace.path()).is_empty());
        let titles = titles(&mut session(&workspace));
        for number in 0..ASSISTANTS {
            assert_eq!(titles.get(&number.to_string()), Some(&1), "{titles:?}");
        }
    }
}

/// A session whose backend stays for a second after its last user.
fn session(workspace: &Workspace) -> Session {
    let mut command = workspace.command();
    command.env("BINDERY_GRACE", "1");
    let mut session = Session::start(command);
    session.initialize();
    session
}

/// Creates batches until told to stop; `done` counts those that were acknowledged.
fn work(number: usize, session: &mut Session, done: &AtomicUsize, stop: &AtomicBool, dies: bool) {
    while !stop.load(Ordering::SeqCst) {
        let count = done.load(Ordering::SeqCst);
        let params = json!({"name": "create_task", "arguments": batch(number, count)});
        match session.try_request("tools/call", params) {
            Some(answer) => assert_eq!(answer["result"]["isError"], false, "{answer}"),
            None if dies => return,
            None => panic!("assistant {number} died: {}", session.log()),
        }
        done.store(count + 1, Ordering::SeqCst);
    }
}

fn batch(number: usize, count: usize) -> Value {
    let tasks: Vec<_> = (0..BATCH).map(|n| json!({"title": format!("{number}-{count}-{n}")})).collect();
    json!({"tasks": tasks})
}

/// Waits until each has done some more.
fn await_work(batches: &[AtomicUsize]) {
    let counts = || batches.iter().map(|done| done.load(Ordering::SeqCst));
    let before: Vec<_> = counts().collect();
    until("everybody works", || counts().zip(&before).all(|(now, before)| now >= before + 3));
}

/// Checks that every acknowledged batch is there once, and at most one more of each.
fn check_tasks(session: &mut Session, done: &[usize]) {
    let titles = titles(session);
    for (number, done) in done.iter().enumerate() {
        for (count, n) in (0..*done).flat_map(|count| (0..BATCH).map(move |n| (count, n))) {
            let title = format!("{number}-{count}-{n}");
            assert_eq!(titles.get(&title), Some(&1), "{title}");
        }
        let unacknowledged = titles.keys().filter(|title| title.starts_with(&format!("{number}-{done}-")));
        let unacknowledged = unacknowledged.count();
        assert!(unacknowledged == 0 || unacknowledged == BATCH, "half a batch: {unacknowledged}");
    }
    let most: usize = done.iter().map(|done| (done + 1) * BATCH).sum();
    assert!(titles.len() <= most && titles.values().all(|count| *count == 1), "something was done twice");
}

/// How often each title is there.
fn titles(session: &mut Session) -> BTreeMap<String, usize> {
    let mut titles = BTreeMap::new();
    let mut page = json!({"limit": 100, "fields": ["title"]});
    loop {
        let answer = session.call("list_tasks", &page);
        for task in answer["tasks"].as_array().unwrap() {
            *titles.entry(task["title"].as_str().unwrap().to_owned()).or_default() += 1;
        }
        match &answer["next_cursor"] {
            Value::String(cursor) => page["cursor"] = json!(cursor),
            _ => return titles,
        }
    }
}

/// Checks that what is left in the folder hinders nobody.
fn check_folder(workspace: &Workspace) {
    let state = workspace.path().join(".vespera");
    for file in ["backend.json", "backend.sock"] {
        assert!(!state.join(file).exists(), "{file} is left");
    }
    for lock in ["start.lock", "backend.lock"] {
        assert!(fs::File::open(state.join(lock)).unwrap().try_lock().is_ok(), "{lock} is held");
    }
}

fn backend(workspace: &Workspace) -> u32 {
    workspace.backend()["pid"].as_u64().unwrap().try_into().unwrap()
}

/// The number of the last change.
fn position(workspace: &Workspace) -> i64 {
    let url = workspace.backend()["url"].as_str().unwrap().replace("http://", "");
    let live = tests::http::exchange(&url, "GET", "/health/live", &[], None);
    serde_json::from_slice::<Value>(&live.body).unwrap()["seq"].as_i64().unwrap()
}

fn kill(pid: u32) {
    // It may have ended by itself.
    let _ = kill_process(Pid::from_raw(pid.cast_signed()).unwrap(), Signal::KILL);
}

/// The processes that were started for this folder.
fn processes(folder: &Path) -> Vec<String> {
    let folder = folder.to_str().unwrap();
    let lines = fs::read_dir("/proc").unwrap().flatten().filter_map(|process| {
        let line = fs::read(process.path().join("cmdline")).ok()?;
        Some(String::from_utf8_lossy(&line).replace('\0', " "))
    });
    lines.filter(|line| line.contains(folder)).collect()
}

/// Looks until it is so.
fn until(what: &str, look: impl Fn() -> bool) {
    let begun = Instant::now();
    while !look() {
        assert!(begun.elapsed() < PATIENCE, "waited in vain: {what}");
        std::thread::sleep(Duration::from_millis(10));
    }
}
