//! A writer that knows what was acknowledged to it, and can tell whether all of it is there.

use std::{
    io,
    ops::AddAssign,
    sync::atomic::{AtomicBool, Ordering::Relaxed},
    thread,
};

use serde_json::{Value, json};
use tests::{Connection, http::Response};

/// How many write at the same time.
pub(crate) const WRITERS: usize = 8;

/// A write on its way.
#[derive(Clone)]
struct Request {
    method: &'static str,
    target: String,
    body: Value,
}

/// Creates tasks, changes and completes them, one write after the other.
pub(crate) struct Writer {
    name: String,
    step: usize,
    /// Its tasks, as the last acknowledgement of each showed them.
    tasks: Vec<Value>,
    /// The write that was sent and not answered.
    pending: Option<Request>,
    /// How many writes were acknowledged.
    pub(crate) acknowledged: usize,
}

/// What a writer misses, and what is there too much.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Verdict {
    pub(crate) lost: usize,
    pub(crate) duplicated: usize,
    pub(crate) torn: usize,
}

impl AddAssign for Verdict {
    fn add_assign(&mut self, other: Self) {
        self.lost += other.lost;
        self.duplicated += other.duplicated;
        self.torn += other.torn;
    }
}

impl Writer {
    /// A writer of this name, which no other writer of the same store may have.
    pub(crate) fn new(name: String) -> Self {
        Self { name, step: 0, tasks: Vec::new(), pending: None, acknowledged: 0 }
    }

    /// How many tasks it has created.
    pub(crate) fn created(&self) -> usize {
        self.tasks.len()
    }

    /// Writes until `stop`, or until the connection breaks.
    pub(crate) fn run(&mut self, address: &str, stop: &AtomicBool) -> io::Result<()> {
        let mut connection = Connection::open(address)?;
        while !stop.load(Relaxed) {
            let response = self.write(&mut connection)?;
            assert!(response.status < 300, "{}", String::from_utf8_lossy(&response.body));
        }
        Ok(())
    }

    /// Sends the write that is pending, or the next one. A refused one stays pending.
    pub(crate) fn write(&mut self, connection: &mut Connection) -> io::Result<Response> {
        let request = self.pending.take().unwrap_or_else(|| self.next());
        self.pending = Some(request.clone());
        let response = connection.send(request.method, &request.target, Some(&request.body))?;
        if response.status < 300 {
            self.absorb(task_of(&response));
        }
        Ok(response)
    }

    fn next(&mut self) -> Request {
        self.step += 1;
        let name = format!("{} {}", self.name, self.step);
        let text = text(&name);
        match (self.step % 4, self.tasks.last()) {
            (2, Some(task)) => {
                let body =
                    json!({ "description": text, "labels": { "step": self.step }, "request_id": name });
                Request { method: "PATCH", target: target(task, ""), body }
            }
            (0, Some(task)) => {
                let body = json!({ "completion_notes": text, "request_id": name });
                Request { method: "POST", target: target(task, "/complete"), body }
            }
            _ => {
                let body = json!({ "title": name, "description": text, "request_id": name });
                Request { method: "POST", target: "/api/tasks".to_owned(), body }
            }
        }
    }

    /// Takes note of what was acknowledged.
    fn absorb(&mut self, task: Value) {
        self.pending = None;
        self.acknowledged += 1;
        match self.tasks.iter_mut().rev().find(|known| known["id"] == task["id"]) {
            Some(known) => *known = task,
            None => self.tasks.push(task),
        }
    }

    /// Compares the store with what was acknowledged, then sends again what was not.
    pub(crate) fn verify(&mut self, connection: &mut Connection) -> Verdict {
        let mut verdict = Verdict::default();
        let pending = self.pending.clone();
        let mut unsure = None;
        for task in &self.tasks {
            let found = connection.send("GET", &target(task, ""), None).unwrap();
            let found = if found.status == 200 { task_of(&found) } else { Value::Null };
            if found == *task {
                continue;
            }
            match &pending {
                // It was not answered, and may have been carried out all the same.
                Some(request)
                    if request.target.contains(id(task)) && version(&found) == version(task) + 1 =>
                {
                    unsure = Some(found);
                }
                _ if version(&found) < version(task) => verdict.lost += 1,
                _ => verdict.torn += 1,
            }
        }
        if pending.is_some() {
            let response = self.write(connection).unwrap();
            assert!(response.status < 300, "{}", String::from_utf8_lossy(&response.body));
            let task = task_of(&response);
            let found = task_of(&connection.send("GET", &target(&task, ""), None).unwrap());
            let whole = found == task && unsure.is_none_or(|unsure| unsure == task);
            verdict.torn += usize::from(!whole);
        }
        verdict
    }
}

fn task_of(response: &Response) -> Value {
    serde_json::from_slice::<Value>(&response.body).unwrap()["task"].take()
}

fn id(task: &Value) -> &str {
    task["id"].as_str().unwrap()
}

fn version(task: &Value) -> i64 {
    task["version"].as_i64().unwrap_or(0)
}

fn target(task: &Value, rest: &str) -> String {
    format!("/api/tasks/{}{rest}", id(task))
}

/// Some text that tells where it belongs, one in eight long enough to fill several pages.
fn text(name: &str) -> String {
    let words = match fastrand::u8(..8) {
        0 => fastrand::usize(..9_000 / (name.len() + 1)),
        _ => fastrand::usize(1..20),
    };
    vec![name; words.max(1)].join("/")
}

/// Lets all of them write for as long as `meanwhile` takes. How each run ends does not matter.
pub(crate) fn write_while<T>(writers: &mut [Writer], address: &str, meanwhile: impl FnOnce() -> T) -> T {
    let stop = AtomicBool::new(false);
    thread::scope(|scope| {
        for writer in writers {
            scope.spawn(|| writer.run(address, &stop));
        }
        let result = meanwhile();
        stop.store(true, Relaxed);
        result
    })
}

/// The sum of what all of them miss.
pub(crate) fn verify_all(writers: &mut [Writer], address: &str) -> Verdict {
    let mut connection = Connection::open(address).unwrap();
    let mut sum = Verdict::default();
    for writer in writers {
        sum += writer.verify(&mut connection);
    }
    sum
}
