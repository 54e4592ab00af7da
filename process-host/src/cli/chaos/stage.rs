//! A tree that is up, and a child of it that comes to harm.

use std::{error::Error, future::Future, time::Duration};

use process_host::{
    Child, ChildStatus, Connection, Event, EventKind, State, Supervisor,
    spec::{Strategy, SupervisorSpec},
    supervisor::Options,
};
use rustix::process::{Pid, Signal, kill_process};
use tokio::time::timeout;

use super::{Check, play::Play, probe};
use crate::cli::units;

/// A tree that is not up by then will not be.
const CURTAIN: Duration = Duration::from_secs(60);
/// The child that answers, in every tree.
pub(super) const ECHO: &str = "chaos-echo";

/// A tree that is up.
pub(super) struct Stage<'a> {
    pub(super) play: &'a Play,
    pub(super) supervisor: Supervisor,
    /// All but the one that comes to harm, with their processes.
    others: Vec<(String, Child, Option<u32>)>,
}

/// What a future comes to, if that is soon enough.
pub(super) async fn within<T>(limit: Duration, what: impl Future<Output = T>) -> Option<T> {
    timeout(limit, what).await.ok()
}

impl<'a> Stage<'a> {
    /// Starts a tree, and waits until all of it is up.
    ///
    /// # Errors
    /// When it does not come up.
    pub(super) async fn set(play: &'a Play, spec: SupervisorSpec) -> Result<Self, Box<dyn Error>> {
        let options = Options { sample_interval: None, ..Options::default() };
        let supervisor = Supervisor::start_with(spec, options)?;
        let is_up = |event: &Event| event.path.is_empty() && matches!(event.kind, EventKind::Running { .. });
        if event(&supervisor, 0, CURTAIN, is_up).await.is_none() {
            let end = supervisor.stop().await;
            return Err(format!("the children do not come up, so there is nobody to harm: {end}").into());
        }
        let others = supervisor.children().into_iter().filter(|(path, _)| *path != play.path);
        let others = others.map(|(path, child)| (path, child.status().pid, child));
        let others = others.map(|(path, pid, child)| (path, child, pid)).collect();
        Ok(Self { play, supervisor, others })
    }

    /// The child that comes to harm, and its process.
    ///
    /// # Errors
    /// When it is not there any more.
    pub(super) fn victim(&self) -> Result<(Child, u32), Box<dyn Error>> {
        let path = &self.play.path;
        let child = self.supervisor.child(path).ok_or_else(|| format!("{path} is gone"))?;
        let pid = child.status().pid.ok_or_else(|| format!("{path} has ended by itself"))?;
        Ok((child, pid))
    }

    /// The connection to a child.
    ///
    /// # Errors
    /// When there is none.
    pub(super) async fn connection(&self, path: &str) -> Result<Connection, Box<dyn Error>> {
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
    pub(super) async fn prober(&self) -> Result<probe::Prober, Box<dyn Error>> {
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
pub(super) fn send(pid: u32, signal: Signal) -> Result<(), Box<dyn Error>> {
    let pid = i32::try_from(pid).ok().and_then(Pid::from_raw).ok_or("no such process")?;
    Ok(kill_process(pid, signal)?)
}
