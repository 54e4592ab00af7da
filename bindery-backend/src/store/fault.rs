//! What can go wrong inside the store, and how a caller sees it.

use shared_types::{Error, ErrorCode};
use sqlx::error::DatabaseError;

/// Why a read or a write did not happen.
#[derive(Debug, thiserror::Error)]
pub(super) enum Fault {
    /// The request cannot be carried out; the caller is told why.
    #[error("{0}")]
    Refused(Error),
    /// The database failed.
    #[error("{0}")]
    Database(#[from] sqlx::Error),
    /// A row or an answer does not have the form it was written in.
    #[error("what is stored cannot be read: {0}")]
    Unreadable(#[from] serde_json::Error),
}

impl From<Error> for Fault {
    fn from(error: Error) -> Self {
        Self::Refused(error)
    }
}

/// SQLite's primary result codes that mean more than "a fault of ours".
mod code {
    pub(super) const BUSY: i32 = 5;
    pub(super) const LOCKED: i32 = 6;
    pub(super) const READONLY: i32 = 8;
    pub(super) const INTERRUPT: i32 = 9;
    pub(super) const IOERR: i32 = 10;
    pub(super) const CORRUPT: i32 = 11;
    pub(super) const FULL: i32 = 13;
    pub(super) const CANTOPEN: i32 = 14;
    pub(super) const CONSTRAINT: i32 = 19;
    pub(super) const NOTADB: i32 = 26;
}

/// SQLite's primary result code: the low byte of the extended one that sqlx reports.
fn primary_code(error: &dyn DatabaseError) -> Option<i32> {
    error.code()?.parse::<i32>().ok().map(|extended| extended & 0xff)
}

/// Whether another process holds the lock; trying again can help.
pub(super) fn is_busy(error: &sqlx::Error) -> bool {
    error
        .as_database_error()
        .and_then(primary_code)
        .is_some_and(|code| matches!(code, code::BUSY | code::LOCKED))
}

/// A failure that is no fault of the database.
pub(super) enum Kind {
    /// The statement was asked to stop.
    Interrupted,
    /// There is no more room.
    Full,
}

/// The kind of `error`, if it is one of these.
pub(super) fn kind(error: &sqlx::Error) -> Option<Kind> {
    match error.as_database_error().and_then(primary_code)? {
        code::INTERRUPT => Some(Kind::Interrupted),
        code::FULL => Some(Kind::Full),
        _ => None,
    }
}

/// Whether a row was refused by a rule of the tables.
pub(super) fn is_against_the_rules(error: &sqlx::Error) -> bool {
    error.as_database_error().and_then(primary_code) == Some(code::CONSTRAINT)
}

/// Whether the file is no database, or a damaged one.
pub(super) fn is_not_a_database(error: &sqlx::Error) -> bool {
    error
        .as_database_error()
        .and_then(primary_code)
        .is_some_and(|code| matches!(code, code::NOTADB | code::CORRUPT))
}

impl Fault {
    /// Whether this is the store's doing and not the caller's.
    pub(super) fn is_ours(&self) -> bool {
        !matches!(self, Self::Refused(_))
    }

    /// What the caller is told. The detail of a fault goes to the log, not to the caller.
    pub(super) fn into_error(self, statement: &'static str) -> Error {
        match self {
            Self::Refused(error) => error,
            Self::Database(error) => {
                tracing::error!(statement, %error, "the database failed");
                database_error(&error)
            }
            Self::Unreadable(error) => {
                tracing::error!(statement, %error, "a stored value cannot be read");
                Error::new(ErrorCode::Internal, "a stored value cannot be read")
            }
        }
    }
}

fn database_error(error: &sqlx::Error) -> Error {
    if matches!(error, sqlx::Error::PoolTimedOut | sqlx::Error::PoolClosed) {
        return Error::new(ErrorCode::Overloaded, "no connection to the database became free in time")
            .suggest("Try again in a moment.");
    }
    match error.as_database_error().and_then(primary_code) {
        Some(code::BUSY | code::LOCKED) => {
            Error::new(ErrorCode::Overloaded, "another process holds the database")
                .suggest("Try again in a moment.")
        }
        Some(code::FULL) => storage("the disk is full").suggest("Free disk space, then try again."),
        Some(code::READONLY) => {
            storage("the database cannot be written").suggest("Check the permissions of its folder.")
        }
        Some(code::IOERR | code::CANTOPEN) => {
            storage("the disk reports an error").suggest("Check the disk and the server's log.")
        }
        Some(code::CORRUPT | code::NOTADB) => damaged("the database file is damaged"),
        _ => Error::new(ErrorCode::Internal, "the database failed in a way that was not foreseen"),
    }
}

/// What is told of a damaged file.
pub(super) fn damaged(message: &str) -> Error {
    storage(message)
        .suggest("Stop the backend, then `bindery-backend check` and `bindery-backend restore FILE`.")
}

fn storage(message: &str) -> Error {
    Error::new(ErrorCode::StorageUnavailable, message)
}

impl Fault {
    /// Says in which item of a batch the refused argument stands.
    pub(super) fn within(self, prefix: &str) -> Self {
        match self {
            Self::Refused(mut error) if !prefix.is_empty() => {
                error.field = error.field.map(|field| format!("{prefix}.{field}"));
                Self::Refused(error)
            }
            other => other,
        }
    }
}
