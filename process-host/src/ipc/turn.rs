//! Calls take turns.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::{
    sync::{Notify, oneshot, watch},
    time::{Instant, timeout_at},
};
use tokio_util::sync::CancellationToken;

use super::{
    Priority, QueueConfig,
    metrics::Metrics,
    queue::{Queue, Ticket},
};
use crate::connection::{CallError, Closed, Connection};

/// What the handles of a manager and its calls have in common.
pub(super) struct Shared {
    pub(super) config: QueueConfig,
    pub(super) connections: watch::Receiver<Option<Connection>>,
    /// Told when no call is left.
    pub(super) idle: Notify,
    /// Cancelled when calls are no longer waited for.
    pub(super) abort: CancellationToken,
    state: Mutex<State>,
}

pub(super) struct State {
    pub(super) queue: Queue<oneshot::Sender<Turn>>,
    pub(super) in_flight: usize,
    pub(super) waiting_to_retry: usize,
    /// Calls that have not ended.
    pub(super) active: usize,
    pub(super) draining: bool,
    pub(super) metrics: Metrics,
}

/// The right to have a call in flight. Passed on when dropped.
pub(super) struct Turn {
    shared: Arc<Shared>,
}

impl Drop for Turn {
    fn drop(&mut self) {
        self.shared.lock().in_flight -= 1;
        self.shared.give_turns();
    }
}

impl Shared {
    pub(super) fn new(config: QueueConfig, connections: watch::Receiver<Option<Connection>>) -> Self {
        let state = State {
            queue: Queue::new(config.enable_priority_queue),
            in_flight: 0,
            waiting_to_retry: 0,
            active: 0,
            draining: false,
            metrics: Metrics::new(Instant::now()),
        };
        let (idle, abort) = (Notify::new(), CancellationToken::new());
        Self { config, connections, idle, abort, state: Mutex::new(state) }
    }

    pub(super) fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn connection(&self) -> Option<Connection> {
        self.connections.borrow().clone().filter(Connection::is_open)
    }

    /// Waits for a turn and for a connection. A call that was in flight before is not refused.
    pub(super) async fn turn(
        self: &Arc<Self>,
        priority: Priority,
        since: Instant,
        deadline: Instant,
        again: bool,
    ) -> Result<(Turn, Connection), CallError> {
        loop {
            let Some(waiter) = self.enter(priority, since, again)? else {
                let turn = Turn { shared: self.clone() };
                match self.connection() {
                    Some(connection) => return Ok((turn, connection)),
                    None => continue,
                }
            };
            let turn = waiter.wait(deadline).await?;
            if let Some(connection) = self.connection() {
                return Ok((turn, connection));
            }
        }
    }

    /// Takes a turn at once (`None`), or a place in the queue.
    fn enter(
        self: &Arc<Self>,
        priority: Priority,
        since: Instant,
        again: bool,
    ) -> Result<Option<Waiter>, CallError> {
        let connected = self.connection().is_some();
        let mut state = self.lock();
        if connected && state.queue.len() == 0 && self.has_turn(&state) {
            state.in_flight += 1;
            return Ok(None);
        }
        if !again && state.queue.len() + state.waiting_to_retry >= self.config.max_queue_size {
            return Err(CallError::QueueFull);
        }
        let (sender, turn) = oneshot::channel();
        let ticket = state.queue.push(priority, since, sender);
        drop(state);
        Ok(Some(Waiter { shared: self.clone(), ticket, turn }))
    }

    fn has_turn(&self, state: &State) -> bool {
        state.in_flight < self.config.max_concurrent_requests.max(1)
    }

    /// Hands out what turns there are.
    fn give_turns(self: &Arc<Self>) {
        while self.connection().is_some() {
            let mut state = self.lock();
            if !self.has_turn(&state) {
                return;
            }
            let Some(next) = state.queue.pop() else { return };
            state.in_flight += 1;
            drop(state);
            // One whose caller just left comes back, and is given to the next.
            drop(next.send(Turn { shared: self.clone() }));
        }
    }
}

/// A place in the queue. Left when dropped.
struct Waiter {
    shared: Arc<Shared>,
    ticket: Ticket,
    turn: oneshot::Receiver<Turn>,
}

impl Waiter {
    async fn wait(mut self, deadline: Instant) -> Result<Turn, CallError> {
        let mut connections = self.shared.connections.clone();
        let stopped = |_| CallError::Closed { reason: Closed::Stopped, sent: false };
        let turn = async {
            loop {
                // The connection, or the turn, may have come while this one queued.
                self.shared.give_turns();
                tokio::select! {
                    biased;
                    turn = &mut self.turn => return turn.map_err(stopped),
                    change = connections.changed() => if change.is_err() {
                        // There will be no other connection.
                        if self.shared.connection().is_none() {
                            return Err(CallError::Closed { reason: Closed::Ended, sent: false });
                        }
                        return (&mut self.turn).await.map_err(stopped);
                    },
                }
            }
        };
        timeout_at(deadline, turn).await.unwrap_or(Err(CallError::Deadline { sent: false }))
    }
}

impl Drop for Waiter {
    fn drop(&mut self) {
        self.shared.lock().queue.remove(self.ticket);
    }
}
