//! A sum of each page of the database: what becomes of the file without us is noticed at the next start.
//!
//! SQLite keeps no sums of its pages, and its checks see how the file is built, not what is in it. So a
//! file beside it, `tasks.db-sum`, holds the CRC-32 of every page.
//!
//! # Why every page agrees with its sum, at any moment
//! In write-ahead mode pages of the file change in a checkpoint only, and all checkpoints are ours:
//! automatic ones are off on every connection, and the last connection to close finds nothing left to do,
//! because [`fold()`] ran before. A checkpoint copies pages that are in the log, and syncs the log first.
//! While it has not come to the end of the log the sums stay as they are. Once it has, and before anybody
//! writes again, the sums of those pages are noted and synced, with the number of the log and of its
//! frames. Only the next write can begin the log again. So a page of the file either is in the log, as far
//! as SQLite reads that after a crash, or is what its sum says:
//!
//! What was copied before that, for there was a checkpoint that did not come to the end, or [`ahead`] of one,
//! changes nothing about it: the log is not begun again before it was folded in to its end.
//!
//! - *Killed, or without power, in a checkpoint or before its sums were noted:* the log still holds each
//!   page that was copied, for it was synced before and nobody has begun it again.
//! - *While the sums are noted:* they are added at the end of the file, and a torn end does not count. As
//!   above, the log holds those pages. A file of all sums takes the name of the former in a rename.
//! - *After that:* the sums count, whether the log was begun again or not. What SQLite finds of the log is
//!   a prefix; pages of commits that were lost with the power were never copied.
//! - *The sums cannot be noted* (a full disk): the file with them is removed, which needs no room. The next
//!   checkpoint makes it anew from memory.
//!
//! # What else the note tells
//! Frames that were folded in were synced; a log of the same number with fewer is damaged, and SQLite would
//! put old pages over new ones. Where every commit is synced, a frame that does not fit and has a whole
//! commit and more behind it is damaged as well, and acknowledged writes would be lost. A log of another
//! number, or none, while the store was not closed: another program has folded it in, and nobody can tell
//! its changes from damage; SQLite's own check decides then, and the sums are made anew.
//!
//! Pages that have no sum yet get it in small steps while nobody writes, and so a large file that was
//! closed in order is compared after the start. Pages that SQLite never wrote (free since they were added,
//! or around the byte that it locks) are summed up as they lie there, or left out.

mod ahead;
mod compare;
mod examine;
mod fold;
mod follow;
mod sidecar;
#[cfg(test)]
mod tests;
mod wal;

use std::{
    fs::File,
    io, mem,
    path::{Path, PathBuf},
};

use self::{
    ahead::Ahead,
    compare::{is_lock_page, read_pages, sum},
    follow::Changes,
    sidecar::{Note, Sidecar, Table},
    wal::LogId,
};
pub(super) use self::{
    examine::{MOST_BYTES_AT_ONCE, Verdict, examine},
    fold::{Folded, Mode, close, fold, look, truncate},
    sidecar::path,
};
use super::Synchronous;

/// So many pages are summed up before that is put on the disk.
const PAGES_PER_NOTE: u32 = 16 * 1024;

/// The sums of a database that this process may write to.
#[derive(Debug)]
pub(super) struct Sums {
    database: PathBuf,
    table: Table,
    note: Note,
    /// `None` while there is no file with the sums: a crash now is followed by SQLite's own check.
    sidecar: Option<Sidecar>,
    /// Whether each page of the file is what its sum says, no matter what the log holds.
    in_step: bool,
    /// Pages up to this one need not be looked at.
    swept: u32,
    /// Pages that got a sum which is not on the disk.
    unpublished: u32,
    /// What is known already of the log that is to be folded in next.
    foreseen: Option<Changes>,
    /// What copies the log before it is folded in.
    ahead: Option<Ahead>,
    /// The log that lay there at the start.
    found_log: Option<LogId>,
}

/// What a look at some pages came to.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Swept {
    /// A page that is not what its sum says.
    pub(super) damaged: Option<u32>,
    /// Whether all pages were looked at.
    pub(super) done: bool,
}

impl Sums {
    /// No sum of any page of `database` is known.
    pub(super) fn unknown(database: &Path) -> Self {
        Self {
            database: database.to_owned(),
            table: Table::default(),
            note: Note::default(),
            sidecar: None,
            in_step: false,
            swept: 0,
            unpublished: 0,
            foreseen: None,
            ahead: None,
            found_log: None,
        }
    }

    /// Notes that the database will be written to. It has to be called before it is, by any connection.
    ///
    /// # Errors
    /// When that cannot be noted.
    pub(super) fn begin(&mut self, synchronous: Synchronous) -> io::Result<()> {
        let log = self.found_log;
        let folded = self.note.log.filter(|(id, _)| Some(*id) == log).map_or(0, |(_, frames)| frames);
        let was_synced = log.is_none_or(|id| !self.note.closed && self.note.synced_from <= id.sequence);
        self.note = Note {
            closed: false,
            log: log.map(|id| (id, folded)),
            synced_from: match (synchronous, log) {
                (Synchronous::Normal, _) => u32::MAX,
                (Synchronous::Full, None) => 0,
                (Synchronous::Full, Some(_)) if was_synced => self.note.synced_from,
                (Synchronous::Full, Some(id)) => id.sequence.saturating_add(1),
            },
        };
        match &mut self.sidecar {
            Some(sidecar) => sidecar.append(&self.table, self.note, &[]),
            // What may lie there is about another file.
            None => sidecar::remove(&self.database),
        }
    }

    /// Whether a crash now would be followed by a comparison with the sums.
    pub(super) fn are_kept(&self) -> bool {
        self.sidecar.is_some()
    }

    /// Whether there are pages to look at, and now is the time: after a complete checkpoint.
    pub(super) fn can_sweep(&self) -> bool {
        self.in_step && self.swept < self.table.pages()
    }

    /// Looks at the next mebibyte of pages: sums up those that have no sum, and compares the others.
    ///
    /// # Errors
    /// When a file cannot be read or written. The rest is left to the next start then.
    pub(super) fn sweep(&mut self) -> io::Result<Swept> {
        if !self.can_sweep() {
            return Ok(Swept { damaged: None, done: self.swept >= self.table.pages() });
        }
        let file = File::open(&self.database)?;
        let (page_size, last) = (self.table.page_size, self.table.pages());
        let (mut damaged, mut added) = (None, 0);
        let table = &mut self.table;
        let first = mem::replace(&mut self.swept, last) + 1;
        let next = read_pages(&file, page_size, first, last, |page, bytes| {
            let found = sum(bytes);
            match table.of(page) {
                _ if is_lock_page(page, page_size) => {}
                None => {
                    table.set(page, found);
                    added += 1;
                }
                Some(expected) if expected != found => damaged = damaged.or(Some(page)),
                Some(_) => {}
            }
        })?;
        self.swept = next - 1;
        self.unpublished += added;
        let done = self.swept >= last;
        if self.unpublished > 0 && (done || self.unpublished >= PAGES_PER_NOTE) {
            self.publish()?;
        }
        Ok(Swept { damaged, done })
    }

    /// Notes that the database was closed in order. Pages that have no sum get one if the file is small.
    ///
    /// # Errors
    /// When a file cannot be read or written.
    pub(super) fn end(&mut self) -> io::Result<()> {
        if !self.in_step {
            return Ok(());
        }
        let bytes = u64::from(self.table.pages()) * u64::from(self.table.page_size);
        while bytes <= MOST_BYTES_AT_ONCE && self.can_sweep() {
            self.sweep()?;
        }
        self.note = Note { closed: true, log: None, ..self.note };
        self.publish()
    }

    /// Writes the whole file with the sums anew.
    fn publish(&mut self) -> io::Result<()> {
        self.sidecar = Some(Sidecar::publish(&self.database, &self.table, self.note)?);
        self.unpublished = 0;
        Ok(())
    }

    /// Takes the sums off the disk, because they could not be brought up to date.
    fn retract(&mut self) {
        self.sidecar = None;
        if let Err(error) = sidecar::remove(&self.database) {
            tracing::error!(%error, "outdated sums of the database cannot be removed");
        }
    }
}
