//! The power is lost: what was not synced by then is there in part, torn, or not at all.
//!
//! The backend runs with a library that records its writes and syncs. The disk is then what a disk may
//! be at any moment of that log. Modelled are contents, in sectors that survive each on its own and in
//! any order, lengths, and names, which are safe once the folder was synced. Taken for granted is that a
//! write touches no byte beside its own, as SQLite does, and that a synced byte stays.

mod disk;

use std::{
    collections::HashMap,
    fs,
    path::{Path, PathBuf},
    thread,
    time::{Duration, Instant},
};

use serde_json::Value;
use tempfile::TempDir;
use tests::{Connection, Server, effort};

use self::disk::{Disk, read_log};
use crate::{
    preload,
    writer::{WRITERS, Writer},
};

/// How long the backend writes before and after a restart.
const WRITING: Duration = Duration::from_millis(1500);

/// How many calls the backend needs to make a database, more or less.
const FIRST_CALLS: usize = 100;

/// After so many losses one is survived by a real backend.
const SEEDS_PER_START: usize = 4;

#[test]
fn no_acknowledged_write_is_lost_with_the_power() {
    let outcome = lose_power("full", effort(200, 2000));
    assert_eq!(outcome.lost, 0, "acknowledged writes are lost");
    assert!(outcome.acknowledged > 100 && outcome.with_acknowledged > 100);
}

#[test]
fn without_a_sync_writes_are_lost_and_the_database_is_whole() {
    // Nothing is promised here but the file. That something is lost shows what the model can find.
    assert!(lose_power("normal", effort(50, 500)).lost > 0);
}

/// What came of losing the power many times.
struct Outcome {
    acknowledged: usize,
    /// How many losses came after the first acknowledgement.
    with_acknowledged: usize,
    lost: usize,
}

fn lose_power(durability: &str, seeds: usize) -> Outcome {
    let run = record(durability);
    let log = read_log(&fs::read(&run.log).unwrap());
    let mut disk = Disk::new(&run.folder);
    let mut chance = fastrand::Rng::new();
    println!("the seed is {}", chance.get_seed());
    // One in eight while the file is made, which is soon over and has rules of its own.
    let cut = |seed| chance.usize(..if seed % 8 == 0 { FIRST_CALLS } else { log.len() });
    let mut cuts: Vec<usize> = (0..seeds).map(cut).collect();
    cuts.sort_unstable();
    let mut outcome = Outcome { acknowledged: run.acknowledged.len(), with_acknowledged: 0, lost: 0 };
    let mut done = 0;
    for (seed, cut) in cuts.into_iter().enumerate() {
        log[done..cut].iter().for_each(|record| disk.apply(record));
        done = cut;
        let moment = cut.checked_sub(1).map_or(0, |last| log[last].end);
        let before = run.acknowledged.iter().filter(|one| one.moment <= moment);
        let expected: HashMap<i64, &Acknowledged> = before.map(|one| (one.row_id, one)).collect();
        outcome.with_acknowledged += usize::from(!expected.is_empty());

        let workspace = tempfile::tempdir().unwrap();
        let folder = workspace.path().join(".vespera");
        fs::create_dir(&folder).unwrap();
        disk.lose_power(&folder, &mut chance);
        if seed % SEEDS_PER_START == 0 {
            Server::start(workspace.path()).kill();
        }
        outcome.lost += missing(&folder.join("tasks.db"), &expected);
    }
    println!(
        "power lost {seeds} times in {} calls under {durability}, {} times after a write was acknowledged: \
         {} writes acknowledged, {} lost",
        log.len(),
        outcome.with_acknowledged,
        outcome.acknowledged,
        outcome.lost
    );
    outcome
}

/// A write that was acknowledged when the log had come to `moment`.
struct Acknowledged {
    moment: usize,
    row_id: i64,
    task: Value,
}

/// What a recorded backend did, and what it acknowledged, the oldest first.
struct Recording {
    folder: PathBuf,
    log: PathBuf,
    acknowledged: Vec<Acknowledged>,
    _workspace: TempDir,
}

/// Lets the writers write, with an orderly end and a new start in the middle.
fn record(durability: &str) -> Recording {
    let workspace = tempfile::tempdir().unwrap();
    let path = workspace.path().canonicalize().unwrap();
    let (folder, log) = (path.join(".vespera"), path.join("calls"));
    let library = preload::compile("power/recorder.c", &path);
    let start = || {
        let mut command = Server::command(&path);
        command.env("BINDERY_DURABILITY", durability).env("LD_PRELOAD", &library);
        command.env("RECORDER_FOLDER", &folder).env("RECORDER_LOG", &log);
        Server::run(&path, command)
    };
    let mut writers: Vec<_> = (0..WRITERS).map(|n| Writer::new(n.to_string())).collect();
    let mut acknowledged = Vec::new();
    let server = start();
    acknowledged.extend(write(&mut writers, server.address(), &log));
    assert!(server.stop().success());
    let server = start();
    acknowledged.extend(write(&mut writers, server.address(), &log));
    server.kill();
    acknowledged.sort_by_key(|one| (one.row_id, one.task["version"].as_i64()));
    Recording { folder, log, acknowledged, _workspace: workspace }
}

fn write(writers: &mut [Writer], address: &str, log: &Path) -> Vec<Acknowledged> {
    let write = |writer: &mut Writer| {
        let begun = Instant::now();
        let mut connection = Connection::open(address).unwrap();
        let mut acknowledged = Vec::new();
        while begun.elapsed() < WRITING {
            let response = writer.write(&mut connection).unwrap();
            let task = serde_json::from_slice::<Value>(&response.body).unwrap()["task"].take();
            let id: shared_types::TaskId = task["id"].as_str().unwrap().parse().unwrap();
            let moment = usize::try_from(fs::metadata(log).unwrap().len()).unwrap();
            acknowledged.push(Acknowledged { moment, row_id: id.row_id(), task });
        }
        acknowledged
    };
    thread::scope(|scope| {
        let threads: Vec<_> = writers.iter_mut().map(|writer| scope.spawn(|| write(writer))).collect();
        threads.into_iter().flat_map(|thread| thread.join().unwrap()).collect()
    })
}

/// How many of the expected writes the database does not hold. It must be whole in any case.
fn missing(database: &Path, expected: &HashMap<i64, &Acknowledged>) -> usize {
    if !database.exists() {
        return expected.len();
    }
    let database = rusqlite::Connection::open(database).unwrap();
    let verdict: String = database.query_row("PRAGMA integrity_check(1)", (), |row| row.get(0)).unwrap();
    assert_eq!(verdict, "ok");
    let found = tasks(&database);
    expected.values().filter(|one| !holds(&found, one)).count()
}

type Row = (i64, i64, String, Option<String>, Option<String>);

fn tasks(database: &rusqlite::Connection) -> HashMap<i64, Row> {
    let statement = "SELECT id, version, title, description, completion_notes FROM tasks";
    let mut statement = match database.prepare(statement) {
        Ok(statement) => statement,
        // The power was lost before the table was there.
        Err(error) if error.to_string().contains("no such table") => return HashMap::new(),
        Err(error) => panic!("{error}"),
    };
    let rows = statement.query_map((), |row| Row::try_from(row)).unwrap();
    rows.map(|row| row.map(|row| (row.0, row)).unwrap()).collect()
}

/// Whether the write is there, or a later one of the same task.
fn holds(found: &HashMap<i64, Row>, expected: &Acknowledged) -> bool {
    let Some((_, version, title, description, notes)) = found.get(&expected.row_id) else { return false };
    let wanted = |name: &str| expected.task[name].as_str();
    let same = || {
        (Some(title.as_str()), description.as_deref(), notes.as_deref())
            == (wanted("title"), wanted("description"), wanted("completion_notes"))
    };
    match expected.task["version"].as_i64() {
        Some(acknowledged) if *version == acknowledged => same(),
        Some(acknowledged) => *version > acknowledged,
        None => false,
    }
}
