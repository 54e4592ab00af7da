//! The writer on its own: what one bad job may do to the others, and what the disk may do to all.

mod together;

use std::sync::{Arc, Mutex, atomic::AtomicI64};

use shared_types::{Error, ErrorCode};
use tempfile::TempDir;
use tokio::sync::broadcast;

use super::{Desk, Trail, job::Job};
use crate::{
    roles::Roles,
    store::{
        StoreOptions, clock::Clock, fault::Fault, ids::IdGenerator, metrics::Metrics, rows::Rows, sql::Sql,
        transaction::Tx,
    },
};

type Verdict = Arc<Mutex<Option<Result<(), Error>>>>;

/// What a job of these tests does.
#[derive(Clone, Copy)]
enum Act {
    /// Adds a row of this many bytes.
    Add(usize),
    /// Adds a row, then fails.
    AddAndRefuse,
    /// Adds a row, then panics.
    AddAndPanic,
}

struct Scripted {
    act: Act,
    verdict: Verdict,
}

impl Job for Scripted {
    fn name(&self) -> &'static str {
        "scripted"
    }

    fn is_abandoned(&self) -> bool {
        false
    }

    fn takes_along(&self, _: &dyn Job) -> bool {
        false
    }

    fn run(&mut self, _: &mut [Box<dyn Job>], tx: &mut Tx<'_>) -> Result<(), Fault> {
        let bytes = if let Act::Add(bytes) = self.act { bytes } else { 1 };
        tx.connection.run("INSERT INTO rows (content) VALUES (zeroblob(?1))", (bytes as i64,))?;
        match self.act {
            Act::Add(_) => Ok(()),
            Act::AddAndRefuse => Err(Error::new(ErrorCode::NotFound, "no").into()),
            Act::AddAndPanic => panic!("as scripted"),
        }
    }

    fn settle(self: Box<Self>, verdict: Result<(), Error>) {
        *self.verdict.lock().unwrap() = Some(verdict);
    }
}

struct Bench {
    desk: Desk,
    _folder: TempDir,
}

impl Bench {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let options = StoreOptions::new(folder.path().join("test.db"));
        let connection = options.writer().unwrap();
        connection.run("CREATE TABLE rows (content BLOB)", ()).unwrap();
        let desk = Desk {
            connection,
            options,
            ids: IdGenerator::after(0),
            clock: Clock::system(),
            roles: Arc::new(Roles::builtin()),
            metrics: Arc::new(Metrics::new().unwrap()),
            rows: Arc::new(Rows::new(0)),
            feed: broadcast::channel(16).0,
            position: Arc::new(AtomicI64::new(0)),
            trail: Trail::new(Arc::default()),
        };
        Self { desk, _folder: folder }
    }

    /// Commits `acts` as one group, and returns the code of each failure.
    fn commit(&mut self, acts: &[Act]) -> Vec<Option<ErrorCode>> {
        let verdicts: Vec<Verdict> = acts.iter().map(|_| Verdict::default()).collect();
        let jobs = acts.iter().zip(&verdicts).map(|(act, verdict)| {
            let job = Scripted { act: *act, verdict: Arc::clone(verdict) };
            Box::new(job) as Box<dyn Job>
        });
        self.desk.commit(&mut jobs.collect());
        let code = |verdict: &Verdict| verdict.lock().unwrap().take().unwrap().err().map(|error| error.code);
        verdicts.iter().map(code).collect()
    }

    fn rows(&mut self) -> i64 {
        self.desk.connection.one("SELECT count(*) FROM rows", ()).unwrap()
    }

    fn limit_pages(&mut self, pages: &'static str) {
        self.desk.connection.run(pages, ()).unwrap();
    }
}

#[test]
fn a_job_that_fails_or_panics_takes_back_its_own_rows_only() {
    let mut bench = Bench::new();
    let codes = bench.commit(&[Act::Add(1), Act::AddAndRefuse, Act::AddAndPanic, Act::Add(1)]);
    assert_eq!(codes, [None, Some(ErrorCode::NotFound), Some(ErrorCode::Internal), None]);
    assert_eq!(bench.rows(), 2);
    assert_eq!(bench.commit(&[Act::Add(1)]), [None], "and the writer goes on");
}

#[test]
fn a_full_disk_is_reported_and_nothing_is_acknowledged_that_is_not_there() {
    let mut bench = Bench::new();
    bench.limit_pages("PRAGMA max_page_count = 20");
    let codes = bench.commit(&[Act::Add(1), Act::Add(1_000_000), Act::Add(1)]);
    assert_eq!(codes[1], Some(ErrorCode::StorageUnavailable));
    let acknowledged = codes.iter().filter(|code| code.is_none()).count() as i64;
    assert_eq!(bench.rows(), acknowledged);
    bench.limit_pages("PRAGMA max_page_count = 100000");
    assert_eq!(bench.commit(&[Act::Add(1_000_000)]), [None]);
    assert_eq!(bench.rows(), acknowledged + 1);
}

#[test]
fn a_lost_transaction_fails_the_whole_group_and_the_next_goes_through() {
    let mut bench = Bench::new();
    // A deferred reference is checked by the commit: the one error that comes after every job is done.
    for statement in [
        "CREATE TABLE owners (id INTEGER PRIMARY KEY)",
        "CREATE TABLE owned (owner INTEGER REFERENCES owners (id) DEFERRABLE INITIALLY DEFERRED)",
        "CREATE TRIGGER orphan AFTER INSERT ON rows WHEN length(NEW.content) = 13
         BEGIN INSERT INTO owned VALUES (1); END",
    ] {
        bench.desk.connection.run(statement, ()).unwrap();
    }
    let codes = bench.commit(&[Act::Add(1), Act::AddAndRefuse, Act::Add(13)]);
    assert_eq!(
        codes,
        [Some(ErrorCode::Internal), Some(ErrorCode::NotFound), Some(ErrorCode::Internal)],
        "what was refused stays refused for its own reason"
    );
    assert_eq!(bench.rows(), 0);
    assert_eq!(bench.commit(&[Act::Add(1)]), [None]);
}
