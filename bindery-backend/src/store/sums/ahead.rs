//! Copying the log ahead of a checkpoint, on a thread of its own, while others write.
//!
//! What is copied by then a checkpoint need not copy, for which writers wait. The sums are noted by that
//! checkpoint, so until then nobody may begin the log again: a reader that stays at the last commit sees to
//! that, and nothing behind it is copied.

use std::{
    io,
    path::Path,
    thread::{self, JoinHandle},
};

use rusqlite::{Connection, OpenFlags};

use super::{Sums, follow::Changes};
use crate::store::sql::{self, Sql};

/// Copying that was begun.
#[derive(Debug)]
pub(super) struct Ahead {
    /// The reader that keeps the log from being begun again, until this is dropped.
    _pin: Connection,
    copying: Option<JoinHandle<io::Result<Changes>>>,
}

impl Sums {
    /// Begins to copy and to sum up the first `frames` of the log, all that are committed; the next checkpoint is
    /// the end of it. Nobody may write meanwhile. Returns whether it was begun: where it cannot be, the checkpoint
    /// has more to do.
    pub(in crate::store) fn copy_ahead(&mut self, frames: u32) -> bool {
        self.lag();
        self.ahead = self.begin_ahead(frames).inspect_err(tell).ok();
        self.ahead.is_some()
    }

    /// Whether that takes its time yet: a checkpoint would wait.
    pub(in crate::store) fn is_copying(&self) -> bool {
        let copying = self.ahead.as_ref().and_then(|ahead| ahead.copying.as_ref());
        copying.is_some_and(|copying| !copying.is_finished())
    }

    /// Whether the log was copied ahead, and no checkpoint has followed yet.
    pub(in crate::store) fn was_copied_ahead(&self) -> bool {
        self.ahead.is_some()
    }

    fn begin_ahead(&self, frames: u32) -> io::Result<Ahead> {
        let (mut log, id, page_size) = self.open_log()?;
        let mut changes = Changes::since(id, self.folded(id));
        let pin = pin(&self.database).map_err(io::Error::other)?;
        let database = self.database.clone();
        let copying = thread::Builder::new().name("checkpoint".to_owned()).spawn(move || {
            copy(&database).map_err(io::Error::other)?;
            changes.read(&mut log, page_size, frames)?;
            Ok(changes)
        })?;
        Ok(Ahead { _pin: pin, copying: Some(copying) })
    }
}

impl Ahead {
    /// Waits until everything is copied that can be, and returns what was summed up.
    pub(super) fn wait(&mut self) -> Option<Changes> {
        match self.copying.take()?.join() {
            Ok(copied) => copied.inspect_err(tell).ok(),
            Err(_) => {
                tracing::error!("copying the log ahead ended in disorder");
                None
            }
        }
    }
}

fn tell(error: &io::Error) {
    // The checkpoint meets it again, and tells of it.
    tracing::debug!(%error, "the log was not copied ahead");
}

/// A connection in a transaction that reads the last commit.
fn pin(database: &Path) -> rusqlite::Result<Connection> {
    let pin = open(database)?;
    pin.run("BEGIN", ())?;
    // Of all that can be read, this takes no schema.
    pin.run("PRAGMA application_id", ())?;
    Ok(pin)
}

fn copy(database: &Path) -> rusqlite::Result<()> {
    let connection = open(database)?;
    connection.run("PRAGMA wal_checkpoint(PASSIVE)", ())?;
    sql::close(connection)
}

fn open(database: &Path) -> rusqlite::Result<Connection> {
    Connection::open_with_flags(database, OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX)
}
