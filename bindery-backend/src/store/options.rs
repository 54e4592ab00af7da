//! How the store is opened, and how each of its connections is set up.

use std::{path::PathBuf, time::Duration};

use rusqlite::{Connection, OpenFlags};

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

impl Synchronous {
    /// As SQLite calls it.
    const fn as_str(self) -> &'static str {
        match self {
            Self::Full => "full",
            Self::Normal => "normal",
        }
    }
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

/// 16 MB of pages for the connection that writes: tasks are added at the ends of the indexes, and with more
/// pages SQLite takes longer to look through them at the end of a commit.
const WRITER_CACHE_KIB: u32 = 16_384;

/// 64 MB of pages for those that read, together.
const READERS_CACHE_KIB: u32 = 65_536;

/// 256 MB of memory maps, of all connections together: the system counts a page for each that maps it.
const MAPPED_BYTES: u32 = 268_435_456;

/// How long a connection waits for a lock that another process has.
const BUSY_TIMEOUT: Duration = Duration::from_secs(5);

/// 16 MB of log. Each checkpoint is a pause for whoever writes just then: shorter logs make for shorter ones,
/// and copy pages more often that change again and again.
const CHECKPOINT_PAGES: u32 = 4_000;

/// The log is cut back to this after a checkpoint that emptied it.
const WAL_LIMIT_BYTES: i64 = 67_108_864;

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

    /// Opens the connection that writes, on a file that is made if there is none.
    ///
    /// # Errors
    /// When SQLite cannot open the file, or it is no database.
    pub(super) fn writer(&self) -> rusqlite::Result<Connection> {
        self.writer_of(OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_CREATE)
    }

    /// As [`StoreOptions::writer`], of a file that is there.
    ///
    /// # Errors
    /// As [`StoreOptions::writer`], and when there is no file.
    pub(super) fn writer_of_existing(&self) -> rusqlite::Result<Connection> {
        self.writer_of(OpenFlags::SQLITE_OPEN_READ_WRITE)
    }

    fn writer_of(&self, flags: OpenFlags) -> rusqlite::Result<Connection> {
        let connection = self.connect(flags)?;
        connection.pragma_update(None, "journal_mode", "wal")?;
        connection.pragma_update(None, "journal_size_limit", WAL_LIMIT_BYTES)?;
        self.set_up(&connection, WRITER_CACHE_KIB)?;
        Ok(connection)
    }

    /// Opens a connection that reads. It cannot write, so that nothing gets around the writer's queue.
    ///
    /// # Errors
    /// When SQLite cannot open the file.
    pub(super) fn reader(&self) -> rusqlite::Result<Connection> {
        let connection = self.connect(OpenFlags::SQLITE_OPEN_READ_WRITE)?;
        self.set_up(&connection, READERS_CACHE_KIB / self.max_connections.max(1))?;
        connection.pragma_update(None, "query_only", true)?;
        Ok(connection)
    }

    fn set_up(&self, connection: &Connection, cache_kib: u32) -> rusqlite::Result<()> {
        // Negative means KiB.
        connection.pragma_update(None, "cache_size", -i64::from(cache_kib))?;
        connection.pragma_update(None, "synchronous", self.synchronous.as_str())?;
        connection.pragma_update(None, "foreign_keys", true)?;
        // The writer does it, and notes the sums of the pages: see `sums`.
        connection.pragma_update(None, "wal_autocheckpoint", 0)
    }

    /// Opens a connection that changes nothing, not even the journal mode: to look at a file before it is
    /// known to be ours.
    ///
    /// # Errors
    /// When SQLite cannot open the file.
    pub(super) fn inspector(&self) -> rusqlite::Result<Connection> {
        self.connect(OpenFlags::SQLITE_OPEN_READ_ONLY)
    }

    /// As [`StoreOptions::inspector`], where what was begun and not committed has to be taken back first.
    ///
    /// # Errors
    /// When SQLite cannot open the file.
    pub(super) fn recovering_inspector(&self) -> rusqlite::Result<Connection> {
        self.connect(OpenFlags::SQLITE_OPEN_READ_WRITE)
    }

    fn connect(&self, access: OpenFlags) -> rusqlite::Result<Connection> {
        let connection = Connection::open_with_flags(&self.path, access | OpenFlags::SQLITE_OPEN_NO_MUTEX)?;
        connection.busy_timeout(BUSY_TIMEOUT)?;
        connection.set_prepared_statement_cache_capacity(STATEMENT_CACHE);
        connection.pragma_update(None, "mmap_size", MAPPED_BYTES / self.max_connections.saturating_add(1))?;
        connection.pragma_update(
            None,
            "temp_store",
            if self.temporary_in_memory { "memory" } else { "file" },
        )?;
        Ok(connection)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::{Clock, open, sql::Sql};

    #[test]
    fn sqlite_waits_for_the_disk_as_it_is_told() {
        for (synchronous, level) in [(Synchronous::Full, 2), (Synchronous::Normal, 1)] {
            let folder = tempfile::tempdir().unwrap();
            let mut options = StoreOptions::new(folder.path().join("tasks.db"));
            options.synchronous = synchronous;
            let opened = open::writing(&options, &Clock::system()).unwrap();
            let found: i64 = opened.connection.one("PRAGMA synchronous", ()).unwrap();
            assert_eq!(found, level, "{synchronous:?}");
        }
    }
}
