//! What the peer says by itself: notifications, and requests of its own.

use std::{
    collections::VecDeque,
    fmt,
    future::poll_fn,
    sync::{Arc, MutexGuard, PoisonError},
    task::{Context, Poll, Waker},
};

use serde::{Deserialize, Serialize};
use serde_json::value::{RawValue, to_raw_value};

use super::{
    CallError,
    envelope::{self, Envelope},
    shared::Shared,
};

/// The JSON-RPC code for a request that failed on our side.
const INTERNAL_ERROR: i64 = -32603;

/// Receives what the peer says by itself. Does not keep the connection open.
///
/// Dropped, notifications are counted and requests answered with "method not found".
pub struct Incoming {
    pub(super) shared: Arc<Shared>,
}

impl fmt::Debug for Incoming {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Incoming").finish_non_exhaustive()
    }
}

/// What the peer said by itself.
#[derive(Debug)]
pub enum FromPeer {
    /// It expects no answer.
    Notification(Message),
    /// It waits for an answer.
    Request(Message, Responder),
}

/// A notification or a request, as it came in.
#[derive(Debug, Clone)]
pub struct Message {
    method: String,
    raw: Box<str>,
}

impl Message {
    pub(super) fn new(text: &str, envelope: &Envelope<'_>) -> Self {
        let method = envelope.method.as_deref().unwrap_or_default().to_owned();
        Self { method, raw: text.into() }
    }

    /// What it is about.
    pub fn method(&self) -> &str {
        &self.method
    }

    /// The whole message, JSON as the peer spelled it.
    pub fn raw(&self) -> &str {
        &self.raw
    }

    /// Its params, read as `T`; absent params are read as `null`.
    ///
    /// # Errors
    ///
    /// [`CallError::Invalid`] when they are not a `T`.
    pub fn params<'a, T: Deserialize<'a>>(&'a self) -> Result<T, CallError> {
        #[derive(Deserialize)]
        struct Params<'a> {
            #[serde(borrow, default)]
            params: Option<&'a RawValue>,
        }
        let read = serde_json::from_str(&self.raw);
        read.and_then(|Params { params }| serde_json::from_str(params.map_or("null", RawValue::get)))
            .map_err(|error| CallError::Invalid(error.to_string()))
    }
}

impl Incoming {
    /// The next that the peer says; `None` when the connection is closed and all was taken.
    pub async fn next(&mut self) -> Option<FromPeer> {
        let (message, id) = poll_fn(|cx| self.shared.inbox().poll(cx)).await?;
        Some(match id {
            None => FromPeer::Notification(message),
            Some(id) => {
                let shared = self.shared.clone();
                FromPeer::Request(message, Responder { request: Some((shared, id)) })
            }
        })
    }
}

impl Drop for Incoming {
    fn drop(&mut self) {
        let left = self.shared.inbox().refuse();
        for (message, id) in left {
            if let Some(id) = id {
                let words = format!("nobody answered {}", message.method());
                self.shared.post(&envelope::failure(&id, INTERNAL_ERROR, &words, None));
            }
        }
    }
}

/// Answers one request of the peer, once. Dropped, it answers with an internal error.
pub struct Responder {
    request: Option<(Arc<Shared>, Box<RawValue>)>,
}

impl Responder {
    /// Answers with a result.
    ///
    /// # Errors
    ///
    /// [`CallError::Invalid`] when `result` cannot be written as JSON (the peer gets an internal
    /// error), [`CallError::RequestTooLarge`], or [`CallError::Closed`].
    pub async fn answer(mut self, result: &(impl Serialize + ?Sized)) -> Result<(), CallError> {
        let result = to_raw_value(result).map_err(|error| CallError::Invalid(error.to_string()))?;
        self.send(|id| Ok(envelope::answer(id, &result))).await
    }

    /// Answers with an error.
    ///
    /// # Errors
    ///
    /// As [`Responder::answer`].
    pub async fn fail(mut self, code: i64, message: &str, data: Option<&RawValue>) -> Result<(), CallError> {
        self.send(|id| Ok(envelope::failure(id, code, message, data))).await
    }

    /// Answers with a whole answer from elsewhere, whose id is replaced by that of the request.
    ///
    /// # Errors
    ///
    /// As [`Responder::answer`]; [`CallError::Invalid`] when `answer` is none.
    pub async fn relay(mut self, answer: &RawValue) -> Result<(), CallError> {
        self.send(|id| match Envelope::read(answer.get()) {
            Some((_, envelope::Kind::Answer { id: theirs, .. })) => {
                Ok(envelope::replaced(answer.get(), theirs.get(), id.get()).into_bytes())
            }
            _ => Err(CallError::Invalid("not an answer".to_owned())),
        })
        .await
    }

    async fn send(
        &mut self,
        write: impl FnOnce(&RawValue) -> Result<Vec<u8>, CallError>,
    ) -> Result<(), CallError> {
        let Some((shared, id)) = &self.request else { return Ok(()) };
        let message = write(id)?;
        shared.send(&message).await?;
        self.request = None;
        Ok(())
    }
}

impl Drop for Responder {
    fn drop(&mut self) {
        if let Some((shared, id)) = self.request.take() {
            shared.post(&envelope::failure(&id, INTERNAL_ERROR, "the request was not answered", None));
        }
    }
}

impl std::fmt::Debug for Responder {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Responder").field(&self.request.as_ref().map(|(_, id)| id.get())).finish()
    }
}

/// What became of a message that was offered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Offer {
    Taken,
    NobodyTakes,
    Full,
}

/// What waits to be taken.
pub(super) struct Inbox {
    waiting: VecDeque<(Message, Option<Box<RawValue>>)>,
    capacity: usize,
    open: bool,
    reader: Option<Waker>,
}

impl Inbox {
    pub(super) fn new(capacity: usize) -> Self {
        Self { waiting: VecDeque::new(), capacity, open: true, reader: None }
    }

    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Option<(Message, Option<Box<RawValue>>)>> {
        match self.waiting.pop_front() {
            Some(next) => Poll::Ready(Some(next)),
            None if !self.open => Poll::Ready(None),
            None => {
                self.reader = Some(cx.waker().clone());
                Poll::Pending
            }
        }
    }

    /// Nothing more is taken in. What waits can still be taken out.
    pub(super) fn close(&mut self) {
        self.open = false;
        if let Some(reader) = self.reader.take() {
            reader.wake();
        }
    }

    fn refuse(&mut self) -> VecDeque<(Message, Option<Box<RawValue>>)> {
        self.open = false;
        std::mem::take(&mut self.waiting)
    }
}

impl Shared {
    pub(super) fn inbox(&self) -> MutexGuard<'_, Inbox> {
        self.inbox.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Offers a message, with its id when it is a request, to whoever takes what comes in.
    pub(super) fn offer(&self, message: Message, id: Option<Box<RawValue>>) -> Offer {
        let mut inbox = self.inbox();
        if !inbox.open {
            return Offer::NobodyTakes;
        }
        if inbox.waiting.len() >= inbox.capacity {
            return Offer::Full;
        }
        inbox.waiting.push_back((message, id));
        let reader = inbox.reader.take();
        drop(inbox);
        if let Some(reader) = reader {
            reader.wake();
        }
        Offer::Taken
    }
}
