//! The way out: whole lines, in the order in which they are given, whoever gives up meanwhile.

use std::{
    io,
    sync::{
        MutexGuard, PoisonError,
        atomic::{AtomicUsize, Ordering},
    },
};

use serde::Serialize;
use tokio::{
    io::{AsyncWrite, AsyncWriteExt},
    sync::Mutex,
};

/// Bytes that may wait while there is more to read. Answers that are ready together leave together.
const WAITING: usize = 64 * 1024;

/// The output, which answers of rmcp and our own share.
#[derive(Debug)]
pub(super) struct Output<W> {
    queue: std::sync::Mutex<Vec<u8>>,
    sink: Mutex<Sink<W>>,
    /// Bytes in the queue and in the sink.
    waiting: AtomicUsize,
}

/// What is being written. A write that is given up goes on from here.
#[derive(Debug)]
struct Sink<W> {
    stream: W,
    bytes: Vec<u8>,
    written: usize,
}

impl<W: AsyncWrite + Unpin> Output<W> {
    pub(super) fn new(stream: W) -> Self {
        let sink = Sink { stream, bytes: Vec::new(), written: 0 };
        Self { queue: std::sync::Mutex::default(), sink: Mutex::new(sink), waiting: AtomicUsize::new(0) }
    }

    /// Appends a message; [`Output::flush`] writes it.
    pub(super) fn push(&self, message: &impl Serialize) -> io::Result<()> {
        let mut line = serde_json::to_vec(message)?;
        line.push(b'\n');
        self.push_line(&line);
        Ok(())
    }

    /// Appends a line, which ends with its line break.
    pub(super) fn push_line(&self, line: &[u8]) {
        self.waiting.fetch_add(line.len(), Ordering::AcqRel);
        self.queue().extend_from_slice(line);
    }

    /// Whether something waits to be written.
    pub(super) fn is_waiting(&self) -> bool {
        self.waiting.load(Ordering::Acquire) > 0
    }

    /// Whether so much waits that nothing should be added.
    pub(super) fn is_full(&self) -> bool {
        self.waiting.load(Ordering::Acquire) >= WAITING
    }

    /// Writes all that waits. Nothing is lost or written twice when the future is dropped.
    pub(super) async fn flush(&self) -> io::Result<()> {
        let mut sink = self.sink.lock().await;
        let Sink { stream, bytes, written } = &mut *sink;
        loop {
            if *written == bytes.len() {
                *written = 0;
                bytes.clear();
                bytes.shrink_to(WAITING);
                std::mem::swap(&mut *self.queue(), bytes);
                if bytes.is_empty() {
                    return stream.flush().await;
                }
            }
            let step = stream.write(&bytes[*written..]).await?;
            if step == 0 {
                return Err(io::ErrorKind::WriteZero.into());
            }
            *written += step;
            self.waiting.fetch_sub(step, Ordering::AcqRel);
        }
    }

    /// Closes the stream.
    pub(super) async fn close(&self) -> io::Result<()> {
        self.sink.lock().await.stream.shutdown().await
    }

    fn queue(&self) -> MutexGuard<'_, Vec<u8>> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use futures::FutureExt;
    use tokio::io::AsyncReadExt;

    use super::*;

    #[tokio::test]
    async fn a_write_that_is_given_up_is_gone_on_with() {
        let (near, mut far) = tokio::io::duplex(10);
        let output = Output::new(near);
        let sent: String = (0..100).map(|n| format!("{n}\n")).collect();
        for line in sent.split_inclusive('\n') {
            output.push_line(line.as_bytes());
        }
        let mut received = Vec::new();
        while output.is_waiting() {
            assert!(output.flush().now_or_never().is_none(), "nothing is read, so not all can be written");
            let mut some = [0; 7];
            let read = far.read(&mut some).await.unwrap();
            received.extend_from_slice(&some[..read]);
            let _ = output.flush().now_or_never();
        }
        drop(output);
        far.read_to_end(&mut received).await.unwrap();
        assert_eq!(String::from_utf8(received).unwrap(), sent);
    }
}
