//! At the start: whether the file is what was last written to it.

use std::{
    collections::HashSet,
    fs::{self, File},
    io,
    path::Path,
};

use super::{
    Sums,
    compare::{Compared, compare, is_lock_page},
    sidecar::{Note, Sidecar, Table},
    wal::{self, Found, Log},
};
use crate::store::beside::beside;

/// A larger file that was closed in order is compared after the start, which should not wait for it.
pub(in crate::store) const MOST_BYTES_AT_ONCE: u64 = 256 * 1024 * 1024;

/// What the file is found to be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::store) enum Verdict {
    /// Every page is what its sum says, or is in the log.
    Same,
    /// It was closed in order and is as long as it was; its pages are to be compared while it is in use.
    Unread,
    /// Not every page has a sum.
    Unknown,
    /// Somebody else has folded in the log that was left, so that the sums are not about this file.
    Strange,
    /// It is something else.
    Different(String),
}

/// Compares `database` and its log with the sums, and returns them. One that was closed in order and has
/// more than `most_bytes` is left for later.
///
/// # Errors
/// When a file cannot be read.
pub(in crate::store) fn examine(database: &Path, most_bytes: u64) -> io::Result<(Verdict, Sums)> {
    let found = wal::read(&beside(database, "-wal"))?;
    let mut sums = Sums::unknown(database);
    sums.found_log = match &found {
        // SQLite gives a first log that holds no commit other salts when it goes on.
        Found::Log(log) if log.frames > 0 || log.id.sequence > 0 => Some(log.id),
        _ => None,
    };
    let Some((sidecar, table, note)) = Sidecar::read(database)? else { return Ok((Verdict::Unknown, sums)) };
    let origin = origin(note, &table, &found);
    if let Origin::Damaged(detail) = origin {
        return Ok((Verdict::Different(detail), sums));
    }
    let log = match &found {
        Found::Log(log) if log.frames > 0 => Some(log),
        _ => None,
    };
    let compared = match log {
        None if note.closed && fs::metadata(database)?.len() > most_bytes => {
            compare_length(database, &table)?
        }
        log => compare_pages(database, &table, log)?,
    };
    if let (Origin::Strange, Verdict::Different(_)) = (&origin, &compared) {
        tracing::warn!(
            "another program, or a stop that was cut short, has folded in the log of the database: SQLite \
             checks it, and its sums are made anew"
        );
        return Ok((Verdict::Strange, sums));
    }
    sums.in_step = log.is_none();
    sums.swept = if compared == Verdict::Same { table.pages() } else { 0 };
    (sums.table, sums.note, sums.sidecar) = (table, note, Some(sidecar));
    Ok((compared, sums))
}

/// Whose log it is.
enum Origin {
    /// It is the one that was written to last, or none was needed.
    Ours,
    /// It is another, or ours is gone.
    Strange,
    /// It is ours and lacks something.
    Damaged(String),
}

fn origin(note: Note, table: &Table, found: &Found) -> Origin {
    let damaged = |detail: String| Origin::Damaged(format!("its write-ahead log is damaged: {detail}"));
    match (found, note.log) {
        (Found::HeadDamaged, _) => damaged("its head cannot be read".to_owned()),
        (Found::Absent, _) if !note.closed => Origin::Strange,
        (Found::Absent | Found::Empty, _) => Origin::Ours,
        // Whoever wrote it has not changed the file, or the pages tell.
        (Found::Log(_), _) if note.closed => Origin::Ours,
        (Found::Log(log), _) if log.page_size != table.page_size => Origin::Strange,
        (Found::Log(log), Some((id, frames))) if log.id == id && log.frames < frames => {
            damaged(format!("{} of {frames} frames that were synced are there", log.frames))
        }
        (Found::Log(log), known) => match (log.gap, known) {
            (_, Some((id, _))) if log.id != id && !log.id.follows(id) => Origin::Strange,
            (_, None) if log.id.sequence != 0 => Origin::Strange,
            (Some(frame), _) if log.id.sequence >= note.synced_from => {
                damaged(format!("frame {frame} does not fit, and later commits do"))
            }
            _ => Origin::Ours,
        },
    }
}

fn compare_length(database: &Path, table: &Table) -> io::Result<Verdict> {
    let length = fs::metadata(database)?.len();
    let expected = u64::from(table.pages()) * u64::from(table.page_size);
    Ok(if length == expected {
        Verdict::Unread
    } else {
        Verdict::Different(format!("it has {length} bytes instead of {expected}"))
    })
}

/// Compares each page of the file that is not in the log.
fn compare_pages(database: &Path, table: &Table, log: Option<&Log>) -> io::Result<Verdict> {
    let length = fs::metadata(database)?.len();
    let nothing = HashSet::new();
    let covered = log.map_or(&nothing, |log| &log.covered);
    let pages = log.map_or(table.pages(), |log| log.database_pages);
    let bytes = |pages: u32| u64::from(pages) * u64::from(table.page_size);
    // In use it may be longer than it was and than it will be, but has no page that nobody wrote.
    let most = covered.iter().copied().max().unwrap_or(0).max(pages).max(table.pages());
    if length > bytes(most) {
        return Ok(Verdict::Different(format!("it has {} bytes too many", length - bytes(most))));
    }
    // SQLite may have added a page that it never wrote.
    let has_sum =
        |page| page <= table.pages() || covered.contains(&page) || is_lock_page(page, table.page_size);
    let all_known = (table.pages()..pages).all(|before| has_sum(before + 1));
    Ok(match compare(&File::open(database)?, table, pages, covered)? {
        Compared::Same if all_known => Verdict::Same,
        Compared::Same => Verdict::Unknown,
        Compared::SameAsFarAsKnown => Verdict::Unknown,
        Compared::Different(detail) => Verdict::Different(detail),
    })
}
