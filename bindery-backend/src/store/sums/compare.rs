//! Comparing the pages of the file with their sums.

use std::{
    collections::HashSet,
    fs::File,
    io,
    num::NonZeroUsize,
    os::unix::fs::FileExt,
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicBool, AtomicU32, Ordering::Relaxed},
    },
    thread::{available_parallelism, scope},
};

use super::sidecar::Table;

/// What is read at once.
const READ_BYTES: u32 = 1 << 20;

/// The most threads that read.
const READERS: usize = 4;

/// SQLite locks this byte and never uses the page around it.
const LOCK_BYTE: u64 = 1 << 30;

/// What a comparison came to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Compared {
    /// Every page is what its sum says.
    Same,
    /// Every page that has a sum is, and some have none.
    SameAsFarAsKnown,
    /// A page is not.
    Different(String),
}

/// The sum of a page; never 0, which stands for none.
pub(super) fn sum(page: &[u8]) -> u32 {
    crc32fast::hash(page).max(1)
}

/// Whether it is the page that SQLite never uses.
pub(super) fn is_lock_page(page: u32, page_size: u32) -> bool {
    u64::from(page) == LOCK_BYTE / u64::from(page_size.max(1)) + 1
}

/// Reads the pages from `first` on, at most a mebibyte of them and none behind `last`, and gives each to
/// `see`, with its number; the last one may be cut short. Returns the page to go on with.
pub(super) fn read_pages(
    file: &File,
    page_size: u32,
    first: u32,
    last: u32,
    mut see: impl FnMut(u32, &[u8]),
) -> io::Result<u32> {
    let page_size = page_size.max(1);
    let count = (READ_BYTES / page_size).max(1).min(last.saturating_sub(first).saturating_add(1));
    let mut bytes = vec![0; count as usize * page_size as usize];
    let mut length = 0;
    let begin = u64::from(first.saturating_sub(1)) * u64::from(page_size);
    while let Some(rest) = bytes.get_mut(length..).filter(|rest| !rest.is_empty()) {
        match file.read_at(rest, begin + length as u64) {
            Ok(0) => break,
            Ok(read) => length += read,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    bytes.truncate(length);
    let mut pages = bytes.chunks(page_size as usize);
    for page in first..first.saturating_add(count) {
        see(page, pages.next().unwrap_or_default());
    }
    Ok(first.saturating_add(count))
}

/// Compares the pages of `file`, up to `last`, that have a sum and are not among `covered`.
pub(super) fn compare(file: &File, table: &Table, last: u32, covered: &HashSet<u32>) -> io::Result<Compared> {
    let last = last.min(table.pages());
    let (next, different) = (AtomicU32::new(1), Mutex::new(None::<u32>));
    let (is_different, is_partial) = (AtomicBool::new(false), AtomicBool::new(false));
    let step = (READ_BYTES / table.page_size.max(1)).max(1);
    let work = || -> io::Result<()> {
        while !is_different.load(Relaxed) {
            let first = next.fetch_add(step, Relaxed);
            if first > last {
                break;
            }
            read_pages(file, table.page_size, first, last, |page, bytes| {
                if covered.contains(&page) || is_lock_page(page, table.page_size) {
                    return;
                }
                let Some(expected) = table.of(page) else { return is_partial.store(true, Relaxed) };
                if sum(bytes) != expected {
                    is_different.store(true, Relaxed);
                    different.lock().unwrap_or_else(PoisonError::into_inner).get_or_insert(page);
                }
            })?;
        }
        Ok(())
    };
    let readers = available_parallelism().map_or(1, NonZeroUsize::get).min(READERS);
    scope(|threads| {
        let others: Vec<_> = (1..readers).map(|_| threads.spawn(work)).collect();
        let mine = work();
        let panicked = |_| Err(io::Error::other("a comparison panicked"));
        others.into_iter().map(|other| other.join().unwrap_or_else(panicked)).fold(mine, Result::and)
    })?;
    Ok(match different.into_inner().unwrap_or_else(PoisonError::into_inner) {
        Some(page) => Compared::Different(format!("page {page} is not what was last written to it")),
        None if is_partial.into_inner() => Compared::SameAsFarAsKnown,
        None => Compared::Same,
    })
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::*;

    const SIZE: u32 = 512;

    /// A file of so many pages, and the sums of all of them.
    fn pages(count: u32) -> (File, Table) {
        let mut file = tempfile::tempfile().unwrap();
        let mut table = Table { page_size: SIZE, sums: Vec::new() };
        for page in 0..count {
            let bytes: Vec<u8> = (0..SIZE).map(|at| (page * 31 + at) as u8).collect();
            file.write_all(&bytes).unwrap();
            table.sums.push(sum(&bytes));
        }
        (file, table)
    }

    #[test]
    fn one_bit_in_any_page_is_seen_unless_the_log_covers_it() {
        let (file, table) = pages(9000);
        let none = HashSet::new();
        assert_eq!(compare(&file, &table, 9000, &none).unwrap(), Compared::Same);
        for page in [1, 2, 2048, 2049, 8999, 9000] {
            let at = u64::from((page - 1) * SIZE + page % SIZE);
            let mut byte = [0];
            file.read_exact_at(&mut byte, at).unwrap();
            file.write_all_at(&[byte[0] ^ 4], at).unwrap();
            let Compared::Different(said) = compare(&file, &table, 9000, &none).unwrap() else {
                panic!("page {page}")
            };
            assert!(said.contains(&format!("page {page} ")), "{said}");
            assert_eq!(compare(&file, &table, 9000, &HashSet::from([page])).unwrap(), Compared::Same);
            assert_eq!(compare(&file, &table, page - 1, &none).unwrap(), Compared::Same, "cut off there");
            file.write_all_at(&byte, at).unwrap();
        }
    }

    #[test]
    fn a_page_without_a_sum_is_told_and_one_that_is_not_there_is_different() {
        let (file, mut table) = pages(3);
        table.sums.push(0);
        let none = HashSet::new();
        assert_eq!(compare(&file, &table, 4, &none).unwrap(), Compared::SameAsFarAsKnown);
        table.sums[3] = 5;
        assert!(matches!(compare(&file, &table, 4, &none).unwrap(), Compared::Different(_)));
    }

    #[test]
    fn the_page_of_the_locks_is_left_out() {
        assert!(is_lock_page(262_145, 4096) && is_lock_page(16_385, 65536));
        assert!(!is_lock_page(262_144, 4096) && !is_lock_page(262_146, 4096));
    }
}
