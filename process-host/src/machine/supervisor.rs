//! The life of one supervisor and what it decides about its members.
//!
//! Every member has an aim, up or down, or down and then up. What has to happen in order, at start, at
//! stop and when one member takes others with it, happens in a batch: of those in the batch that must
//! come down the last goes first, then of those that must come up the first, each waited for. A member
//! that comes down alone and is started again alone is in no batch, so that its backoff delays nobody.

mod protocol;
#[cfg(test)]
mod tests;

use std::time::Instant;

pub(crate) use protocol::{Action, Event, Key};

use super::{Ending, State, intensity::Intensity};
use crate::spec::{Restart, Strategy, SupervisorSpec};

/// One supervisor.
#[derive(Debug, Clone)]
pub(crate) struct Supervisor {
    strategy: Strategy,
    intensity: Intensity,
    phase: Phase,
    members: Vec<Member>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Phase {
    Stopped,
    Failed,
    Starting,
    Running,
    Stopping { failed: bool },
}

#[derive(Debug, Clone)]
struct Member {
    key: Key,
    restart: Restart,
    place: Place,
    aim: Aim,
    /// Whether its next start waits for the backoff.
    again: bool,
    /// Whether it waits for its turn.
    batch: bool,
    /// Whether somebody stopped it by name.
    held: bool,
    removed: bool,
}

/// Where a member is, as far as it has said.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Place {
    Down,
    Coming,
    Up,
    Going,
}

/// Where a member is wanted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Aim {
    Down,
    Up,
    DownThenUp,
}

/// What `event`, at `now`, makes of a supervisor, and what is to be done about it, in order.
pub(crate) fn step(mut supervisor: Supervisor, event: Event, now: Instant) -> (Supervisor, Vec<Action>) {
    let mut actions = Vec::new();
    match event {
        Event::Start => supervisor.start(),
        Event::Stop => supervisor.stop(false),
        Event::Started(key) => supervisor.started(key),
        Event::Ended(key, ending) => supervisor.ended(key, ending, now, &mut actions),
        Event::Add(key, restart) => supervisor.add(key, restart),
        Event::Remove(key) => supervisor.aim_member(key, Aim::Down, |member| member.removed = true),
        Event::StartMember(key) => supervisor.aim_member(key, Aim::Up, |_| ()),
        Event::StopMember(key) => supervisor.aim_member(key, Aim::Down, |member| member.held = true),
        Event::RestartMember(key) => supervisor.aim_member(key, Aim::DownThenUp, |_| ()),
    }
    supervisor.move_members(&mut actions);
    supervisor.arrive(&mut actions);
    (supervisor, actions)
}

impl Supervisor {
    /// A supervisor that is down and has no members yet.
    pub(crate) fn new(spec: &SupervisorSpec) -> Self {
        Self {
            strategy: spec.strategy,
            intensity: Intensity::new(spec.max_restart_attempts, spec.restart_window),
            phase: Phase::Stopped,
            members: Vec::new(),
        }
    }

    pub(crate) fn state(&self) -> State {
        match self.phase {
            Phase::Stopped => State::Stopped,
            Phase::Failed => State::Failed,
            Phase::Starting => State::Starting,
            Phase::Running if self.members.iter().any(|member| member.batch) => State::Restarting,
            Phase::Running => State::Running,
            Phase::Stopping { .. } => State::Stopping,
        }
    }

    pub(crate) fn intensity(&self) -> &Intensity {
        &self.intensity
    }

    /// Whether its members can be changed, started and stopped by name.
    pub(crate) fn takes_requests(&self) -> bool {
        matches!(self.phase, Phase::Starting | Phase::Running)
    }

    /// Whether a member is where it is wanted: up, or down; absent while it is on its way.
    pub(crate) fn arrived(&self, key: Key) -> Option<bool> {
        match self.members.iter().find(|member| member.key == key) {
            Some(Member { place: Place::Up, aim: Aim::Up, .. }) => Some(true),
            Some(Member { place: Place::Down, aim: Aim::Down, .. }) | None => Some(false),
            Some(_) => None,
        }
    }

    fn start(&mut self) {
        if !matches!(self.phase, Phase::Stopped | Phase::Failed) {
            return;
        }
        self.phase = Phase::Starting;
        self.intensity.forget();
        for member in &mut self.members {
            *member = Member { aim: Aim::Up, batch: true, ..Member::new(member.key, member.restart) };
        }
    }

    fn stop(&mut self, failed: bool) {
        if !self.takes_requests() {
            return;
        }
        self.phase = Phase::Stopping { failed };
        for member in &mut self.members {
            member.aim = Aim::Down;
            member.batch = true;
        }
    }

    fn add(&mut self, key: Key, restart: Restart) {
        let aim = if self.takes_requests() { Aim::Up } else { Aim::Down };
        let batch = self.members.iter().any(|member| member.batch);
        self.members.push(Member { aim, batch, ..Member::new(key, restart) });
    }

    fn aim_member(&mut self, key: Key, aim: Aim, mark: impl FnOnce(&mut Member)) {
        if !self.takes_requests() {
            return;
        }
        if let Some(member) = self.members.iter_mut().find(|member| member.key == key && !member.removed) {
            // Out of its turn goes only what its batch wants up: nobody waits for it then. What is to
            // come down in turn does so, whatever is wanted of it afterwards.
            if member.aim == Aim::Up && aim != Aim::Up && member.place != Place::Down {
                member.batch = false;
            }
            member.aim = match (aim, member.aim, member.place) {
                (Aim::Up, Aim::DownThenUp, _) | (Aim::Up, _, Place::Going) => Aim::DownThenUp,
                _ => aim,
            };
            member.again = false;
            member.held = false;
            mark(member);
        }
    }

    fn started(&mut self, key: Key) {
        if let Some(member) = self.members.iter_mut().find(|member| member.key == key)
            && member.place == Place::Coming
        {
            member.place = Place::Up;
        }
    }

    fn ended(&mut self, key: Key, ending: Ending, now: Instant, actions: &mut Vec<Action>) {
        let Some(index) = self.members.iter().position(|member| member.key == key) else { return };
        let member = &mut self.members[index];
        if std::mem::replace(&mut member.place, Place::Down) == Place::Down || member.aim != Aim::Up {
            return;
        }
        let restart = match member.restart {
            Restart::Permanent => true,
            Restart::Transient => ending == Ending::Abnormal,
            Restart::Temporary => false,
        };
        if !restart {
            member.aim = Aim::Down;
        } else if self.intensity.allow(now) {
            member.again = true;
            self.take_siblings_along(index);
        } else {
            actions.push(Action::GiveUp(key));
            self.stop(true);
        }
    }

    /// Marks the members that are started again because the one at `index` is.
    fn take_siblings_along(&mut self, index: usize) {
        let from = match self.strategy {
            Strategy::OneForOne => return,
            Strategy::OneForAll => 0,
            Strategy::RestForOne => index,
        };
        for member in self.members[from..].iter_mut().filter(|member| !member.held && !member.removed) {
            member.batch = true;
            member.aim = match member.restart {
                Restart::Temporary => Aim::Down,
                Restart::Permanent | Restart::Transient => Aim::DownThenUp,
            };
        }
    }

    /// Starts and stops what is due.
    fn move_members(&mut self, actions: &mut Vec<Action>) {
        self.settle(actions);
        let mut in_turn = true;
        for member in self.members.iter_mut().rev().filter(|member| member.aim != Aim::Up) {
            if member.place == Place::Down || member.batch && !in_turn {
                continue;
            }
            in_turn &= !member.batch;
            if member.place != Place::Going {
                member.place = Place::Going;
                actions.push(Action::Stop(member.key));
            }
        }
        for member in self.members.iter_mut().filter(|member| member.aim == Aim::Up) {
            if member.place == Place::Up || member.batch && !in_turn {
                continue;
            }
            in_turn &= !member.batch;
            if member.place == Place::Down {
                member.place = Place::Coming;
                actions.push(match std::mem::take(&mut member.again) {
                    true => Action::StartAgain(member.key),
                    false => Action::Start(member.key),
                });
            }
        }
    }

    /// Takes note of what has come where it should.
    fn settle(&mut self, actions: &mut Vec<Action>) {
        for member in &mut self.members {
            match (member.place, member.aim) {
                (Place::Down, Aim::DownThenUp) => member.aim = Aim::Up,
                (Place::Down, Aim::Down) | (Place::Up, Aim::Up) => member.batch = false,
                _ => {}
            }
        }
        self.members.retain(|member| {
            let gone = member.removed && member.place == Place::Down;
            if gone {
                actions.push(Action::Forget(member.key));
            }
            !gone
        });
    }

    fn arrive(&mut self, actions: &mut Vec<Action>) {
        if self.members.iter().any(|member| member.batch) {
            return;
        }
        let all_down = self.members.iter().all(|member| member.place == Place::Down);
        match self.phase {
            Phase::Starting => {
                self.phase = Phase::Running;
                actions.push(Action::Started);
            }
            Phase::Stopping { failed } if all_down => {
                self.phase = if failed { Phase::Failed } else { Phase::Stopped };
                actions.push(Action::Ended(if failed { Ending::Abnormal } else { Ending::Stopped }));
            }
            _ => {}
        }
    }
}

impl Member {
    fn new(key: Key, restart: Restart) -> Self {
        Self {
            key,
            restart,
            place: Place::Down,
            aim: Aim::Down,
            again: false,
            batch: false,
            held: false,
            removed: false,
        }
    }
}
