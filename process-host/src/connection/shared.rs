//! What the handles of a connection and its reader have in common.

use std::{
    collections::HashMap,
    hash::{BuildHasherDefault, Hasher},
    mem,
    ops::Range,
    pin::Pin,
    sync::{
        Arc, Mutex, MutexGuard, OnceLock, PoisonError,
        atomic::{AtomicU64, Ordering::Relaxed},
    },
    task::{Context, Poll, Waker},
};

use serde_json::value::RawValue;
use tokio::{
    io::AsyncWrite,
    sync::{Notify, SetOnce, mpsc, oneshot},
    time::Instant,
};

use super::{
    CallError, Closed, Codec, ConnectionMetrics, ConnectionOptions, envelope,
    incoming::Inbox,
    outbox::{KEPT, KEPT_IN_USE, Outbox, Writer},
    stream::Flow,
};

/// What a call comes to.
pub(super) type Answer = Result<Box<RawValue>, CallError>;

/// So often a writer goes on with what others have added meanwhile, before it leaves that to the
/// connection's task: its caller has an answer to wait for.
const ROUNDS: usize = 8;

pub(super) struct Shared {
    pub(super) options: ConnectionOptions,
    pub(super) codec: Box<dyn Codec>,
    pub(super) state: Mutex<State>,
    pub(super) inbox: Mutex<Inbox>,
    /// Set once, with `state` locked.
    pub(super) closed: SetOnce<Closed>,
    /// Told when there is room in the outbox again.
    pub(super) room: Notify,
    /// Wakes the connection's task.
    pub(super) task: OnceLock<Waker>,
    next_id: AtomicU64,
}

pub(super) struct State {
    pub(super) outbox: Outbox,
    pub(super) pending: HashMap<u64, Pending, BuildHasherDefault<IdHasher>>,
    pub(super) metrics: ConnectionMetrics,
    /// The end of what was no message.
    pub(super) noise: String,
    /// No deadline is earlier.
    pub(super) next_deadline: Option<Instant>,
    /// Why writing failed.
    pub(super) write_error: Option<String>,
}

/// A call that waits for its answer.
pub(super) struct Pending {
    pub(super) answer: oneshot::Sender<Answer>,
    pub(super) deadline: Option<Instant>,
    pub(super) progress: Option<mpsc::Sender<Box<RawValue>>>,
    pub(super) kind: Kind,
    /// Where its bytes are; `None` while it waits for room.
    pub(super) place: Option<Range<u64>>,
}

/// What is done with an answer.
pub(super) enum Kind {
    /// Its result is handed out.
    Call,
    /// It is handed out whole, with this id.
    Relay(Box<str>),
    /// Its result is handed out, after the chunks.
    Stream(Arc<Flow>),
}

/// What became of a message that was to be sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Placed {
    /// There is no room for it yet.
    NoRoom,
    /// It goes out with others.
    Later,
    /// It is the first that waits, and is best written at once.
    Now {
        /// Whether the connection's task should look for the answer.
        is_watched: bool,
    },
}

/// How far a writer came.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Flushed {
    /// Nothing is left for it.
    All,
    /// There is more to do.
    Some,
    /// Its context is woken when it can go on.
    Blocked,
}

/// Ids are counted up: any odd factor spreads them.
#[derive(Default)]
pub(super) struct IdHasher(u64);

impl Hasher for IdHasher {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.write_u64(self.0 ^ u64::from(*byte));
        }
    }

    fn write_u64(&mut self, id: u64) {
        self.0 = id.wrapping_mul(0x9e37_79b9_7f4a_7c15);
    }
}

impl Shared {
    pub(super) fn new(codec: impl Codec + 'static, writer: Writer, options: ConnectionOptions) -> Self {
        Self {
            inbox: Mutex::new(Inbox::new(options.incoming)),
            options,
            codec: Box::new(codec),
            state: Mutex::new(State {
                outbox: Outbox::new(writer),
                pending: HashMap::default(),
                metrics: ConnectionMetrics::default(),
                noise: String::new(),
                next_deadline: None,
                write_error: None,
            }),
            closed: SetOnce::new(),
            room: Notify::new(),
            task: OnceLock::new(),
            next_id: AtomicU64::new(1),
        }
    }

    pub(super) fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn new_id(&self) -> u64 {
        self.next_id.fetch_add(1, Relaxed)
    }

    /// Whether some call had this id.
    pub(super) fn was_given_out(&self, id: u64) -> bool {
        id != 0 && id < self.next_id.load(Relaxed)
    }

    pub(super) fn wake_task(&self) {
        if let Some(waker) = self.task.get() {
            waker.wake_by_ref();
        }
    }

    /// Gives a call its place among those that wait, and puts its request on its way if there is
    /// room.
    pub(super) fn register(&self, id: u64, call: Pending, message: &[u8]) -> Result<Placed, CallError> {
        let mut state = self.lock();
        self.check_open(&state)?;
        if state.pending.len() >= self.options.pending_requests {
            return Err(CallError::QueueFull);
        }
        let earlier = match (call.deadline, state.next_deadline) {
            (Some(deadline), Some(next)) => deadline < next,
            (deadline, None) => deadline.is_some(),
            (None, _) => false,
        };
        if earlier {
            // A deadline that is over is not later than one that is still awaited.
            if call.deadline.is_some_and(|deadline| deadline <= Instant::now()) {
                return Err(CallError::Deadline { sent: false });
            }
            state.next_deadline = call.deadline;
        }
        state.pending.insert(id, call);
        let placed = self.push(&mut state, message, Some(id));
        drop(state);
        if earlier {
            self.wake_task();
        }
        Ok(placed)
    }

    /// Puts a message on its way if there is room; that of the call `id`, if it is one.
    pub(super) fn place(&self, message: &[u8], id: Option<u64>) -> Result<Placed, CallError> {
        let mut state = self.lock();
        self.check_open(&state)?;
        Ok(self.push(&mut state, message, id))
    }

    fn push(&self, state: &mut State, message: &[u8], id: Option<u64>) -> Placed {
        if !state.outbox.has_room() {
            return Placed::NoRoom;
        }
        let mut call = match id {
            Some(id) => match state.pending.get_mut(&id) {
                Some(call) => Some(call),
                // It failed while it waited for room.
                None => return Placed::Later,
            },
            None => None,
        };
        // After a failed write the reader's end will tell why; until then it waits, unsent.
        if state.write_error.is_none() {
            let place = state.outbox.push(|wire| self.codec.encode(message, wire));
            state.metrics.sent += 1;
            if let Some(call) = &mut call {
                call.place = Some(place);
            }
        }
        // An answer to a call that is alone may come so soon that it is worth watching for.
        let is_watched = state.pending.len() == 1 && !self.options.busy_poll.is_zero();
        match state.outbox.wants_write_now() {
            true => Placed::Now { is_watched },
            false => Placed::Later,
        }
    }

    fn check_open(&self, state: &State) -> Result<(), CallError> {
        match self.closed.get() {
            Some(reason) => Err(CallError::Closed { reason: reason.clone(), sent: false }),
            None if state.write_error.is_none() && !state.outbox.is_open() => {
                Err(CallError::Closed { reason: Closed::Stopped, sent: false })
            }
            None => Ok(()),
        }
    }

    /// Counts an answer, and takes the call `id` from those that wait.
    pub(super) fn answered(&self, id: Option<u64>) -> Option<Pending> {
        let mut state = self.lock();
        state.metrics.received += 1;
        let call = state.pending.remove(&id?)?;
        if state.pending.is_empty() {
            state.outbox.keep(KEPT);
        }
        Some(call)
    }

    /// Writes what was placed: now, or soon together with what others place.
    pub(super) fn write(&self, placed: Placed) {
        let waker = self.task.get().unwrap_or(Waker::noop());
        let is_done = match placed {
            Placed::Now { is_watched } => {
                self.flush(&mut Context::from_waker(waker)) == Flushed::All && !is_watched
            }
            Placed::Later | Placed::NoRoom => false,
        };
        // Whatever blocks it may have passed before the writer was given back.
        if !is_done {
            self.wake_task();
        }
    }

    /// Whether one call alone waits for its answer.
    pub(super) fn waits_for_one(&self) -> bool {
        self.lock().pending.len() == 1
    }

    /// Writes until all is written or the writer blocks, unless somebody else is at it.
    pub(super) fn flush(&self, cx: &mut Context<'_>) -> Flushed {
        for _ in 0..ROUNDS {
            let Some((mut writer, mut batch)) = self.lock().outbox.lend() else { return Flushed::All };
            let written = batch.write(&mut writer, cx);
            let mut state = self.lock();
            let unwanted = match &written {
                Poll::Ready(Err(error)) => {
                    state.outbox.fail(batch);
                    state.write_error = Some(error.to_string());
                    Some(writer)
                }
                // While calls wait, more are likely to be written.
                _ => {
                    let kept = if state.pending.is_empty() { KEPT } else { KEPT_IN_USE };
                    state.outbox.give_back(writer, batch, kept)
                }
            };
            drop(state);
            self.room.notify_waiters();
            if let Some(writer) = unwanted {
                shut(writer);
            }
            match written {
                Poll::Ready(Ok(())) => {}
                Poll::Ready(Err(_)) => return Flushed::Some,
                Poll::Pending => return Flushed::Blocked,
            }
        }
        Flushed::Some
    }

    /// Hands out a call that nobody waits for any more, and whether it may have reached the peer; one
    /// that may have is cancelled there.
    pub(super) fn give_up(&self, id: u64) -> Option<(Pending, bool)> {
        let mut state = self.lock();
        let state = &mut *state;
        let call = state.pending.remove(&id)?;
        let sent = self.unsend(state, id, &call);
        Some((call, sent))
    }

    fn unsend(&self, state: &mut State, id: u64, call: &Pending) -> bool {
        let Some(place) = &call.place else { return false };
        if state.outbox.take_back(place) {
            state.metrics.sent -= 1;
            let later = state.pending.values_mut().filter_map(|call| call.place.as_mut());
            for later in later.filter(|later| later.start > place.start) {
                *later = later.start - (place.end - place.start)..later.end - (place.end - place.start);
            }
            return false;
        }
        if state.outbox.is_open() {
            let message = envelope::cancellation(&self.options.cancel, id);
            state.outbox.push(|wire| self.codec.encode(&message, wire));
            state.metrics.sent += 1;
            self.wake_task();
        }
        true
    }

    /// Fails the calls whose time is over.
    pub(super) fn expire(&self, now: Instant) {
        let mut state = self.lock();
        let state = &mut *state;
        let over = |call: &Pending| call.deadline.is_some_and(|deadline| deadline <= now);
        let ids: Vec<_> = state.pending.iter().filter(|(_, call)| over(call)).map(|(id, _)| *id).collect();
        for id in ids {
            if let Some(call) = state.pending.remove(&id) {
                let sent = self.unsend(state, id, &call);
                let _ = call.answer.send(Err(CallError::Deadline { sent }));
            }
        }
        state.next_deadline = state.pending.values().filter_map(|call| call.deadline).min();
    }

    /// Closes the writer when all is written.
    pub(super) fn close_writer(&self) {
        let writer = self.lock().outbox.close_when_written();
        if let Some(writer) = writer {
            shut(writer);
        }
    }

    /// Fails every call, once, and lets go of the writer.
    pub(super) fn close(&self, reason: Closed) {
        let mut state = self.lock();
        if self.closed.set(reason.clone()).is_err() {
            return;
        }
        let calls = mem::take(&mut state.pending);
        let writer = state.outbox.take_writer();
        let unsent = |call: &Pending| match &call.place {
            Some(place) => state.outbox.is_unsent(place),
            None => true,
        };
        let calls: Vec<_> = calls.into_values().map(|call| (!unsent(&call), call)).collect();
        drop(state);
        if let Some(writer) = writer {
            shut(writer);
        }
        for (sent, call) in calls {
            let _ = call.answer.send(Err(CallError::Closed { reason: reason.clone(), sent }));
        }
        self.inbox().close();
        self.room.notify_waiters();
        self.wake_task();
    }
}

/// Says the end to a peer on a socket; dropping is enough for a pipe.
fn shut(mut writer: Writer) {
    let _ = Pin::new(&mut writer).poll_shutdown(&mut Context::from_waker(Waker::noop()));
}
