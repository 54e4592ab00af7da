//! What a child's task needs of a process; real ones, and in tests ones that act by a script.

use std::{future::Future, sync::Arc};

use futures::future::BoxFuture;
use rustix::process::Signal;

use crate::{
    Exit, Log,
    process::{Process, SpawnError, Streams},
    spec::{Check, ChildSpec},
    usage,
};

/// Starts processes.
pub(crate) trait Launch: Clone + Send + Sync + 'static {
    /// What it starts.
    type Running: Running;

    /// Starts the process that `spec` describes; what it says goes to `log`.
    fn open(&self, spec: Arc<ChildSpec>, log: Log) -> BoxFuture<'static, Result<Self::Running, SpawnError>>;
}

/// A process, with what it is connected to. Dropping it kills its group.
pub(crate) trait Running: Send + 'static {
    fn pid(&self) -> u32;

    fn signal(&self, signal: Signal);

    fn close_stdin(&mut self);

    /// Waits for its end, and for what it wrote before. Cancel safe.
    fn ended(&mut self) -> impl Future<Output = Exit> + Send;

    /// Whether it is well. Takes as long as it takes; whoever asks has a deadline.
    fn check(&self, spec: Arc<ChildSpec>) -> BoxFuture<'static, bool>;
}

/// Starts real processes.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Ports;

/// A real process.
#[derive(Debug)]
pub(crate) struct Port {
    process: Process,
    stdin: Option<tokio::net::unix::pipe::Sender>,
    drains: Option<[tokio::task::JoinHandle<()>; 2]>,
}

impl Launch for Ports {
    type Running = Port;

    fn open(&self, spec: Arc<ChildSpec>, log: Log) -> BoxFuture<'static, Result<Port, SpawnError>> {
        Box::pin(async move {
            let (process, pipes) = Process::spawn(&spec).await?;
            let stdout = tokio::spawn(log.clone().drain(crate::log::Stream::Stdout, pipes.stdout));
            let stderr = tokio::spawn(log.drain(crate::log::Stream::Stderr, pipes.stderr));
            Ok(Port { process, stdin: Some(pipes.stdin), drains: Some([stdout, stderr]) })
        })
    }
}

impl Running for Port {
    fn pid(&self) -> u32 {
        self.process.pid()
    }

    fn signal(&self, signal: Signal) {
        self.process.signal(signal);
    }

    fn close_stdin(&mut self) {
        self.stdin = None;
    }

    async fn ended(&mut self) -> Exit {
        let exit = self.process.ended().await;
        if let Some(drains) = &mut self.drains {
            let all = futures::future::join_all(drains);
            let _ = tokio::time::timeout(std::time::Duration::from_millis(500), all).await;
            self.drains = None;
        }
        exit
    }

    fn check(&self, spec: Arc<ChildSpec>) -> BoxFuture<'static, bool> {
        let pid = self.pid();
        Box::pin(async move {
            match &spec.health.check {
                // Where nobody can say, its exit will.
                Check::Alive => usage::is_stopped_or_dead(pid) != Some(true),
                Check::Ping => true,
                Check::Command(command) => check_command(&spec, command.clone()).await,
            }
        })
    }
}

/// Runs `command` where the child runs and sees what it sees; whether it ends with code 0.
async fn check_command(spec: &ChildSpec, command: crate::spec::Command) -> bool {
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
