//! A child process and the way to talk to it: one incarnation, started and ended together.

mod eager;

use std::{pin::pin, time::Duration};

use futures::{FutureExt, future::FusedFuture};
use rustix::process::Signal;
use tokio::{
    net::unix::pipe,
    sync::{oneshot, watch},
    time::timeout,
};
use tokio_util::task::AbortOnDropHandle;

use crate::{
    CallOptions, Closed, Connection, ConnectionOptions, Exit, Incoming, Log, Process, SpawnError,
    log::Stream,
    pool::Manage,
    process::Group,
    spec::{ChildSpec, Shutdown, Stdio},
};

use eager::Eager;

/// How much of standard error an error shows, in bytes.
const TAIL: usize = 2048;
/// How long what a dead child left in its pipes is still read, in case somebody else holds them open.
pub(crate) const LAST_WORDS: Duration = Duration::from_secs(1);

/// How long an answer is looked for before the host sleeps until it comes.
const BUSY_POLL: Duration = Duration::from_micros(25);

/// A running child with its streams in use: standard error drained into its log, standard output too
/// or, with [`Stdio::JsonRpc`], connected. Dropping it kills the child.
#[derive(Debug)]
pub struct Port {
    pid: u32,
    group: Group,
    connection: Option<Connection>,
    incoming: Option<Incoming>,
    exit: watch::Receiver<Option<Exit>>,
    /// Owns the process.
    _watcher: AbortOnDropHandle<()>,
}

impl Port {
    /// Starts the child that `spec` describes, with its output kept in `log`. Must be called inside a
    /// tokio runtime.
    ///
    /// # Errors
    /// [`SpawnError`].
    pub async fn open(spec: &ChildSpec, log: &Log) -> Result<Self, SpawnError> {
        Self::open_with(spec, log, ConnectionOptions::default()).await
    }

    /// Starts the child; its connection, if it has one, is as `options` say but for the limits and
    /// the policy on noise, which are the child's.
    ///
    /// # Errors
    /// [`SpawnError`].
    pub async fn open_with(
        spec: &ChildSpec,
        log: &Log,
        options: ConnectionOptions,
    ) -> Result<Self, SpawnError> {
        let (process, pipes) = Process::spawn(spec).await?;
        let (pid, group) = (process.pid(), process.group());
        let (tell_exit, exit) = watch::channel(None);
        let mut watcher = Watcher { process, log: log.clone(), tell_exit, connection: None };
        let mut stdout = None;
        let (connection, incoming) = match spec.stdio {
            Stdio::JsonRpc => {
                let options = ConnectionOptions {
                    line_bytes: spec.limits.line_bytes,
                    pending_requests: spec.limits.pending_requests,
                    noise: spec.noise,
                    busy_poll: BUSY_POLL,
                    ..options
                };
                let (tell_cause, cause) = oneshot::channel();
                let cause = async { cause.await.unwrap_or(Closed::Stopped) };
                let (connection, incoming) =
                    Connection::open(Eager::new(pipes.stdout), pipes.stdin, options, cause);
                watcher.connection = Some((connection.clone(), tell_cause));
                (Some(connection), Some(incoming))
            }
            Stdio::Log => {
                stdout = Some(pipes.stdout);
                (None, None)
            }
        };
        let watcher = tokio::spawn(watcher.run(pipes.stderr, stdout));
        Ok(Self { pid, group, connection, incoming, exit, _watcher: AbortOnDropHandle::new(watcher) })
    }

    /// The child's process id, which is also that of its group.
    pub fn pid(&self) -> u32 {
        self.pid
    }

    /// The connection to it, with [`Stdio::JsonRpc`].
    pub fn connection(&self) -> Option<&Connection> {
        self.connection.as_ref()
    }

    /// What the child says by itself; once.
    pub fn take_incoming(&mut self) -> Option<Incoming> {
        self.incoming.take()
    }

    /// Closes the child's standard input, which asks it to end. That of a child without a connection
    /// is closed from the start.
    pub fn close_stdin(&self) {
        if let Some(connection) = &self.connection {
            connection.close_writer();
        }
    }

    /// Sends `signal` to the child's process group; nothing once it has ended.
    pub fn signal(&self, signal: Signal) {
        self.group.signal(signal);
    }

    /// How it ended, if it has.
    pub fn has_ended(&self) -> Option<Exit> {
        *self.exit.borrow()
    }

    /// Waits until the child ended and was reaped, and what it left was read: by then every call that
    /// waited has failed with how it ended. May be dropped and called again.
    pub async fn ended(&mut self) -> Exit {
        let told = self.exit.wait_for(Option::is_some).await;
        told.ok().and_then(|exit| *exit).unwrap_or(Exit::Lost)
    }

    /// Ends the child as `shutdown` says: closes its standard input, waits, asks it with SIGTERM,
    /// waits, kills it.
    pub async fn stop(mut self, shutdown: &Shutdown) -> Exit {
        self.close_stdin();
        if self.connection.is_some()
            && let Ok(exit) = timeout(shutdown.after_stdin, self.ended()).await
        {
            return exit;
        }
        self.signal(Signal::TERM);
        if let Ok(exit) = timeout(shutdown.after_term, self.ended()).await {
            return exit;
        }
        self.signal(Signal::KILL);
        self.ended().await
    }
}

/// Sees a child to its end.
struct Watcher {
    process: Process,
    log: Log,
    tell_exit: watch::Sender<Option<Exit>>,
    /// And where to tell it how the child ended.
    connection: Option<(Connection, oneshot::Sender<Closed>)>,
}

impl Watcher {
    async fn run(mut self, stderr: pipe::Receiver, stdout: Option<pipe::Receiver>) {
        let mut read = pin!(read(self.log.clone(), stderr, stdout).fuse());
        let exit = {
            let mut ended = pin!(self.process.ended());
            tokio::select! {
                exit = &mut ended => exit,
                () = &mut read => ended.await,
            }
        };
        if !read.is_terminated() {
            let _ = timeout(LAST_WORDS, read).await;
        }
        if let Some((connection, tell_cause)) = self.connection {
            let reason = Closed::ChildExited { exit, stderr_tail: self.log.stderr_tail(TAIL) };
            let _ = tell_cause.send(reason.clone());
            // It closes by itself once all is read, unless somebody else holds the pipe open.
            if timeout(LAST_WORDS, connection.closed()).await.is_err() {
                connection.close(reason);
            }
        }
        self.tell_exit.send_replace(Some(exit));
    }
}

async fn read(log: Log, stderr: pipe::Receiver, stdout: Option<pipe::Receiver>) {
    let errors = log.clone().drain(Stream::Stderr, stderr);
    match stdout {
        Some(stdout) => drop(tokio::join!(errors, log.drain(Stream::Stdout, stdout))),
        None => errors.await,
    }
}

/// Opens the ports of a [`Pool`](crate::Pool): children of one description.
#[derive(Debug)]
pub struct Ports {
    spec: ChildSpec,
}

impl Ports {
    /// Ports to children as `spec` describes them, which should have [`Stdio::JsonRpc`].
    pub fn new(spec: ChildSpec) -> Self {
        Self { spec }
    }
}

impl Manage for Ports {
    type Member = Port;
    type Error = SpawnError;

    async fn open(&self) -> Result<Port, SpawnError> {
        Port::open(&self.spec, &Log::new(self.spec.limits.stderr_bytes)).await
    }

    fn is_usable(&self, port: &Port) -> bool {
        port.has_ended().is_none() && port.connection().is_none_or(Connection::is_open)
    }

    async fn answers(&self, port: &Port) -> bool {
        let Some(connection) = port.connection() else { return true };
        let options = CallOptions::within(self.spec.health.timeout);
        connection.call("ping", &serde_json::Map::new(), options).await.is_ok()
    }

    async fn close(&self, port: Port) {
        port.stop(&self.spec.shutdown).await;
    }
}
