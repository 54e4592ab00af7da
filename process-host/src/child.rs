//! A supervised child: what can be known about it, and asked of it, from anywhere.

pub(crate) mod launch;
pub(crate) mod task;

use std::sync::Arc;

use serde::{Deserialize, Serialize};
use tokio::{
    sync::{mpsc, watch},
    time::Instant,
};

use crate::{
    Connection, Exit, Log,
    machine::{State, supervisor::Key},
    supervisor::{RequestError, group},
    usage::Usage,
};

/// A handle to a supervised child. Clones are cheap and mean the same child, through all its
/// processes; none of them keeps it running.
#[derive(Debug, Clone)]
pub struct Child(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    key: Key,
    name: Arc<str>,
    mailbox: mpsc::UnboundedSender<task::Message>,
    supervisor: group::Mailbox,
    snapshot: watch::Receiver<Snapshot>,
    connections: watch::Receiver<Option<Connection>>,
    log: Log,
}

/// A child as it is now.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct ChildStatus {
    /// Its name among its siblings.
    pub name: String,
    /// Where it is in its life.
    pub state: State,
    /// The process, while there is one.
    pub pid: Option<u32>,
    /// How long the process has been there, in milliseconds.
    pub uptime_ms: Option<u64>,
    /// How often it was started after the first time.
    pub restarts: u32,
    /// Health checks in a row that failed.
    pub failed_health_checks: u32,
    /// How its last process ended.
    pub last_exit: Option<Exit>,
    /// Why its last process could not be started.
    pub last_error: Option<String>,
    /// What it uses. Absent until it was looked at, and where that cannot be done.
    pub usage: Option<Usage>,
}

/// What a child's task lets be seen.
#[derive(Debug, Clone)]
pub(crate) struct Snapshot {
    state: State,
    pid: Option<u32>,
    since: Option<std::time::Instant>,
    restarts: u32,
    failed_health_checks: u32,
    last_exit: Option<Exit>,
    last_error: Option<Arc<str>>,
    usage: Option<Usage>,
}

impl Child {
    /// Its name among its siblings.
    pub fn name(&self) -> &str {
        &self.0.name
    }

    /// What it is like now.
    pub fn status(&self) -> ChildStatus {
        let snapshot = self.0.snapshot.borrow().clone();
        let uptime = |since| Instant::now().into_std().saturating_duration_since(since).as_millis();
        ChildStatus {
            name: self.0.name.to_string(),
            state: snapshot.state,
            pid: snapshot.pid,
            uptime_ms: snapshot.since.map(|since| u64::try_from(uptime(since)).unwrap_or(u64::MAX)),
            restarts: snapshot.restarts,
            failed_health_checks: snapshot.failed_health_checks,
            last_exit: snapshot.last_exit,
            last_error: snapshot.last_error.as_deref().map(str::to_owned),
            usage: snapshot.usage,
        }
    }

    /// The connection to its process, with [`Stdio::JsonRpc`](crate::spec::Stdio::JsonRpc): each
    /// process has another, and between two of them there is none.
    pub fn connections(&self) -> watch::Receiver<Option<Connection>> {
        self.0.connections.clone()
    }

    /// The connection to its process; waits until there is one that is open. Absent when it has none
    /// by its description and its supervisor has ended.
    pub async fn connection(&self) -> Option<Connection> {
        let open = |connection: &Option<Connection>| connection.as_ref().is_some_and(Connection::is_open);
        self.connections().wait_for(open).await.ok().and_then(|connection| connection.clone())
    }

    /// The last lines it wrote, of all its processes.
    pub fn log(&self) -> Log {
        self.0.log.clone()
    }

    /// Waits until it is in `state`; absent when its supervisor ended before. A state that it only
    /// passes through can be missed; the events have them all.
    pub async fn wait_for(&self, state: State) -> Option<ChildStatus> {
        self.wait_until(|status| status.state == state).await
    }

    /// Waits until its status is as wanted; absent when its supervisor ended before.
    pub async fn wait_until(&self, wanted: impl Fn(&ChildStatus) -> bool) -> Option<ChildStatus> {
        let mut snapshot = self.0.snapshot.clone();
        loop {
            snapshot.borrow_and_update();
            let status = self.status();
            if wanted(&status) {
                return Some(status);
            }
            snapshot.changed().await.ok()?;
        }
    }

    /// Starts it if it is down; waits until it runs.
    ///
    /// # Errors
    /// [`RequestError`], [`RequestError::Down`] when it ended instead.
    pub async fn start(&self) -> Result<(), RequestError> {
        group::request(&self.0.supervisor, group::Request::Start(self.0.key)).await
    }

    /// Stops it, until it is started by name or with all its siblings; waits until it is down.
    ///
    /// # Errors
    /// [`RequestError`].
    pub async fn stop(&self) -> Result<(), RequestError> {
        group::request(&self.0.supervisor, group::Request::Stop(self.0.key)).await
    }

    /// Stops it if it is up and starts it; waits until it runs. This is not counted as a restart
    /// that its supervisor had to make, and waits for no backoff.
    ///
    /// # Errors
    /// [`RequestError`], [`RequestError::Down`] when it ended instead.
    pub async fn restart(&self) -> Result<(), RequestError> {
        group::request(&self.0.supervisor, group::Request::Restart(self.0.key)).await
    }

    pub(crate) fn key(&self) -> Key {
        self.0.key
    }

    pub(crate) fn send(&self, message: task::Message) {
        // A task that has ended wants nothing more.
        let _ = self.0.mailbox.send(message);
    }

    /// The process that can be measured.
    pub(crate) fn pid(&self) -> Option<u32> {
        self.0.snapshot.borrow().pid
    }
}
