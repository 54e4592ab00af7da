//! The writer on its own: what one bad job may do to the others, and what the disk may do to all.

use std::sync::{Arc, Mutex, atomic::AtomicI64};

use futures::future::BoxFuture;
use shared_types::{Error, ErrorCode};
use sqlx::ConnectOptions;
use tempfile::TempDir;
use tokio::sync::broadcast;

use super::{Desk, job::Job};
use crate::{
    handle::Caller,
    roles::Roles,
    store::{
        StoreOptions, clock::Clock, fault::Fault, ids::IdGenerator, metrics::Metrics, rows::Rows,
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
    caller: Caller,
    verdict: Verdict,
}

impl Job for Scripted {
    fn name(&self) -> &'static str {
        "scripted"
    }

    fn caller(&self) -> &Caller {
        &self.caller
    }

    fn is_abandoned(&self) -> bool {
        false
    }

    fn run<'a>(&'a mut self, tx: &'a mut Tx<'_>) -> BoxFuture<'a, Result<(), Fault>> {
        Box::pin(async move {
            let bytes = if let Act::Add(bytes) = self.act { bytes } else { 1 };
            sqlx::query("INSERT INTO rows (content) VALUES (zeroblob(?1))")
                .bind(bytes as i64)
                .execute(&mut *tx.connection)
                .await?;
            match self.act {
                Act::Add(_) => Ok(()),
                Act::AddAndRefuse => Err(Error::new(ErrorCode::NotFound, "no").into()),
                Act::AddAndPanic => panic!("as scripted"),
            }
        })
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
    async fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let options = StoreOptions::new(folder.path().join("test.db")).writer();
        let mut connection = options.connect().await.unwrap();
        sqlx::query("CREATE TABLE rows (content BLOB)").execute(&mut connection).await.unwrap();
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
        };
        Self { desk, _folder: folder }
    }

    /// Commits `acts` as one group, and returns the code of each failure.
    async fn commit(&mut self, acts: &[Act]) -> Vec<Option<ErrorCode>> {
        let verdicts: Vec<Verdict> = acts.iter().map(|_| Verdict::default()).collect();
        let jobs = acts.iter().zip(&verdicts).map(|(act, verdict)| {
            let job = Scripted { act: *act, caller: Caller::default(), verdict: Arc::clone(verdict) };
            Box::new(job) as Box<dyn Job>
        });
        self.desk.commit(&mut jobs.collect()).await;
        let code = |verdict: &Verdict| verdict.lock().unwrap().take().unwrap().err().map(|error| error.code);
        verdicts.iter().map(code).collect()
    }

    async fn rows(&mut self) -> i64 {
        sqlx::query_scalar("SELECT count(*) FROM rows").fetch_one(&mut self.desk.connection).await.unwrap()
    }

    async fn limit_pages(&mut self, pages: &'static str) {
        sqlx::query(pages).execute(&mut self.desk.connection).await.unwrap();
    }
}

#[tokio::test]
async fn a_job_that_fails_or_panics_takes_back_its_own_rows_only() {
    let mut bench = Bench::new().await;
    let codes = bench.commit(&[Act::Add(1), Act::AddAndRefuse, Act::AddAndPanic, Act::Add(1)]).await;
    assert_eq!(codes, [None, Some(ErrorCode::NotFound), Some(ErrorCode::Internal), None]);
    assert_eq!(bench.rows().await, 2);
    assert_eq!(bench.commit(&[Act::Add(1)]).await, [None], "and the writer goes on");
}

#[tokio::test]
async fn a_full_disk_is_reported_and_nothing_is_acknowledged_that_is_not_there() {
    let mut bench = Bench::new().await;
    bench.limit_pages("PRAGMA max_page_count = 20").await;
    let codes = bench.commit(&[Act::Add(1), Act::Add(1_000_000), Act::Add(1)]).await;
    assert_eq!(codes[1], Some(ErrorCode::StorageUnavailable));
    let acknowledged = codes.iter().filter(|code| code.is_none()).count() as i64;
    assert_eq!(bench.rows().await, acknowledged);
    bench.limit_pages("PRAGMA max_page_count = 100000").await;
    assert_eq!(bench.commit(&[Act::Add(1_000_000)]).await, [None]);
    assert_eq!(bench.rows().await, acknowledged + 1);
}

#[tokio::test]
async fn a_lost_transaction_fails_the_whole_group_and_the_next_goes_through() {
    let mut bench = Bench::new().await;
    // A deferred reference is checked by the commit: the one error that comes after every job is done.
    for statement in [
        "CREATE TABLE owners (id INTEGER PRIMARY KEY)",
        "CREATE TABLE owned (owner INTEGER REFERENCES owners (id) DEFERRABLE INITIALLY DEFERRED)",
        "CREATE TRIGGER orphan AFTER INSERT ON rows WHEN length(NEW.content) = 13
         BEGIN INSERT INTO owned VALUES (1); END",
    ] {
        sqlx::query(statement).execute(&mut bench.desk.connection).await.unwrap();
    }
    let codes = bench.commit(&[Act::Add(1), Act::AddAndRefuse, Act::Add(13)]).await;
    assert_eq!(
        codes,
        [Some(ErrorCode::Internal), Some(ErrorCode::NotFound), Some(ErrorCode::Internal)],
        "what was refused stays refused for its own reason"
    );
    assert_eq!(bench.rows().await, 0);
    assert_eq!(bench.commit(&[Act::Add(1)]).await, [None]);
}
