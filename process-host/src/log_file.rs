//! The log of a service that outlives whoever reads it: a file of bounded size.

use std::{
    fs::{self, File},
    io::{self, Read, Seek, SeekFrom},
    path::{Path, PathBuf},
};

/// A log that has grown to this size is set aside before it is opened again.
const LIMIT: u64 = 5 * 1024 * 1024;
/// How much of the end is read.
const TAIL: u64 = 2048;

/// A log file.
#[derive(Debug, Clone)]
pub struct LogFile {
    path: PathBuf,
}

impl LogFile {
    /// The log at `path`, which need not exist.
    pub fn new(path: impl Into<PathBuf>) -> Self {
        Self { path: path.into() }
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Opens it to append; one that is full is renamed to end in `.1`, in place of an older one.
    pub(crate) fn open(&self) -> io::Result<File> {
        if self.path.metadata().is_ok_and(|log| log.len() > LIMIT) {
            let mut aside = self.path.clone().into_os_string();
            aside.push(".1");
            fs::rename(&self.path, aside)?;
        }
        File::options().create(true).append(true).open(&self.path)
    }

    /// The last lines, at most `lines` of them; empty when there is no log.
    pub fn tail(&self, lines: usize) -> Vec<String> {
        let text = self.end().unwrap_or_default();
        let text = String::from_utf8_lossy(&text);
        let mut last: Vec<_> = text.lines().rev().take(lines).map(str::to_owned).collect();
        last.reverse();
        last
    }

    fn end(&self) -> io::Result<Vec<u8>> {
        let mut log = File::open(&self.path)?;
        let length = log.metadata()?.len();
        log.seek(SeekFrom::Start(length.saturating_sub(TAIL)))?;
        let mut end = Vec::new();
        log.take(TAIL).read_to_end(&mut end)?;
        Ok(end)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_full_log_is_set_aside() {
        let folder = tempfile::tempdir().unwrap();
        let log = LogFile::new(folder.path().join("service.log"));
        fs::write(log.path(), vec![b'x'; LIMIT as usize + 1]).unwrap();
        log.open().unwrap();
        assert_eq!(log.path().metadata().unwrap().len(), 0);
        assert_eq!(folder.path().join("service.log.1").metadata().unwrap().len(), LIMIT + 1);
    }

    #[test]
    fn the_tail_is_the_last_lines() {
        let folder = tempfile::tempdir().unwrap();
        let log = LogFile::new(folder.path().join("service.log"));
        assert!(log.tail(5).is_empty());
        fs::write(log.path(), (0..2000).map(|line| format!("line {line}\n")).collect::<String>()).unwrap();
        assert_eq!(log.tail(2), ["line 1998", "line 1999"]);
    }
}
