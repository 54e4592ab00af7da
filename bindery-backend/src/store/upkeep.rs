//! Looking after the database file: copies of it, their return, its soundness, its size.

mod backup;
mod check;
mod invariants;
mod kept;
mod restore;
mod vacuum;

use std::{
    io,
    path::{Path, PathBuf},
};

pub use self::{
    backup::{back_up, last_seq_in},
    check::{CheckReport, Finding, check},
    kept::{KeptBackup, KeptBackups},
    restore::restore,
    vacuum::{Vacuumed, vacuum},
};
use super::{OpenError, beside::beside, fault};

/// Why work on the file was not done. The database is as it was.
#[derive(Debug, thiserror::Error)]
pub enum UpkeepError {
    /// The database cannot be opened.
    #[error(transparent)]
    Open(#[from] OpenError),
    /// It was asked to stop.
    #[error("stopped; nothing was changed")]
    Stopped,
    /// There is not enough room.
    #[error("the disk is full: free some space, then try again")]
    DiskFull,
    /// The file to restore from is damaged.
    #[error("{} is damaged ({detail}) and was not restored: take another backup", path.display())]
    BadBackup {
        /// The file.
        path: PathBuf,
        /// What SQLite found first.
        detail: String,
    },
    /// A path that SQLite cannot take.
    #[error("{} cannot be used: its name is not UTF-8", .0.display())]
    Name(PathBuf),
    /// The database failed.
    #[error("the database failed: {0}; `bindery-backend check` says more")]
    Database(#[source] rusqlite::Error),
    /// A file cannot be read or written.
    #[error("{}: {source}", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
}

impl From<rusqlite::Error> for UpkeepError {
    fn from(error: rusqlite::Error) -> Self {
        match fault::kind(&error) {
            Some(fault::Kind::Interrupted) => Self::Stopped,
            Some(fault::Kind::Full) => Self::DiskFull,
            None => Self::Database(error),
        }
    }
}

fn file(path: &Path) -> impl FnOnce(io::Error) -> UpkeepError {
    move |source| match source.kind() {
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => UpkeepError::DiskFull,
        _ => UpkeepError::File { path: path.to_owned(), source },
    }
}

/// The way out of a damaged database, with the newest backup that there is.
pub(super) fn advice(database: &Path) -> String {
    let newest = database
        .parent()
        .and_then(|folder| KeptBackups::beside(folder).newest())
        .map_or_else(|| "FILE".to_owned(), |backup| backup.path.display().to_string());
    format!("`bindery-backend restore {newest}` puts a backup in its place and sets this file aside")
}

/// The database and its log, in bytes.
fn size(database: &Path) -> u64 {
    let of = |path: &Path| std::fs::metadata(path).map_or(0, |found| found.len());
    of(database) + of(&beside(database, "-wal"))
}
