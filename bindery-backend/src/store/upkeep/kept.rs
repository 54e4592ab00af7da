//! The backups that are made by themselves: files in a folder, named by their time.

use std::{
    fs, io,
    path::{Path, PathBuf},
};

use shared_types::Timestamp;

/// A backup and when it was made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeptBackup {
    /// The file.
    pub path: PathBuf,
    /// The second in which it was begun.
    pub at: Timestamp,
}

/// The folder of the backups.
#[derive(Debug, Clone)]
pub struct KeptBackups {
    folder: PathBuf,
}

const PREFIX: &str = "tasks-";
const SUFFIX: &str = ".db";

/// A time as it stands in a name: `20260301T120000Z`.
pub(super) fn stamp(at: Timestamp) -> String {
    at.to_string().split('.').next().unwrap_or_default().replace(['-', ':'], "") + "Z"
}

/// Reads what [`stamp`] wrote.
fn read_stamp(text: &str) -> Option<Timestamp> {
    let part = |range| text.get(range);
    let date = format!("{}-{}-{}", part(0..4)?, part(4..6)?, part(6..8)?);
    let time = format!("{}:{}:{}", part(9..11)?, part(11..13)?, part(13..15)?);
    let at = format!("{date}T{time}Z").parse().ok()?;
    (stamp(at) == text).then_some(at)
}

impl KeptBackups {
    /// The backups of the database that lies in `folder`.
    pub fn beside(folder: &Path) -> Self {
        Self { folder: folder.join("backups") }
    }

    /// The folder.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// The file of a backup that is begun now.
    pub fn path_at(&self, now: Timestamp) -> PathBuf {
        self.folder.join(format!("{PREFIX}{}{SUFFIX}", stamp(now)))
    }

    /// All of them, oldest first; none when the folder cannot be read. Other files do not count.
    pub fn all(&self) -> Vec<KeptBackup> {
        let entries = fs::read_dir(&self.folder).into_iter().flatten().flatten();
        let mut found: Vec<KeptBackup> = entries
            .filter_map(|entry| {
                let name = entry.file_name();
                let at = name.to_str()?.strip_prefix(PREFIX)?.strip_suffix(SUFFIX)?;
                Some(KeptBackup { at: read_stamp(at)?, path: entry.path() })
            })
            .collect();
        found.sort_unstable_by_key(|backup| backup.at);
        found
    }

    /// The newest.
    pub fn newest(&self) -> Option<KeptBackup> {
        self.all().pop()
    }

    /// Removes all but the newest `keep`, and what was begun and never finished.
    ///
    /// # Errors
    /// When one cannot be removed.
    pub fn rotate(&self, keep: usize) -> io::Result<()> {
        let all = self.all();
        for old in &all[..all.len().saturating_sub(keep)] {
            fs::remove_file(&old.path)?;
        }
        for entry in fs::read_dir(&self.folder)?.flatten() {
            let name = entry.file_name();
            if name.to_str().is_some_and(|name| name.starts_with(PREFIX) && name.contains(".db.partial-")) {
                fs::remove_file(entry.path())?;
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_can_be_read_from_a_name() {
        let at: Timestamp = "2026-03-01T12:00:05Z".parse().unwrap();
        assert_eq!(stamp(at), "20260301T120005Z");
        assert_eq!(read_stamp("20260301T120005Z"), Some(at));
        for text in ["", "20260301T120005", "2026-03-01T12:00:05Z", "20261301T120005Z", "é0260301T120005Z"] {
            assert_eq!(read_stamp(text), None, "{text}");
        }
    }

    #[test]
    fn the_newest_are_kept_and_other_files_left_alone() {
        let folder = tempfile::tempdir().unwrap();
        let kept = KeptBackups::beside(folder.path());
        fs::create_dir(kept.folder()).unwrap();
        let time = |day: i64| Timestamp::from_millis(day * 86_400_000);
        for day in [3, 1, 4, 2] {
            fs::write(kept.path_at(time(day)), "").unwrap();
        }
        for other in ["tasks-mine.db", "notes.txt", "tasks-19700105T000000Z.db.partial-0000"] {
            fs::write(kept.folder().join(other), "").unwrap();
        }
        kept.rotate(2).unwrap();
        assert_eq!(kept.all().iter().map(|backup| backup.at).collect::<Vec<_>>(), [time(3), time(4)]);
        assert_eq!(kept.newest().unwrap().path, kept.path_at(time(4)));
        assert_eq!(fs::read_dir(kept.folder()).unwrap().count(), 4);
    }
}
