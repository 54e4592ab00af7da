//! The life of one child.
//!
//! A process that was spawned is running, or being stopped, until its exit was seen: no event changes
//! that. What it was asked to do and what its health says only choose between these two.

mod protocol;
#[cfg(test)]
mod tests;

use std::time::{Duration, Instant};

pub(crate) use protocol::{Action, Event, Report};

use super::{Ending, State, after};
use crate::{
    Exit,
    spec::{Backoff, ChildSpec, Shutdown, Stdio},
};

/// The times that were decided about a child beforehand.
#[derive(Debug, Clone, Copy)]
struct Rules {
    backoff: Backoff,
    shutdown: Shutdown,
    /// Whether it can notice that its standard input is closed.
    reads_stdin: bool,
    check_interval: Duration,
    check_timeout: Duration,
    check_failures: u32,
}

/// One child.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Child {
    rules: Rules,
    phase: Phase,
    /// Waits in a row that doubled.
    streak: u32,
}

#[derive(Debug, Clone, Copy)]
enum Phase {
    AtRest(State),
    Waiting { until: Instant },
    Spawning { stop: bool },
    Running { pid: u32, since: Instant, failures: u32, check: Check },
    Stopping { pid: u32, since: Instant, stage: Stage, asked: bool },
}

#[derive(Debug, Clone, Copy)]
enum Check {
    Due(Instant),
    Begun { until: Instant },
}

/// How hard a process is being stopped.
#[derive(Debug, Clone, Copy)]
enum Stage {
    Stdin { until: Instant },
    Term { until: Instant },
    Kill,
}

/// What `event`, at `now`, makes of a child, and what is to be done about it, in order.
pub(crate) fn step(mut child: Child, event: Event, now: Instant) -> (Child, Vec<Action>) {
    let mut actions = Vec::new();
    let act = &mut actions;
    match event {
        Event::Start => child.start(act),
        Event::StartAgain { draw } => child.start_again(draw, now, act),
        Event::Stop => child.stop(now, act),
        Event::GiveUp => child.give_up(act),
        Event::Spawned { pid } => child.spawned(pid, now, act),
        Event::SpawnFailed => child.spawn_failed(act),
        Event::Exited(exit) => child.exited(exit, now, act),
        Event::Checked { well } => child.checked(well, now, act),
        Event::LimitExceeded => child.kill(act),
        Event::Timer if child.deadline().is_some_and(|deadline| deadline <= now) => child.timer(now, act),
        Event::Timer => {}
    }
    (child, actions)
}

impl Child {
    pub(crate) fn new(spec: &ChildSpec) -> Self {
        let rules = Rules {
            backoff: spec.backoff,
            shutdown: spec.shutdown,
            reads_stdin: spec.stdio != Stdio::Log,
            check_interval: spec.health.interval,
            check_timeout: spec.health.timeout,
            check_failures: spec.health.failures,
        };
        Self { rules, phase: Phase::AtRest(State::Stopped), streak: 0 }
    }

    pub(crate) fn state(&self) -> State {
        match self.phase {
            Phase::AtRest(state) => state,
            Phase::Waiting { .. } => State::Restarting,
            Phase::Spawning { stop: false } => State::Starting,
            Phase::Running { failures: 0, .. } => State::Running,
            Phase::Running { .. } => State::Unhealthy,
            Phase::Spawning { stop: true } | Phase::Stopping { .. } => State::Stopping,
        }
    }

    /// The process that runs or is being stopped.
    pub(crate) fn pid(&self) -> Option<u32> {
        match self.phase {
            Phase::Running { pid, .. } | Phase::Stopping { pid, .. } => Some(pid),
            _ => None,
        }
    }

    /// When the process was there.
    pub(crate) fn since(&self) -> Option<Instant> {
        match self.phase {
            Phase::Running { since, .. } | Phase::Stopping { since, .. } => Some(since),
            _ => None,
        }
    }

    /// Health checks in a row that failed.
    pub(crate) fn failed_checks(&self) -> u32 {
        match self.phase {
            Phase::Running { failures, .. } => failures,
            _ => 0,
        }
    }

    /// When [`Event::Timer`] is due.
    pub(crate) fn deadline(&self) -> Option<Instant> {
        match self.phase {
            Phase::Waiting { until }
            | Phase::Running { check: Check::Due(until) | Check::Begun { until }, .. }
            | Phase::Stopping { stage: Stage::Stdin { until } | Stage::Term { until }, .. } => Some(until),
            Phase::AtRest(_) | Phase::Spawning { .. } | Phase::Stopping { stage: Stage::Kill, .. } => None,
        }
    }

    /// Whether the answer of a health check is waited for.
    pub(crate) fn is_checking(&self) -> bool {
        matches!(self.phase, Phase::Running { check: Check::Begun { .. }, .. })
    }

    fn start(&mut self, act: &mut Vec<Action>) {
        if let Phase::AtRest(_) = self.phase {
            self.spawn(act);
        }
    }

    fn start_again(&mut self, draw: f64, now: Instant, act: &mut Vec<Action>) {
        if let Phase::AtRest(_) = self.phase {
            let Backoff { first, longest, jitter } = self.rules.backoff;
            let delay = first.saturating_mul(1 << self.streak.min(30)).min(longest);
            let delay = delay.mul_f64((1.0 - jitter * draw).clamp(0.0, 1.0));
            self.streak = self.streak.saturating_add(1);
            self.phase = Phase::Waiting { until: after(now, delay) };
            act.push(Action::Report(Report::Restarting { delay, attempt: self.streak }));
        }
    }

    fn spawn(&mut self, act: &mut Vec<Action>) {
        self.phase = Phase::Spawning { stop: false };
        act.extend([Action::Report(Report::Starting), Action::Spawn]);
    }

    fn spawned(&mut self, pid: u32, now: Instant, act: &mut Vec<Action>) {
        let Phase::Spawning { stop } = self.phase else { return };
        if stop {
            self.begin_to_stop(pid, now, true, now, act);
        } else {
            let check = Check::Due(after(now, self.rules.check_interval));
            self.phase = Phase::Running { pid, since: now, failures: 0, check };
            act.extend([Action::Report(Report::Running { pid }), Action::Started]);
        }
    }

    fn spawn_failed(&mut self, act: &mut Vec<Action>) {
        match self.phase {
            Phase::Spawning { stop: true } => self.come_down(None, Ending::Stopped, act),
            Phase::Spawning { stop: false } => self.come_down(None, Ending::Abnormal, act),
            _ => {}
        }
    }

    fn stop(&mut self, now: Instant, act: &mut Vec<Action>) {
        match self.phase {
            Phase::AtRest(_) => {}
            Phase::Waiting { .. } => self.come_down(None, Ending::Stopped, act),
            Phase::Spawning { ref mut stop } => {
                if !std::mem::replace(stop, true) {
                    act.push(Action::Report(Report::Stopping));
                }
            }
            Phase::Running { pid, since, .. } => {
                act.push(Action::Report(Report::Stopping));
                self.begin_to_stop(pid, since, true, now, act);
            }
            Phase::Stopping { ref mut asked, .. } => *asked = true,
        }
    }

    fn begin_to_stop(&mut self, pid: u32, since: Instant, asked: bool, now: Instant, act: &mut Vec<Action>) {
        let Shutdown { after_stdin, after_term } = self.rules.shutdown;
        let (stage, action) = match self.rules.reads_stdin {
            true => (Stage::Stdin { until: after(now, after_stdin) }, Action::CloseStdin),
            false => (Stage::Term { until: after(now, after_term) }, Action::Terminate),
        };
        self.phase = Phase::Stopping { pid, since, stage, asked };
        act.push(action);
    }

    fn kill(&mut self, act: &mut Vec<Action>) {
        let (pid, since, asked) = match self.phase {
            Phase::Running { pid, since, .. } => {
                act.push(Action::Report(Report::Stopping));
                (pid, since, false)
            }
            Phase::Stopping { stage: Stage::Kill, .. } => return,
            Phase::Stopping { pid, since, asked, .. } => (pid, since, asked),
            _ => return,
        };
        self.phase = Phase::Stopping { pid, since, stage: Stage::Kill, asked };
        act.push(Action::Kill);
    }

    fn exited(&mut self, exit: Exit, now: Instant, act: &mut Vec<Action>) {
        let (since, ending) = match self.phase {
            Phase::Running { since, .. } if exit.is_success() => (since, Ending::Normal),
            Phase::Running { since, .. } | Phase::Stopping { since, asked: false, .. } => {
                (since, Ending::Abnormal)
            }
            Phase::Stopping { since, asked: true, .. } => (since, Ending::Stopped),
            _ => return,
        };
        if now.saturating_duration_since(since) >= self.rules.backoff.longest {
            self.streak = 0;
        }
        self.come_down(Some(exit), ending, act);
    }

    fn come_down(&mut self, exit: Option<Exit>, ending: Ending, act: &mut Vec<Action>) {
        let (state, report) = match ending {
            Ending::Normal | Ending::Stopped => (State::Stopped, Report::Stopped { exit }),
            Ending::Abnormal => (State::Crashed, Report::Crashed { exit }),
        };
        self.phase = Phase::AtRest(state);
        act.extend([Action::Report(report), Action::Ended(ending)]);
    }

    fn give_up(&mut self, act: &mut Vec<Action>) {
        if let Phase::AtRest(state) = &mut self.phase
            && *state != State::Failed
        {
            *state = State::Failed;
            act.push(Action::Report(Report::Failed));
        }
    }

    fn checked(&mut self, well: bool, now: Instant, act: &mut Vec<Action>) {
        let Phase::Running { pid, since, ref mut failures, check: ref mut check @ Check::Begun { .. } } =
            self.phase
        else {
            return;
        };
        *check = Check::Due(after(now, self.rules.check_interval));
        if well {
            if std::mem::take(failures) > 0 {
                act.push(Action::Report(Report::Healthy));
            }
            return;
        }
        *failures += 1;
        act.push(Action::Report(Report::Unhealthy { failures: *failures }));
        if *failures >= self.rules.check_failures {
            act.push(Action::Report(Report::Stopping));
            self.begin_to_stop(pid, since, false, now, act);
        }
    }

    fn timer(&mut self, now: Instant, act: &mut Vec<Action>) {
        match self.phase {
            Phase::Waiting { .. } => self.spawn(act),
            Phase::Running { check: Check::Begun { .. }, .. } => self.checked(false, now, act),
            Phase::Running { check: ref mut check @ Check::Due(_), .. } => {
                *check = Check::Begun { until: after(now, self.rules.check_timeout) };
                act.push(Action::Check);
            }
            Phase::Stopping { stage: ref mut stage @ Stage::Stdin { .. }, .. } => {
                *stage = Stage::Term { until: after(now, self.rules.shutdown.after_term) };
                act.push(Action::Terminate);
            }
            Phase::Stopping { stage: ref mut stage @ Stage::Term { .. }, .. } => {
                *stage = Stage::Kill;
                act.push(Action::Kill);
            }
            Phase::Stopping { stage: Stage::Kill, .. } | Phase::AtRest(_) | Phase::Spawning { .. } => {}
        }
    }
}
