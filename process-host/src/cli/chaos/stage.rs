//! A tree that is up, and a child of it that comes to harm.

use std::{future::Future, time::Duration};

use process_host::{
    Child, ChildStatus, Connection, Event, EventKind, State, Supervisor,
    spec::{
        Backoff, Check as HealthCheck, ChildSpec, Command, Member, Restart, Stdio, Strategy, SupervisorSpec,
    },
    supervisor::Options,
};
use rustix::process::{Pid, Signal, kill_process};
use tokio::time::timeout;

use super::{Check, probe};
use crate::cli::units;

/// A tree that is not up by then will not be.
const CURTAIN: Duration = Duration::from_secs(60);
/// The child that answers, in every tree.
pub(super) const ECHO: &str = "chaos-echo";

/// Which tree is used, and who comes to harm.
#[derive(Debug)]
pub(super) struct Play {
    spec: SupervisorSpec,
    pub(super) victim: ChildSpec,
    pub(super) path: String,
    /// Whether the tree is the one of this program.
    pub(super) is_own: bool,
}

/// A tree that is up.
pub(super) struct Stage<'a> {
    pub(super) play: &'a Play,
    pub(super) supervisor: Supervisor,
    /// All but the one that comes to harm, with their processes.
    others: Vec<(String, Child, Option<u32>)>,
}

/// A child of this program.
pub(super) fn peer(name: &str, behaviour: &str, stdio: Stdio) -> Result<ChildSpec, std::io::Error> {
    let mut spec = ChildSpec::new(name, Command::new(std::env::current_exe()?).args(["peer", behaviour]));
    spec.stdio = stdio;
    spec.backoff =
        Backoff { first: Duration::from_millis(100), longest: Duration::from_secs(1), jitter: 0.0 };
    (spec.shutdown.after_stdin, spec.shutdown.after_term) =
        (Duration::from_millis(200), Duration::from_millis(500));
    Ok(spec)
}

/// What a future comes to, if that is soon enough.
pub(super) async fn within<T>(limit: Duration, what: impl Future<Output = T>) -> Option<T> {
    timeout(limit, what).await.ok()
}

impl Play {
    /// The tree of a file, or one of this program; and who comes to harm in it.
    ///
    /// # Errors
    /// When there is nobody who could.
    pub(super) fn new(
        spec: Option<SupervisorSpec>,
        child: Option<String>,
    ) -> Result<Self, Box<dyn std::error::Error>> {
        let is_own = spec.is_none();
        let spec = match spec {
            Some(spec) => spec,
            None => own_tree()?,
        };
        let mut children = Vec::new();
        walk("", &spec, &mut |path, child| children.push((path, child.clone())));
        let found = match &child {
            Some(wanted) => children.iter().find(|(path, _)| path == wanted),
            None => children.iter().find(|(_, child)| child.restart != Restart::Temporary),
        };
        match found {
            Some((path, victim)) => {
                Ok(Self { victim: victim.clone(), path: path.clone(), is_own, spec: spec.clone() })
            }
            None => {
                let paths: Vec<_> = children.iter().map(|(path, _)| path.as_str()).collect();
                let wanted = child.map_or_else(
                    || "there is no child that would be started again".to_owned(),
                    |child| format!("there is no child {child}"),
                );
                Err(format!("{wanted}; there are: {}", paths.join(", ")).into())
            }
        }
    }

    /// Starts the tree with these children beside, and waits until all are up.
    ///
    /// # Errors
    /// When they do not come up.
    pub(super) async fn start(
        &self,
        beside: impl IntoIterator<Item = ChildSpec>,
    ) -> Result<Stage<'_>, Box<dyn std::error::Error>> {
        let mut spec = self.spec.clone();
        spec.children.extend(beside.into_iter().map(Member::from));
        self.start_as(spec).await
    }

    /// Starts the tree, with `change` made to the child that comes to harm.
    ///
    /// # Errors
    /// When it does not come up.
    pub(super) async fn start_changed(
        &self,
        change: impl Fn(&mut ChildSpec),
    ) -> Result<Stage<'_>, Box<dyn std::error::Error>> {
        let mut spec = self.spec.clone();
        alter(&mut spec, &self.path, &change);
        self.start_as(spec).await
    }

    async fn start_as(&self, spec: SupervisorSpec) -> Result<Stage<'_>, Box<dyn std::error::Error>> {
        let options = Options { sample_interval: None, ..Options::default() };
        let supervisor = Supervisor::start_with(spec, options)?;
        let is_up = |event: &Event| event.path.is_empty() && matches!(event.kind, EventKind::Running { .. });
        if event(&supervisor, 0, CURTAIN, is_up).await.is_none() {
            let end = supervisor.stop().await;
            return Err(format!("the children do not come up, so there is nobody to harm: {end}").into());
        }
        let others = supervisor.children().into_iter().filter(|(path, _)| *path != self.path);
        let others = others.map(|(path, child)| (path, child.status().pid, child));
        let others = others.map(|(path, pid, child)| (path, child, pid)).collect();
        Ok(Stage { play: self, supervisor, others })
    }

    /// The supervisor right above the child that comes to harm, and its path.
    pub(super) fn superior(&self) -> (&SupervisorSpec, &str) {
        let (above, _) = self.path.rsplit_once('/').unwrap_or_default();
        let names = above.split('/').filter(|name| !name.is_empty());
        let superior = names.fold(&self.spec, |spec, name| {
            let below = spec.children.iter().find_map(|member| match member {
                Member::Supervisor(below) if below.name == name => Some(below),
                _ => None,
            });
            below.unwrap_or(spec)
        });
        (superior, above)
    }

    /// How long a restart may take: the longest wait before it, and then some.
    pub(super) fn patience(&self) -> Duration {
        self.victim.backoff.longest + Duration::from_secs(5)
    }
}

impl Stage<'_> {
    /// The child that comes to harm, and its process.
    ///
    /// # Errors
    /// When it is not there any more.
    pub(super) fn victim(&self) -> Result<(Child, u32), Box<dyn std::error::Error>> {
        let path = &self.play.path;
        let child = self.supervisor.child(path).ok_or_else(|| format!("{path} is gone"))?;
        let pid = child.status().pid.ok_or_else(|| format!("{path} has ended by itself"))?;
        Ok((child, pid))
    }

    /// The connection to a child.
    ///
    /// # Errors
    /// When there is none.
    pub(super) async fn connection(&self, path: &str) -> Result<Connection, Box<dyn std::error::Error>> {
        let child = self.supervisor.child(path).ok_or_else(|| format!("{path} is gone"))?;
        let connection = within(CURTAIN, child.connection()).await.flatten();
        connection.ok_or_else(|| format!("{path} has no connection").into())
    }

    /// That the others have the processes they had; nothing where the strategy is another.
    pub(super) fn untouched(&self) -> Option<Check> {
        self.untouched_but("")
    }

    /// As [`Stage::untouched`], without looking at this one.
    pub(super) fn untouched_but(&self, not: &str) -> Option<Check> {
        if self.play.superior().0.strategy != Strategy::OneForOne || self.others.is_empty() {
            return None;
        }
        let changed: Vec<_> = self
            .others
            .iter()
            .filter(|(path, child, pid)| path != not && child.status().pid != *pid)
            .map(|(path, _, _)| path.as_str())
            .collect();
        let happened = match changed.is_empty() {
            true => "all others have the processes they had".to_owned(),
            false => format!("{} did not keep their processes", changed.join(", ")),
        };
        Some(Check::new("no other child is touched", changed.is_empty(), happened))
    }

    /// That `child` runs as another process than `before`, soon enough; and the time that took.
    pub(super) async fn runs_again(
        &self,
        child: &Child,
        before: u32,
        limit: Duration,
    ) -> (Check, Option<Duration>) {
        let expected = format!("it runs again within {}", units::took(limit));
        let is_new = |status: &ChildStatus| {
            status.state == State::Running && status.pid.is_some_and(|pid| pid != before)
        };
        let begun = std::time::Instant::now();
        match within(limit, child.wait_until(is_new)).await.flatten() {
            Some(status) => {
                let took = begun.elapsed();
                let pid = status.pid.unwrap_or_default();
                (
                    Check::new(expected, true, format!("as process {pid}, {} later", units::took(took))),
                    Some(took),
                )
            }
            None => (Check::new(expected, false, format!("it is {}", child.status().state)), None),
        }
    }

    /// Latency of the child that always answers.
    ///
    /// # Errors
    /// When it is not there.
    pub(super) async fn prober(&self) -> Result<probe::Prober, Box<dyn std::error::Error>> {
        Ok(probe::Prober::new(self.connection(ECHO).await?))
    }

    /// Ends the play.
    pub(super) async fn close(self) {
        self.supervisor.stop().await;
    }
}

/// Waits for an event after the one numbered `after`.
pub(super) async fn event(
    supervisor: &Supervisor,
    after: u64,
    limit: Duration,
    wanted: impl Fn(&Event) -> bool,
) -> Option<Event> {
    let events = supervisor.events();
    let search = async {
        let mut last = after;
        loop {
            for event in events.next_after(last).await.events {
                last = event.sequence;
                if wanted(&event) {
                    return Some(event);
                }
            }
        }
    };
    // A tree that has ended has no more events.
    let ended = async {
        supervisor.ended().await;
        events.after(after).events.into_iter().find(|event| wanted(event))
    };
    within(limit, async {
        tokio::select! {
            biased;
            event = search => event,
            event = ended => event,
        }
    })
    .await
    .flatten()
}

/// Sends a signal to one process.
///
/// # Errors
/// When it is gone.
pub(super) fn send(pid: u32, signal: Signal) -> Result<(), Box<dyn std::error::Error>> {
    let pid = i32::try_from(pid).ok().and_then(Pid::from_raw).ok_or("no such process")?;
    Ok(kill_process(pid, signal)?)
}

fn own_tree() -> Result<SupervisorSpec, std::io::Error> {
    let mut echo = peer("echo", "echo", Stdio::JsonRpc)?;
    echo.health.check = HealthCheck::Ping;
    (echo.health.interval, echo.health.timeout, echo.health.failures) =
        (Duration::from_millis(200), Duration::from_millis(500), 2);
    let mut worker = ChildSpec::new("worker", Command::new("sleep").arg("1000000"));
    worker.shutdown.after_term = Duration::from_secs(1);
    Ok(SupervisorSpec { children: vec![echo.into(), worker.into()], ..SupervisorSpec::default() })
}

fn walk(above: &str, spec: &SupervisorSpec, visit: &mut impl FnMut(String, &ChildSpec)) {
    for member in &spec.children {
        let path =
            if above.is_empty() { member.name().to_owned() } else { format!("{above}/{}", member.name()) };
        match member {
            Member::Child(child) => visit(path, child),
            Member::Supervisor(below) => walk(&path, below, visit),
        }
    }
}

fn alter(spec: &mut SupervisorSpec, path: &str, change: &impl Fn(&mut ChildSpec)) {
    let (name, rest) = path.split_once('/').map_or((path, None), |(name, rest)| (name, Some(rest)));
    for member in &mut spec.children {
        match (member, rest) {
            (Member::Child(child), None) if child.name == name => change(child),
            (Member::Supervisor(below), Some(rest)) if below.name == name => alter(below, rest, change),
            _ => {}
        }
    }
}
