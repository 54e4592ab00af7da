//! The disk refuses: it is full, broken, or may only be read. Writes are refused with a clear code,
//! reads go on, and when the disk is well again so are the writes.

use std::{
    fs::{self, File},
    io::Write,
    path::{Path, PathBuf},
    process::Command,
    time::{Duration, Instant},
};

use serde_json::Value;
use tempfile::TempDir;
use tests::{Connection, Server, http::Response};

use crate::{
    preload,
    writer::{Verdict, WRITERS, Writer, verify_all, write_while},
};

const PATIENCE: Duration = Duration::from_secs(60);

/// How long the writers write before and after.
const WRITING: Duration = Duration::from_millis(200);

/// How the health check begins to tell that the disk takes no writes.
const REFUSED: &str = "The last write was refused";

/// A workspace, a backend, and writers who know what was acknowledged.
struct Bench {
    workspace: TempDir,
    server: Server,
    writers: Vec<Writer>,
}

impl Bench {
    /// Starts what `command` makes of the workspace, and writes for a while.
    fn new(workspace: TempDir, command: Command) -> Self {
        let server = Server::run(workspace.path(), command);
        let writers = (0..WRITERS).map(|n| Writer::new(n.to_string())).collect();
        let mut bench = Self { workspace, server, writers };
        bench.write();
        bench
    }

    fn connect(&self) -> Connection {
        Connection::open(self.server.address()).unwrap()
    }

    fn write(&mut self) {
        write_while(&mut self.writers, self.server.address(), || std::thread::sleep(WRITING));
    }

    /// Limits the size of files that the backend writes.
    fn limit_files(&self, bytes: &str) {
        let arguments = [format!("--pid={}", self.server.pid()), format!("--fsize={bytes}:")];
        assert!(Command::new("prlimit").args(arguments).status().unwrap().success());
    }

    fn health(&self) -> Value {
        read(&self.connect().send("GET", "/health", None).unwrap())
    }

    /// Writes until the disk refuses, and sees that all else is well.
    fn expect_refusal(&mut self) {
        let mut connection = self.connect();
        let begun = Instant::now();
        for writer in &mut self.writers {
            let refusal = loop {
                let response = writer.write(&mut connection).unwrap();
                if response.status >= 300 {
                    break response;
                }
                assert!(begun.elapsed() < PATIENCE, "no write is refused");
            };
            let told = read(&refusal);
            assert_eq!((refusal.status, &told["code"]), (507, &"storage_unavailable".into()), "{told}");
        }
        let page = connection.send("GET", "/api/tasks", None).unwrap();
        assert_eq!(page.status, 200, "reads go on");
        let health = self.health();
        assert_eq!(health["status"], "degraded", "{health}");
        assert!(health["recommendations"].to_string().contains(REFUSED), "{health}");
    }

    /// Writes again without a restart, and sees that nothing is missing, before a restart and after.
    fn expect_recovery(mut self) {
        let mut connection = self.connect();
        for writer in &mut self.writers {
            let response = writer.write(&mut connection).unwrap();
            assert!(response.status < 300, "{}", read(&response));
        }
        let health = self.health();
        assert!(!health["recommendations"].to_string().contains(REFUSED), "{health}");
        self.write();
        assert_eq!(verify_all(&mut self.writers, self.server.address()), Verdict::default());
        self.server.kill();
        let server = Server::start(self.workspace.path());
        assert_eq!(verify_all(&mut self.writers, server.address()), Verdict::default());
        let log = server.log();
        assert!(!log.contains("panicked"), "{log}");
    }
}

fn read(response: &Response) -> Value {
    serde_json::from_slice(&response.body).unwrap()
}

#[test]
fn a_disk_that_fails_is_survived_whatever_it_says() {
    // EIO, ENOSPC, EROFS and EDQUOT; then the first two by a sync alone, after the writes went through.
    for order in ["5", "28", "30", "122", "5 1", "28 1"] {
        let workspace = tempfile::tempdir().unwrap();
        let path = workspace.path().canonicalize().unwrap();
        let file = path.join("order");
        let mut command = Server::command(&path);
        command.env("LD_PRELOAD", preload::compile("disk/faults.c", &path));
        command.env("FAULTS_FOLDER", path.join(".vespera")).env("FAULTS_ORDER", &file);
        let mut bench = Bench::new(workspace, command);
        fs::write(&file, order).unwrap();
        bench.expect_refusal();
        fs::remove_file(&file).unwrap();
        bench.expect_recovery();
    }
}

#[test]
fn a_limit_on_the_size_of_files_refuses_writes_and_kills_nobody() {
    let workspace = tempfile::tempdir().unwrap();
    let command = Server::command(workspace.path());
    let mut bench = Bench::new(workspace, command);
    let log = bench.workspace.path().join(".vespera/tasks.db-wal");
    bench.limit_files(&(fs::metadata(log).unwrap().len() + 10_000).to_string());
    bench.expect_refusal();
    bench.limit_files("unlimited");
    bench.expect_recovery();
}

#[test]
fn a_full_disk_refuses_writes_until_there_is_space_again() {
    let workspace = tempfile::tempdir().unwrap();
    let Some(disk) = SmallDisk::mount(&workspace.path().join(".vespera")) else {
        eprintln!("skipped: mounting a tmpfs needs root");
        return;
    };
    let command = Server::command(workspace.path());
    let mut bench = Bench::new(workspace, command);
    let filler = disk.fill();
    bench.expect_refusal();
    fs::remove_file(filler).unwrap();
    bench.expect_recovery();
}

/// A file system of few megabytes in memory.
struct SmallDisk(PathBuf);

impl SmallDisk {
    fn mount(folder: &Path) -> Option<Self> {
        fs::create_dir(folder).unwrap();
        let mut mount = Command::new("mount");
        mount.args(["-t", "tmpfs", "-o", "size=64m,mode=700", "tmpfs"]).arg(folder);
        mount.output().unwrap().status.success().then(|| Self(folder.to_owned()))
    }

    /// Takes all the space, and returns the file that has it.
    fn fill(&self) -> PathBuf {
        let path = self.0.join("filler");
        let mut file = File::create(&path).unwrap();
        while file.write(&[1; 4096]).is_ok() {}
        path
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        // Lazily: a failed test may have left a backend that still uses it.
        let _ = Command::new("umount").arg("--lazy").arg(&self.0).status();
    }
}
