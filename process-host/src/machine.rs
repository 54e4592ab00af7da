//! What is decided about children and supervisors, without doing any of it.
//!
//! Both machines are one function, `step(state, event, now) -> (state, actions)`: no clock, no chance,
//! no I/O. A shell carries out the actions, sleeps until the state's deadline, and comes back with
//! events. That a timer outlives its reason cannot happen, because a timer is not an action but part of
//! the state that waits for it.
//!
//! A supervisor and its members keep to one protocol, which both are tested against: a member that is
//! down is started; it then says once that it has ended, and before that at most once that it is up.
//! Only after it has ended is it started again.

pub(crate) mod child;
pub(crate) mod intensity;
pub(crate) mod supervisor;

use std::{
    fmt,
    time::{Duration, Instant},
};

use serde::{Deserialize, Serialize};

/// Where a child or a supervisor is in its life.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum State {
    /// Asked for, not there yet.
    Starting,
    /// There.
    Running,
    /// There, and its last health check failed. Only children.
    Unhealthy,
    /// On its way down.
    Stopping,
    /// Down, as was asked, or because it had done its work.
    Stopped,
    /// Down, as nobody asked. Only children.
    Crashed,
    /// To be started again after a wait; a supervisor: starting its children again.
    Restarting,
    /// Down, and given up: it was started again as often as is allowed.
    Failed,
}

impl State {
    /// Whether nothing more happens by itself.
    pub fn is_at_rest(self) -> bool {
        matches!(self, Self::Stopped | Self::Crashed | Self::Failed)
    }
}

impl fmt::Display for State {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Starting => "starting",
            Self::Running => "running",
            Self::Unhealthy => "unhealthy",
            Self::Stopping => "stopping",
            Self::Stopped => "stopped",
            Self::Crashed => "crashed",
            Self::Restarting => "restarting",
            Self::Failed => "failed",
        })
    }
}

/// How a member of a supervisor came down.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Ending {
    /// By itself, having done its work.
    Normal,
    /// By itself, otherwise; or it was not well and had to be stopped.
    Abnormal,
    /// Because it was asked to.
    Stopped,
}

/// Longer than any wait that is meant; an operator's number may be one that no clock can reach.
const LONGEST_WAIT: Duration = Duration::from_secs(86_400 * 365 * 30);

fn after(now: Instant, wait: Duration) -> Instant {
    now + wait.min(LONGEST_WAIT)
}
