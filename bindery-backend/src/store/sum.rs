//! The sum of a closed database: what becomes of the file afterwards is noticed at the next start.
//!
//! SQLite keeps no sums of its pages, and its checks see how the file is built, not what is in it. So an
//! orderly end notes the length and the CRC-32 of the file beside it, and the next start compares them
//! and takes the note away before anything is written. After a crash there is no note.

use std::{
    fs::{self, File},
    io::{self, BufRead, BufReader, Write},
    path::{Path, PathBuf},
};

use super::beside::beside;

/// A larger file is not summed up: reading it would hold up the start, and the end.
const MOST_BYTES: u64 = 256 * 1024 * 1024;

/// Where the note about `database` lies.
pub(super) fn note(database: &Path) -> PathBuf {
    beside(database, "-sum")
}

/// What a comparison with the note came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Sum {
    /// The file is what was closed, to the byte.
    Same,
    /// It is not.
    Different,
    /// There is no note, or none that can be read.
    Unknown,
}

/// Compares `database` with its note.
///
/// # Errors
/// When the file cannot be read.
pub(super) fn compare(database: &Path) -> io::Result<Sum> {
    let Ok(noted) = fs::read_to_string(note(database)) else { return Ok(Sum::Unknown) };
    let mut words = noted.split_whitespace().map(|word| word.parse::<u64>().ok());
    let (Some(Some(length)), Some(Some(sum)), None) = (words.next(), words.next(), words.next()) else {
        return Ok(Sum::Unknown);
    };
    let same_length = fs::metadata(database)?.len() == length;
    let is_same = same_length && u64::from(sum_of(database)?) == sum;
    Ok(if is_same { Sum::Same } else { Sum::Different })
}

/// Notes the sum of `database`, which is closed and on the disk.
///
/// # Errors
/// When the file cannot be read, or the note not be written.
pub(super) fn write(database: &Path) -> io::Result<()> {
    let length = fs::metadata(database)?.len();
    if length > MOST_BYTES {
        return Ok(());
    }
    let unfinished = beside(database, "-sum.new");
    let mut file = File::create(&unfinished)?;
    writeln!(file, "{length} {}", sum_of(database)?)?;
    file.sync_all()?;
    fs::rename(unfinished, note(database))
}

/// Takes the note away, for good: one that came back after a loss of power would be wrong.
///
/// # Errors
/// When it cannot be removed.
pub(super) fn remove(database: &Path) -> io::Result<()> {
    match fs::remove_file(note(database)) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        Err(error) => Err(error),
        Ok(()) => match database.parent() {
            Some(folder) => File::open(folder)?.sync_all(),
            None => Ok(()),
        },
    }
}

fn sum_of(database: &Path) -> io::Result<u32> {
    let mut reader = BufReader::with_capacity(1 << 20, File::open(database)?);
    let mut sum = crc32fast::Hasher::new();
    loop {
        let bytes = reader.fill_buf()?;
        if bytes.is_empty() {
            return Ok(sum.finalize());
        }
        sum.update(bytes);
        let length = bytes.len();
        reader.consume(length);
    }
}
