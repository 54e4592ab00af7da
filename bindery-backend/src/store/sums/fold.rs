//! Folding the log into the database, and closing it: checkpoints with the sums of what they copied.

use rusqlite::Connection;

use super::Sums;
use crate::store::{
    beside::beside,
    sql::{self, Sql},
};

/// What a checkpoint does about readers that still use the log.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::store) enum Mode {
    /// It leaves to the next one what they hold back.
    Passive,
    /// It waits for them for a moment, so that the next write can begin the log again.
    Restart,
}

/// What is in the log.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::store) struct Folded {
    /// Its pages, also those that were folded in while it was not begun again.
    pub(in crate::store) pages: u32,
    /// Whether all of them were folded in.
    pub(in crate::store) complete: bool,
    /// Whether something was in the way: readers of the log, or another checkpoint.
    pub(in crate::store) held: bool,
}

/// How long whoever waits for readers waits, and then how long it waits for other things again.
const WAIT_BRIEFLY: &str = "PRAGMA busy_timeout = 50";
const WAIT_AS_USUAL: &str = "PRAGMA busy_timeout = 5000";

/// Says what is in the log, and changes nothing.
pub(in crate::store) fn look(connection: &Connection) -> rusqlite::Result<Folded> {
    checkpoint(connection, "PRAGMA wal_checkpoint(NOOP)").map(|found| found.unwrap_or(Folded::NOTHING))
}

/// Copies the log into the database, as far as readers allow. When all of it was, the sums are brought up
/// to date. Nobody may write meanwhile.
///
/// # Errors
/// When the checkpoint fails, which is then to be tried again. That the sums could not be noted is only
/// logged: they are taken away.
pub(in crate::store) fn fold(
    connection: &Connection,
    sums: &mut Sums,
    mode: Mode,
) -> rusqlite::Result<Folded> {
    sums.lag();
    let folded = match mode {
        Mode::Passive => checkpoint(connection, "PRAGMA wal_checkpoint(PASSIVE)")?,
        Mode::Restart => briefly(connection, "PRAGMA wal_checkpoint(RESTART)")?,
    };
    let Some(folded) = folded else {
        sums.forget();
        return Ok(Folded::NOTHING);
    };
    if folded.complete
        && let Err(error) = sums.follow(folded.pages)
    {
        tracing::warn!(%error, "the sums of the database cannot be noted: after a crash SQLite's check has to do");
    }
    Ok(folded)
}

/// Gives back the room of a log that was folded in. It stays if a reader is in the way.
pub(in crate::store) fn truncate(connection: &Connection) -> rusqlite::Result<()> {
    briefly(connection, "PRAGMA wal_checkpoint(TRUNCATE)").map(drop)
}

/// Folds the log in and closes the database, which nobody else in this process has open. Nothing of that is
/// needed for what is stored, so failing is only worth a line.
pub(in crate::store) fn close(connection: Connection, mut sums: Sums) {
    if let Err(error) = connection.run("PRAGMA optimize", ()) {
        tracing::warn!(%error, "the database was not tidied up");
    }
    match fold(&connection, &mut sums, Mode::Passive) {
        // The sums are noted, so that nothing is missing if this is as far as it comes.
        Ok(Folded { complete: true, pages: 1.., .. }) => {
            if let Err(error) = truncate(&connection) {
                tracing::warn!(%error, "the log of the database was not removed");
            }
        }
        Ok(_) => {}
        Err(error) => tracing::warn!(%error, "the log was not folded into the database"),
    }
    if let Err(error) = sql::close(connection) {
        tracing::warn!(%error, "the database was not closed in order");
        return;
    }
    // Somebody else has it open.
    if beside(&sums.database, "-wal").exists() {
        return;
    }
    if let Err(error) = sums.end() {
        tracing::warn!(%error, "the sums of the database were not noted");
    }
}

impl Folded {
    const NOTHING: Self = Self { pages: 0, complete: true, held: false };
}

/// What `statement` came to: how much is in the log, and whether all was copied. `None` without a write-ahead log.
fn checkpoint(connection: &Connection, statement: &'static str) -> rusqlite::Result<Option<Folded>> {
    let (busy, log, copied): (bool, i64, i64) = connection.one(statement, ())?;
    Ok(match u32::try_from(log) {
        Ok(pages) => Some(Folded { pages, complete: log == copied, held: busy }),
        // Another program is at it.
        Err(_) if busy => Some(Folded { pages: 0, complete: false, held: true }),
        Err(_) => None,
    })
}

fn briefly(connection: &Connection, statement: &'static str) -> rusqlite::Result<Option<Folded>> {
    connection.run(WAIT_BRIEFLY, ())?;
    let done = checkpoint(connection, statement);
    connection.run(WAIT_AS_USUAL, ())?;
    done
}
