//! Half of what the backend can do, for a long time: memory and descriptors stay where they are.

use std::{
    fs,
    sync::atomic::{AtomicBool, AtomicUsize, Ordering::Relaxed},
    thread,
    time::{Duration, Instant},
};

use tests::{Connection, Server, effort};

use crate::{
    descriptors::open_files,
    writer::{Verdict, WRITERS, Writer},
};

/// How long the capacity is measured.
const MEASURING: Duration = Duration::from_secs(2);

/// How many samples are taken.
const SAMPLES: u32 = 60;

/// A writer that has created so many tasks is replaced, so that the test's own memory stays flat.
const TASKS_PER_WRITER: usize = 200;

/// Memory may differ by this much: the caches of SQLite's connections are filled by chance.
const TOLERANCE_MB: u64 = 48;

#[test]
fn memory_and_descriptors_stay_flat_under_load() {
    let time = Duration::from_secs(effort(10, 30 * 60) as u64);
    let workspace = tempfile::tempdir().unwrap();
    let server = Server::start(workspace.path());
    let capacity = load(&server, Duration::ZERO, MEASURING, |_| ()) as f64 / MEASURING.as_secs_f64();
    let pause = Duration::from_secs_f64(WRITERS as f64 / (capacity / 2.0));
    let mut samples = Vec::new();
    let done = load(&server, pause, time, |server| samples.push(Sample::of(server)));
    let (warm, last) = (&samples[samples.len() / 2], &samples[samples.len() - 1]);
    println!(
        "{done} operations in {} s, {capacity:.0} a second at full speed; after half of the time {warm:?}, in \
         the end {last:?}; all along {:?}",
        time.as_secs(),
        samples.iter().map(|sample| sample.anonymous_mb).collect::<Vec<_>>()
    );
    assert!(last.anonymous_mb <= warm.anonymous_mb * 11 / 10 + TOLERANCE_MB, "the memory grows");
    // A connection of the pool more or less is three files.
    assert!(last.descriptors <= warm.descriptors + 9, "descriptors leak");
}

/// What the backend holds.
#[derive(Debug)]
#[expect(dead_code, reason = "each is printed")]
struct Sample {
    anonymous_mb: u64,
    resident_mb: u64,
    descriptors: usize,
}

impl Sample {
    fn of(server: &Server) -> Self {
        let status = fs::read_to_string(format!("/proc/{}/status", server.pid())).unwrap();
        let megabytes = |name: &str| {
            let line = status.lines().find(|line| line.starts_with(name)).unwrap();
            line.split_whitespace().nth(1).unwrap().parse::<u64>().unwrap() / 1024
        };
        Self {
            anonymous_mb: megabytes("RssAnon:"),
            resident_mb: megabytes("VmRSS:"),
            descriptors: open_files(server),
        }
    }
}

/// Lets every writer do an operation each `pause`, and returns how many were done in all.
fn load(server: &Server, pause: Duration, time: Duration, mut sample: impl FnMut(&Server)) -> usize {
    let (stop, done) = (AtomicBool::new(false), AtomicUsize::new(0));
    thread::scope(|scope| {
        for n in 0..WRITERS {
            let (stop, done, address) = (&stop, &done, server.address());
            scope.spawn(move || done.fetch_add(work(n, address, pause, stop), Relaxed));
        }
        for _ in 0..SAMPLES {
            thread::sleep(time / SAMPLES);
            sample(server);
        }
        stop.store(true, Relaxed);
    });
    done.into_inner()
}

/// Writes and reads in turn, and returns how often.
fn work(n: usize, address: &str, pause: Duration, stop: &AtomicBool) -> usize {
    let mut connection = Connection::open(address).unwrap();
    let fresh = || Writer::new(format!("{n}.{:x}", fastrand::u64(..)));
    let (mut writer, mut done, mut next) = (fresh(), 0, Instant::now());
    while !stop.load(Relaxed) {
        let status = if done % 2 == 0 {
            writer.write(&mut connection).unwrap().status
        } else {
            connection.send("GET", "/api/tasks?limit=20", None).unwrap().status
        };
        assert!(status < 300, "{status}");
        if writer.created() == TASKS_PER_WRITER {
            assert_eq!(writer.verify(&mut connection), Verdict::default());
            writer = fresh();
        }
        done += 1;
        next += pause;
        thread::sleep(next.saturating_duration_since(Instant::now()));
    }
    done
}
