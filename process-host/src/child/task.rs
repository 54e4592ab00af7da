//! The task that owns a child: it carries out what the machine decides.

use std::{
    future::{Future, pending},
    sync::Arc,
    time::Instant,
};

use futures::future::BoxFuture;
use rustix::process::Signal;
use tokio::{
    sync::{mpsc, watch},
    time::{Instant as TokioInstant, sleep_until},
};

use super::{
    Child, Shared, Snapshot,
    launch::{Launch, Running},
};
use crate::{
    Connection, Exit, Log,
    events::EventKind,
    machine::{
        Ending,
        child::{Action, Child as Machine, Event, Report, step},
        supervisor::Key,
    },
    process::SpawnError,
    spec::ChildSpec,
    supervisor::{
        Failure,
        group::{Mailbox, Message as ToSupervisor, World},
    },
    usage::{Usage, watch::Watch},
};

/// How much of its standard error goes into what is told about a child's end, in bytes.
const TAIL: usize = 2 << 10;

/// What a supervisor tells a child.
#[derive(Debug)]
pub(crate) enum Message {
    Start,
    StartAgain,
    Stop,
    GiveUp,
    /// It is not needed any more.
    Retire,
    /// The process with this id used so much. In a box, since a mailbox has room for many messages
    /// and most of them are a word.
    Usage(u32, Box<Usage>),
}

/// What the task waits for.
enum Happening<R> {
    Opened(Result<R, SpawnError>),
    Ended(Exit),
    Told(Option<Message>),
    Checked(bool),
    Timer,
}

struct Task<L: Launch> {
    world: Arc<World<L>>,
    spec: Arc<ChildSpec>,
    key: Key,
    path: Arc<str>,
    supervisor: Mailbox,
    mailbox: mpsc::UnboundedReceiver<Message>,
    snapshot: watch::Sender<Snapshot>,
    connections: watch::Sender<Option<Connection>>,
    log: Log,
    machine: Machine,
    starts: u32,
    opening: Option<BoxFuture<'static, Result<L::Running, SpawnError>>>,
    running: Option<L::Running>,
    checking: Option<BoxFuture<'static, bool>>,
    watch: Watch,
}

/// Starts the task of a child that is down.
pub(crate) fn spawn<L: Launch>(
    world: &Arc<World<L>>,
    spec: ChildSpec,
    key: Key,
    path: Arc<str>,
    supervisor: Mailbox,
) -> Child {
    let (sender, mailbox) = mpsc::unbounded_channel();
    let machine = Machine::new(&spec);
    let log = Log::new(spec.limits.stderr_bytes);
    let (snapshot, seen) = watch::channel(Snapshot {
        state: machine.state(),
        pid: None,
        since: None,
        restarts: 0,
        failed_health_checks: 0,
        last_exit: None,
        last_error: None,
        usage: None,
    });
    let (connections, connected) = watch::channel(None);
    let child = Child(Arc::new(Shared {
        key,
        name: spec.name.as_str().into(),
        mailbox: sender,
        supervisor: supervisor.clone(),
        snapshot: seen,
        connections: connected,
        log: log.clone(),
    }));
    let task = Task {
        world: Arc::clone(world),
        watch: Watch::new(&spec),
        spec: Arc::new(spec),
        key,
        path,
        supervisor,
        mailbox,
        snapshot,
        connections,
        log,
        machine,
        starts: 0,
        opening: None,
        running: None,
        checking: None,
    };
    world.tracker.spawn(task.run());
    child
}

impl<L: Launch> Task<L> {
    async fn run(mut self) {
        loop {
            let event = match self.next().await {
                Happening::Opened(Ok(running)) => {
                    let pid = running.pid();
                    self.connections.send_replace(running.connection());
                    self.running = Some(running);
                    Event::Spawned { pid }
                }
                Happening::Opened(Err(error)) => {
                    let error = error.to_string().into();
                    self.snapshot.send_modify(|snapshot| snapshot.last_error = Some(error));
                    Event::SpawnFailed
                }
                Happening::Ended(exit) => {
                    self.running = None;
                    self.connections.send_replace(None);
                    self.snapshot.send_modify(|snapshot| snapshot.last_exit = Some(exit));
                    Event::Exited(exit)
                }
                Happening::Checked(well) => Event::Checked { well },
                Happening::Timer => Event::Timer,
                Happening::Told(None | Some(Message::Retire)) => break,
                Happening::Told(Some(Message::Start)) => Event::Start,
                Happening::Told(Some(Message::StartAgain)) => Event::StartAgain { draw: fastrand::f64() },
                Happening::Told(Some(Message::Stop)) => Event::Stop,
                Happening::Told(Some(Message::GiveUp)) => Event::GiveUp,
                Happening::Told(Some(Message::Usage(pid, usage))) => match self.used(pid, *usage) {
                    Some(event) => event,
                    None => continue,
                },
            };
            self.handle(event);
        }
    }

    /// Waits for whatever happens next. Nothing is lost when several things happen at once: each of
    /// them is still there the next time.
    async fn next(&mut self) -> Happening<L::Running> {
        let deadline = self.machine.deadline();
        tokio::select! {
            biased;
            exit = ended(&mut self.running) => Happening::Ended(exit),
            opened = taken(&mut self.opening) => Happening::Opened(opened),
            message = self.mailbox.recv() => Happening::Told(message),
            well = taken(&mut self.checking) => Happening::Checked(well),
            () = until(deadline) => Happening::Timer,
        }
    }

    fn handle(&mut self, event: Event) {
        let (machine, actions) = step(self.machine, event, TokioInstant::now().into_std());
        self.machine = machine;
        if !machine.is_checking() {
            self.checking = None;
        }
        self.snapshot.send_modify(|snapshot| {
            snapshot.state = machine.state();
            snapshot.pid = machine.pid();
            snapshot.since = machine.since();
            snapshot.failed_health_checks = machine.failed_checks();
            if snapshot.pid.is_none() {
                snapshot.usage = None;
            }
        });
        for action in actions {
            self.carry_out(action);
        }
    }

    fn carry_out(&mut self, action: Action) {
        match action {
            Action::Spawn => self.spawn(),
            Action::CloseStdin => self.running.iter().for_each(Running::close_stdin),
            Action::Terminate => self.running.iter().for_each(|running| running.signal(Signal::TERM)),
            Action::Kill => self.running.iter().for_each(|running| running.signal(Signal::KILL)),
            Action::Check => {
                self.checking = self.running.as_ref().map(|running| running.check(Arc::clone(&self.spec)));
            }
            Action::Started => self.tell(ToSupervisor::Started(self.key)),
            Action::Ended(ending) => {
                let failure = (ending != Ending::Stopped).then(|| Box::new(self.failure()));
                self.tell(ToSupervisor::Ended(self.key, ending, failure));
            }
            Action::Report(report) => self.world.events.publish(&self.path, self.event(report)),
        }
    }

    fn spawn(&mut self) {
        self.starts = self.starts.saturating_add(1);
        let restarts = self.starts - 1;
        self.snapshot.send_modify(|snapshot| {
            snapshot.restarts = restarts;
            snapshot.last_error = None;
        });
        self.watch.forget();
        self.opening = Some(self.world.launch.open(&self.path, Arc::clone(&self.spec), self.log.clone()));
    }

    /// Takes note of what the process uses; what comes of it for the machine.
    fn used(&mut self, pid: u32, usage: Usage) -> Option<Event> {
        if self.machine.pid() != Some(pid) {
            return None;
        }
        self.snapshot.send_modify(|snapshot| snapshot.usage = Some(usage));
        for alert in self.watch.alerts(&usage) {
            self.world.events.publish(&self.path, alert);
        }
        let limit = self.watch.limit(&usage)?;
        self.world.events.publish(&self.path, limit);
        Some(Event::LimitExceeded)
    }

    fn event(&self, report: Report) -> EventKind {
        match report {
            Report::Starting => EventKind::Starting,
            Report::Running { pid } => EventKind::Running { pid: Some(pid) },
            Report::Unhealthy { failures } => EventKind::Unhealthy { failures },
            Report::Healthy => EventKind::Healthy,
            Report::Stopping => EventKind::Stopping,
            Report::Stopped { exit } => EventKind::Stopped { exit },
            Report::Crashed { exit } => {
                let Failure { error, stderr_tail, .. } = self.failure();
                EventKind::Crashed { exit, error, stderr_tail }
            }
            Report::Restarting { delay, attempt } => {
                let delay_ms = u64::try_from(delay.as_millis()).unwrap_or(u64::MAX);
                EventKind::Restarting { delay_ms, attempt }
            }
            Report::Failed => EventKind::Failed,
        }
    }

    fn failure(&self) -> Failure {
        let snapshot = self.snapshot.borrow();
        Failure {
            child: self.path.to_string(),
            // What ended earlier is not why it could not be started now.
            exit: snapshot.last_exit.filter(|_| snapshot.last_error.is_none()),
            error: snapshot.last_error.as_deref().map(str::to_owned),
            stderr_tail: self.log.stderr_tail(TAIL),
        }
    }

    fn tell(&self, message: ToSupervisor) {
        // A supervisor that has ended let go of its children before.
        let _ = self.supervisor.send(message);
    }
}

async fn ended<R: Running>(running: &mut Option<R>) -> Exit {
    match running {
        Some(running) => running.ended().await,
        None => pending().await,
    }
}

/// What a future comes to; it is gone then.
async fn taken<F: Future + Unpin>(future: &mut Option<F>) -> F::Output {
    let output = match future {
        Some(future) => future.await,
        None => pending().await,
    };
    *future = None;
    output
}

async fn until(deadline: Option<Instant>) {
    match deadline {
        Some(deadline) => sleep_until(TokioInstant::from_std(deadline)).await,
        None => pending().await,
    }
}
