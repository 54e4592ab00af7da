//! Feeds that nobody reads: they are cut, and cost the backend no memory meanwhile.

use std::{
    io::{Read, Write},
    os::unix::net::UnixStream,
    path::Path,
    time::{Duration, Instant},
};

use serde_json::{Value, json};
use tempfile::TempDir;
use tests::{Server, effort};

const PATIENCE: Duration = Duration::from_secs(120);
const FEEDS: usize = 100;
/// What they may add to the memory: far less than a copy of the changes for each, some 300 MB.
const MOST_GROWTH: i64 = 100 << 20;

fn get(server: &Server, target: &str) -> Value {
    serde_json::from_slice(&server.send("GET", target, None).body).unwrap()
}

fn resident_bytes(server: &Server) -> i64 {
    get(server, "/health")["resident_bytes"].as_i64().unwrap()
}

/// A feed that has been answered, and is not read any further. The kernel keeps less for a Unix
/// socket than for a port, so the backend feels it sooner.
fn open_feed(workspace: &Path) -> UnixStream {
    let mut stream = UnixStream::connect(workspace.join(".vespera/backend.sock")).unwrap();
    stream.write_all(b"GET /api/events HTTP/1.1\r\nHost: localhost\r\n\r\n").unwrap();
    stream.read_exact(&mut [0; 12]).unwrap();
    stream
}

/// Creates a thousand tasks, whose changes are some 200 kB.
fn write(server: &Server) {
    let task = json!({"title": "seen by nobody"});
    let created = server.send("POST", "/api/tasks", Some(&json!({"tasks": vec![task; 1000]})));
    assert_eq!(created.status, 200);
}

#[test]
fn feeds_that_nobody_reads_are_cut_and_cost_no_memory() {
    let workspace = TempDir::new().unwrap();
    let server = Server::start(workspace.path());
    // The caches are filled, and the places of the broadcast.
    (0..5).for_each(|_| write(&server));
    let before = resident_bytes(&server);

    let feeds: Vec<_> = (0..FEEDS).map(|_| open_feed(workspace.path())).collect();
    let mut reader = open_feed(workspace.path());
    assert_eq!(get(&server, "/health/live")["leases"], FEEDS + 1);
    let begun = Instant::now();
    // Somebody who reads is served all the while.
    let reading = std::thread::spawn(move || {
        let mut taken = 0;
        let mut buffer = vec![0; 1 << 16];
        while let Ok(count @ 1..) = reader.read(&mut buffer) {
            taken += count;
        }
        taken
    });
    let rounds = effort(15, 100);
    let mut grown = 0;
    for _ in 0..rounds {
        write(&server);
        grown = grown.max(resident_bytes(&server) - before);
    }
    assert!(grown < MOST_GROWTH, "{} MB more", grown >> 20);

    while get(&server, "/health/live")["leases"] != 1 {
        assert!(begun.elapsed() < PATIENCE, "they are not cut");
        std::thread::sleep(Duration::from_millis(100));
    }
    println!(
        "{} feeds cut {:.0?} after they were opened, {} MB more",
        feeds.len(),
        begun.elapsed(),
        grown >> 20
    );
    assert!(server.stop().success());
    let taken = reading.join().unwrap();
    assert!(taken > rounds * 100_000, "the one that reads got {taken} bytes");
}
