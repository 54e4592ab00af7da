//! An answer in pieces that has a turn.

use serde_json::value::RawValue;

use super::{attempts::Active, turn::Turn};
use crate::connection::{CallError, Streaming};

/// The items of one answer. Dropped before its end, the call is cancelled; its turn passes on.
pub struct IpcStream {
    items: Streaming,
    // Passed on when all else is over.
    _turn: Turn,
    active: Active,
}

impl IpcStream {
    pub(super) fn new(items: Streaming, turn: Turn, active: Active) -> Self {
        Self { items, _turn: turn, active }
    }

    /// The next item; `None` when there are no more, and [`IpcStream::finish`] has the result.
    ///
    /// # Errors
    ///
    /// What ended the call; `Cancelled` when the time to drain is over.
    pub async fn next(&mut self) -> Result<Option<Box<RawValue>>, CallError> {
        let abort = self.active.shared.abort.clone();
        let next = tokio::select! {
            biased;
            next = self.items.next() => next,
            () = abort.cancelled() => Err(CallError::Cancelled),
        };
        if !matches!(next, Ok(Some(_))) {
            self.active.end(next.as_ref().err());
        }
        next
    }

    /// The result that ends the stream. Items that were not taken are thrown away.
    ///
    /// # Errors
    ///
    /// What ended the call instead.
    pub async fn finish(mut self) -> Result<Box<RawValue>, CallError> {
        while self.next().await?.is_some() {}
        self.items.finish().await
    }
}
