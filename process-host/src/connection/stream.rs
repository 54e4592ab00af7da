//! An answer that comes in pieces, no faster than they are taken.

use std::{
    collections::VecDeque,
    future::{Future, poll_fn},
    pin::Pin,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    task::{Context, Poll, Waker},
};

use serde_json::value::RawValue;

use super::{CallError, envelope, flight::Flight, shared::Answer};

/// The items of one answer. Dropped before its end, the call is cancelled.
pub struct Streaming {
    pub(super) flow: Arc<Flow>,
    pub(super) flight: Flight,
    /// How it ended; handed out after the last item.
    pub(super) outcome: Option<Answer>,
}

impl Streaming {
    /// The next item; `None` when there are no more, and [`Streaming::finish`] has the result.
    ///
    /// # Errors
    ///
    /// What ended the call, after the items that came before.
    pub async fn next(&mut self) -> Result<Option<Box<RawValue>>, CallError> {
        poll_fn(|cx| self.poll_next(cx)).await
    }

    /// The result that ends the stream. Items that were not taken are thrown away.
    ///
    /// # Errors
    ///
    /// What ended the call instead.
    pub async fn finish(mut self) -> Answer {
        while self.next().await?.is_some() {}
        match self.outcome.take() {
            Some(outcome) => outcome,
            None => Err(CallError::Cancelled),
        }
    }

    fn poll_next(&mut self, cx: &mut Context<'_>) -> Poll<Result<Option<Box<RawValue>>, CallError>> {
        // In this order: what was sent before the answer is here when the answer is.
        if self.outcome.is_none()
            && let Poll::Ready(outcome) = Pin::new(&mut self.flight).poll(cx)
        {
            self.outcome = Some(outcome);
        }
        let (item, grant) = self.flow.take(self.outcome.is_none().then_some(cx));
        if let Some(items) = grant.filter(|_| self.outcome.is_none()) {
            self.flight.shared().post(&envelope::credit(self.flight.id(), items));
        }
        match (item, &self.outcome) {
            (Some(item), _) => Poll::Ready(Ok(Some(item))),
            (None, Some(Ok(_))) => Poll::Ready(Ok(None)),
            (None, Some(Err(error))) => Poll::Ready(Err(error.clone())),
            (None, None) => Poll::Pending,
        }
    }
}

/// The items that were not taken yet, and how many more may come.
pub(super) struct Flow {
    state: Mutex<FlowState>,
    /// Items that may be on their way or wait.
    window: u32,
}

struct FlowState {
    items: VecDeque<Box<RawValue>>,
    /// Items the peer may still send.
    leave: u32,
    /// Items taken since leave was last given.
    taken: u32,
    reader: Option<Waker>,
}

impl Flow {
    pub(super) fn new(window: u32) -> Self {
        let state = FlowState { items: VecDeque::new(), leave: window, taken: 0, reader: None };
        Self { state: Mutex::new(state), window }
    }

    fn lock(&self) -> MutexGuard<'_, FlowState> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes an item in, unless the peer had no leave to send it.
    pub(super) fn push(&self, item: &RawValue) -> bool {
        let mut state = self.lock();
        let Some(leave) = state.leave.checked_sub(1) else { return false };
        state.leave = leave;
        state.items.push_back(item.to_owned());
        let reader = state.reader.take();
        drop(state);
        if let Some(reader) = reader {
            reader.wake();
        }
        true
    }

    /// Hands an item out, and how many more the peer may be allowed. When there is none, `cx` is woken
    /// by the next.
    fn take(&self, cx: Option<&mut Context<'_>>) -> (Option<Box<RawValue>>, Option<u32>) {
        let mut state = self.lock();
        let item = state.items.pop_front();
        if item.is_none() {
            state.reader = cx.map(|cx| cx.waker().clone());
            return (None, None);
        }
        state.taken += 1;
        // One message for half a window, not one for each item.
        if state.taken * 2 < self.window {
            return (item, None);
        }
        let grant = std::mem::take(&mut state.taken);
        state.leave += grant;
        (item, Some(grant))
    }
}
