//! What went over a connection.

use serde::Serialize;

/// What went over a connection since it was opened.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
pub struct ConnectionMetrics {
    /// Messages handed to the writer's queue.
    pub sent: u64,
    /// Messages that came in, those of a batch each.
    pub received: u64,
    /// Lines that are no message.
    pub noise: u64,
    /// Answers with an id that no call ever had.
    pub unknown: u64,
    /// Answers, chunks and progress of calls that were over: late, or a second time.
    pub late: u64,
    /// Messages that were too long, and were thrown away.
    pub oversized: u64,
    /// Notifications that nobody took.
    pub dropped_notifications: u64,
    /// Requests of the peer that were refused because nobody took them.
    pub refused_requests: u64,
    /// Messages to the peer that were thrown away because it reads nothing.
    pub dropped_answers: u64,
    /// Calls that wait for an answer now.
    pub pending: usize,
}
