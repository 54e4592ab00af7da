//! An MCP session over pipes.

use std::{
    io::{BufRead, BufReader, Write},
    process::{Child, ChildStdin, ChildStdout, Command, Stdio},
    time::Instant,
};

use anyhow::{Context, ensure};
use serde_json::{Value, json};

/// A server and the pipes to it. It leaves when its input ends.
pub(crate) struct Session {
    child: Child,
    input: Option<ChildStdin>,
    output: BufReader<ChildStdout>,
    line: Vec<u8>,
    id: u64,
}

impl Session {
    pub(crate) fn start(command: impl std::borrow::BorrowMut<Command>) -> anyhow::Result<Self> {
        let mut command = command;
        let mut child = command.borrow_mut().stdin(Stdio::piped()).stdout(Stdio::piped()).spawn()?;
        let output = child.stdout.take().context("a pipe was asked for")?;
        let input = child.stdin.take();
        let output = BufReader::with_capacity(64 << 10, output);
        let mut session = Self { child, input, output, line: Vec::new(), id: 0 };
        let about = json!({
            "protocolVersion": "2025-11-25", "capabilities": {},
            "clientInfo": { "name": "bench", "version": "1" },
        });
        session.send("initialize", &about)?;
        session.receive()?;
        session.write(b"{\"jsonrpc\":\"2.0\",\"method\":\"notifications/initialized\"}\n")?;
        Ok(session)
    }

    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Calls a tool and waits for its answer.
    pub(crate) fn call(&mut self, tool: &str, arguments: &Value) -> anyhow::Result<Value> {
        self.send("tools/call", &json!({ "name": tool, "arguments": arguments }))?;
        self.receive()?;
        let answer: Value = serde_json::from_slice(&self.line)?;
        let failed = !answer["error"].is_null() || answer["result"]["isError"] == true;
        ensure!(!failed, "{answer}");
        Ok(answer)
    }

    /// Calls a second, with `places` on their way at one time.
    pub(crate) fn pipelined(
        &mut self,
        tool: &str,
        arguments: &Value,
        calls: usize,
        places: usize,
    ) -> anyhow::Result<f64> {
        let params = json!({ "name": tool, "arguments": arguments });
        let begun = Instant::now();
        for sent in 0..calls + places {
            if sent < calls {
                self.send("tools/call", &params)?;
            }
            if sent >= places {
                self.receive()?;
            }
        }
        Ok(calls as f64 / begun.elapsed().as_secs_f64())
    }

    fn send(&mut self, method: &str, params: &Value) -> anyhow::Result<()> {
        self.id += 1;
        let line =
            format!("{}\n", json!({ "jsonrpc": "2.0", "id": self.id, "method": method, "params": params }));
        self.write(line.as_bytes())
    }

    fn write(&mut self, line: &[u8]) -> anyhow::Result<()> {
        Ok(self.input.as_mut().context("the input is open")?.write_all(line)?)
    }

    /// Reads the next answer; notifications are passed over.
    fn receive(&mut self) -> anyhow::Result<()> {
        loop {
            self.line.clear();
            ensure!(self.output.read_until(b'\n', &mut self.line)? > 0, "the server left");
            if memchr::memmem::find(&self.line, b"\"id\":").is_some() {
                return Ok(());
            }
        }
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        drop(self.input.take());
        // Nothing is left to be done about a failure.
        let _ = self.child.wait();
    }
}
