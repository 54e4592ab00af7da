//! A program run to its end for what it writes.

use std::{pin::pin, time::Duration};

use futures::{FutureExt, future::FusedFuture};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    time::timeout,
};

use crate::{Exit, Log, Process, SpawnError, log::Stream, port::LAST_WORDS, spec::ChildSpec};

/// What a program wrote, and how it ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Output {
    /// How it ended.
    pub exit: Exit,
    /// What it wrote to standard output, at most as much as was asked for.
    pub stdout: Vec<u8>,
    /// The end of what it wrote to standard error.
    pub stderr_tail: String,
}

/// Why there is no output.
#[derive(Debug, thiserror::Error)]
pub enum OutputError {
    /// It did not start.
    #[error(transparent)]
    Spawn(#[from] SpawnError),
    /// It took too long, and was killed.
    #[error("{name} took longer than {} ms", within.as_millis())]
    Timeout {
        /// The child.
        name: String,
        /// How long it had.
        within: Duration,
    },
}

/// Runs a child to its end, which must come `within` so long: writes `input` to its standard input,
/// and keeps the first `most` bytes of what it writes. Dropping the future kills it.
///
/// # Errors
/// [`OutputError`].
pub async fn output(
    spec: &ChildSpec,
    input: &[u8],
    within: Duration,
    most: usize,
) -> Result<Output, OutputError> {
    let timed_out = |_| OutputError::Timeout { name: spec.name.clone(), within };
    timeout(within, run(spec, input, most)).await.map_err(timed_out)?
}

async fn run(spec: &ChildSpec, input: &[u8], most: usize) -> Result<Output, OutputError> {
    let (mut process, mut pipes) = Process::spawn(spec).await?;
    let log = Log::new(spec.limits.stderr_bytes);
    let mut stdout = Vec::new();
    let streams = async {
        let write = async {
            // One that ends without reading says why by how it ends.
            let _ = pipes.stdin.write_all(input).await;
            drop(pipes.stdin);
        };
        let read = async {
            // What the pipe gave before it broke is what there is.
            let _ = (&mut pipes.stdout).take(most as u64).read_to_end(&mut stdout).await;
            let _ = tokio::io::copy(&mut pipes.stdout, &mut tokio::io::sink()).await;
        };
        tokio::join!(write, read, log.clone().drain(Stream::Stderr, pipes.stderr));
    };
    let exit = {
        let mut streams = pin!(streams.fuse());
        let mut ended = pin!(process.ended());
        let exit = tokio::select! {
            exit = &mut ended => exit,
            () = &mut streams => ended.await,
        };
        if !streams.is_terminated() {
            let _ = timeout(LAST_WORDS, streams).await;
        }
        exit
    };
    Ok(Output { exit, stdout, stderr_tail: log.stderr_tail(2048) })
}
