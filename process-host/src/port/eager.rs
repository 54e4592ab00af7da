//! A pipe that can be asked again at once.

use std::{
    io,
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
/// it knows of nothing, this asks the pipe.
pub(super) struct Eager(pub(super) pipe::Receiver);

impl AsyncRead for Eager {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        if let ready @ Poll::Ready(_) = Pin::new(&mut self.0).poll_read(cx, buffer) {
            return ready;
        }
        let room = buffer.remaining().min(BYTES);
        match rustix::io::read(&self.0, buffer.initialize_unfilled_to(room)) {
            Ok(count) => {
                buffer.advance(count);
                Poll::Ready(Ok(()))
            }
            // The runtime wakes whoever asked.
            Err(Errno::AGAIN | Errno::INTR) => Poll::Pending,
            Err(error) => Poll::Ready(Err(error.into())),
        }
    }
}
