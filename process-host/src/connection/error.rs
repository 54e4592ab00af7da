//! Why a connection is no more, and why a call failed.

use serde::{Serialize, Serializer, ser::SerializeStruct};
use serde_json::value::RawValue;

use crate::Exit;

/// Why a connection is no more.
///
/// Serialises as an object with `code`, and with `status`, `signal` and `stderr_tail` when the child
/// ended, `message` else.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Closed {
    /// The child at the other end ended.
    #[error("the child ended with {exit}{}", after_colon(.stderr_tail))]
    ChildExited {
        /// How.
        exit: Exit,
        /// The last it wrote to standard error.
        stderr_tail: String,
    },
    /// The other end was closed, and nothing says why.
    #[error("the other end was closed")]
    Ended,
    /// It was closed on this side.
    #[error("it was stopped")]
    Stopped,
    /// The peer wrote something that is no message, and that was to be fatal.
    #[error("the peer wrote what is no message: {0}")]
    Noise(String),
    /// Reading or writing failed.
    #[error("reading or writing failed: {0}")]
    Io(String),
}

fn after_colon(tail: &str) -> String {
    if tail.is_empty() { String::new() } else { format!(": {tail}") }
}

impl Closed {
    /// The name of this reason in messages, in snake case.
    pub fn code(&self) -> &'static str {
        match self {
            Self::ChildExited { .. } => "child_exited",
            Self::Ended => "ended",
            Self::Stopped => "stopped",
            Self::Noise(_) => "noise",
            Self::Io(_) => "io",
        }
    }
}

impl Serialize for Closed {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut object = serializer.serialize_struct("Closed", 4)?;
        object.serialize_field("code", self.code())?;
        match self {
            Self::ChildExited { exit, stderr_tail } => {
                let (status, signal) = match exit {
                    Exit::Code(code) => (Some(code), None),
                    Exit::Signal(signal) => (None, Some(signal)),
                    Exit::Lost => (None, None),
                };
                object.serialize_field("status", &status)?;
                object.serialize_field("signal", &signal)?;
                object.serialize_field("stderr_tail", stderr_tail)?;
            }
            _ => object.serialize_field("message", &self.to_string())?,
        }
        object.end()
    }
}

/// Why a call has no result.
#[derive(Debug, Clone, thiserror::Error)]
pub enum CallError {
    /// As many calls as are allowed wait already.
    #[error("too many calls are waiting")]
    QueueFull,
    /// The time is over.
    #[error("the deadline has passed{}", if *.sent { "" } else { "; the request was never sent" })]
    Deadline {
        /// Whether any of the request may have reached the peer.
        sent: bool,
    },
    /// The connection is no more.
    #[error("the connection is closed: {reason}")]
    Closed {
        /// Why.
        reason: Closed,
        /// Whether any of the request may have reached the peer.
        sent: bool,
    },
    /// The peer answered with an error.
    #[error("the peer answered with error {code}: {message}")]
    Remote {
        /// The JSON-RPC error code.
        code: i64,
        /// The peer's words.
        message: String,
        /// What the peer added.
        data: Option<Box<RawValue>>,
    },
    /// The answer was longer than a line may be, and was thrown away.
    #[error("the answer is longer than {limit} bytes")]
    AnswerTooLarge {
        /// Bytes in a line.
        limit: usize,
    },
    /// The request is longer than a line may be. It was not sent.
    #[error("the request is longer than {limit} bytes")]
    RequestTooLarge {
        /// Bytes in a line.
        limit: usize,
    },
    /// The call was given up on this side.
    #[error("the call was cancelled")]
    Cancelled,
    /// The request cannot be sent, or the peer broke the rules in its answer.
    #[error("{0}")]
    Invalid(String),
}

impl CallError {
    /// The name of this error in messages, in snake case. That of a closed connection is its reason's.
    pub fn code(&self) -> &'static str {
        match self {
            Self::QueueFull => "queue_full",
            Self::Deadline { .. } => "deadline_exceeded",
            Self::Closed { reason: reason @ Closed::ChildExited { .. }, .. } => reason.code(),
            Self::Closed { .. } => "connection_closed",
            Self::Remote { .. } => "remote_error",
            Self::AnswerTooLarge { .. } => "answer_too_large",
            Self::RequestTooLarge { .. } => "request_too_large",
            Self::Cancelled => "cancelled",
            Self::Invalid(_) => "invalid",
        }
    }

    /// Whether the same call may be made again: the cause passes by itself, and the peer cannot have
    /// seen the request, or it does no harm to be seen twice (`idempotent`).
    pub fn is_safe_to_retry(&self, idempotent: bool) -> bool {
        match self {
            Self::QueueFull => true,
            Self::Deadline { sent } => idempotent || !sent,
            Self::Closed { reason, sent } => *reason != Closed::Stopped && (idempotent || !sent),
            _ => false,
        }
    }
}
