//! The floor: a blocking loop over a pipe that neither parses nor waits for anything else.

use std::{
    io::{BufRead, BufReader, Read, Write},
    process::{Child, Stdio},
    sync::mpsc::sync_channel,
    thread,
    time::Instant,
};

use process_host::spec::ChildSpec;

use super::{pipe, program};

/// Calls per second, each after the answer to the one before.
pub(super) fn sequential(spec: &ChildSpec, calls: usize) -> anyhow::Result<f64> {
    let (mut child, mut stdin, mut stdout) = spawn(spec)?;
    let mut answer = Vec::new();
    let start = Instant::now();
    for id in 0..calls {
        stdin.write_all(request(id).as_bytes())?;
        answer.clear();
        stdout.read_until(b'\n', &mut answer)?;
    }
    let rate = calls as f64 / start.elapsed().as_secs_f64();
    drop(stdin);
    child.wait()?;
    Ok(rate)
}

/// Calls per second with 64 on their way: one thread writes, one reads.
pub(super) fn pipelined(spec: &ChildSpec, calls: usize) -> anyhow::Result<f64> {
    let (mut child, mut stdin, mut stdout) = spawn(spec)?;
    // A place in the channel is a place in flight.
    let (begin, finish) = sync_channel::<()>(63);
    let start = Instant::now();
    let writer = thread::spawn(move || -> anyhow::Result<()> {
        for id in 0..calls {
            begin.send(())?;
            stdin.write_all(request(id).as_bytes())?;
        }
        Ok(())
    });
    let mut answer = Vec::new();
    for _ in 0..calls {
        answer.clear();
        stdout.read_until(b'\n', &mut answer)?;
        finish.recv()?;
    }
    let rate = calls as f64 / start.elapsed().as_secs_f64();
    writer.join().map_err(|_| anyhow::anyhow!("the writer failed"))??;
    child.wait()?;
    Ok(rate)
}

/// The same bytes as ours.
fn request(id: usize) -> String {
    format!("{{\"jsonrpc\":\"2.0\",\"id\":{id},\"method\":\"echo\",\"params\":{{\"message\":\"hello\"}}}}\n")
}

fn spawn(spec: &ChildSpec) -> anyhow::Result<(Child, impl Write + Send + 'static, BufReader<impl Read>)> {
    let mut child = program(spec).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn()?;
    let (stdin, stdout) = (pipe(child.stdin.take())?, pipe(child.stdout.take())?);
    Ok((child, stdin, BufReader::with_capacity(64 << 10, stdout)))
}
