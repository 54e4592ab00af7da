//! Each way in which a crash can fall into the protocol, with a real database and its files as they lie there
//! at that moment.

use std::{fs, path::PathBuf, thread, time::Duration};

use rusqlite::Connection;
use tempfile::TempDir;

use super::{wal::Found, *};
use crate::store::{
    StoreOptions,
    beside::beside,
    sql::{self, Sql},
};

const FILES: [&str; 3] = ["", "-wal", "-sum"];

struct Bench {
    folder: TempDir,
    connection: Connection,
    sums: Sums,
}

impl Bench {
    fn new(synchronous: Synchronous) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let mut options = StoreOptions::new(folder.path().join("a.db"));
        options.synchronous = synchronous;
        let (_, mut sums) = examine(&options.path, u64::MAX).unwrap();
        sums.begin(synchronous).unwrap();
        let connection = options.writer().unwrap();
        connection.run("CREATE TABLE rows (number INTEGER PRIMARY KEY, content BLOB)", ()).unwrap();
        let mut bench = Self { folder, connection, sums };
        // Of two logs one is begun again.
        for _ in 0..2 {
            bench.add(40);
            assert!(bench.fold().is_complete());
        }
        bench
    }

    fn path(&self) -> PathBuf {
        self.folder.path().join("a.db")
    }

    /// Adds rows of a page each, in one commit.
    fn add(&mut self, rows: u32) {
        let statement = "WITH RECURSIVE n (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM n WHERE n < ?1)
                         INSERT INTO rows (content) SELECT randomblob(3000) FROM n";
        self.connection.run(statement, (rows,)).unwrap();
    }

    fn run(&mut self, statement: &'static str) {
        self.connection.run(statement, ()).unwrap();
    }

    fn fold(&mut self) -> fold::Folded {
        fold(&self.connection, &mut self.sums, Mode::Passive).unwrap()
    }

    /// Copies what is in the log, to its end.
    fn copy_ahead(&mut self) {
        let frames = look(&self.connection).unwrap().pages;
        assert!(self.sums.copy_ahead(frames));
        while self.sums.is_copying() {
            thread::sleep(Duration::from_millis(1));
        }
        assert!(look(&self.connection).unwrap().is_complete());
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

#[test]
fn killed_between_a_checkpoint_and_its_sums() {
    let mut bench = Bench::new(Synchronous::Full);
    bench.add(30);
    bench.run("UPDATE rows SET content = zeroblob(3000) WHERE number < 20");
    bench.run("PRAGMA wal_checkpoint(PASSIVE)");
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

#[test]
fn killed_while_the_sums_are_noted() {
    let mut bench = Bench::new(Synchronous::Full);
    bench.add(30);
    assert!(bench.fold().is_complete());
    for torn in [1, 20, 60, 200] {
        let killed = bench.killed();
        killed.change("-sum", |bytes| bytes.truncate(bytes.len() - torn));
        assert_eq!(killed.verdict(), Verdict::Same, "{torn}");
    }
    // Only now may the log be begun again.
    bench.add(1);
    let killed = bench.killed();
    assert_eq!(killed.verdict(), Verdict::Same);
    killed.change("-sum", |bytes| bytes.truncate(bytes.len() - 60));
    assert_ne!(killed.verdict(), Verdict::Same, "nothing else says what those pages are");
}

#[test]
fn a_reader_that_holds_up_a_checkpoint_leaves_the_sums_as_they_are() {
    let mut bench = Bench::new(Synchronous::Full);
    bench.add(10);
    let reader = StoreOptions::new(bench.path()).reader().unwrap();
    let snapshot = reader.unchecked_transaction().unwrap();
    snapshot.run("SELECT count(*) FROM rows", ()).unwrap();
    for _ in 0..3 {
        bench.add(10);
        assert!(!bench.fold().is_complete());
        assert!(!bench.sums.can_sweep(), "the file is ahead of its sums");
        let killed = bench.killed();
        assert_eq!(killed.verdict(), Verdict::Same);
        killed.flip(20);
        assert!(killed.is_different());
    }
    snapshot.commit().unwrap();
    assert!(bench.fold().is_complete());
    bench.add(1);
    assert_eq!(bench.killed().verdict(), Verdict::Same);
}

#[test]
fn what_was_copied_ahead_stays_in_the_log_until_its_sums_are_noted() {
    for goes_on in [false, true] {
        let mut bench = Bench::new(Synchronous::Full);
        bench.add(30);
        bench.copy_ahead();
        let killed = bench.killed();
        assert_eq!(killed.verdict(), Verdict::Same);
        fs::remove_file(killed.file("-wal")).unwrap();
        assert_eq!(killed.verdict(), Verdict::Strange, "the file is ahead of its sums");
        assert!(!bench.sums.can_sweep());
        if goes_on {
            bench.add(10);
            assert_eq!(bench.killed().verdict(), Verdict::Same, "the log was not begun again");
        }
        assert!(bench.fold().is_complete());
        bench.add(1);
        let killed = bench.killed();
        assert_eq!(killed.verdict(), Verdict::Same);
        killed.flip(50);
        assert!(killed.is_different(), "the log was begun again, and the sum says what the page is");
    }
}

#[test]
fn a_checkpoint_that_fails_leaves_what_was_copied_ahead_in_the_log() {
    let mut bench = Bench::new(Synchronous::Full);
    bench.add(30);
    bench.copy_ahead();
    bench.run("BEGIN");
    bench.run("PRAGMA application_id");
    fold(&bench.connection, &mut bench.sums, Mode::Passive).unwrap_err();
    bench.run("COMMIT");
    bench.add(1);
    assert_eq!(bench.killed().verdict(), Verdict::Same);
    assert!(bench.fold().is_complete());
    assert_eq!(bench.killed().verdict(), Verdict::Same);
}

#[test]
fn a_log_that_cannot_be_copied_ahead_is_folded_in_all_the_same() {
    let mut bench = Bench::new(Synchronous::Full);
    bench.add(30);
    let frames = look(&bench.connection).unwrap().pages;
    let path = std::mem::replace(&mut bench.sums.database, bench.folder.path().join("none"));
    assert!(!bench.sums.copy_ahead(frames) && !bench.sums.was_copied_ahead());
    bench.sums.database = path;
    assert!(bench.fold().is_complete());
    assert_eq!(bench.killed().verdict(), Verdict::Same);
}

#[test]
fn another_program_that_folds_in_the_log_is_no_damage() {
    let mut bench = Bench::new(Synchronous::Full);
    bench.add(30);
    let killed = bench.killed();
    assert_eq!(killed.verdict(), Verdict::Same);
    sql::close(Connection::open(&killed.path).unwrap()).unwrap();
    assert_eq!(killed.verdict(), Verdict::Same, "it has only looked");
    let connection = Connection::open(&killed.path).unwrap();
    connection.run("DELETE FROM rows WHERE number = 1", ()).unwrap();
    sql::close(connection).unwrap();
    assert!(!killed.file("-wal").exists());
    assert_eq!(killed.verdict(), Verdict::Strange);
}

#[test]
fn a_log_that_lost_what_was_synced_is_damaged() {
    let mut bench = Bench::new(Synchronous::Full);
    for _ in 0..4 {
        bench.add(1);
    }
    let folded = bench.fold();
    assert!(folded.is_complete());
    let killed = bench.killed();
    killed.change("-wal", |bytes| bytes[frame(2)] ^= 1);
    assert!(killed.is_different(), "SQLite would put old pages over new ones");
    let killed = bench.killed();
    killed.change("-wal", |bytes| bytes[20] ^= 1);
    assert!(killed.is_different(), "its head");
}

#[test]
fn a_commit_in_the_middle_of_the_log_is_missed_where_each_was_synced() {
    for (synchronous, refused) in [(Synchronous::Full, true), (Synchronous::Normal, false)] {
        let mut bench = Bench::new(synchronous);
        for _ in 0..4 {
            bench.add(1);
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

#[test]
fn a_database_that_shrinks_and_grows_keeps_its_sums() {
    let mut bench = Bench::new(Synchronous::Full);
    for statement in
        ["DELETE FROM rows WHERE number > 10", "VACUUM", "UPDATE rows SET content = zeroblob(90000)"]
    {
        bench.run(statement);
        assert_eq!(bench.killed().verdict(), Verdict::Same, "{statement}");
        assert!(bench.fold().is_complete());
        let killed = bench.killed();
        assert_eq!(killed.verdict(), Verdict::Same, "{statement}");
        killed.change("", |bytes| bytes.extend([0; 100]));
        assert!(killed.is_different(), "something at the end");
    }
    let (path, pages) = (bench.path(), bench.sums.table.pages());
    close(bench.connection, bench.sums);
    assert_eq!(fs::metadata(&path).unwrap().len(), u64::from(pages) * 4096);
    assert_eq!(examine(&path, u64::MAX).unwrap().0, Verdict::Same);
    assert_eq!(examine(&path, 1000).unwrap().0, Verdict::Unread);
    fs::File::options().write(true).open(&path).unwrap().set_len(u64::from(pages - 1) * 4096).unwrap();
    assert!(
        matches!(examine(&path, 1000).unwrap().0, Verdict::Different(_)),
        "its length is compared at once"
    );
}

#[test]
fn sums_that_are_not_there_are_made_while_the_file_is_in_use() {
    let mut bench = Bench::new(Synchronous::Full);
    bench.add(600);
    let path = bench.path();
    close(bench.connection, bench.sums);
    sidecar::remove(&path).unwrap();
    let (verdict, mut sums) = examine(&path, u64::MAX).unwrap();
    assert_eq!(verdict, Verdict::Unknown);
    sums.begin(Synchronous::Full).unwrap();
    bench.connection = StoreOptions::new(&path).writer().unwrap();
    bench.sums = sums;
    bench.run("UPDATE rows SET content = zeroblob(10) WHERE number = 1");
    assert!(bench.fold().is_complete());
    assert_eq!(bench.killed().verdict(), Verdict::Unknown, "so far one page has a sum");
    let mut steps = 0;
    while !bench.sums.sweep().unwrap().done {
        steps += 1;
    }
    assert!(steps > 0, "in more than one step");
    assert_eq!(bench.killed().verdict(), Verdict::Same);
}

#[test]
fn a_large_file_is_compared_while_it_is_in_use() {
    let bench = Bench::new(Synchronous::Full);
    let path = bench.path();
    close(bench.connection, bench.sums);
    let damaged = Killed { path: path.clone(), _folder: tempfile::tempdir().unwrap() };
    damaged.flip(33);
    let (verdict, mut sums) = examine(&path, 1000).unwrap();
    assert_eq!(verdict, Verdict::Unread);
    sums.begin(Synchronous::Full).unwrap();
    assert_eq!(sums.sweep().unwrap(), Swept { damaged: Some(33), done: true });
}

#[test]
fn sums_that_cannot_be_noted_are_taken_away_and_come_back() {
    let mut bench = Bench::new(Synchronous::Full);
    bench.add(10);
    // Nothing can be written to a file that is open for reading.
    let path = sidecar::path(&bench.path());
    bench.sums.sidecar.as_mut().unwrap().break_for_test(&path);
    assert!(bench.fold().is_complete());
    assert!(!sidecar::path(&bench.path()).exists() && !bench.sums.are_kept());
    bench.add(10);
    assert!(bench.fold().is_complete());
    assert_eq!(bench.killed().verdict(), Verdict::Same);
}
