//! What waits to be written, and what became of it.

use std::{io, mem, ops::Range, pin::Pin, task::Context, task::Poll};

use tokio::io::AsyncWrite;

/// Nothing is added while so many bytes wait. What is waiting may be this and one message.
pub(super) const ROOM: usize = 256 << 10;

/// A buffer of at most this many bytes is kept while nothing is written.
pub(super) const KEPT: usize = 512;

/// And while calls wait for their answers.
pub(super) const KEPT_IN_USE: usize = 64 << 10;

/// Where bytes go.
pub(super) type Writer = Box<dyn AsyncWrite + Unpin + Send>;

/// The bytes that wait to be written. Whoever finds the writer free takes it together with all that
/// waits, writes without holding the lock, and brings both back.
///
/// A message's place is the range of its bytes in the sequence of all bytes that were ever added.
pub(super) struct Outbox {
    writer: Slot,
    /// At the writer; nothing of it can be taken back.
    batch: Batch,
    /// Not handed to the writer yet.
    queue: Vec<u8>,
    /// The place of the first byte of `queue`.
    queue_start: u64,
    /// The writer goes when all is written.
    closing: bool,
    /// Messages added since the reader last ran.
    burst: u32,
}

enum Slot {
    Free(Writer),
    Lent,
    Gone,
}

/// Bytes on their way out.
#[derive(Default)]
pub(super) struct Batch {
    bytes: Vec<u8>,
    written: usize,
    flushed: bool,
}

impl Batch {
    /// Writes until it is done or the writer blocks.
    pub(super) fn write(&mut self, writer: &mut Writer, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        while self.written < self.bytes.len() {
            match Pin::new(&mut *writer).poll_write(cx, &self.bytes[self.written..])? {
                Poll::Ready(0) => return Poll::Ready(Err(io::ErrorKind::WriteZero.into())),
                Poll::Ready(count) => self.written += count,
                Poll::Pending => return Poll::Pending,
            }
        }
        Pin::new(writer).poll_flush(cx).map_ok(|()| self.flushed = true)
    }

    fn is_done(&self) -> bool {
        self.written == self.bytes.len() && self.flushed
    }

    fn left(&self) -> usize {
        self.bytes.len() - self.written
    }
}

impl Outbox {
    pub(super) fn new(writer: Writer) -> Self {
        Self {
            writer: Slot::Free(writer),
            batch: Batch { flushed: true, ..Batch::default() },
            queue: Vec::new(),
            queue_start: 0,
            closing: false,
            burst: 0,
        }
    }

    /// Whether anything may be added, now or later.
    pub(super) fn is_open(&self) -> bool {
        !self.closing && !matches!(self.writer, Slot::Gone)
    }

    pub(super) fn has_room(&self) -> bool {
        self.queue.len() < ROOM
    }

    /// Adds a message, and says where its bytes are.
    pub(super) fn push(&mut self, encode: impl FnOnce(&mut Vec<u8>)) -> Range<u64> {
        let start = self.queue_start + self.queue.len() as u64;
        encode(&mut self.queue);
        self.burst += 1;
        start..self.queue_start + self.queue.len() as u64
    }

    /// Whether it is better to write at once than to wait for others to add theirs: the first message
    /// is not kept waiting, and those that follow before there was time to read go out together.
    pub(super) fn wants_write_now(&self) -> bool {
        self.burst <= 1 && matches!(self.writer, Slot::Free(_)) && self.batch.is_done()
    }

    /// The reader runs; says whether anything waits.
    pub(super) fn end_burst(&mut self) -> bool {
        self.burst = 0;
        self.is_waiting()
    }

    /// Whether no byte of the message at `place` can have been written.
    pub(super) fn is_unsent(&self, place: &Range<u64>) -> bool {
        let left = match self.writer {
            Slot::Lent => 0,
            _ => self.batch.left() as u64,
        };
        place.start + left >= self.queue_start
    }

    /// Takes back the message at `place`, when none of it went to the writer. Later messages move.
    pub(super) fn take_back(&mut self, place: &Range<u64>) -> bool {
        let Some(start) = place.start.checked_sub(self.queue_start) else { return false };
        let start = start as usize;
        self.queue.drain(start..start + (place.end - place.start) as usize);
        true
    }

    /// Lends the writer and what is to be written; `None` when it is lent already, or nothing is.
    pub(super) fn lend(&mut self) -> Option<(Writer, Batch)> {
        if !self.is_waiting() {
            return None;
        }
        if self.batch.is_done() {
            self.batch.bytes.clear();
            mem::swap(&mut self.batch.bytes, &mut self.queue);
            self.batch.written = 0;
            self.batch.flushed = false;
            self.queue_start += self.batch.bytes.len() as u64;
        }
        match mem::replace(&mut self.writer, Slot::Lent) {
            Slot::Free(writer) => Some((writer, mem::take(&mut self.batch))),
            other => {
                self.writer = other;
                None
            }
        }
    }

    /// Whether the writer is free and something is to be written.
    fn is_waiting(&self) -> bool {
        matches!(self.writer, Slot::Free(_)) && !(self.batch.is_done() && self.queue.is_empty())
    }

    /// Takes the writer back, and keeps buffers of at most `kept` bytes. Hands the writer out for
    /// good when it is not wanted any more.
    pub(super) fn give_back(&mut self, writer: Writer, batch: Batch, kept: usize) -> Option<Writer> {
        self.batch = batch;
        if matches!(self.writer, Slot::Gone) {
            return Some(writer);
        }
        self.writer = Slot::Free(writer);
        if self.is_waiting() {
            return None;
        }
        self.batch.bytes.clear();
        self.batch.written = 0;
        self.keep(kept);
        if self.closing { self.take_writer() } else { None }
    }

    /// Gives back the memory of empty buffers of more than `bytes`.
    pub(super) fn keep(&mut self, bytes: usize) {
        for buffer in [&mut self.batch.bytes, &mut self.queue] {
            if buffer.is_empty() && buffer.capacity() > bytes {
                *buffer = Vec::new();
            }
        }
    }

    /// The writer failed; this is how far it came.
    pub(super) fn fail(&mut self, batch: Batch) {
        self.batch = batch;
        self.writer = Slot::Gone;
    }

    /// Nothing is added any more; the writer goes when all is written, which may be now.
    pub(super) fn close_when_written(&mut self) -> Option<Writer> {
        self.closing = true;
        if self.is_waiting() || matches!(self.writer, Slot::Lent) { None } else { self.take_writer() }
    }

    /// Nothing is written any more; what waits stays unsent. A writer that is lent goes when it is
    /// given back.
    pub(super) fn take_writer(&mut self) -> Option<Writer> {
        match mem::replace(&mut self.writer, Slot::Gone) {
            Slot::Free(writer) => Some(writer),
            Slot::Lent | Slot::Gone => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::task::Waker;

    use tokio::io::{AsyncReadExt, simplex};

    use super::*;

    fn push(outbox: &mut Outbox, text: &str) -> Range<u64> {
        outbox.push(|wire| wire.extend_from_slice(text.as_bytes()))
    }

    fn write(outbox: &mut Outbox) -> Poll<io::Result<()>> {
        let (mut writer, mut batch) = outbox.lend().unwrap();
        let result = batch.write(&mut writer, &mut Context::from_waker(Waker::noop()));
        outbox.give_back(writer, batch, KEPT);
        result
    }

    #[tokio::test]
    async fn what_was_not_handed_over_can_be_taken_back_and_nothing_else() {
        let (mut reader, writer) = simplex(4);
        let mut outbox = Outbox::new(Box::new(writer));
        let first = push(&mut outbox, "aaaaaa");
        let second = push(&mut outbox, "bbb");
        assert!(outbox.is_unsent(&first) && outbox.is_unsent(&second));
        assert!(write(&mut outbox).is_pending());
        // Four bytes fit: the first has begun, the second has not but will follow.
        assert!(!outbox.is_unsent(&first) && outbox.is_unsent(&second));
        assert!(!outbox.take_back(&second));
        let third = push(&mut outbox, "ccc");
        let fourth = push(&mut outbox, "dd");
        assert!(outbox.is_unsent(&third) && outbox.take_back(&third));
        let moved = fourth.start - 3..fourth.end - 3;
        assert!(outbox.is_unsent(&moved));

        let mut read = vec![0; 4];
        reader.read_exact(&mut read).await.unwrap();
        assert!(write(&mut outbox).is_pending());
        assert!(!outbox.is_unsent(&second) && outbox.is_unsent(&moved));
        while read.len() < 11 {
            reader.read_buf(&mut read).await.unwrap();
            if outbox.end_burst() {
                let _ = write(&mut outbox);
            }
        }
        assert_eq!(read, b"aaaaaabbbdd");
    }

    #[tokio::test]
    async fn a_writer_is_closed_when_all_is_written() {
        let (mut reader, writer) = simplex(4);
        let mut outbox = Outbox::new(Box::new(writer));
        push(&mut outbox, "aaaaaa");
        assert!(write(&mut outbox).is_pending());
        assert!(outbox.close_when_written().is_none() && !outbox.is_open());
        reader.read_exact(&mut [0; 4]).await.unwrap();
        let (mut writer, mut batch) = outbox.lend().unwrap();
        assert!(batch.write(&mut writer, &mut Context::from_waker(Waker::noop())).is_ready());
        assert!(outbox.give_back(writer, batch, KEPT).is_some());
        assert!(outbox.lend().is_none());
    }
}
