//! The backend is killed in the middle of its work, again and again.

use std::{
    fs,
    path::Path,
    thread,
    time::{Duration, Instant},
};

use rusqlite::OpenFlags;
use tests::{Connection, Server, effort};

use crate::{
    figures::Durations,
    template,
    writer::{Verdict, WRITERS, Writer, verify_all, write_while},
};

/// After so many cycles the next ones begin with a fresh copy of the database.
const CYCLES_PER_COPY: usize = 50;

/// How long the writers may take to fill the log.
const PATIENCE: Duration = Duration::from_secs(60);

#[test]
fn a_killed_backend_has_lost_nothing_it_acknowledged() {
    let cycles = effort(200, 2000);
    let (mut ready, mut verdict, mut acknowledged) = (Durations::default(), Verdict::default(), 0);
    for first in (0..cycles).step_by(CYCLES_PER_COPY) {
        let workspace = tempfile::tempdir().unwrap();
        template::copy_to(workspace.path());
        let mut all = Vec::new();
        let mut server = Server::start(workspace.path());
        for cycle in first..cycles.min(first + CYCLES_PER_COPY) {
            let mut writers: Vec<_> = (0..WRITERS).map(|n| Writer::new(format!("{cycle}.{n}"))).collect();
            let moment = Duration::from_millis(fastrand::u64(10..80));
            let address = server.address().to_owned();
            write_while(&mut writers, &address, || {
                thread::sleep(moment);
                server.kill();
            });
            let begun = Instant::now();
            server = Server::start(workspace.path());
            // Up is who answers.
            Connection::open(server.address()).unwrap().send("GET", "/api/tasks?limit=1", None).unwrap();
            ready.add(begun.elapsed());
            verdict += verify_all(&mut writers, server.address());
            all.append(&mut writers);
            let found = look(workspace.path(), cycle % 10 == 9);
            verdict += Verdict { duplicated: found.surplus(&all), ..Verdict::default() };
            assert_eq!(found.damage, "ok", "after cycle {cycle}");
        }
        verdict += verify_all(&mut all, server.address());
        acknowledged += all.iter().map(|writer| writer.acknowledged).sum::<usize>();
    }
    println!(
        "{cycles} times killed with {} tasks and {WRITERS} writers: {acknowledged} writes acknowledged, {} lost, \
         {} duplicated, {} torn; ready again in {:?} (p50), {:?} (p99)",
        template::TASKS,
        verdict.lost,
        verdict.duplicated,
        verdict.torn,
        ready.quantile(0.5),
        ready.quantile(0.99),
    );
    assert_eq!(verdict, Verdict::default());
    assert!(acknowledged > cycles, "the writers hardly came to write");
}

#[test]
fn one_killed_while_the_log_is_copied_beside_the_writes_has_lost_nothing_either() {
    let cycles = effort(30, 300);
    let workspace = tempfile::tempdir().unwrap();
    let (mut verdict, mut all) = (Verdict::default(), Vec::new());
    let mut server = Server::start(workspace.path());
    for cycle in 0..cycles {
        let mut writers: Vec<_> = (0..WRITERS).map(|n| Writer::new(format!("{cycle}.{n}"))).collect();
        let address = server.address().to_owned();
        write_while(&mut writers, &address, || {
            wait_for_copying(&server);
            thread::sleep(Duration::from_millis(fastrand::u64(..30)));
            server.kill();
        });
        // A database that is not what its sums say would be refused here.
        server = Server::start(workspace.path());
        verdict += verify_all(&mut writers, server.address());
        all.append(&mut writers);
        assert_eq!(look(workspace.path(), cycle % 10 == 9).damage, "ok", "after cycle {cycle}");
    }
    verdict += verify_all(&mut all, server.address());
    let acknowledged: usize = all.iter().map(|writer| writer.acknowledged).sum();
    println!(
        "{cycles} times killed while the log was copied: {acknowledged} writes acknowledged, {verdict:?}"
    );
    assert_eq!(verdict, Verdict::default());
    assert!(acknowledged > cycles, "the writers hardly came to write");
}

/// Waits until the backend copies the log ahead of a checkpoint, on a thread of that name.
fn wait_for_copying(server: &Server) {
    let begun = Instant::now();
    let threads = format!("/proc/{}/task", server.pid());
    let is_copying = || {
        let names = fs::read_dir(&threads).unwrap().flatten();
        names
            .flat_map(|thread| fs::read_to_string(thread.path().join("comm")))
            .any(|name| name == "checkpoint\n")
    };
    while !is_copying() {
        assert!(begun.elapsed() < PATIENCE, "the log was not copied");
    }
}

/// What the database file holds.
struct Found {
    tasks: usize,
    changes: usize,
    damage: String,
}

impl Found {
    /// How many tasks or changes there are for which nobody asked.
    fn surplus(&self, writers: &[Writer]) -> usize {
        let created: usize = writers.iter().map(Writer::created).sum();
        let written: usize = writers.iter().map(|writer| writer.acknowledged).sum();
        self.tasks.abs_diff(template::TASKS + created) + self.changes.abs_diff(template::TASKS + written)
    }
}

/// Reads the file beside the backend; `thoroughly`, with every index against its table.
fn look(workspace: &Path, thoroughly: bool) -> Found {
    let file = workspace.join(".vespera/tasks.db");
    let database = rusqlite::Connection::open_with_flags(file, OpenFlags::SQLITE_OPEN_READ_ONLY).unwrap();
    database.pragma_update(None, "mmap_size", 268_435_456).unwrap();
    Found {
        tasks: count("SELECT count(*) FROM tasks", &database),
        changes: count("SELECT count(*) FROM history", &database),
        damage: if thoroughly { damage(&database) } else { "ok".to_owned() },
    }
}

fn count(statement: &str, database: &rusqlite::Connection) -> usize {
    let count: i64 = database.query_row(statement, (), |row| row.get(0)).unwrap();
    usize::try_from(count).unwrap()
}

/// What SQLite finds wrong, or `ok`.
fn damage(database: &rusqlite::Connection) -> String {
    let orphans = count("SELECT count(*) FROM pragma_foreign_key_check", database);
    if orphans > 0 {
        return format!("{orphans} rows refer to rows that are not there");
    }
    database.query_row("PRAGMA integrity_check(1)", (), |row| row.get(0)).unwrap()
}
