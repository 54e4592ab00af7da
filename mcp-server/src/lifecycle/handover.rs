//! Replacing a backend by a newer version of itself.
//!
//! An assistant that was updated meets the backend that an older one started. It holds the start
//! lock, so that nobody starts the old one again, asks the backend to leave, waits until the
//! backend let go of the workspace, and starts its own. Calls of others that are in progress are
//! finished; their next ones wait for the lock and find the new backend. No signal is sent and no
//! process id is trusted: the backend itself decides, and one that an operator runs declines.

use std::{
    fs,
    path::Path,
    time::{Duration, Instant},
};

use semver::Version;
use shared_types::Error;
use tokio::time::sleep;

use super::{
    StartOptions, binary,
    endpoint::Endpoint,
    start::{Pace, unavailable},
};

/// How long a backend may take to finish what it is doing; it cuts off requests after 10 s.
const GONE_WITHIN: Duration = Duration::from_secs(15);

/// How another version compares to that of this program.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Age {
    /// It is this one, or cannot be compared.
    Same,
    /// It is older.
    Older,
    /// It is newer.
    Newer,
}

/// The age of `version`.
pub fn age(version: &str) -> Age {
    compare(version, env!("CARGO_PKG_VERSION"))
}

fn compare(theirs: &str, ours: &str) -> Age {
    match (Version::parse(theirs), Version::parse(ours)) {
        (Ok(theirs), Ok(ours)) if theirs < ours => Age::Older,
        (Ok(theirs), Ok(ours)) if theirs > ours => Age::Newer,
        _ => Age::Same,
    }
}

/// Whether `running` is to be replaced by a call: it is older than this program, and ours to
/// replace.
pub(super) fn is_due(running: &Endpoint) -> bool {
    let announced = running.announcement();
    announced.managed && age(&announced.version) == Age::Older
}

/// Makes `running` leave the workspace, if the executable that would follow it is newer. Says
/// whether it left. The caller holds the start lock.
pub(super) async fn replace(
    running: &Endpoint,
    options: &StartOptions,
    state_dir: &Path,
) -> Result<bool, Error> {
    let announced = running.announcement();
    let next = match binary::find(options.binary.as_deref()) {
        Ok(Some(found)) => binary::version(&found.path).await,
        _ => None,
    };
    let next = next.as_deref().and_then(|text| text.split_whitespace().last()).unwrap_or_default();
    // Without this, two assistants whose executables are old would replace one another's for ever.
    if compare(next, &announced.version) != Age::Newer {
        tracing::warn!(
            running = announced.version,
            installed = next,
            "the backend is older than this program, and so is the one that would replace it"
        );
        return Ok(false);
    }
    tracing::info!(running = announced.version, next, "asking the older backend to hand over");
    if !running.hand_over().await {
        tracing::warn!(running = announced.version, "the older backend does not hand over");
        return Ok(false);
    }
    await_end(state_dir).await.map(|()| true)
}

/// Waits until nobody holds the lock of the workspace.
async fn await_end(state_dir: &Path) -> Result<(), Error> {
    let begun = Instant::now();
    let mut pace = Pace::new();
    while !is_free(state_dir) {
        if begun.elapsed() > GONE_WITHIN {
            return Err(unavailable(format!(
                "the older backend is still there {} s after it was asked to leave",
                GONE_WITHIN.as_secs()
            )));
        }
        sleep(pace.next()).await;
    }
    Ok(())
}

/// Whether a backend was here and has let go of the workspace. The system lets go of its lock when the
/// process ends, however it ends.
pub(super) fn is_free(state_dir: &Path) -> bool {
    let lock = fs::File::open(state_dir.join("backend.lock"));
    lock.is_ok_and(|lock| lock.try_lock_shared().is_ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_compared_by_their_parts() {
        assert_eq!(compare("0.9.0", "0.10.0"), Age::Older);
        assert_eq!(compare("0.10.0-rc.1", "0.10.0"), Age::Older);
        assert_eq!(compare("1.0.0", "0.10.0"), Age::Newer);
        assert_eq!(compare("0.10.0", "0.10.0"), Age::Same);
        assert_eq!(compare("mine", "0.10.0"), Age::Same);
    }

    #[tokio::test]
    async fn the_lock_tells_when_the_backend_is_gone() {
        let folder = tempfile::tempdir().unwrap();
        let held = fs::File::create(folder.path().join("backend.lock")).unwrap();
        held.lock().unwrap();
        let mut waiting = Box::pin(await_end(folder.path()));
        assert!(tokio::time::timeout(Duration::from_millis(50), &mut waiting).await.is_err());
        drop(held);
        assert_eq!(waiting.await, Ok(()));
    }
}
