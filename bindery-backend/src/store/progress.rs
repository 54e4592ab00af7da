//! How long work tells how far it is, and hears that it should stop.

use std::sync::Arc;

use rusqlite::Connection;

/// SQLite asks this often whether to go on, counted in steps of its virtual machine.
const STEPS: i32 = 20_000;

/// Watches long work.
pub trait Progress: Send + Sync {
    /// The work has so many steps, whatever a step is.
    fn begin(&self, total: u64);

    /// So many are done.
    fn reach(&self, done: u64);

    /// Whether the work should end without being done.
    fn is_stopped(&self) -> bool;
}

/// Nobody watches.
#[derive(Debug, Clone, Copy, Default)]
pub struct Unwatched;

impl Progress for Unwatched {
    fn begin(&self, _: u64) {}

    fn reach(&self, _: u64) {}

    fn is_stopped(&self) -> bool {
        false
    }
}

/// Lets a statement on `connection` end early, and tells how far it is by what `done` says.
pub(super) fn watch(
    connection: &Connection,
    progress: &Arc<dyn Progress>,
    done: impl Fn() -> Option<u64> + Send + 'static,
) -> rusqlite::Result<()> {
    let progress = Arc::clone(progress);
    connection.progress_handler(
        STEPS,
        Some(move || {
            if let Some(done) = done() {
                progress.reach(done);
            }
            progress.is_stopped()
        }),
    )
}
