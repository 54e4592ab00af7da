//! What a child's task needs of a process; real ones, and in tests ones that act by a script.

use std::{future::Future, sync::Arc, time::Duration};

use futures::future::BoxFuture;
use rustix::process::Signal;
use tokio::sync::mpsc;

use crate::{
    CallOptions, Connection, Exit, Incoming, Log, Port,
    connection::FromPeer,
    process::{Process, SpawnError, Streams},
    spec::{Check, ChildSpec, Command},
    usage,
};

/// Starts processes.
pub(crate) trait Launch: Clone + Send + Sync + 'static {
    /// What it starts.
    type Running: Running;

    /// Starts the process that `spec` describes, for the child at `path`; what it says goes to `log`.
    fn open(
        &self,
        path: &Arc<str>,
        spec: Arc<ChildSpec>,
        log: Log,
    ) -> BoxFuture<'static, Result<Self::Running, SpawnError>>;
}

/// A process, with what it is connected to. Dropping it kills its group.
pub(crate) trait Running: Send + 'static {
    fn pid(&self) -> u32;

    fn connection(&self) -> Option<Connection>;

    fn signal(&self, signal: Signal);

    fn close_stdin(&self);

    /// Waits for its end, and for what it wrote before. Cancel safe.
    fn ended(&mut self) -> impl Future<Output = Exit> + Send;

    /// Whether it is well. Takes as long as it takes; whoever asks has a deadline.
    fn check(&self, spec: Arc<ChildSpec>) -> BoxFuture<'static, bool>;
}

/// Starts real processes.
#[derive(Debug, Clone)]
pub(crate) struct Processes {
    /// Who is told what they say by themselves.
    pub(crate) incoming: Option<mpsc::Sender<FromChild>>,
}

/// What a child said by itself: a notification, or a request to be answered.
#[derive(Debug)]
pub struct FromChild {
    /// The child's path.
    pub path: Arc<str>,
    /// What it said.
    pub message: FromPeer,
}

impl Launch for Processes {
    type Running = Port;

    fn open(
        &self,
        path: &Arc<str>,
        spec: Arc<ChildSpec>,
        log: Log,
    ) -> BoxFuture<'static, Result<Port, SpawnError>> {
        let (path, told) = (Arc::clone(path), self.incoming.clone());
        Box::pin(async move {
            let mut port = Port::open(&spec, &log).await?;
            // Kept by nobody, it would fill up; dropped, requests of the child are refused at once.
            if let (Some(incoming), Some(told)) = (port.take_incoming(), told) {
                // Ends with the connection.
                tokio::spawn(forward(path, incoming, told));
            }
            Ok(port)
        })
    }
}

async fn forward(path: Arc<str>, mut incoming: Incoming, told: mpsc::Sender<FromChild>) {
    while let Some(message) = incoming.next().await {
        if told.send(FromChild { path: Arc::clone(&path), message }).await.is_err() {
            return;
        }
    }
}

impl Running for Port {
    fn pid(&self) -> u32 {
        self.pid()
    }

    fn connection(&self) -> Option<Connection> {
        self.connection().cloned()
    }

    fn signal(&self, signal: Signal) {
        self.signal(signal);
    }

    fn close_stdin(&self) {
        self.close_stdin();
    }

    async fn ended(&mut self) -> Exit {
        self.ended().await
    }

    fn check(&self, spec: Arc<ChildSpec>) -> BoxFuture<'static, bool> {
        let (pid, connection) = (self.pid(), self.connection().cloned());
        Box::pin(async move {
            match &spec.health.check {
                // Where nobody can say, its exit will.
                Check::Alive => usage::is_stopped_or_dead(pid) != Some(true),
                Check::Ping => match connection {
                    Some(connection) => answers(&connection, spec.health.timeout).await,
                    None => false,
                },
                Check::Command(command) => succeeds(&spec, command.clone()).await,
            }
        })
    }
}

async fn answers(connection: &Connection, timeout: Duration) -> bool {
    connection.call("ping", &serde_json::Map::new(), CallOptions::within(timeout)).await.is_ok()
}

/// Runs `command` where the child runs, and with what it sees; whether it ends with code 0.
async fn succeeds(spec: &ChildSpec, command: Command) -> bool {
    let mut check = ChildSpec::new("health check", command);
    check.cwd.clone_from(&spec.cwd);
    check.environment = spec.environment.clone();
    check.sandbox.clone_from(&spec.sandbox);
    let Ok(streams) = Streams::null() else { return false };
    match Process::spawn_on(&check, streams).await {
        Ok(mut process) => process.ended().await.is_success(),
        Err(error) => {
            tracing::warn!(child = spec.name, %error, "the health check cannot be run");
            false
        }
    }
}
