//! How long work tells how far it is, and hears that it should stop.

/// Watches long work.
pub trait Progress: Send + Sync {
    /// The work has this many steps, whatever a step is.
    fn begin(&self, total: u64);

    /// So many are done.
    fn reach(&self, done: u64);
}

/// Nobody watches.
#[derive(Debug, Clone, Copy, Default)]
pub struct Unwatched;

impl Progress for Unwatched {
    fn begin(&self, _: u64) {}

    fn reach(&self, _: u64) {}
}
