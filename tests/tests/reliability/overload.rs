//! Ten times what the backend can carry: each request is carried out, or told to come again.
//!
//! The load is open: a request is sent when it is due, whether or not others were answered.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU32, Ordering::Relaxed},
    },
    time::Duration,
};

use tempfile::TempDir;
use tests::{Server, effort};
use tokio::{
    io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader},
    net::TcpStream,
    task::JoinSet,
    time::{Instant, sleep_until, timeout},
};

/// How many times its capacity the backend is asked.
const TIMES: f64 = 10.0;
/// Connections that find the capacity, and how many requests the backend carries out at once. The load
/// shares the machine's processors with the backend: with few places the capacity is so small that the
/// load can be ten times that.
const FEW: usize = 8;
/// Connections for the load, each of which has one request in flight.
const MANY: usize = 800;
const PATIENCE: Duration = Duration::from_secs(60);

/// One answer: its status, whether it says when to come again, and how long it took.
struct Answer {
    status: u16,
    retry_after: bool,
    took: Duration,
}

/// A connection that is kept, and opened again when the other side closes it.
struct Client {
    address: String,
    stream: Option<BufReader<TcpStream>>,
}

impl Client {
    const fn new(address: String) -> Self {
        Self { address, stream: None }
    }

    async fn create_task(&mut self) -> Answer {
        let begun = Instant::now();
        // A request that is left waiting ends the test here.
        let (status, retry_after) = timeout(PATIENCE, self.exchange()).await.unwrap();
        Answer { status, retry_after, took: begun.elapsed() }
    }

    async fn exchange(&mut self) -> (u16, bool) {
        let body = r#"{"title":"one of many","description":"what an assistant may write about it"}"#;
        let request = format!(
            "POST /api/tasks HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n\
             Content-Length: {}\r\n\r\n{body}",
            body.len()
        );
        let mut stream = match self.stream.take() {
            Some(stream) => stream,
            None => BufReader::new(TcpStream::connect(&self.address).await.unwrap()),
        };
        stream.write_all(request.as_bytes()).await.unwrap();
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            assert!(stream.read_until(b'\n', &mut head).await.unwrap() > 0, "the answer ends early");
        }
        let head = String::from_utf8(head).unwrap();
        let field = |name: &str| head.lines().find_map(|line| line.strip_prefix(name)).map(str::trim);
        let length = field("content-length:").unwrap().parse().unwrap();
        stream.read_exact(&mut vec![0; length]).await.unwrap();
        if field("connection:") != Some("close") {
            self.stream = Some(stream);
        }
        let status = head.split(' ').nth(1).unwrap().parse().unwrap();
        (status, field("retry-after:").is_some())
    }
}

/// Sends requests from `clients` connections for `time`, `interval` after one another; without an
/// interval, as fast as they are answered.
async fn load(address: &str, clients: usize, time: Duration, interval: Duration) -> Vec<Answer> {
    let (begin, next) = (Instant::now(), Arc::new(AtomicU32::new(0)));
    let mut tasks = JoinSet::new();
    for _ in 0..clients {
        let (mut client, next) = (Client::new(address.to_owned()), Arc::clone(&next));
        tasks.spawn(async move {
            let mut answers = Vec::new();
            loop {
                let due = begin + interval * next.fetch_add(1, Relaxed);
                if due.max(Instant::now()) >= begin + time {
                    return answers;
                }
                sleep_until(due).await;
                answers.push(client.create_task().await);
            }
        });
    }
    tasks.join_all().await.into_iter().flatten().collect()
}

fn per_second(count: usize, time: Duration) -> f64 {
    f64::from(u32::try_from(count).unwrap()) / time.as_secs_f64()
}

/// The latency that this share of the answers, of 1000, kept within.
fn quantile(answers: &[&Answer], per_mille: usize) -> Duration {
    let mut took: Vec<Duration> = answers.iter().map(|answer| answer.took).collect();
    took.sort_unstable();
    took.get((took.len() * per_mille / 1000).min(took.len().saturating_sub(1))).copied().unwrap_or_default()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn at_ten_times_its_capacity_each_request_is_carried_out_or_told_to_come_again() {
    let workspace = TempDir::new().unwrap();
    let mut command = Server::command(workspace.path());
    command.env("BINDERY_MAX_REQUESTS", FEW.to_string());
    let server = Server::run(workspace.path(), command);
    let probe = Duration::from_secs(effort(2, 10) as u64);
    let time = Duration::from_secs(effort(5, 60) as u64);

    let alone = load(server.address(), FEW, probe, Duration::ZERO).await;
    assert!(alone.iter().all(|answer| answer.status == 200));
    let capacity = per_second(alone.len(), probe);

    let answers = load(server.address(), MANY, time, Duration::from_secs_f64(1.0 / (capacity * TIMES))).await;
    let (accepted, refused): (Vec<_>, Vec<_>) = answers.iter().partition(|answer| answer.status == 200);
    for answer in &refused {
        assert!([429, 503].contains(&answer.status) && answer.retry_after, "a status of {}", answer.status);
    }
    assert!(!accepted.is_empty());

    let offered = per_second(answers.len(), time);
    println!("capacity: {capacity:.0}/s; offered: {offered:.0}/s, {:.1} times that", offered / capacity);
    for (name, answers) in [("accepted", &accepted), ("refused", &refused)] {
        let [p50, p99] = [500, 990].map(|per_mille| quantile(answers, per_mille));
        let rate = per_second(answers.len(), time);
        println!("{name}: {} ({rate:.0}/s), p50 {p50:.1?}, p99 {p99:.1?}", answers.len());
    }

    // It has no memory of it: who comes now is served at once.
    let after = load(server.address(), 1, Duration::from_millis(500), Duration::from_millis(50)).await;
    assert!(after.iter().all(|answer| answer.status == 200));
    assert!(server.stop().success());
}
