//! The process may have few files open, and many want to talk to it.

use std::{
    net::TcpStream,
    process::Command,
    sync::atomic::{AtomicBool, Ordering::Relaxed},
    thread,
    time::Duration,
};

use tests::{Connection, Server};

use crate::writer::{Verdict, Writer, verify_all};

/// How many files the backend may have open, sockets included.
const DESCRIPTORS: usize = 64;

const CONNECTIONS: usize = 100;

#[test]
fn more_connections_than_descriptors_are_waited_out() {
    let workspace = tempfile::tempdir().unwrap();
    let usual = Server::command(workspace.path());
    let mut command = Command::new("prlimit");
    command.arg(format!("--nofile={DESCRIPTORS}")).arg(usual.get_program()).args(usual.get_args());
    command.env("BINDERY_PORT", "0");
    let server = Server::run(workspace.path(), command);
    let address = server.address().to_owned();
    let mut writers = [Writer::new("before".to_owned()), Writer::new("after".to_owned())];
    let [before, after] = &mut writers;

    let stop = AtomicBool::new(false);
    let (open, went_on, answer) = thread::scope(|scope| {
        let writing = scope.spawn(|| before.run(&address, &stop));
        thread::sleep(Duration::from_millis(200));
        let crowd: Vec<_> = (0..CONNECTIONS).map(|_| TcpStream::connect(&address)).collect();
        thread::sleep(Duration::from_secs(2));
        let (open, went_on) = (open_files(&server), !writing.is_finished());
        drop(crowd);
        // Waits in line until the crowd has gone.
        let answer = Connection::open(&address).and_then(|mut connection| after.write(&mut connection));
        stop.store(true, Relaxed);
        (open, went_on && writing.join().is_ok_and(|run| run.is_ok()), answer)
    });
    assert!(open >= DESCRIPTORS, "{open} files are open, and the limit was not reached");
    assert!(went_on, "who was connected before is not served any more");
    assert!(answer.is_ok_and(|answer| answer.status < 300), "nobody is served afterwards");
    assert_eq!(verify_all(&mut writers, &address), Verdict::default());
    let log = server.log();
    assert!(!log.contains("panicked"), "{log}");
}

/// How many files the backend has open.
pub(crate) fn open_files(server: &Server) -> usize {
    std::fs::read_dir(format!("/proc/{}/fd", server.pid())).unwrap().count()
}
