//! One supervisor of a tree, as the others see it.

use std::sync::Arc;

use tokio::sync::{mpsc, oneshot, watch};
use tokio_util::task::TaskTracker;

use super::{Failure, RequestError, SupervisorStatus, status};
use crate::{
    child::{self, Child},
    events::Events,
    machine::{Ending, State, intensity::Intensity, supervisor::Key},
    spec::{Member, Strategy},
};

/// What all tasks of a tree share.
pub(crate) struct World<L> {
    pub(crate) launch: L,
    pub(crate) events: Events,
    pub(crate) tracker: TaskTracker,
}

/// Where a supervisor reads. It has no bound, and needs none: of a member there are never more than
/// two messages, and whoever sends a request waits for its answer.
pub(crate) type Mailbox = mpsc::UnboundedSender<Message>;

/// What a supervisor is told.
#[derive(Debug)]
pub(crate) enum Message {
    Start,
    Stop,
    /// It is not needed any more.
    Retire,
    /// A member is up.
    Started(Key),
    /// A member has come down; how, if nobody asked it to. In a box, since most messages are short.
    Ended(Key, Ending, Option<Box<Failure>>),
    /// Somebody asks for something.
    Request(Request, oneshot::Sender<Result<(), RequestError>>),
}

/// What can be asked of a supervisor.
#[derive(Debug)]
pub(crate) enum Request {
    Add(Box<Member>),
    Remove(Key),
    Start(Key),
    Stop(Key),
    Restart(Key),
}

/// Asks a supervisor for something and waits until that was done.
pub(crate) async fn request(mailbox: &Mailbox, request: Request) -> Result<(), RequestError> {
    let (answer, answered) = oneshot::channel();
    mailbox.send(Message::Request(request, answer)).map_err(|_| RequestError::Stopping)?;
    answered.await.unwrap_or(Err(RequestError::Stopping))
}

/// A handle to one supervisor of a tree.
#[derive(Debug, Clone)]
pub(crate) struct Group {
    pub(super) key: Key,
    pub(super) name: Arc<str>,
    pub(super) mailbox: Mailbox,
    pub(super) seen: watch::Receiver<Overview>,
}

/// What a supervisor's task lets be seen.
#[derive(Debug)]
pub(crate) struct Overview {
    pub(super) strategy: Strategy,
    pub(super) state: State,
    pub(super) intensity: Intensity,
    pub(super) members: Vec<Node>,
}

/// A member of a supervisor.
#[derive(Debug, Clone)]
pub(crate) enum Node {
    Child(Child),
    Group(Group),
}

impl Node {
    pub(super) fn key(&self) -> Key {
        match self {
            Self::Child(child) => child.key(),
            Self::Group(group) => group.key,
        }
    }

    pub(super) fn name(&self) -> &str {
        match self {
            Self::Child(child) => child.name(),
            Self::Group(group) => &group.name,
        }
    }

    pub(super) fn start(&self, again: bool) {
        match self {
            Self::Child(child) if again => child.send(child::task::Message::StartAgain),
            Self::Child(child) => child.send(child::task::Message::Start),
            // Its children have waits of their own.
            Self::Group(group) => group.send(Message::Start),
        }
    }

    pub(super) fn stop(&self) {
        match self {
            Self::Child(child) => child.send(child::task::Message::Stop),
            Self::Group(group) => group.send(Message::Stop),
        }
    }

    pub(super) fn give_up(&self) {
        // A supervisor below has said itself that it failed.
        if let Self::Child(child) = self {
            child.send(child::task::Message::GiveUp);
        }
    }

    pub(super) fn retire(&self) {
        match self {
            Self::Child(child) => child.send(child::task::Message::Retire),
            Self::Group(group) => group.send(Message::Retire),
        }
    }
}

impl Group {
    fn send(&self, message: Message) {
        // A task that has ended wants nothing more.
        let _ = self.mailbox.send(message);
    }

    /// The member with this path, and the supervisor right above it.
    pub(super) fn find(&self, path: &str) -> Option<(Self, Node)> {
        let (name, rest) = match path.split_once('/') {
            Some((name, rest)) => (name, Some(rest)),
            None => (path, None),
        };
        let node = self.seen.borrow().members.iter().find(|node| node.name() == name).cloned()?;
        match (node, rest) {
            (node, None) => Some((self.clone(), node)),
            (Node::Group(group), Some(rest)) => group.find(rest),
            (Node::Child(_), Some(_)) => None,
        }
    }

    /// Shows `visit` every child below with its path, in the order in which they start.
    pub(super) fn walk(&self, above: &str, visit: &mut impl FnMut(String, &Child)) {
        for node in &self.seen.borrow().members {
            let path = join(above, node.name());
            match node {
                Node::Child(child) => visit(path, child),
                Node::Group(group) => group.walk(&path, visit),
            }
        }
    }

    pub(super) fn status(&self) -> SupervisorStatus {
        status::of(&self.name, &self.seen.borrow())
    }
}

/// The path of what is called `name` below `above`.
pub(super) fn join(above: &str, name: &str) -> String {
    match above {
        "" => name.to_owned(),
        above => format!("{above}/{name}"),
    }
}
