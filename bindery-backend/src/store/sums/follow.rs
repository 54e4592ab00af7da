//! Bringing the sums up to date after a checkpoint.

use std::{
    collections::BTreeMap,
    fs::{self, File},
    io::{self, Read, Seek, SeekFrom},
};

use super::{
    Sums, Table,
    compare::{read_pages, sum},
    wal::{self, FRAME_HEAD_BYTES, HEAD_BYTES, LogId},
};
use crate::store::beside::beside;

/// How many frames are read at once.
const FRAMES_PER_READ: u32 = 256;

/// What a log has changed since it was last folded in.
#[derive(Debug)]
pub(super) struct Changes {
    log: LogId,
    /// How many of its frames were folded in then.
    done: u32,
    /// How many of them have been read, or folded in.
    frames: u32,
    /// The sum of each page.
    sums: BTreeMap<u32, u32>,
    /// How many pages the database has.
    pages: u32,
}

impl Sums {
    /// A checkpoint begins: until its sums are noted, pages are ahead of them.
    pub(super) fn lag(&mut self) {
        self.in_step = false;
    }

    /// Notes the sums of what the checkpoint has copied that came to the end of the log, after `frames` of
    /// it. Nobody may have written since. When that fails, the sums are taken off the disk.
    ///
    /// # Errors
    /// When a file cannot be read or written.
    pub(super) fn follow(&mut self, frames: u32) -> io::Result<()> {
        let followed = self.take_over(frames).and_then(|changed| self.keep(&changed));
        match &followed {
            Ok(()) => self.in_step = true,
            Err(_) => self.retract(),
        }
        followed
    }

    /// The database is not in write-ahead mode: its pages change at any time.
    pub(super) fn forget(&mut self) {
        *self = Self::unknown(&self.database);
        self.retract();
    }

    /// Takes the sums of `frames` into the table, and returns which pages have changed.
    fn take_over(&mut self, frames: u32) -> io::Result<Vec<u32>> {
        if frames == 0 {
            self.know_size()?;
            return Ok(Vec::new());
        }
        let (mut log, id, page_size) = self.open_log()?;
        let done = self.folded(id);
        if self.has_missed(id) {
            tracing::warn!("another program has folded in the log of the database: its sums are made anew");
            (self.table, self.swept) = (Table::default(), 0);
        }
        if done == frames && self.table.pages() > 0 {
            return Ok(Vec::new());
        }
        let foreseen =
            self.foreseen.take().filter(|seen| (seen.log, seen.done) == (id, done) && seen.frames <= frames);
        let mut changes = foreseen.unwrap_or_else(|| Changes::since(id, done));
        changes.read(&mut log, page_size, frames)?;
        self.adapt(page_size, &changes)?;
        self.note.log = Some((id, frames));
        Ok(changes.sums.into_keys().collect())
    }

    /// Opens the log, and says which it is and how many bytes its pages have.
    ///
    /// # Errors
    /// When there is none.
    pub(super) fn open_log(&self) -> io::Result<(File, LogId, u32)> {
        let mut log = File::open(beside(&self.database, "-wal"))?;
        match wal::read_head(&mut log)? {
            Some((id, page_size)) => Ok((log, id, page_size)),
            None => Err(io::Error::other("the head of the write-ahead log cannot be read")),
        }
    }

    /// How many frames of this log were folded in.
    pub(super) fn folded(&self, log: LogId) -> u32 {
        self.note.log.filter(|(known, _)| *known == log).map_or(0, |(_, frames)| frames)
    }

    /// Whether the log between the last that was followed and this one was never seen.
    fn has_missed(&self, id: LogId) -> bool {
        match self.note.log {
            Some((known, _)) => id != known && !id.follows(known),
            None => false,
        }
    }

    fn keep(&mut self, changed: &[u32]) -> io::Result<()> {
        match &mut self.sidecar {
            Some(_) if changed.is_empty() => Ok(()),
            Some(sidecar) if !sidecar.is_long() => sidecar.append(&self.table, self.note, changed),
            _ => self.publish(),
        }
    }

    /// Without a log, the file itself says how many pages there are.
    fn know_size(&mut self) -> io::Result<()> {
        if self.table.pages() > 0 {
            return Ok(());
        }
        let mut head = [0; 18];
        let mut file = File::open(&self.database)?;
        file.read_exact(&mut head)?;
        let page_size = match u32::from(u16::from_be_bytes([head[16], head[17]])) {
            1 => 65536,
            size => size,
        };
        let bytes = fs::metadata(&self.database)?.len();
        self.resize(page_size, u32::try_from(bytes / u64::from(page_size.max(1))).unwrap_or(u32::MAX))
    }

    fn adapt(&mut self, page_size: u32, changes: &Changes) -> io::Result<()> {
        let known = self.table.pages();
        self.resize(page_size, changes.pages)?;
        for (page, sum) in &changes.sums {
            self.table.set(*page, *sum);
        }
        if known == 0 {
            return Ok(());
        }
        // Pages that were added and never written are in no log.
        let file = File::open(&self.database)?;
        for page in known.saturating_add(1)..=changes.pages {
            if self.table.of(page).is_none() {
                let table = &mut self.table;
                read_pages(&file, page_size, page, page, |page, bytes| table.set(page, sum(bytes)))?;
            }
        }
        Ok(())
    }

    fn resize(&mut self, page_size: u32, pages: u32) -> io::Result<()> {
        if self.table.page_size != page_size {
            (self.table, self.swept) = (Table { page_size, sums: Vec::new() }, 0);
        }
        let had_all = self.swept >= self.table.pages() && self.table.pages() > 0;
        self.table.sums.resize(usize::try_from(pages).map_err(io::Error::other)?, 0);
        self.swept = if had_all { pages } else { self.swept.min(pages) };
        Ok(())
    }
}

impl Changes {
    /// Nothing yet of what `log` has behind `done` frames.
    pub(super) fn since(log: LogId, done: u32) -> Self {
        Self { log, done, frames: done, sums: BTreeMap::new(), pages: 0 }
    }

    /// Goes on to the frame `frames`, which is the last one of a commit.
    ///
    /// # Errors
    /// When the log cannot be read, or is another one.
    pub(super) fn read(&mut self, log: &mut File, page_size: u32, frames: u32) -> io::Result<()> {
        let frame_bytes = FRAME_HEAD_BYTES + page_size as usize;
        log.seek(SeekFrom::Start(HEAD_BYTES as u64 + u64::from(self.frames) * frame_bytes as u64))?;
        let most = FRAMES_PER_READ.min(frames.saturating_sub(self.frames));
        let mut bytes = vec![0; frame_bytes * most as usize];
        while self.frames < frames {
            let count = most.min(frames - self.frames);
            let part = bytes.get_mut(..frame_bytes * count as usize).unwrap_or_default();
            log.read_exact(part)?;
            for frame in part.chunks_exact(frame_bytes) {
                let (head, data) = frame.split_at(FRAME_HEAD_BYTES);
                let Some((page, commit)) = wal::read_frame_head(head, self.log) else {
                    return Err(io::Error::other("a frame of the write-ahead log is of another log"));
                };
                self.sums.insert(page, sum(data));
                self.pages = commit;
            }
            self.frames += count;
        }
        if self.pages == 0 {
            return Err(io::Error::other("the write-ahead log does not end with a commit"));
        }
        let last = self.pages;
        self.sums.retain(|page, _| *page <= last);
        Ok(())
    }
}
