//! When the backend copies its database by itself.

use std::time::Duration;

use super::{ConfigError, Source};

const EVERY: &str = "BINDERY_BACKUP_EVERY";
const KEEP: &str = "BINDERY_BACKUP_KEEP";
const MAX_BYTES: &str = "BINDERY_BACKUP_MAX_BYTES";

/// When the backend copies its database by itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BackupSettings {
    /// The time between two backups; none are made when it is zero.
    pub every: Duration,
    /// How many are kept.
    pub keep: usize,
    /// A larger database is not backed up.
    pub max_bytes: u64,
}

impl BackupSettings {
    pub(super) fn read(source: &Source<'_>) -> Result<Self, ConfigError> {
        let hours: u32 = source.parsed(EVERY, "a whole number of hours, 0 for no backups", 24)?;
        Ok(Self {
            every: Duration::from_secs(u64::from(hours) * 60 * 60),
            keep: source.positive(KEEP, "a number of backups, 1 or more", 3)?,
            max_bytes: source.parsed(MAX_BYTES, "a number of bytes", 256 * 1024 * 1024)?,
        })
    }

    /// Each variable with the value in force.
    pub(super) fn settings(&self) -> [(&'static str, String); 3] {
        let hours = self.every.as_secs() / (60 * 60);
        [(EVERY, hours.to_string()), (KEEP, self.keep.to_string()), (MAX_BYTES, self.max_bytes.to_string())]
    }
}
