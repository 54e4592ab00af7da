//! The file with the sums: blocks, each with a sum of its own.
//!
//! The first block holds the sum of every page, and comes into the file's name by a rename, so that it is
//! there whole or not at all. Those behind it hold what changed since, and are synced one by one, so that
//! only the last can be torn. Numbers are 32 bits, the little end first; a sum of 0 is not known.

use std::{
    fs::{self, File},
    io,
    os::unix::fs::{FileExt, OpenOptionsExt},
    path::{Path, PathBuf},
};

use super::wal::LogId;
use crate::{new_file::sync_folder_of, store::beside::beside};

const MAGIC: u32 = u32::from_le_bytes(*b"BPS1");
const HEAD_WORDS: usize = 13;
const HEAD_BYTES: usize = HEAD_WORDS * 4;

/// What a block holds behind its head.
const ALL_PAGES: u32 = 0;
const SOME_PAGES: u32 = 1;

/// Where the sums of `database` lie.
pub(in crate::store) fn path(database: &Path) -> PathBuf {
    beside(database, "-sum")
}

/// The sums of the pages, the first page's first.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Table {
    pub(super) page_size: u32,
    pub(super) sums: Vec<u32>,
}

impl Table {
    pub(super) fn pages(&self) -> u32 {
        u32::try_from(self.sums.len()).unwrap_or(u32::MAX)
    }

    /// The sum of a page; `None` when it is not known.
    pub(super) fn of(&self, page: u32) -> Option<u32> {
        let index = usize::try_from(page).ok()?.checked_sub(1)?;
        self.sums.get(index).copied().filter(|sum| *sum != 0)
    }

    pub(super) fn set(&mut self, page: u32, sum: u32) {
        let slot = usize::try_from(page).ok().and_then(|page| self.sums.get_mut(page.checked_sub(1)?));
        if let Some(slot) = slot {
            *slot = sum;
        }
    }
}

/// What is known of the database besides the sums.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Note {
    /// It was closed in order: its log was folded in and removed.
    pub(super) closed: bool,
    /// The log that was folded in last, and how many frames of it; `None` while none was.
    pub(super) log: Option<(LogId, u32)>,
    /// In the logs from this number on every commit is synced.
    pub(super) synced_from: u32,
}

impl Default for Note {
    fn default() -> Self {
        Self { closed: false, log: None, synced_from: u32::MAX }
    }
}

/// The file, and how far it is good.
#[derive(Debug)]
pub(super) struct Sidecar {
    file: File,
    end: u64,
    /// Where the first block ends.
    table_end: u64,
}

impl Sidecar {
    /// Reads the sums of `database`; `None` when there are none that can be read.
    pub(super) fn read(database: &Path) -> io::Result<Option<(Self, Table, Note)>> {
        let path = path(database);
        let bytes = match fs::read(&path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            bytes => bytes?,
        };
        let Some((table, note, table_end, end)) = decode(&bytes) else { return Ok(None) };
        let file = File::options().read(true).write(true).open(path)?;
        Ok(Some((Self { file, end, table_end }, table, note)))
    }

    /// Puts `table` in the place of what is there. It is on the disk when this returns.
    pub(super) fn publish(database: &Path, table: &Table, note: Note) -> io::Result<Self> {
        let (path, unfinished) = (path(database), beside(database, "-sum.new"));
        remove_if_there(&unfinished)?;
        let file = File::options().create_new(true).read(true).write(true).mode(0o600).open(&unfinished)?;
        let block = encode(ALL_PAGES, table, note, table.sums.iter().copied());
        file.write_all_at(&block, 0)?;
        file.sync_all()?;
        fs::rename(unfinished, &path)?;
        sync_folder_of(&path)?;
        let end = block.len() as u64;
        Ok(Self { file, end, table_end: end })
    }

    /// Adds what `table` says of `changed`, and `note`. It is on the disk when this returns.
    pub(super) fn append(&mut self, table: &Table, note: Note, changed: &[u32]) -> io::Result<()> {
        let pairs = changed.iter().flat_map(|page| [*page, table.of(*page).unwrap_or(0)]);
        let block = encode(SOME_PAGES, table, note, pairs);
        self.file.write_all_at(&block, self.end)?;
        let end = self.end + block.len() as u64;
        // What a write that failed has left there.
        if self.file.metadata()?.len() > end {
            self.file.set_len(end)?;
        }
        self.file.sync_all()?;
        self.end = end;
        Ok(())
    }

    /// Whether more was added than the whole takes.
    pub(super) fn is_long(&self) -> bool {
        self.end - self.table_end > self.table_end.max(1 << 20)
    }
}

/// Takes the sums of `database` away, for good: some that came back after a loss of power would be wrong.
pub(super) fn remove(database: &Path) -> io::Result<()> {
    let path = path(database);
    // A database without a name is gone when it is closed.
    if database.as_os_str().is_empty() || !path.try_exists()? {
        return Ok(());
    }
    remove_if_there(&path)?;
    sync_folder_of(&path)
}

fn remove_if_there(path: &Path) -> io::Result<()> {
    match fs::remove_file(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        removed => removed,
    }
}

fn encode(kind: u32, table: &Table, note: Note, content: impl Iterator<Item = u32>) -> Vec<u8> {
    let (id, frames) = note.log.unwrap_or((LogId { sequence: 0, salts: [0, 0] }, 0));
    let head = [
        MAGIC,
        kind,
        0,
        table.page_size,
        table.pages(),
        note.closed.into(),
        note.log.is_some().into(),
        id.sequence,
        id.salts[0],
        id.salts[1],
        frames,
        note.synced_from,
    ];
    // Its place is kept for the sum of the block.
    let words = head.into_iter().chain([0]).chain(content);
    let mut bytes: Vec<u8> = words.flat_map(u32::to_le_bytes).collect();
    let count = u32::try_from((bytes.len() - HEAD_BYTES) / 4).unwrap_or(u32::MAX);
    put(&mut bytes, 2, count);
    let sum = crc32fast::hash(&bytes);
    put(&mut bytes, HEAD_WORDS - 1, sum);
    bytes
}

fn put(bytes: &mut [u8], word: usize, value: u32) {
    if let Some(place) = bytes.get_mut(word * 4..).and_then(<[u8]>::first_chunk_mut) {
        *place = value.to_le_bytes();
    }
}

/// The table, the last note, and the ends of the first block and of the last one that is whole.
fn decode(bytes: &[u8]) -> Option<(Table, Note, u64, u64)> {
    let mut table: Option<(Table, u64)> = None;
    let (mut note, mut rest) = (Note::default(), bytes);
    while let Some(block) = Block::read(rest) {
        rest = rest.get(block.bytes..)?;
        note = block.note;
        match (&mut table, block.kind) {
            (None, ALL_PAGES) if block.content.len() == block.pages => {
                let sums = Table { page_size: block.page_size, sums: block.content };
                table = Some((sums, (bytes.len() - rest.len()) as u64));
            }
            (Some((table, _)), SOME_PAGES) => {
                table.sums.resize(block.pages, 0);
                let (pairs, _) = block.content.as_chunks();
                pairs.iter().for_each(|[page, sum]| table.set(*page, *sum));
            }
            _ => return None,
        }
    }
    // A block that is not the last was synced: it is not torn but damaged, and so is all behind it.
    if claimed(rest).is_some_and(|length| length < rest.len()) {
        return None;
    }
    let (table, table_end) = table?;
    Some((table, note, table_end, (bytes.len() - rest.len()) as u64))
}

/// How long the block at the beginning says it is.
fn claimed(bytes: &[u8]) -> Option<usize> {
    let mut words = bytes.as_chunks().0.iter().map(|word| u32::from_le_bytes(*word));
    let (magic, _, count) = (words.next()?, words.next()?, words.next()?);
    let content = usize::try_from(count).ok()?.checked_mul(4)?;
    (magic == MAGIC).then_some(content.checked_add(HEAD_BYTES)?)
}

struct Block {
    bytes: usize,
    kind: u32,
    page_size: u32,
    pages: usize,
    note: Note,
    content: Vec<u32>,
}

impl Block {
    /// The block at the beginning of `bytes`, if it is whole.
    fn read(bytes: &[u8]) -> Option<Self> {
        let length = claimed(bytes)?;
        let mut block = bytes.get(..length)?.to_vec();
        let sum = block.get((HEAD_WORDS - 1) * 4..)?.first_chunk().copied().map(u32::from_le_bytes)?;
        put(&mut block, HEAD_WORDS - 1, 0);
        if crc32fast::hash(&block) != sum {
            return None;
        }
        let words: Vec<u32> = block.as_chunks().0.iter().map(|word| u32::from_le_bytes(*word)).collect();
        let (head, content) = words.split_at_checked(HEAD_WORDS)?;
        let &[_, kind, _, page_size, pages, closed, has_log, sequence, salt, other, frames, synced_from, _] =
            head
        else {
            return None;
        };
        let log = (has_log != 0).then_some((LogId { sequence, salts: [salt, other] }, frames));
        let note = Note { closed: closed != 0, log, synced_from };
        Some(Self {
            bytes: length,
            kind,
            page_size,
            pages: usize::try_from(pages).ok()?,
            note,
            content: content.to_vec(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    impl Sidecar {
        /// From now on it can only be read.
        pub(in crate::store::sums) fn break_for_test(&mut self, path: &Path) {
            self.file = File::open(path).unwrap();
        }
    }

    fn blocks() -> (Vec<u8>, Vec<u8>, Table, Note) {
        let mut table = Table { page_size: 4096, sums: vec![7, 8, 9] };
        let first = encode(ALL_PAGES, &table, Note::default(), table.sums.iter().copied());
        table.sums = vec![7, 80, 9, 10];
        let log = Some((LogId { sequence: 3, salts: [1, 2] }, 5));
        let note = Note { closed: true, log, synced_from: 3 };
        let second = encode(SOME_PAGES, &table, note, [2, 80, 4, 10].into_iter());
        (first, second, table, note)
    }

    #[test]
    fn what_was_added_counts_unless_it_is_torn() {
        let (first, second, table, note) = blocks();
        let both = [first.clone(), second.clone()].concat();
        let ends = (first.len() as u64, both.len() as u64);
        assert_eq!(decode(&both), Some((table, note, ends.0, ends.1)));
        for cut in 0..second.len() {
            let (torn, was, table_end, end) = decode(&both[..first.len() + cut]).unwrap();
            assert_eq!((torn.sums, was), (vec![7, 8, 9], Note::default()), "{cut}");
            assert_eq!((table_end, end), (ends.0, ends.0));
        }
    }

    #[test]
    fn a_damaged_file_is_no_file() {
        let (first, second, ..) = blocks();
        let whole = [first.as_slice(), &second, &second].concat();
        for at in 12..first.len() + second.len() {
            // A damaged length is taken for the end, which the pages contradict.
            if (first.len()..first.len() + 12).contains(&at) {
                continue;
            }
            let mut damaged = whole.clone();
            damaged[at] ^= 1;
            assert_eq!(decode(&damaged), None, "{at}");
        }
    }
}
