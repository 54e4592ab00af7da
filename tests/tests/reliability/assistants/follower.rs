//! A reader of the change feed that comes back after every break.

use std::{
    io::{BufRead, BufReader, Write},
    net::TcpStream,
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, Ordering},
    },
    thread::JoinHandle,
    time::Duration,
};

use tests::Workspace;

/// Follows the feed of whichever backend serves the workspace, from the first change on.
pub(super) struct Follower {
    seen: Arc<Mutex<Vec<i64>>>,
    stop: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Follower {
    pub(super) fn start(workspace: &Workspace) -> Self {
        let (seen, stop) = (Arc::new(Mutex::new(Vec::new())), Arc::new(AtomicBool::new(false)));
        let state = workspace.path().join(".vespera/backend.json");
        let (list, end) = (Arc::clone(&seen), Arc::clone(&stop));
        let thread = std::thread::spawn(move || {
            while !end.load(Ordering::SeqCst) {
                let about = std::fs::read(&state).unwrap_or_default();
                let about: serde_json::Value = serde_json::from_slice(&about).unwrap_or_default();
                // A break is what this is for; what was read is in the list.
                let _ = about["url"].as_str().map_or(Ok(()), |url| follow(url, &list, &end));
                std::thread::sleep(Duration::from_millis(20));
            }
        });
        Self { seen, stop, thread: Some(thread) }
    }

    /// The changes seen so far, in the order in which they came.
    pub(super) fn seen(&self) -> Vec<i64> {
        self.seen.lock().unwrap().clone()
    }

    /// Closes the feed.
    pub(super) fn stop(mut self) {
        self.stop.store(true, Ordering::SeqCst);
        self.thread.take().map(JoinHandle::join).unwrap().unwrap();
    }
}

fn follow(url: &str, seen: &Mutex<Vec<i64>>, stop: &AtomicBool) -> std::io::Result<()> {
    let address = url.trim_start_matches("http://").trim_end_matches('/');
    let mut stream = TcpStream::connect(address)?;
    stream.set_read_timeout(Some(Duration::from_millis(100)))?;
    let last = seen.lock().unwrap().last().copied().unwrap_or(0);
    write!(stream, "GET /api/events HTTP/1.1\r\nHost: localhost\r\nLast-Event-ID: {last}\r\n\r\n")?;
    let mut lines = BufReader::new(stream);
    let (mut line, mut id) = (String::new(), None);
    while !stop.load(Ordering::SeqCst) {
        match lines.read_line(&mut line) {
            Ok(0) => return Ok(()),
            // A line that is not complete yet is kept, and gets its rest.
            Err(error) if error.kind() == std::io::ErrorKind::WouldBlock => continue,
            read => drop(read?),
        }
        // Lines of the transfer's chunks are between those of the events, and look like neither.
        match line.trim_end().split_once(": ") {
            Some(("id", number)) => id = number.parse::<i64>().ok(),
            Some(("event", "change")) => seen.lock().unwrap().extend(id.take()),
            _ => {}
        }
        line.clear();
    }
    Ok(())
}
