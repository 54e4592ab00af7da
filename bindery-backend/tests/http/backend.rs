//! The real binary, and requests as a simple client sends them.

use std::{
    path::Path,
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

use bindery_backend::serve::announce;
use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;
use shared_types::announcement::Announcement;
use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt},
    net::TcpStream,
};

pub(crate) const LONG: Duration = Duration::from_secs(60);

/// A backend that is stopped with the test.
pub(crate) struct Backend {
    pub(crate) child: Child,
    pub(crate) about: Announcement,
}

impl Backend {
    pub(crate) fn start(workspace: &Path, flags: &[&str]) -> Self {
        Self::run(workspace, command(workspace, flags))
    }

    /// Runs `command`, which serves `workspace`, until it listens.
    pub(crate) fn run(workspace: &Path, mut command: Command) -> Self {
        let mut child = command.spawn().unwrap();
        let file = workspace.join(".vespera/backend.json");
        let about = wait_for("backend.json", || {
            assert_eq!(child.try_wait().unwrap(), None, "it left before it listened");
            announce::read(&file).filter(|about| about.pid == child.id())
        });
        Self { child, about }
    }

    pub(crate) fn signal(&self, signal: Signal) {
        kill_process(Pid::from_child(&self.child), signal).unwrap();
    }

    pub(crate) fn exit_code(&mut self) -> Option<i32> {
        wait_for("its end", || self.child.try_wait().unwrap()).code()
    }

    pub(crate) async fn tcp(&self) -> TcpStream {
        let url = self.about.url.as_deref().unwrap();
        TcpStream::connect(url.strip_prefix("http://").unwrap()).await.unwrap()
    }
}

impl Drop for Backend {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

pub(crate) fn command(workspace: &Path, flags: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_bindery-backend"));
    command.arg("--workspace").arg(workspace).args(["--port", "0"]).args(flags);
    command.env_remove("RUST_LOG").stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    command
}

/// Looks until there is something to see. What is waited for happens in another process, which
/// has no other way to tell.
pub(crate) fn wait_for<T>(what: &str, mut look: impl FnMut() -> Option<T>) -> T {
    let begun = Instant::now();
    loop {
        if let Some(seen) = look() {
            return seen;
        }
        assert!(begun.elapsed() < LONG, "waited in vain for {what}");
        std::thread::sleep(Duration::from_millis(10));
    }
}

/// One request as a simple client sends it; returns the status and the body.
pub(crate) async fn exchange<S>(mut stream: S, method: &str, path: &str, body: Option<Value>) -> (u16, Value)
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let body = body.map(|body| body.to_string()).unwrap_or_default();
    let head = format!(
        "{method} {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\
         Content-Type: application/json\r\nContent-Length: {}\r\n\r\n",
        body.len()
    );
    stream.write_all((head + &body).as_bytes()).await.unwrap();
    let (head, body) = reply(&mut stream).await;
    let status = head.split(' ').nth(1).unwrap().parse().unwrap();
    (status, serde_json::from_str(&body).unwrap())
}

/// Head and body of the last answer on a connection.
pub(crate) async fn reply(stream: &mut (impl AsyncRead + Unpin)) -> (String, String) {
    let mut reply = String::new();
    tokio::time::timeout(LONG, stream.read_to_string(&mut reply)).await.unwrap().unwrap();
    let (head, body) = reply.split_once("\r\n\r\n").unwrap();
    (head.to_owned(), body.to_owned())
}
