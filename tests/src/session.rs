//! An MCP session over pipes, as an assistant holds one.

use std::{
    io::{BufRead, BufReader, Write},
    process::{Child, ChildStdin, Command, ExitStatus, Stdio},
    sync::mpsc::{Receiver, RecvTimeoutError, channel},
    thread::JoinHandle,
    time::Duration,
};

use serde_json::{Value, json};
use tempfile::NamedTempFile;

const PATIENCE: Duration = Duration::from_secs(60);

/// A running `bindery-mcp` and the pipes to it.
pub struct Session {
    child: Child,
    input: Option<ChildStdin>,
    lines: Receiver<String>,
    reader: Option<JoinHandle<()>>,
    /// What the server writes to stderr.
    log: NamedTempFile,
    next_id: i64,
}

impl Session {
    /// Starts the command with pipes.
    ///
    /// # Panics
    /// When it cannot be started.
    pub fn start(mut command: Command) -> Self {
        let log = NamedTempFile::new().expect("a temporary file");
        let mut child = command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(log.reopen().expect("the file is there"))
            .spawn()
            .expect("bindery-mcp starts");
        let output = child.stdout.take().expect("stdout is a pipe");
        let (sender, lines) = channel();
        let reader = std::thread::spawn(move || {
            for line in BufReader::new(output).lines().map_while(Result::ok) {
                if sender.send(line).is_err() {
                    return;
                }
            }
        });
        Self { input: child.stdin.take(), child, lines, reader: Some(reader), log, next_id: 0 }
    }

    /// Process id of the server.
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// What the server has logged so far.
    ///
    /// # Panics
    /// When the log cannot be read.
    pub fn log(&self) -> String {
        let bytes = std::fs::read(self.log.path()).expect("the log is a file");
        String::from_utf8_lossy(&bytes).into_owned()
    }

    /// Performs the handshake of protocol 2025-11-25 and returns the server's answer.
    pub fn initialize(&mut self) -> Value {
        let answer = self.request(
            "initialize",
            json!({
                "protocolVersion": "2025-11-25", "capabilities": {},
                "clientInfo": {"name": "e2e", "version": "1"},
            }),
        );
        self.send(&json!({"jsonrpc": "2.0", "method": "notifications/initialized"}));
        answer
    }

    /// Sends a message.
    pub fn send(&mut self, message: &Value) {
        self.send_line(message.to_string());
    }

    /// Sends a line as it is, in whatever encoding.
    ///
    /// # Panics
    /// When the server no longer reads.
    pub fn send_line(&mut self, line: impl AsRef<[u8]>) {
        let input = self.input.as_mut().expect("the input is open");
        input.write_all(line.as_ref()).and_then(|()| input.write_all(b"\n")).expect("the server reads");
        input.flush().expect("the server reads");
    }

    /// An id that no request had yet.
    pub fn unused_id(&mut self) -> i64 {
        self.next_id += 1;
        self.next_id
    }

    /// Sends a request and returns its id.
    pub fn start_request(&mut self, method: &str, params: Value) -> i64 {
        let id = self.unused_id();
        self.send(&json!({"jsonrpc": "2.0", "id": id, "method": method, "params": params}));
        id
    }

    /// Sends a request and waits for its answer: `result` or `error` inside the envelope.
    pub fn request(&mut self, method: &str, params: Value) -> Value {
        let id = self.start_request(method, params);
        loop {
            let message = self.receive();
            if message["id"] == id {
                return message;
            }
        }
    }

    /// As [`Session::request`], for a server that may be killed: `None` when it is gone.
    ///
    /// # Panics
    /// When it does not answer in time.
    pub fn try_request(&mut self, method: &str, params: Value) -> Option<Value> {
        let id = self.unused_id();
        let request = json!({"jsonrpc": "2.0", "id": id, "method": method, "params": params});
        self.input.as_mut()?.write_all(format!("{request}\n").as_bytes()).ok()?;
        loop {
            let line = match self.lines.recv_timeout(PATIENCE) {
                Ok(line) => line,
                Err(RecvTimeoutError::Disconnected) => return None,
                Err(RecvTimeoutError::Timeout) => panic!("no answer to {method}"),
            };
            match serde_json::from_str::<Value>(&line) {
                Ok(message) if message["id"] == id => return Some(message),
                _ => {}
            }
        }
    }

    /// The next message of the server.
    ///
    /// # Panics
    /// When none comes in time, or it is not JSON.
    pub fn receive(&mut self) -> Value {
        let line = self.lines.recv_timeout(PATIENCE).expect("the server answers");
        serde_json::from_str(&line).unwrap_or_else(|_| panic!("not protocol on stdout: {line}"))
    }

    /// Whether the server stays silent for as long as it takes to answer a ping.
    pub fn is_silent(&mut self) -> bool {
        let id = self.start_request("ping", json!({}));
        self.receive()["id"] == id
    }

    /// Calls a tool and returns the whole result.
    ///
    /// # Panics
    /// When the answer is a protocol error.
    pub fn tool(&mut self, name: &str, arguments: &Value) -> Value {
        let answer = self.request("tools/call", json!({"name": name, "arguments": arguments}));
        assert!(answer["error"].is_null(), "{name}: {answer}");
        answer["result"].clone()
    }

    /// Calls a tool that must succeed, and returns its structured content.
    ///
    /// # Panics
    /// When the tool fails.
    pub fn call(&mut self, name: &str, arguments: &Value) -> Value {
        let result = self.tool(name, arguments);
        assert_eq!(result["isError"], false, "{name}: {result}");
        result["structuredContent"].clone()
    }

    /// Calls a tool that must fail, and returns the error.
    ///
    /// # Panics
    /// When the tool succeeds.
    pub fn fail(&mut self, name: &str, arguments: &Value) -> Value {
        let result = self.tool(name, arguments);
        assert_eq!(result["isError"], true, "{name}: {result}");
        result["structuredContent"].clone()
    }

    /// Closes the input and waits for the end.
    ///
    /// # Panics
    /// When the server does not end.
    pub fn close(mut self) -> ExitStatus {
        drop(self.input.take());
        loop {
            match self.lines.recv_timeout(PATIENCE) {
                Ok(_) => {}
                Err(RecvTimeoutError::Disconnected) => break,
                Err(RecvTimeoutError::Timeout) => panic!("the server does not end"),
            }
        }
        self.child.wait().expect("the server is a child")
    }

    /// Kills the server, as an impatient client does.
    pub fn kill(mut self) {
        // The drop reaps it.
        let _ = self.child.kill();
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        drop(self.input.take());
        if self.child.try_wait().is_ok_and(|ended| ended.is_none()) {
            let start = std::time::Instant::now();
            while start.elapsed() < Duration::from_secs(5) && self.child.try_wait().is_ok_and(|e| e.is_none())
            {
                std::thread::sleep(Duration::from_millis(10));
            }
            let _ = self.child.kill();
        }
        let _ = self.child.wait();
        if let Some(reader) = self.reader.take() {
            let _ = reader.join();
        }
    }
}
