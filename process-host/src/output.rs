//! A program run to its end for what it writes.

use std::time::Duration;

use tokio::{io::AsyncReadExt, time::timeout};

use crate::{Exit, Log, Process, SpawnError, log::Stream, spec::ChildSpec};

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

/// Runs a child to its end, which must come `within` so long, and keeps the first `most` bytes of
/// what it writes. Its standard input is empty. Dropping the future kills it.
///
/// # Errors
/// [`OutputError`].
pub async fn output(spec: &ChildSpec, within: Duration, most: usize) -> Result<Output, OutputError> {
    let run = async {
        let (mut process, pipes) = Process::spawn(spec).await?;
        drop(pipes.stdin);
        let log = Log::new(spec.limits.stderr_bytes);
        let read = async {
            let mut kept = Vec::new();
            let mut stdout = pipes.stdout;
            // What the pipe gave before it broke is what there is.
            let _ = (&mut stdout).take(most as u64).read_to_end(&mut kept).await;
            let _ = tokio::io::copy(&mut stdout, &mut tokio::io::sink()).await;
            kept
        };
        let (stdout, (), exit) =
            tokio::join!(read, log.clone().drain(Stream::Stderr, pipes.stderr), process.ended());
        Ok(Output { exit, stdout, stderr_tail: log.stderr_tail(2048) })
    };
    let timed_out = |_| OutputError::Timeout { name: spec.name.clone(), within };
    timeout(within, run).await.map_err(timed_out)?
}
