//! One process, as `/proc` shows it.

use std::{fs, path::Path};

/// What `/proc/<pid>/stat` says, as far as it matters here.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Stat {
    pub(super) pid: u32,
    pub(super) state: u8,
    pub(super) parent: u32,
    pub(super) group: u32,
    pub(super) session: u32,
    /// Its own processor time and that of the children it waited for.
    pub(super) cpu_ticks: u64,
    pub(super) threads: u64,
    /// In ticks since the system started: with the id, what tells a process from all others.
    pub(super) started: u64,
    pub(super) rss_pages: u64,
}

impl Stat {
    /// Reads the line; nothing when it is not one.
    pub(super) fn parse(line: &[u8]) -> Option<Self> {
        // The name is whatever the process wants it to be, parentheses, spaces and line ends
        // included. Nothing after it is, so the last parenthesis is where it ends.
        let name_begins = line.iter().position(|byte| *byte == b'(')?;
        let name_ends = line.iter().rposition(|byte| *byte == b')')?;
        let pid = str::from_utf8(line.get(..name_begins)?).ok()?.trim().parse().ok()?;
        let rest = str::from_utf8(line.get(name_ends + 1..)?).ok()?;
        let fields: Vec<&str> = rest.split_ascii_whitespace().collect();
        // proc(5) counts from 1, and the state is its third.
        let field = |number: usize| fields.get(number - 3).copied();
        let count = |number| field(number)?.parse::<u64>().ok();
        // Ids are 0 in another pid namespace and -1 where there is none.
        let id = |number| Some(u32::try_from(field(number)?.parse::<i64>().ok()?).unwrap_or(0));
        // The times of children are signed and can be negative for a moment.
        let ticks = |number| Some(u64::try_from(field(number)?.parse::<i64>().ok()?).unwrap_or(0));
        Some(Self {
            pid,
            state: *field(3)?.as_bytes().first()?,
            parent: id(4)?,
            group: id(5)?,
            session: id(6)?,
            cpu_ticks: ticks(14)? + ticks(15)? + ticks(16)? + ticks(17)?,
            threads: count(20)?,
            started: count(22)?,
            rss_pages: ticks(24)?,
        })
    }

    fn read(pid: u32) -> Option<Self> {
        Self::parse(&fs::read(format!("/proc/{pid}/stat")).ok()?)
    }
}

/// Every process there is.
pub(super) fn all() -> Vec<Stat> {
    let Ok(entries) = fs::read_dir("/proc") else { return Vec::new() };
    let pids = entries.flatten().filter_map(|entry| entry.file_name().to_str()?.parse().ok());
    pids.filter_map(Stat::read).collect()
}

/// How many descriptors a process has open; 0 when that may not be seen.
pub(super) fn open_files(pid: u32) -> u64 {
    let folder = format!("/proc/{pid}/fd");
    // Since Linux 6.2 the folder's size is their number, which saves reading it.
    match fs::metadata(&folder).map(|folder| folder.len()) {
        Ok(0) => fs::read_dir(Path::new(&folder)).map_or(0, |entries| entries.count() as u64),
        Ok(number) => number,
        Err(_) => 0,
    }
}

/// Whether a process cannot do anything: it is stopped by a signal or a debugger, or it is gone.
/// Absent where nobody can say.
pub(crate) fn is_stopped_or_dead(pid: u32) -> Option<bool> {
    if !cfg!(target_os = "linux") {
        return None;
    }
    Some(Stat::read(pid).is_none_or(|stat| matches!(stat.state, b'T' | b't' | b'Z' | b'X' | b'x')))
}

/// Bytes in a page and ticks in a second, from the auxiliary vector that every program is given.
pub(super) fn units() -> Option<(u64, u64)> {
    const PAGE_SIZE: usize = 6;
    const TICKS: usize = 17;
    let vector = fs::read("/proc/self/auxv").ok()?;
    let words: Vec<usize> = vector
        .chunks_exact(size_of::<usize>())
        .filter_map(|word| Some(usize::from_ne_bytes(word.try_into().ok()?)))
        .collect();
    let value = |key| Some(words.chunks_exact(2).find(|entry| entry[0] == key)?[1] as u64);
    Some((value(PAGE_SIZE)?, value(TICKS)?.max(1)))
}

#[cfg(test)]
mod tests {
    use super::*;

    const REST: &str =
        "S 41 42 43 0 -1 4194560 100 200 0 0 10 20 -3 40 20 0 7 0 8888 9437184 321 18446744073709551615";

    #[test]
    fn a_name_may_hold_what_it_likes() {
        for name in ["cat", "a b", ") R 1 1 1", "((", "x) S (y", "line\nend", ""] {
            let stat = Stat::parse(format!("17 ({name}) {REST}\n").as_bytes()).unwrap();
            assert_eq!((stat.pid, stat.state), (17, b'S'), "{name:?}");
            assert_eq!((stat.parent, stat.group, stat.session), (41, 42, 43), "{name:?}");
            assert_eq!((stat.cpu_ticks, stat.threads, stat.started, stat.rss_pages), (70, 7, 8888, 321));
        }
        let stat = Stat::parse(&[b"17 (\xff\xfe) ", REST.as_bytes()].concat()).unwrap();
        assert_eq!(stat.rss_pages, 321);
    }

    #[test]
    fn what_is_no_such_line_is_nothing() {
        for line in ["", "17", "17 (cat)", "17 (cat) S 1 2", ") 17 (", "x (cat) S 1 2 3", "17 (cat"] {
            assert_eq!(Stat::parse(line.as_bytes()), None, "{line:?}");
        }
    }

    #[test]
    #[cfg(target_os = "linux")]
    fn this_process_is_among_all() {
        let own = all().into_iter().find(|stat| stat.pid == std::process::id()).unwrap();
        assert!(own.rss_pages > 0 && own.threads > 0 && open_files(own.pid) > 2);
        assert_eq!(is_stopped_or_dead(own.pid), Some(false));
        let (page, ticks) = units().unwrap();
        assert!(page.is_power_of_two() && page >= 4096 && ticks == 100, "{page} {ticks}");
    }
}
