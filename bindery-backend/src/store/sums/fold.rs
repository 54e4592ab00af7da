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
    /// How many of them are not folded in.
    pub(in crate::store) left: u32,
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
    end_copying_ahead(connection, sums)?;
    let folded = match mode {
        Mode::Passive => checkpoint(connection, "PRAGMA wal_checkpoint(PASSIVE)")?,
        Mode::Restart => briefly(connection, "PRAGMA wal_checkpoint(RESTART)")?,
    };
    let Some(folded) = folded else {
        sums.forget();
        return Ok(Folded::NOTHING);
    };
    note(sums, folded);
    Ok(folded)
}

/// Takes away what keeps the log from being begun again. Where everything was copied ahead, the next write
/// would do that at once: the sums are noted before.
fn end_copying_ahead(connection: &Connection, sums: &mut Sums) -> rusqlite::Result<()> {
    if let Some(ahead) = &mut sums.ahead {
        sums.foreseen = ahead.wait();
        note(sums, look(connection)?);
        sums.ahead = None;
    }
    Ok(())
}

/// Notes the sums of what was copied, if that is everything.
fn note(sums: &mut Sums, folded: Folded) {
    if folded.is_complete()
        && let Err(error) = sums.follow(folded.pages)
    {
        tracing::warn!(%error, "the sums of the database cannot be noted: after a crash SQLite's check has to do");
    }
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
        Ok(Folded { left: 0, pages: 1.., held: _ }) => {
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
    const NOTHING: Self = Self { pages: 0, left: 0, held: false };

    /// Whether the log was folded in to its end.
    pub(in crate::store) fn is_complete(self) -> bool {
        self.left == 0
    }
}

/// What `statement` came to. `None` without a write-ahead log.
fn checkpoint(connection: &Connection, statement: &'static str) -> rusqlite::Result<Option<Folded>> {
    let (busy, log, copied): (bool, i64, i64) = connection.one(statement, ())?;
    Ok(match u32::try_from(log) {
        Ok(pages) => Some(Folded { pages, left: u32::try_from(log - copied).unwrap_or(0), held: busy }),
        // Another program is at it.
        Err(_) if busy => Some(Folded { pages: 0, left: u32::MAX, held: true }),
        Err(_) => None,
    })
}

fn briefly(connection: &Connection, statement: &'static str) -> rusqlite::Result<Option<Folded>> {
    connection.run(WAIT_BRIEFLY, ())?;
    let done = checkpoint(connection, statement);
    connection.run(WAIT_AS_USUAL, ())?;
    done
}
