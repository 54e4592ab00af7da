//! What a supervisor's machine is told, and what it says.

use crate::{machine::Ending, spec::Restart};

/// Names a member among its siblings; never used twice.
pub(crate) type Key = u32;

/// What happens to a supervisor.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Event {
    /// Start all members. Ignored unless it is down.
    Start,
    /// Stop all members.
    Stop,
    /// A member is up.
    Started(Key),
    /// A member has come down.
    Ended(Key, Ending),
    /// One more member, last in order; started if the supervisor is up.
    Add(Key, Restart),
    /// Stop this member and forget it.
    Remove(Key),
    /// Start this member, which somebody stopped or which had ended.
    StartMember(Key),
    /// Stop this member, until somebody starts it.
    StopMember(Key),
    /// Stop this member if it is up, and start it.
    RestartMember(Key),
}

/// What is to be done about it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Action {
    /// Start a member that is down.
    Start(Key),
    /// Start a member that is down, after its backoff.
    StartAgain(Key),
    /// Stop a member that was started.
    Stop(Key),
    /// Tell a member that is down that it will not be started again.
    GiveUp(Key),
    /// Let go of a member that is down.
    Forget(Key),
    /// Tell the supervisor above that this one is up.
    Started,
    /// Tell the supervisor above that this one has come down.
    Ended(Ending),
}
