//! A pipe that can be asked again at once.

use std::{
    io, mem,
    pin::Pin,
    task::{Context, Poll},
};

use rustix::io::Errno;
use tokio::{
    io::{AsyncRead, ReadBuf},
    net::unix::pipe,
};

/// Bytes read when the pipe is asked itself.
const BYTES: usize = 4096;

/// The reading end of a pipe. The runtime learns only now and then that something can be read; when
/// it knows of nothing, and is asked again, this asks the pipe.
pub(super) struct Eager {
    pipe: pipe::Receiver,
    /// There was nothing when it was asked last.
    is_awaited: bool,
}

impl Eager {
    pub(super) fn new(pipe: pipe::Receiver) -> Self {
        Self { pipe, is_awaited: false }
    }
}

impl AsyncRead for Eager {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        if let ready @ Poll::Ready(_) = Pin::new(&mut self.pipe).poll_read(cx, buffer) {
            self.is_awaited = false;
            return ready;
        }
        if !mem::replace(&mut self.is_awaited, true) {
            return Poll::Pending;
        }
        let room = buffer.remaining().min(BYTES);
        match rustix::io::read(&self.pipe, buffer.initialize_unfilled_to(room)) {
            Ok(count) => {
                buffer.advance(count);
                self.is_awaited = false;
                Poll::Ready(Ok(()))
            }
            // The runtime wakes whoever asked.
            Err(Errno::AGAIN | Errno::INTR) => Poll::Pending,
            Err(error) => Poll::Ready(Err(error.into())),
        }
    }
}
