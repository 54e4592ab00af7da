//! How the store is opened, and how each of its connections is set up.

use std::{path::PathBuf, time::Duration};

use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqliteSynchronous};

/// When a commit counts as done.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Synchronous {
    /// When it is on the disk: survives the loss of power.
    #[default]
    Full,
    /// When the system has it: survives a crash of the process; the last commits may be lost with
    /// the power.
    Normal,
}

/// How to open a store.
#[derive(Debug, Clone)]
pub struct StoreOptions {
    /// The database file. Its folder exists; the file is created when it does not.
    pub path: PathBuf,
    /// The most connections that read at the same time.
    pub max_connections: u32,
    /// Connections that stay open for the next reader.
    pub min_connections: u32,
    /// How long a reader waits for a connection.
    pub acquire_timeout: Duration,
    /// How long an unused connection stays open.
    pub idle_timeout: Duration,
    /// How long a connection is used before it is replaced.
    pub max_lifetime: Duration,
    /// When a commit counts as done.
    pub synchronous: Synchronous,
    /// The length of the log, in pages, from which it is folded into the database.
    pub checkpoint_pages: u32,
    /// How long nobody has to write before it is folded in whatever its length.
    pub checkpoint_idle: Duration,
    /// The most bytes of tasks that are kept as they were sent; none with 0.
    pub row_cache: usize,
    /// Whether what is only kept for the time of a statement is kept in memory, or in files.
    pub temporary_in_memory: bool,
}

/// 64 MB of pages, kept per connection; negative means KiB.
const CACHE_SIZE: &str = "-65536";

/// 256 MB of the file are read through a memory map.
const MMAP_SIZE: &str = "268435456";

/// 64 MB of log: each checkpoint is a pause for whoever writes just then.
const CHECKPOINT_PAGES: u32 = 16_000;

/// The log is cut back to this after a checkpoint that emptied it.
const WAL_LIMIT_BYTES: &str = "67108864";

/// Enough for every statement of the store and the usual shapes of a list.
const STATEMENT_CACHE: usize = 256;

impl StoreOptions {
    /// The usual options for the database at `path`.
    pub fn new(path: impl Into<PathBuf>) -> Self {
        Self {
            path: path.into(),
            max_connections: 8,
            min_connections: 2,
            acquire_timeout: Duration::from_secs(3),
            idle_timeout: Duration::from_secs(5 * 60),
            max_lifetime: Duration::from_secs(60 * 60),
            synchronous: Synchronous::default(),
            checkpoint_pages: CHECKPOINT_PAGES,
            checkpoint_idle: Duration::from_secs(5),
            row_cache: 32 * 1024 * 1024,
            temporary_in_memory: true,
        }
    }

    /// The connection that writes.
    pub(super) fn writer(&self) -> SqliteConnectOptions {
        SqliteConnectOptions::new()
            .filename(&self.path)
            .create_if_missing(true)
            .journal_mode(SqliteJournalMode::Wal)
            .synchronous(match self.synchronous {
                Synchronous::Full => SqliteSynchronous::Full,
                Synchronous::Normal => SqliteSynchronous::Normal,
            })
            .busy_timeout(Duration::from_secs(5))
            .foreign_keys(true)
            .pragma("cache_size", CACHE_SIZE)
            .pragma("mmap_size", MMAP_SIZE)
            .pragma("temp_store", if self.temporary_in_memory { "memory" } else { "file" })
            // The writer does it, and notes the sums of the pages: see `sums`.
            .pragma("wal_autocheckpoint", "0")
            .pragma("journal_size_limit", WAL_LIMIT_BYTES)
            .statement_cache_capacity(STATEMENT_CACHE)
    }

    /// A connection that reads. It cannot write, so that nothing gets around the writer's queue.
    pub(super) fn reader(&self) -> SqliteConnectOptions {
        self.writer().create_if_missing(false).pragma("query_only", "on")
    }

    /// A connection that changes nothing, not even the journal mode: to look at a file before it is
    /// known to be ours.
    pub(super) fn inspector(&self) -> SqliteConnectOptions {
        SqliteConnectOptions::new()
            .filename(&self.path)
            .read_only(true)
            .busy_timeout(Duration::from_secs(5))
            .pragma("mmap_size", MMAP_SIZE)
            // Rows can be as large as documents, and a reader of all of them may be slow.
            .row_buffer_size(16)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::{Clock, open};

    #[tokio::test]
    async fn sqlite_waits_for_the_disk_as_it_is_told() {
        for (synchronous, level) in [(Synchronous::Full, 2), (Synchronous::Normal, 1)] {
            let folder = tempfile::tempdir().unwrap();
            let mut options = StoreOptions::new(folder.path().join("tasks.db"));
            options.synchronous = synchronous;
            let mut opened = open::writing(&options, &Clock::system()).await.unwrap();
            let found: i64 =
                sqlx::query_scalar("PRAGMA synchronous").fetch_one(&mut opened.connection).await.unwrap();
            assert_eq!(found, level, "{synchronous:?}");
        }
    }
}
