//! Each way in which a crash can fall into the protocol, with a real database and its files as they lie there
//! at that moment.

use std::{fs, path::PathBuf};

use sqlx::{ConnectOptions, Connection, SqliteConnection};
use tempfile::TempDir;

use super::{wal::Found, *};
use crate::store::{StoreOptions, beside::beside};

const FILES: [&str; 3] = ["", "-wal", "-sum"];

struct Bench {
    folder: TempDir,
    connection: SqliteConnection,
    sums: Sums,
}

impl Bench {
    async fn new(synchronous: Synchronous) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let mut options = StoreOptions::new(folder.path().join("a.db"));
        options.synchronous = synchronous;
        let (_, mut sums) = examine(&options.path, u64::MAX).unwrap();
        sums.begin(synchronous).unwrap();
        let mut connection = options.writer().connect().await.unwrap();
        sqlx::query("CREATE TABLE rows (number INTEGER PRIMARY KEY, content BLOB)")
            .execute(&mut connection)
            .await
            .unwrap();
        let mut bench = Self { folder, connection, sums };
        // Of two logs one is begun again.
        for _ in 0..2 {
            bench.add(40).await;
            assert!(bench.fold().await.complete);
        }
        bench
    }

    fn path(&self) -> PathBuf {
        self.folder.path().join("a.db")
    }

    /// Adds rows of a page each, in one commit.
    async fn add(&mut self, rows: u32) {
        let statement = "WITH RECURSIVE n (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM n WHERE n < ?1)
                         INSERT INTO rows (content) SELECT randomblob(3000) FROM n";
        sqlx::query(statement).bind(rows).execute(&mut self.connection).await.unwrap();
    }

    async fn run(&mut self, statement: &'static str) {
        sqlx::query(statement).execute(&mut self.connection).await.unwrap();
    }

    async fn fold(&mut self) -> fold::Folded {
        fold(&mut self.connection, &mut self.sums, Mode::Passive).await.unwrap()
    }

    /// What a process that is killed now leaves.
    fn killed(&self) -> Killed {
        let folder = tempfile::tempdir().unwrap();
        let killed = Killed { path: folder.path().join("a.db"), _folder: folder };
        for suffix in FILES {
            fs::copy(beside(&self.path(), suffix), killed.file(suffix)).unwrap();
        }
        killed
    }
}

struct Killed {
    path: PathBuf,
    _folder: TempDir,
}

impl Killed {
    fn file(&self, suffix: &str) -> PathBuf {
        beside(&self.path, suffix)
    }

    fn verdict(&self) -> Verdict {
        examine(&self.path, u64::MAX).unwrap().0
    }

    fn is_different(&self) -> bool {
        matches!(self.verdict(), Verdict::Different(_))
    }

    fn change(&self, suffix: &str, change: impl FnOnce(&mut Vec<u8>)) {
        let mut bytes = fs::read(self.file(suffix)).unwrap();
        change(&mut bytes);
        fs::write(self.file(suffix), bytes).unwrap();
    }

    /// One bit of the file, in its `page`.
    fn flip(&self, page: usize) {
        self.change("", |bytes| bytes[(page - 1) * 4096 + 1000] ^= 1);
    }
}

/// Where the data of a frame begins.
fn frame(number: usize) -> usize {
    32 + (number - 1) * (24 + 4096) + 24
}

#[tokio::test]
async fn killed_between_a_checkpoint_and_its_sums() {
    let mut bench = Bench::new(Synchronous::Full).await;
    bench.add(30).await;
    bench.run("UPDATE rows SET content = zeroblob(3000) WHERE number < 20").await;
    bench.run("PRAGMA wal_checkpoint(PASSIVE)").await;
    let killed = bench.killed();
    assert_eq!(killed.verdict(), Verdict::Same);
    fs::remove_file(killed.file("-wal")).unwrap();
    assert_eq!(
        killed.verdict(),
        Verdict::Strange,
        "the file is ahead of its sums, and only the log says why"
    );
    let killed = bench.killed();
    killed.flip(60);
    assert!(killed.is_different(), "what the log does not hold is compared");
}

#[tokio::test]
async fn killed_while_the_sums_are_noted() {
    let mut bench = Bench::new(Synchronous::Full).await;
    bench.add(30).await;
    assert!(bench.fold().await.complete);
    for torn in [1, 20, 60, 200] {
        let killed = bench.killed();
        killed.change("-sum", |bytes| bytes.truncate(bytes.len() - torn));
        assert_eq!(killed.verdict(), Verdict::Same, "{torn}");
    }
    // Only now may the log be begun again.
    bench.add(1).await;
    let killed = bench.killed();
    assert_eq!(killed.verdict(), Verdict::Same);
    killed.change("-sum", |bytes| bytes.truncate(bytes.len() - 60));
    assert_ne!(killed.verdict(), Verdict::Same, "nothing else says what those pages are");
}

#[tokio::test]
async fn a_reader_that_holds_up_a_checkpoint_leaves_the_sums_as_they_are() {
    let mut bench = Bench::new(Synchronous::Full).await;
    bench.add(10).await;
    let mut reader = StoreOptions::new(bench.path()).reader().connect().await.unwrap();
    let mut snapshot = reader.begin().await.unwrap();
    sqlx::query("SELECT count(*) FROM rows").execute(&mut *snapshot).await.unwrap();
    for _ in 0..3 {
        bench.add(10).await;
        assert!(!bench.fold().await.complete);
        assert!(!bench.sums.can_sweep(), "the file is ahead of its sums");
        let killed = bench.killed();
        assert_eq!(killed.verdict(), Verdict::Same);
        killed.flip(20);
        assert!(killed.is_different());
    }
    snapshot.commit().await.unwrap();
    assert!(bench.fold().await.complete);
    bench.add(1).await;
    assert_eq!(bench.killed().verdict(), Verdict::Same);
}

#[tokio::test]
async fn another_program_that_folds_in_the_log_is_no_damage() {
    let mut bench = Bench::new(Synchronous::Full).await;
    bench.add(30).await;
    let killed = bench.killed();
    assert_eq!(killed.verdict(), Verdict::Same);
    let other = sqlx::sqlite::SqliteConnectOptions::new().filename(&killed.path);
    other.clone().connect().await.unwrap().close().await.unwrap();
    assert_eq!(killed.verdict(), Verdict::Same, "it has only looked");
    let mut connection = other.connect().await.unwrap();
    sqlx::query("DELETE FROM rows WHERE number = 1").execute(&mut connection).await.unwrap();
    connection.close().await.unwrap();
    assert!(!killed.file("-wal").exists());
    assert_eq!(killed.verdict(), Verdict::Strange);
}

#[tokio::test]
async fn a_log_that_lost_what_was_synced_is_damaged() {
    let mut bench = Bench::new(Synchronous::Full).await;
    for _ in 0..4 {
        bench.add(1).await;
    }
    let folded = bench.fold().await;
    assert!(folded.complete);
    let killed = bench.killed();
    killed.change("-wal", |bytes| bytes[frame(2)] ^= 1);
    assert!(killed.is_different(), "SQLite would put old pages over new ones");
    let killed = bench.killed();
    killed.change("-wal", |bytes| bytes[20] ^= 1);
    assert!(killed.is_different(), "its head");
}

#[tokio::test]
async fn a_commit_in_the_middle_of_the_log_is_missed_where_each_was_synced() {
    for (synchronous, refused) in [(Synchronous::Full, true), (Synchronous::Normal, false)] {
        let mut bench = Bench::new(synchronous).await;
        for _ in 0..4 {
            bench.add(1).await;
        }
        let killed = bench.killed();
        killed.change("-wal", |bytes| bytes[frame(2)] ^= 1);
        assert_eq!(killed.is_different(), refused, "{synchronous:?}");
        let killed = bench.killed();
        let Found::Log(log) = wal::read(&killed.file("-wal")).unwrap() else { panic!("no log") };
        let last = usize::try_from(log.frames).unwrap();
        killed.change("-wal", |bytes| bytes[frame(last)] ^= 1);
        assert_eq!(killed.verdict(), Verdict::Same, "the last commit may have been written just then");
    }
}

#[tokio::test]
async fn a_database_that_shrinks_and_grows_keeps_its_sums() {
    let mut bench = Bench::new(Synchronous::Full).await;
    for statement in
        ["DELETE FROM rows WHERE number > 10", "VACUUM", "UPDATE rows SET content = zeroblob(90000)"]
    {
        bench.run(statement).await;
        assert_eq!(bench.killed().verdict(), Verdict::Same, "{statement}");
        assert!(bench.fold().await.complete);
        let killed = bench.killed();
        assert_eq!(killed.verdict(), Verdict::Same, "{statement}");
        killed.change("", |bytes| bytes.extend([0; 100]));
        assert!(killed.is_different(), "something at the end");
    }
    let (path, pages) = (bench.path(), bench.sums.table.pages());
    close(bench.connection, bench.sums).await;
    assert_eq!(fs::metadata(&path).unwrap().len(), u64::from(pages) * 4096);
    assert_eq!(examine(&path, u64::MAX).unwrap().0, Verdict::Same);
    assert_eq!(examine(&path, 1000).unwrap().0, Verdict::Unread);
    fs::File::options().write(true).open(&path).unwrap().set_len(u64::from(pages - 1) * 4096).unwrap();
    assert!(
        matches!(examine(&path, 1000).unwrap().0, Verdict::Different(_)),
        "its length is compared at once"
    );
}

#[tokio::test]
async fn sums_that_are_not_there_are_made_while_the_file_is_in_use() {
    let mut bench = Bench::new(Synchronous::Full).await;
    bench.add(600).await;
    let path = bench.path();
    close(bench.connection, bench.sums).await;
    sidecar::remove(&path).unwrap();
    let (verdict, mut sums) = examine(&path, u64::MAX).unwrap();
    assert_eq!(verdict, Verdict::Unknown);
    sums.begin(Synchronous::Full).unwrap();
    bench.connection = StoreOptions::new(&path).writer().connect().await.unwrap();
    bench.sums = sums;
    bench.run("UPDATE rows SET content = zeroblob(10) WHERE number = 1").await;
    assert!(bench.fold().await.complete);
    assert_eq!(bench.killed().verdict(), Verdict::Unknown, "so far one page has a sum");
    let mut steps = 0;
    while !bench.sums.sweep().unwrap().done {
        steps += 1;
    }
    assert!(steps > 0, "in more than one step");
    assert_eq!(bench.killed().verdict(), Verdict::Same);
}

#[tokio::test]
async fn a_large_file_is_compared_while_it_is_in_use() {
    let bench = Bench::new(Synchronous::Full).await;
    let path = bench.path();
    close(bench.connection, bench.sums).await;
    let damaged = Killed { path: path.clone(), _folder: tempfile::tempdir().unwrap() };
    damaged.flip(33);
    let (verdict, mut sums) = examine(&path, 1000).unwrap();
    assert_eq!(verdict, Verdict::Unread);
    sums.begin(Synchronous::Full).unwrap();
    assert_eq!(sums.sweep().unwrap(), Swept { damaged: Some(33), done: true });
}

#[tokio::test]
async fn sums_that_cannot_be_noted_are_taken_away_and_come_back() {
    let mut bench = Bench::new(Synchronous::Full).await;
    bench.add(10).await;
    // Nothing can be written to a file that is open for reading.
    let path = sidecar::path(&bench.path());
    bench.sums.sidecar.as_mut().unwrap().break_for_test(&path);
    assert!(bench.fold().await.complete);
    assert!(!sidecar::path(&bench.path()).exists() && !bench.sums.are_kept());
    bench.add(10).await;
    assert!(bench.fold().await.complete);
    assert_eq!(bench.killed().verdict(), Verdict::Same);
}
