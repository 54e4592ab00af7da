//! The task of a connection: it reads, writes what callers left, and watches deadlines.

use std::{
    future::{Future, poll_fn},
    mem::MaybeUninit,
    pin::{Pin, pin},
    sync::Arc,
    task::{Context, Poll, ready},
    time::Duration,
};

use tokio::{
    io::{AsyncRead, ReadBuf},
    task::yield_now,
    time::{Instant, Sleep, sleep, sleep_until},
};

use super::{
    Closed, Codec,
    receive::receive,
    shared::{Flushed, Shared},
    watch::Watch,
};

/// Bytes read at once: what a pipe holds.
const CHUNK: usize = 64 << 10;

/// Chunks read in a row before others have their turn.
const CHUNKS: usize = 8;

/// How long the end of the reader, or a failed write, may wait for its cause.
const CAUSE: Duration = Duration::from_secs(2);

/// Runs a connection to its end. Dropped before that, even before it began, the connection is stopped.
pub(super) fn run(
    shared: Arc<Shared>,
    reader: impl AsyncRead + Unpin + Send,
    codec: impl Codec,
    cause: impl Future<Output = Closed> + Send,
) -> impl Future<Output = ()> + Send {
    let patience = shared.options.busy_poll;
    let mut task = Task {
        shared: OnDrop(shared),
        reader,
        codec,
        timer: None,
        grace: None,
        yielded: false,
        watch: Watch::new(patience),
    };
    async move {
        let ended = poll_fn(|cx| task.poll(cx)).await;
        let (mut cause, mut patience) = (pin!(cause), pin!(sleep(CAUSE)));
        let reason = poll_fn(|cx| {
            task.poll_deadlines(cx);
            match cause.as_mut().poll(cx) {
                Poll::Ready(cause) => Poll::Ready(cause),
                Poll::Pending if task.shared.0.closed.initialized() => Poll::Ready(ended.clone()),
                Poll::Pending => patience.as_mut().poll(cx).map(|()| ended.clone()),
            }
        })
        .await;
        task.shared.0.close(reason);
    }
}

struct OnDrop(Arc<Shared>);

impl Drop for OnDrop {
    fn drop(&mut self) {
        self.0.close(Closed::Stopped);
    }
}

struct Task<R, C> {
    shared: OnDrop,
    reader: R,
    codec: C,
    /// Set to the earliest deadline.
    timer: Option<Pin<Box<Sleep>>>,
    /// Runs since a write failed.
    grace: Option<Pin<Box<Sleep>>>,
    /// Others had their turn to add to what waits to be written.
    yielded: bool,
    watch: Watch,
}

impl<R: AsyncRead + Unpin, C: Codec> Task<R, C> {
    /// Ready when nothing more can be read, with the reason if no better is found.
    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Closed> {
        self.shared.0.task.get_or_init(|| cx.waker().clone());
        if let Poll::Ready(reason) = self.poll_read(cx) {
            return Poll::Ready(reason);
        }
        if let Some(reason) = self.shared.0.closed.get() {
            return Poll::Ready(reason.clone());
        }
        self.poll_write(cx);
        self.poll_deadlines(cx);
        self.poll_grace(cx)
    }

    fn poll_read(&mut self, cx: &mut Context<'_>) -> Poll<Closed> {
        for round in 0..CHUNKS {
            // On the stack, and only while there is something to read.
            let mut chunk = [MaybeUninit::uninit(); CHUNK];
            let mut chunk = ReadBuf::uninit(&mut chunk);
            let mut read = Pin::new(&mut self.reader).poll_read(cx, &mut chunk);
            // Once something came, whoever waited for it has work to do first.
            if read.is_pending() && round == 0 && self.watch.is_open() && self.shared.0.waits_for_one() {
                self.watch.start();
                while read.is_pending() && self.watch.goes_on() {
                    read = Pin::new(&mut self.reader).poll_read(cx, &mut chunk);
                }
                self.watch.end(read.is_ready());
            }
            match ready!(read) {
                Err(error) => return Poll::Ready(Closed::Io(error.to_string())),
                Ok(()) if chunk.filled().is_empty() => return Poll::Ready(Closed::Ended),
                Ok(()) => receive(&self.shared.0, &mut self.codec, chunk.filled()),
            }
        }
        cx.waker().wake_by_ref();
        Poll::Pending
    }

    /// Lets those who were just woken add theirs, then writes all of it.
    fn poll_write(&mut self, cx: &mut Context<'_>) {
        if !self.shared.0.lock().outbox.end_burst() {
            return;
        }
        if !self.yielded {
            self.yielded = true;
            let _ = pin!(yield_now()).poll(cx);
            return;
        }
        self.yielded = false;
        if self.shared.0.flush(cx) == Flushed::Some {
            cx.waker().wake_by_ref();
        }
    }

    fn poll_deadlines(&mut self, cx: &mut Context<'_>) {
        loop {
            let Some(next) = self.shared.0.lock().next_deadline else { return };
            let timer = self.timer.get_or_insert_with(|| Box::pin(sleep_until(next)));
            if timer.deadline() != next {
                timer.as_mut().reset(next);
            }
            if timer.as_mut().poll(cx).is_pending() {
                return;
            }
            self.shared.0.expire(Instant::now());
        }
    }

    fn poll_grace(&mut self, cx: &mut Context<'_>) -> Poll<Closed> {
        if self.grace.is_none() && self.shared.0.lock().write_error.is_some() {
            self.grace = Some(Box::pin(sleep(CAUSE)));
        }
        let Some(grace) = &mut self.grace else { return Poll::Pending };
        ready!(grace.as_mut().poll(cx));
        let error = self.shared.0.lock().write_error.clone();
        Poll::Ready(Closed::Io(error.unwrap_or_default()))
    }
}
