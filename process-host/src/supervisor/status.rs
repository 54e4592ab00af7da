//! A tree as it is at one moment.

use serde::{Deserialize, Serialize};

use super::group::{Node, Overview};
use crate::{child::ChildStatus, machine::State, spec::Strategy};

/// A supervisor as it is now, and all below it.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct SupervisorStatus {
    /// Its name among its siblings; the outermost may have none.
    pub name: String,
    /// Where it is in its life.
    pub state: State,
    /// Which children are started again when one ends.
    pub strategy: Strategy,
    /// Restarts within the window that ends now.
    pub restarts_in_window: usize,
    /// Its members, in the order in which they start.
    pub children: Vec<MemberStatus>,
}

/// A member of a supervisor as it is now.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(untagged)]
pub enum MemberStatus {
    /// A process.
    Child(ChildStatus),
    /// Another supervisor.
    Supervisor(SupervisorStatus),
}

pub(super) fn of(name: &str, overview: &Overview) -> SupervisorStatus {
    let now = tokio::time::Instant::now().into_std();
    let children = overview.members.iter().map(|node| match node {
        Node::Child(child) => MemberStatus::Child(child.status()),
        Node::Group(group) => MemberStatus::Supervisor(group.status()),
    });
    SupervisorStatus {
        name: name.to_owned(),
        state: overview.state,
        strategy: overview.strategy,
        restarts_in_window: overview.intensity.count(now),
        children: children.collect(),
    }
}
