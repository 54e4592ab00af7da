//! The children that `chaos` needs: each does one thing that a program should not do, or what a good
//! one does.

use std::{
    io::{self, BufRead, Write},
    process::ExitCode,
    thread,
    time::Duration,
};

use clap::{Args, ValueEnum};
use serde::Deserialize;
use serde_json::{json, value::RawValue};

use super::Outcome;

/// Which child to be.
#[derive(Debug, Args)]
pub(super) struct Peer {
    behaviour: Behaviour,
}

/// What it does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum Behaviour {
    /// Answers every JSON-RPC request but `silence`, and ends with its input.
    Echo,
    /// Answers, with what is no message before and after each answer.
    Noise,
    /// Never reads, and lives on.
    Hog,
    /// Writes 100 MB to standard error, and says on standard output when it is done.
    Flood,
}

/// What [`Behaviour::Flood`] writes, in bytes.
pub(super) const FLOOD_BYTES: usize = 100_000_000;
/// Its last line.
pub(super) const FLOOD_OVER: &str = "the flood is over";

/// Behaves until standard input or output ends.
///
/// # Errors
/// When the other end is gone.
pub(super) fn run(peer: &Peer) -> Outcome {
    match peer.behaviour {
        Behaviour::Echo => answer(false)?,
        Behaviour::Noise => answer(true)?,
        Behaviour::Flood => flood()?,
        Behaviour::Hog => loop {
            thread::sleep(Duration::from_secs(3600));
        },
    }
    Ok(ExitCode::SUCCESS)
}

fn answer(noisy: bool) -> io::Result<()> {
    #[derive(Deserialize)]
    struct Request {
        id: Option<Box<RawValue>>,
        method: String,
    }
    let mut stdout = io::stdout().lock();
    for line in io::stdin().lock().lines() {
        let Ok(Request { id: Some(id), method }) = serde_json::from_str(&line?) else { continue };
        if method == "silence" {
            continue;
        }
        if noisy {
            stdout.write_all(b"DEBUG: a stray print\n\0\0\xff\xfe{\"jsonrpc\": broken\n")?;
        }
        writeln!(stdout, "{}", json!({"jsonrpc": "2.0", "id": id, "result": {"pong": true}}))?;
        if noisy {
            writeln!(stdout, "{}", "x".repeat(8193))?;
        }
        stdout.flush()?;
    }
    Ok(())
}

fn flood() -> io::Result<()> {
    let line = format!("{}\n", "e".repeat(99));
    let chunk = line.repeat(1000);
    let mut stderr = io::stderr().lock();
    for _ in 0..FLOOD_BYTES / chunk.len() {
        stderr.write_all(chunk.as_bytes())?;
    }
    writeln!(io::stdout(), "{FLOOD_OVER}")
}
