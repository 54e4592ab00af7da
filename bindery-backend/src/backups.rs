//! The backups that a backend makes by itself while it serves.

use std::{
    fs::{self, DirBuilder},
    io,
    os::unix::fs::DirBuilderExt,
    path::PathBuf,
    sync::Arc,
    time::Duration,
};

use shared_types::{Error, Timestamp};
use tokio::task::spawn_blocking;
use tokio_util::sync::CancellationToken;

use crate::{
    config::BackupSettings,
    store::{
        Clock, Store,
        progress::Progress,
        upkeep::{KeptBackup, KeptBackups, UpkeepError, back_up, last_seq_in},
    },
};

/// A start is busy enough without a backup.
const SETTLE: Duration = Duration::from_secs(10);

/// How soon to look again when there was nothing to do, or it failed.
const LOOK_AGAIN: Duration = Duration::from_secs(60 * 60);

/// What is known when it is decided.
#[derive(Debug, Clone, Copy)]
struct Facts {
    now: Timestamp,
    newest: Option<Timestamp>,
    /// Whether the newest backup lacks something.
    changed: bool,
    /// The size of the database.
    bytes: u64,
}

/// What to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Step {
    Make,
    Wait(Duration),
    /// It would be time, but for the size.
    TooLarge,
}

fn next(settings: &BackupSettings, facts: Facts) -> Step {
    let age = facts.newest.and_then(|newest| {
        // A newest backup from the future says that the clock was put back, and nothing about its age.
        u64::try_from(facts.now.as_millis() - newest.as_millis()).ok().map(Duration::from_millis)
    });
    match age {
        Some(age) if age < settings.every => Step::Wait(settings.every - age),
        _ if !facts.changed => Step::Wait(LOOK_AGAIN.min(settings.every)),
        _ if facts.bytes > settings.max_bytes => Step::TooLarge,
        _ => Step::Make,
    }
}

/// Makes them, until it is asked to stop.
pub(crate) struct Backups {
    settings: BackupSettings,
    store: Store,
    database: PathBuf,
    kept: KeptBackups,
    clock: Clock,
    stop: CancellationToken,
    told_of_size: bool,
}

/// Why one was not made.
#[derive(Debug, thiserror::Error)]
enum Failure {
    #[error(transparent)]
    Copy(#[from] UpkeepError),
    #[error("{0}")]
    Store(#[from] Error),
    #[error(transparent)]
    Io(#[from] io::Error),
}

/// Ends a copy with the backend.
struct UntilStopped(CancellationToken);

impl Progress for UntilStopped {
    fn begin(&self, _: u64) {}

    fn reach(&self, _: u64) {}

    fn is_stopped(&self) -> bool {
        self.0.is_cancelled()
    }
}

impl Backups {
    /// The backups of the database at `database`, which `store` has open; `None` when none are wanted.
    pub(crate) fn of(
        settings: &BackupSettings,
        store: Store,
        database: PathBuf,
        stop: CancellationToken,
    ) -> Option<Self> {
        let kept = KeptBackups::beside(database.parent()?);
        let (settings, clock) = (settings.clone(), Clock::system());
        let wanted = !settings.every.is_zero();
        wanted.then_some(Self { settings, store, database, kept, clock, stop, told_of_size: false })
    }

    pub(crate) async fn run(mut self) {
        let stop = self.stop.clone();
        let mut wait = SETTLE;
        loop {
            tokio::select! {
                () = stop.cancelled() => return,
                () = tokio::time::sleep(wait) => {}
            }
            wait = match self.look().await {
                Ok(wait) => wait,
                Err(Failure::Copy(UpkeepError::Stopped)) => return,
                Err(failure) => {
                    tracing::warn!(%failure, folder = %self.kept.folder().display(), "no backup was made");
                    LOOK_AGAIN
                }
            };
        }
    }

    /// Makes a backup if it is time, and returns how long to wait.
    async fn look(&mut self) -> Result<Duration, Failure> {
        let now = self.clock.now();
        let newest = self.kept.newest();
        let changed = self.has_changed(newest.as_ref()).await?;
        let bytes = fs::metadata(&self.database)?.len();
        let facts = Facts { now, newest: newest.map(|newest| newest.at), changed, bytes };
        match next(&self.settings, facts) {
            Step::Wait(wait) => {
                tracing::debug!(wait_s = wait.as_secs(), "no backup is due");
                Ok(wait)
            }
            Step::Make => {
                self.make(now).await?;
                Ok(self.settings.every)
            }
            Step::TooLarge => {
                if !self.told_of_size {
                    tracing::warn!(
                        bytes,
                        max_bytes = self.settings.max_bytes,
                        "the database has outgrown automatic backups: use `bindery-backend backup`, or \
                         raise BINDERY_BACKUP_MAX_BYTES"
                    );
                }
                self.told_of_size = true;
                Ok(LOOK_AGAIN)
            }
        }
    }

    async fn has_changed(&self, newest: Option<&KeptBackup>) -> Result<bool, Failure> {
        let last = self.store.last_seq().await?;
        let Some(newest) = newest else { return Ok(last > 0) };
        // One that cannot be read lacks everything.
        let path = newest.path.clone();
        let found = spawn_blocking(move || last_seq_in(&path)).await.map_err(io::Error::from)?;
        Ok(found.ok() != Some(last))
    }

    async fn make(&self, now: Timestamp) -> Result<(), Failure> {
        match DirBuilder::new().mode(0o700).create(self.kept.folder()) {
            Err(error) if error.kind() != io::ErrorKind::AlreadyExists => return Err(error.into()),
            _ => {}
        }
        let path = self.kept.path_at(now);
        let progress: Arc<dyn Progress> = Arc::new(UntilStopped(self.stop.clone()));
        let (database, target) = (self.database.clone(), path.clone());
        let copied = spawn_blocking(move || back_up(&database, &target, true, &progress)).await;
        let bytes = copied.map_err(io::Error::from)??;
        self.kept.rotate(self.settings.keep)?;
        tracing::info!(path = %path.display(), bytes, "backed up");
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOUR: i64 = 60 * 60 * 1000;

    fn after(hours: Option<i64>, changed: bool, bytes: u64) -> Step {
        let settings = BackupSettings { every: Duration::from_secs(24 * 3600), keep: 3, max_bytes: 1000 };
        let now = Timestamp::from_millis(1000 * HOUR);
        let newest = hours.map(|hours| Timestamp::from_millis((1000 - hours) * HOUR));
        next(&settings, Facts { now, newest, changed, bytes })
    }

    #[test]
    fn a_backup_is_made_when_the_last_is_old_and_lacks_something() {
        assert_eq!(after(None, true, 1), Step::Make);
        assert_eq!(after(Some(24), true, 1000), Step::Make);
        assert_eq!(after(Some(23), true, 1), Step::Wait(Duration::from_secs(3600)));
        assert_eq!(after(Some(400), false, 1), Step::Wait(LOOK_AGAIN));
        assert_eq!(after(None, false, 1), Step::Wait(LOOK_AGAIN));
        assert_eq!(after(Some(24), true, 1001), Step::TooLarge);
        assert_eq!(after(Some(-5), true, 1), Step::Make, "the clock was put back");
    }
}
