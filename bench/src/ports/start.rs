//! From nothing to the first reply of `/bin/cat`.

use std::{
    io::{Read, Write},
    process::Stdio,
    time::Instant,
};

use process_host::{
    Process,
    spec::{ChildSpec, Command},
};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use super::{pipe, program};

fn cat() -> ChildSpec {
    ChildSpec::new("cat", Command::new("/bin/cat"))
}

/// Microseconds with fork and exec alone.
pub(super) fn bare(times: usize) -> anyhow::Result<f64> {
    let mut elapsed = 0.0;
    for _ in 0..times {
        let start = Instant::now();
        let mut child =
            program(&cat()).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn()?;
        let (mut stdin, mut stdout) = (pipe(child.stdin.take())?, pipe(child.stdout.take())?);
        stdin.write_all(b"x")?;
        stdout.read_exact(&mut [0])?;
        elapsed += start.elapsed().as_secs_f64();
        drop(stdin);
        child.wait()?;
    }
    Ok(elapsed * 1e6 / times as f64)
}

/// Microseconds through the reaper.
pub(super) async fn ours(times: usize) -> anyhow::Result<f64> {
    let spec = cat();
    let mut elapsed = 0.0;
    for _ in 0..times {
        let start = Instant::now();
        let (mut process, mut pipes) = Process::spawn(&spec).await?;
        pipes.stdin.write_all(b"x").await?;
        pipes.stdout.read_exact(&mut [0]).await?;
        elapsed += start.elapsed().as_secs_f64();
        drop(pipes);
        process.ended().await;
    }
    Ok(elapsed * 1e6 / times as f64)
}
