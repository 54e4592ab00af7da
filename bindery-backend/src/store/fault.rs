//! What can go wrong inside the store, and how a caller sees it.

use rusqlite::ErrorCode as ErrorKind;
use shared_types::{Error, ErrorCode};

use super::readers::NoReader;

/// Why a read or a write did not happen.
#[derive(Debug, thiserror::Error)]
pub(super) enum Fault {
    /// The request cannot be carried out; the caller is told why.
    #[error("{0}")]
    Refused(Error),
    /// The database failed.
    #[error("{0}")]
    Database(#[from] rusqlite::Error),
    /// A row or an answer does not have the form it was written in.
    #[error("what is stored cannot be read: {0}")]
    Unreadable(#[from] serde_json::Error),
}

impl From<NoReader> for Fault {
    fn from(refusal: NoReader) -> Self {
        match refusal {
            NoReader::TimedOut | NoReader::Closed => {
                Error::new(ErrorCode::Overloaded, "no connection to the database became free in time")
                    .suggest("Try again in a moment.")
                    .into()
            }
            NoReader::Open(error) => error.into(),
        }
    }
}

impl From<Error> for Fault {
    fn from(error: Error) -> Self {
        Self::Refused(error)
    }
}

/// Whether another process holds the lock; trying again can help.
pub(super) fn is_busy(error: &rusqlite::Error) -> bool {
    matches!(error.sqlite_error_code(), Some(ErrorKind::DatabaseBusy | ErrorKind::DatabaseLocked))
}

/// A failure that is no fault of the database.
pub(super) enum Kind {
    /// The statement was asked to stop.
    Interrupted,
    /// There is no more room.
    Full,
}

/// The kind of `error`, if it is one of these.
pub(super) fn kind(error: &rusqlite::Error) -> Option<Kind> {
    match error.sqlite_error_code()? {
        ErrorKind::OperationInterrupted => Some(Kind::Interrupted),
        ErrorKind::DiskFull => Some(Kind::Full),
        _ => None,
    }
}

/// Whether a row was refused by a rule of the tables.
pub(super) fn is_against_the_rules(error: &rusqlite::Error) -> bool {
    error.sqlite_error_code() == Some(ErrorKind::ConstraintViolation)
}

/// Whether the file is no database, or a damaged one.
pub(super) fn is_not_a_database(error: &rusqlite::Error) -> bool {
    matches!(error.sqlite_error_code(), Some(ErrorKind::NotADatabase | ErrorKind::DatabaseCorrupt))
}

impl Fault {
    /// Whether a read was ended because it was not brief.
    pub(super) fn is_interruption(&self) -> bool {
        matches!(self, Self::Database(error) if matches!(kind(error), Some(Kind::Interrupted)))
    }

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

fn database_error(error: &rusqlite::Error) -> Error {
    match error.sqlite_error_code() {
        Some(ErrorKind::DatabaseBusy | ErrorKind::DatabaseLocked) => {
            Error::new(ErrorCode::Overloaded, "another process holds the database")
                .suggest("Try again in a moment.")
        }
        Some(ErrorKind::DiskFull) => storage("the disk is full").suggest("Free disk space, then try again."),
        Some(ErrorKind::ReadOnly) => {
            storage("the database cannot be written").suggest("Check the permissions of its folder.")
        }
        Some(ErrorKind::SystemIoFailure | ErrorKind::CannotOpen) => {
            storage("the disk reports an error").suggest("Check the disk and the server's log.")
        }
        Some(ErrorKind::DatabaseCorrupt | ErrorKind::NotADatabase) => damaged("the database file is damaged"),
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
