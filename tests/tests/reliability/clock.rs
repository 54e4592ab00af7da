//! The clock jumps, an hour and a month, back and forth.

use std::{fs, path::Path};

use serde_json::{Value, json};
use tests::{Server, extras::available};

use crate::writer::{Verdict, WRITERS, Writer, verify_all, write_while};

/// Where Debian's package `faketime` puts its library.
const LIBRARIES: [&str; 2] = [
    "/usr/lib/x86_64-linux-gnu/faketime/libfaketimeMT.so.1",
    "/usr/lib/aarch64-linux-gnu/faketime/libfaketimeMT.so.1",
];

/// How far the clock is off, one after the other.
const JUMPS: [&str; 8] = ["+0", "+1h", "-2h", "+30d", "-30d", "+0", "-1h", "+10y"];

#[test]
fn a_clock_that_jumps_breaks_neither_ids_nor_writes() {
    let Some(bench) = Bench::new() else { return };
    let mut writers: Vec<_> = (0..WRITERS).map(|n| Writer::new(n.to_string())).collect();
    let mut last = String::new();
    for jump in JUMPS {
        bench.set(jump);
        for _ in 0..5 {
            let id = bench.create();
            assert!(id > last, "{id} comes after {last}");
            last = id;
        }
        write_while(&mut writers, bench.server.address(), || {
            std::thread::sleep(std::time::Duration::from_millis(100));
        });
        last = bench.create();
    }
    assert_eq!(verify_all(&mut writers, bench.server.address()), Verdict::default());
    bench.expect_no_panic();
}

#[test]
fn a_claim_is_held_by_one_whatever_the_clock_does() {
    let Some(bench) = Bench::new() else { return };
    let task = bench.create();
    let held = bench.execute(json!({ "task_id": task, "worker": "ann", "lease_seconds": 600 }));
    let execution = &held["execution"]["id"];
    assert_eq!(held["execution"]["worker"], "ann");
    // Back: the lease only seems longer. Its holder goes on, nobody else gets the task.
    bench.set("-1h");
    let other = json!({ "task_id": task, "worker": "bob", "lease_seconds": 600 });
    assert_eq!(bench.execute(other.clone())["code"], "already_claimed");
    assert_eq!(bench.execute(json!({ "execution_id": execution }))["execution"]["status"], "active");
    // Forth: the lease is over, the task goes to one other, and the first is told.
    bench.set("+2h");
    assert_eq!(bench.execute(other)["execution"]["worker"], "bob");
    assert_eq!(bench.execute(json!({ "execution_id": execution }))["code"], "lease_lost");
    bench.set("-2h");
    assert_eq!(bench.execute(json!({ "task_id": task, "worker": "cleo" }))["code"], "already_claimed");
    bench.expect_no_panic();
}

/// A backend whose clock the test sets.
struct Bench {
    workspace: tempfile::TempDir,
    server: Server,
}

impl Bench {
    /// Nothing where the library is not installed.
    fn new() -> Option<Self> {
        let library = LIBRARIES.into_iter().find(|path| Path::new(path).exists());
        available("libfaketime", library.is_some()).then_some(())?;
        let workspace = tempfile::tempdir().unwrap();
        let offset = workspace.path().join("offset");
        fs::write(&offset, "+0").unwrap();
        let mut command = Server::command(workspace.path());
        command.env("LD_PRELOAD", library?).env("FAKETIME_TIMESTAMP_FILE", offset);
        // Each look at the clock reads the file. A clock for durations does not jump.
        command.env("FAKETIME_NO_CACHE", "1").env("FAKETIME_DONT_FAKE_MONOTONIC", "1");
        let server = Server::run(workspace.path(), command);
        Some(Self { workspace, server })
    }

    fn set(&self, offset: &str) {
        let file = self.workspace.path().join("offset");
        fs::write(file.with_extension("next"), offset).unwrap();
        fs::rename(file.with_extension("next"), file).unwrap();
    }

    fn post(&self, target: &str, body: &Value) -> Value {
        serde_json::from_slice(&self.server.send("POST", target, Some(body)).body).unwrap()
    }

    fn create(&self) -> String {
        let created = self.post("/api/tasks", &json!({ "title": "t" }));
        created["task"]["id"].as_str().unwrap().to_owned()
    }

    fn execute(&self, body: Value) -> Value {
        self.post("/api/tasks/execute", &body)
    }

    fn expect_no_panic(&self) {
        let log = self.server.log();
        assert!(!log.contains("panicked"), "{log}");
    }
}
