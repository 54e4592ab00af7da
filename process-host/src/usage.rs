//! What children use up, from `/proc`: each with all that it started.
//!
//! Linux only; elsewhere nothing is measured, so that limits and alerts of this kind have no effect.

mod process;
pub(crate) mod sampler;
mod tree;
pub(crate) mod watch;

use serde::{Deserialize, Serialize};

pub(crate) use process::is_stopped_or_dead;

/// What a child and everything it started used when it was last looked at.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
pub struct Usage {
    /// Percent of one processor since it was looked at before; 0 the first time.
    pub cpu_percent: f64,
    /// Seconds of processor time, with that of descendants that ended and were waited for.
    pub cpu_seconds: f64,
    /// Resident memory in bytes; what processes share is counted for each of them.
    pub rss_bytes: u64,
    /// Open descriptors.
    pub open_files: u64,
    /// Threads.
    pub threads: u64,
    /// Processes.
    pub processes: u64,
}
