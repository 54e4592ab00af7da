//! A call on its way.

use std::{
    future::Future,
    pin::{Pin, pin},
    sync::Arc,
    task::{Context, Poll},
};

use tokio::sync::oneshot;

use super::{
    CallError, CallOptions, Closed,
    shared::{Answer, Kind, Pending, Placed, Shared},
};

/// A call on its way; resolves to its answer. Dropped before that, the call is cancelled.
pub(super) struct Flight {
    shared: Arc<Shared>,
    id: u64,
    answer: oneshot::Receiver<Answer>,
    over: bool,
}

impl Flight {
    /// Waits for a place and sends the request.
    pub(super) async fn begin(
        shared: &Arc<Shared>,
        id: u64,
        message: &[u8],
        kind: Kind,
        options: CallOptions,
    ) -> Result<Self, CallError> {
        shared.check_length(message)?;
        let CallOptions { deadline, progress } = options;
        let (sender, answer) = oneshot::channel();
        let pending = Pending { answer: sender, deadline, progress, kind, place: None };
        let mut placed = shared.register(id, pending, message)?;
        let mut flight = Self { shared: shared.clone(), id, answer, over: false };
        if placed == Placed::NoRoom {
            placed = flight.wait_for_room(message).await?;
        }
        shared.write(placed);
        Ok(flight)
    }

    async fn wait_for_room(&mut self, message: &[u8]) -> Result<Placed, CallError> {
        let shared = self.shared.clone();
        loop {
            let mut room = pin!(shared.room.notified());
            room.as_mut().enable();
            match shared.place(message, Some(self.id))? {
                Placed::NoRoom => {}
                placed => return Ok(placed),
            }
            tokio::select! {
                biased;
                // Only a failure can come before the request is sent.
                failure = Pin::new(&mut *self) => return failure.map(|_| Placed::Later),
                () = room => {}
            }
        }
    }

    pub(super) fn id(&self) -> u64 {
        self.id
    }

    pub(super) fn shared(&self) -> &Shared {
        &self.shared
    }
}

impl Future for Flight {
    type Output = Answer;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Answer> {
        let answer = std::task::ready!(Pin::new(&mut self.answer).poll(cx));
        self.over = true;
        Poll::Ready(answer.unwrap_or(Err(CallError::Closed { reason: Closed::Stopped, sent: true })))
    }
}

impl Drop for Flight {
    fn drop(&mut self) {
        if !self.over {
            self.shared.give_up(self.id);
        }
    }
}

impl Shared {
    fn check_length(&self, message: &[u8]) -> Result<(), CallError> {
        let limit = self.options.line_bytes;
        if message.len() > limit { Err(CallError::RequestTooLarge { limit }) } else { Ok(()) }
    }

    /// Sends a message that has no answer, as soon as there is room.
    pub(super) async fn send(&self, message: &[u8]) -> Result<(), CallError> {
        self.check_length(message)?;
        loop {
            let mut room = pin!(self.room.notified());
            room.as_mut().enable();
            let placed = self.place(message, None)?;
            if placed != Placed::NoRoom {
                self.write(placed);
                return Ok(());
            }
            room.await;
        }
    }
}
