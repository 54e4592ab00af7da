//! Supervisors: children started in order, started again when they end, stopped in reverse.
//!
//! ```
//! use process_host::{
//!     End, State, Supervisor,
//!     spec::{ChildSpec, Command, SupervisorSpec},
//! };
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let supervisor = Supervisor::start(SupervisorSpec::default())?;
//! supervisor.add(ChildSpec::new("my_worker", Command::new("sleep").arg("1000"))).await?;
//! let worker = supervisor.child("my_worker").ok_or("it was added")?;
//! worker.wait_for(State::Running).await;
//! supervisor.stop_child("my_worker").await?;
//! assert_eq!(worker.status().state, State::Stopped);
//! assert_eq!(supervisor.stop().await, End::Stopped);
//! # Ok(())
//! # }
//! ```
//!
//! # Theory of operation
//!
//! Every child has one task that owns its process, and every supervisor one task that owns its
//! members; nothing else touches them. What is to be done is decided by two machines without I/O (see
//! `machine`), which the tasks feed with what happens and whose actions they carry out. Handles are a
//! mailbox to write to and a snapshot to read; a request waits until the supervisor has brought the
//! child where it is wanted.
//!
//! The tasks run on the runtime that [`Supervisor::start`] was called on. When the last handle to a
//! supervisor is dropped, or it is told to stop, its children are stopped in order; when the runtime is
//! dropped, their process groups are killed.

pub(crate) mod group;
mod sampling;
mod status;
mod task;
#[cfg(test)]
mod tests;

use std::{fmt, sync::Arc, time::Duration};

use serde::Serialize;
use tokio::sync::{mpsc, watch};
use tokio_util::{
    sync::{CancellationToken, DropGuard},
    task::TaskTracker,
};

use crate::{
    Exit,
    child::{
        Child,
        launch::{Launch, Processes},
    },
    events::Events,
    spec::{Member, SpecError, SupervisorSpec},
};
use group::{Group, Node, Request, World, request};

pub use crate::child::launch::FromChild;
pub use status::{MemberStatus, SupervisorStatus};

/// A handle to a running tree of supervisors and children. Clones are cheap and mean the same tree;
/// when the last of them is dropped, it is stopped.
#[derive(Debug, Clone)]
pub struct Supervisor {
    root: Group,
    events: Events,
    end: watch::Receiver<Option<End>>,
    tracker: TaskTracker,
    _owner: Arc<DropGuard>,
}

/// What is decided about a tree as a whole.
#[derive(Debug, Clone)]
pub struct Options {
    /// How many events are kept.
    pub kept_events: usize,
    /// How often it is measured what children use; never when absent, and then limits and alerts that
    /// depend on it have no effect.
    pub sample_interval: Option<Duration>,
    /// Where goes what children say by themselves, with the child's path. While it is full, a child
    /// waits with what it says; without one, notifications are dropped and requests refused.
    pub incoming: Option<mpsc::Sender<FromChild>>,
}

impl Default for Options {
    fn default() -> Self {
        Self { kept_events: 1000, sample_interval: Some(Duration::from_secs(1)), incoming: None }
    }
}

/// Why a tree has ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "why", rename_all = "snake_case")]
pub enum End {
    /// It was stopped.
    Stopped,
    /// A child could not be kept running.
    Failed(Failure),
}

/// The child that could not be kept running, and how it ended the last time.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Failure {
    /// Its path.
    pub child: String,
    /// How its process ended; absent when it could not be started.
    pub exit: Option<Exit>,
    /// Why it could not be started.
    pub error: Option<String>,
    /// The end of what it wrote to standard error.
    pub stderr_tail: String,
}

/// Why a request about a child was not fulfilled.
#[derive(Debug, thiserror::Error)]
pub enum RequestError {
    /// There is no child or supervisor with this path.
    #[error("there is no child {0}")]
    Unknown(String),
    /// Its siblings include one of the same name.
    #[error("there is a child {0} already")]
    Duplicate(String),
    /// What was to be added could not work.
    #[error(transparent)]
    Invalid(#[from] SpecError),
    /// The supervisor is being stopped, or has ended.
    #[error("the supervisor is not running")]
    Stopping,
    /// The child ended and is not started again.
    #[error("the child has ended")]
    Down,
}

impl Supervisor {
    /// Starts the children that `spec` describes. Returns at once; [`Supervisor::status`] and
    /// [`Supervisor::events`] tell how far it has come. Must be called inside a tokio runtime.
    ///
    /// # Errors
    /// [`SpecError`], when the description could not work.
    pub fn start(spec: SupervisorSpec) -> Result<Self, SpecError> {
        Self::start_with(spec, Options::default())
    }

    /// As [`Supervisor::start`], with other options.
    ///
    /// # Errors
    /// [`SpecError`], when the description could not work.
    pub fn start_with(spec: SupervisorSpec, options: Options) -> Result<Self, SpecError> {
        let processes = Processes { incoming: options.incoming.clone() };
        Self::launch(spec, options, processes)
    }

    fn launch<L: Launch>(spec: SupervisorSpec, options: Options, launch: L) -> Result<Self, SpecError> {
        spec.check()?;
        let tracker = TaskTracker::new();
        // Closed, it can be waited for; tasks are still added until the tree has ended.
        tracker.close();
        let events = Events::new(options.kept_events);
        let world = Arc::new(World { launch, events: events.clone(), tracker: tracker.clone() });
        let abandoned = CancellationToken::new();
        let (ended, end) = watch::channel(None);
        let root = task::spawn_root(&world, spec, ended, abandoned.clone());
        if let Some(interval) = options.sample_interval {
            tracker.spawn(sampling::run(root.clone(), interval, end.clone()));
        }
        Ok(Self { root, events, end, tracker, _owner: Arc::new(abandoned.drop_guard()) })
    }

    /// The child with this path: its name, or the names of the supervisors above it and its own with
    /// `/` between.
    pub fn child(&self, path: &str) -> Option<Child> {
        match self.root.find(path)? {
            (_, Node::Child(child)) => Some(child),
            (_, Node::Group(_)) => None,
        }
    }

    /// The paths and handles of all children, in the order in which they start.
    pub fn children(&self) -> Vec<(String, Child)> {
        let mut children = Vec::new();
        self.root.walk("", &mut |path, child| children.push((path, child.clone())));
        children
    }

    /// The whole tree as it is now.
    pub fn status(&self) -> SupervisorStatus {
        self.root.status()
    }

    /// What happened and happens in it.
    pub fn events(&self) -> Events {
        self.events.clone()
    }

    /// Adds a child or a supervisor after those that are there, and starts it. Returns when that was
    /// begun.
    ///
    /// # Errors
    /// [`RequestError::Duplicate`], [`RequestError::Invalid`] and [`RequestError::Stopping`].
    pub async fn add(&self, member: impl Into<Member>) -> Result<(), RequestError> {
        let spec = SupervisorSpec { children: vec![member.into()], ..SupervisorSpec::default() };
        spec.check()?;
        for member in spec.children {
            request(&self.root.mailbox, Request::Add(Box::new(member))).await?;
        }
        Ok(())
    }

    /// Stops the child or supervisor with this path and forgets it; waits until it is down.
    ///
    /// # Errors
    /// [`RequestError::Unknown`] and [`RequestError::Stopping`].
    pub async fn remove(&self, path: &str) -> Result<(), RequestError> {
        self.request(path, Request::Remove).await
    }

    /// Stops the child or supervisor with this path if it is up, and starts it; waits until it runs.
    ///
    /// # Errors
    /// [`RequestError`]; [`RequestError::Down`] when it ended instead.
    pub async fn restart(&self, path: &str) -> Result<(), RequestError> {
        self.request(path, Request::Restart).await
    }

    /// Stops the child or supervisor with this path, until it is started by name or with all its
    /// siblings; waits until it is down.
    ///
    /// # Errors
    /// [`RequestError::Unknown`] and [`RequestError::Stopping`].
    pub async fn stop_child(&self, path: &str) -> Result<(), RequestError> {
        self.request(path, Request::Stop).await
    }

    /// Starts the child or supervisor with this path if it is down; waits until it runs.
    ///
    /// # Errors
    /// [`RequestError`]; [`RequestError::Down`] when it ended instead.
    pub async fn start_child(&self, path: &str) -> Result<(), RequestError> {
        self.request(path, Request::Start).await
    }

    /// Stops all children, in the reverse of the order in which they start, and waits until the last
    /// of them is down.
    pub async fn stop(&self) -> End {
        // A tree that has ended is stopped.
        let _ = self.root.mailbox.send(group::Message::Stop);
        self.ended().await
    }

    /// Waits until it has ended, by itself or because it was stopped, and nothing of it is left.
    pub async fn ended(&self) -> End {
        let mut end = self.end.clone();
        let why = match end.wait_for(Option::is_some).await {
            Ok(end) => end.clone(),
            // The runtime it ran on is gone, and its children with it.
            Err(_) => None,
        };
        self.tracker.wait().await;
        why.unwrap_or(End::Stopped)
    }

    async fn request(
        &self,
        path: &str,
        make: impl FnOnce(crate::machine::supervisor::Key) -> Request,
    ) -> Result<(), RequestError> {
        let unknown = || RequestError::Unknown(path.to_owned());
        let (group, node) = self.root.find(path).ok_or_else(unknown)?;
        request(&group.mailbox, make(node.key())).await
    }
}

impl fmt::Display for End {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Stopped => f.write_str("stopped"),
            Self::Failed(failure) => failure.fmt(f),
        }
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} could not be kept running", self.child)?;
        self.exit.iter().try_for_each(|exit| write!(f, ": {exit}"))?;
        self.error.iter().try_for_each(|error| write!(f, ": {error}"))?;
        if !self.stderr_tail.is_empty() {
            write!(f, "; the end of its standard error:\n{}", self.stderr_tail)?;
        }
        Ok(())
    }
}
