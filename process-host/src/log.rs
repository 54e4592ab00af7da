//! The last lines a child wrote, within a bound.

use std::{
    collections::VecDeque,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use serde::{Deserialize, Serialize};
use tokio::{
    io::{AsyncRead, AsyncReadExt},
    sync::Notify,
};

/// A longer line is cut into pieces of this many bytes.
const LONGEST_LINE: usize = 8 << 10;
/// How much is read at once of a child that has been silent, in bytes.
const IDLE: usize = 256;

/// Where a line came from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Stream {
    /// Standard output.
    Stdout,
    /// Standard error.
    Stderr,
}

/// A line that a child wrote. What is not UTF-8 in it was replaced.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LogLine {
    /// Counts the lines of this log from 1.
    pub sequence: u64,
    /// Where it came from.
    pub stream: Stream,
    /// The line, without its end.
    pub text: String,
}

/// The last lines a child wrote, of all its incarnations. Clones share one log.
#[derive(Debug, Clone)]
pub struct Log {
    kept: Arc<Mutex<Kept>>,
    grown: Arc<Notify>,
}

#[derive(Debug)]
struct Kept {
    lines: VecDeque<LogLine>,
    bytes: usize,
    capacity: usize,
    last: u64,
}

impl Log {
    /// A log that keeps as many of the last lines as fit into `capacity` bytes.
    pub fn new(capacity: usize) -> Self {
        let kept = Kept { lines: VecDeque::new(), bytes: 0, capacity, last: 0 };
        Self { kept: Arc::new(Mutex::new(kept)), grown: Arc::default() }
    }

    /// The lines after the one numbered `sequence` that are still kept; 0 for all of them.
    pub fn after(&self, sequence: u64) -> Vec<LogLine> {
        self.kept().lines.iter().filter(|line| line.sequence > sequence).cloned().collect()
    }

    /// The lines after the one numbered `sequence`; waits until there is one.
    pub async fn next_after(&self, sequence: u64) -> Vec<LogLine> {
        loop {
            let grown = self.grown.notified();
            let lines = self.after(sequence);
            if !lines.is_empty() {
                return lines;
            }
            grown.await;
        }
    }

    /// The end of what was written to standard error, at most `bytes` of it.
    pub fn stderr_tail(&self, bytes: usize) -> String {
        let kept = self.kept();
        let mut room = bytes;
        let fitting =
            kept.lines.iter().rev().filter(|line| line.stream == Stream::Stderr).take_while(|line| {
                let fits = line.text.len() < room;
                room = room.saturating_sub(line.text.len() + 1);
                fits
            });
        let mut lines: Vec<_> = fitting.map(|line| line.text.as_str()).collect();
        lines.reverse();
        lines.join("\n")
    }

    /// Reads `reader` to its end, so that the child never waits for a reader.
    pub(crate) async fn drain(self, stream: Stream, mut reader: impl AsyncRead + Unpin) {
        let mut line = Vec::new();
        let mut chunk = Vec::with_capacity(IDLE);
        loop {
            chunk.clear();
            match reader.read_buf(&mut chunk).await {
                Ok(0) | Err(_) => break,
                Ok(_) => self.take(stream, &mut line, &chunk),
            }
            // Much room only while the child writes much: most children are idle most of the time.
            let wanted = if chunk.len() == chunk.capacity() { LONGEST_LINE } else { IDLE };
            if chunk.capacity() != wanted {
                chunk = Vec::with_capacity(wanted);
            }
        }
        if !line.is_empty() {
            self.push(stream, &line);
        }
    }

    fn take(&self, stream: Stream, line: &mut Vec<u8>, chunk: &[u8]) {
        for mut piece in chunk.split_inclusive(|byte| *byte == b'\n') {
            while line.len() + piece.trim_ascii_end().len() > LONGEST_LINE {
                let (head, rest) = piece.split_at(LONGEST_LINE - line.len());
                line.extend_from_slice(head);
                self.push(stream, line);
                line.clear();
                piece = rest;
            }
            line.extend_from_slice(piece);
            if line.ends_with(b"\n") || line.len() >= LONGEST_LINE {
                let end = line.trim_ascii_end().len();
                self.push(stream, &line[..end]);
                line.clear();
            }
        }
    }

    fn push(&self, stream: Stream, line: &[u8]) {
        let text = String::from_utf8_lossy(line).into_owned();
        let mut kept = self.kept();
        kept.last += 1;
        kept.bytes += text.len() + 1;
        let sequence = kept.last;
        kept.lines.push_back(LogLine { sequence, stream, text });
        while kept.bytes > kept.capacity
            && let Some(oldest) = kept.lines.pop_front()
        {
            kept.bytes -= oldest.text.len() + 1;
        }
        drop(kept);
        self.grown.notify_waiters();
    }

    fn kept(&self) -> MutexGuard<'_, Kept> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn the_last_lines_are_kept_within_the_bound() {
        let log = Log::new(100);
        let written: String = (0..1000).map(|line| format!("line {line}\n")).collect();
        log.clone().drain(Stream::Stderr, written.as_bytes()).await;
        let lines = log.after(0);
        assert_eq!(lines.len(), 11);
        assert_eq!((lines[10].sequence, lines[10].text.as_str()), (1000, "line 999"));
        assert_eq!(log.after(999).len(), 1);
        assert_eq!(log.stderr_tail(20), "line 998\nline 999");
    }

    #[tokio::test]
    async fn lines_without_an_end_and_bytes_that_are_no_text_are_bounded() {
        let log = Log::new(1 << 20);
        let endless = vec![0xff; LONGEST_LINE * 2 + 3];
        log.clone().drain(Stream::Stdout, &endless[..]).await;
        // Each byte is replaced by a character of three.
        let lengths: Vec<_> = log.after(0).iter().map(|line| line.text.len() / 3).collect();
        assert_eq!(lengths, [LONGEST_LINE, LONGEST_LINE, 3]);
        assert_eq!(log.stderr_tail(1000), "");
    }

    #[tokio::test]
    async fn whoever_follows_is_woken() {
        let log = Log::new(1000);
        let follower = tokio::spawn({
            let log = log.clone();
            async move { log.next_after(0).await }
        });
        tokio::task::yield_now().await;
        log.clone().drain(Stream::Stderr, &b"hello\n"[..]).await;
        assert_eq!(follower.await.unwrap()[0].text, "hello");
    }
}
