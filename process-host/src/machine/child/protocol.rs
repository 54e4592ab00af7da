//! What a child's machine is told, and what it says.

use std::time::Duration;

use crate::{Exit, machine::Ending};

/// What happens to a child.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Event {
    /// Its supervisor wants it up, now. Ignored unless it is down.
    Start,
    /// Its supervisor wants it up again, after the backoff. Chance takes `draw` (0 to 1) of what the
    /// jitter leaves to it. Ignored unless it is down.
    StartAgain { draw: f64 },
    /// Its supervisor wants it down.
    Stop,
    /// Its supervisor will not start it again.
    GiveUp,
    /// The process asked for is there.
    Spawned { pid: u32 },
    /// The process asked for cannot be had.
    SpawnFailed,
    /// The process has ended and was reaped.
    Exited(Exit),
    /// The health check has answered.
    Checked { well: bool },
    /// It uses more than it may.
    LimitExceeded,
    /// The deadline has passed.
    Timer,
}

/// What is to be done about it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Action {
    /// Spawn the process. Exactly one of `Spawned` and `SpawnFailed` follows.
    Spawn,
    /// Close its standard input.
    CloseStdin,
    /// SIGTERM to its group.
    Terminate,
    /// SIGKILL to its group.
    Kill,
    /// Begin a health check; it may be dropped when [`Child::is_checking`](super::Child::is_checking) says no more.
    Check,
    /// Tell the supervisor that it is up.
    Started,
    /// Tell the supervisor that it has come down.
    Ended(Ending),
    /// Let those know who listen.
    Report(Report),
}

/// What is worth knowing about a child.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Report {
    Starting,
    Running { pid: u32 },
    Unhealthy { failures: u32 },
    Healthy,
    Stopping,
    Stopped { exit: Option<Exit> },
    Crashed { exit: Option<Exit> },
    Restarting { delay: Duration, attempt: u32 },
    Failed,
}
