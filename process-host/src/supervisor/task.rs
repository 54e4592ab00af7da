//! The task that owns a supervisor's members: it carries out what the machine decides.

use std::{future::pending, sync::Arc};

use tokio::{
    sync::{mpsc, oneshot, watch},
    time::Instant,
};
use tokio_util::sync::CancellationToken;

use super::{
    End, Failure, RequestError,
    group::{Group, Mailbox, Message, Node, Overview, Request, World, join},
};
use crate::{
    child::{self, launch::Launch},
    events::EventKind,
    machine::{
        Ending, State,
        supervisor::{Action, Event, Key, Supervisor as Machine, step},
    },
    spec::{Member, Restart, SupervisorSpec},
};

/// Whom a supervisor tells how it fares.
enum Superior {
    /// The supervisor above, where it bears this key.
    Group(Key, Mailbox),
    /// Whoever holds the handle, until nobody does.
    Handle(watch::Sender<Option<End>>),
}

type Answer = oneshot::Sender<Result<(), RequestError>>;

struct Task<L: Launch> {
    world: Arc<World<L>>,
    path: Arc<str>,
    superior: Superior,
    /// Says that the last handle was dropped; absent below another supervisor, and once that was said.
    abandoned: Option<CancellationToken>,
    mailbox: mpsc::UnboundedReceiver<Message>,
    /// Its own mailbox, for its members.
    address: Mailbox,
    overview: watch::Sender<Overview>,
    next_key: Key,
    /// How the member ended that ended last.
    latest: Option<Box<Failure>>,
    /// How the member ended that was given up.
    failure: Option<Box<Failure>>,
    /// Requests for a member to be up or down, until it is there.
    waiting: Vec<(Key, Wanted, Answer)>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Wanted {
    Up,
    Down,
}

/// Starts the outermost supervisor of a tree, and all below it.
pub(super) fn spawn_root<L: Launch>(
    world: &Arc<World<L>>,
    spec: SupervisorSpec,
    ended: watch::Sender<Option<End>>,
    abandoned: CancellationToken,
) -> Group {
    let group = spawn(world, spec, "".into(), 0, Superior::Handle(ended), Some(abandoned));
    // Its task has just begun, so it is there to read this.
    let _ = group.mailbox.send(Message::Start);
    group
}

fn spawn<L: Launch>(
    world: &Arc<World<L>>,
    spec: SupervisorSpec,
    path: Arc<str>,
    key: Key,
    superior: Superior,
    abandoned: Option<CancellationToken>,
) -> Group {
    let (address, mailbox) = mpsc::unbounded_channel();
    let machine = Machine::new(&spec);
    let (overview, seen) = watch::channel(Overview {
        strategy: spec.strategy,
        state: machine.state(),
        intensity: machine.intensity().clone(),
        members: Vec::new(),
    });
    let group = Group { key, name: spec.name.into(), mailbox: address.clone(), seen };
    let mut task = Task {
        world: Arc::clone(world),
        path,
        superior,
        abandoned,
        mailbox,
        address,
        overview,
        next_key: 0,
        latest: None,
        failure: None,
        waiting: Vec::new(),
    };
    let machine = spec.children.into_iter().fold(machine, |machine, member| task.hire(machine, member));
    world.tracker.spawn(task.run(machine));
    group
}

impl<L: Launch> Task<L> {
    async fn run(mut self, mut machine: Machine) {
        loop {
            machine = match self.next().await {
                None | Some(Message::Retire) => break,
                Some(Message::Start) => self.handle(machine, Event::Start),
                Some(Message::Stop) => self.handle(machine, Event::Stop),
                Some(Message::Started(key)) => self.handle(machine, Event::Started(key)),
                Some(Message::Ended(key, ending, failure)) => {
                    self.latest = failure;
                    self.handle(machine, Event::Ended(key, ending))
                }
                Some(Message::Request(request, answer)) => self.fulfil(machine, request, answer),
            };
            if matches!(self.superior, Superior::Handle(_)) && machine.state().is_at_rest() {
                break;
            }
        }
        self.overview.borrow().members.iter().for_each(Node::retire);
        self.mailbox.close();
        if let Superior::Handle(ended) = self.superior {
            ended.send_replace(Some(match self.failure {
                Some(failure) if machine.state() == State::Failed => End::Failed(*failure),
                _ => End::Stopped,
            }));
        }
    }

    async fn next(&mut self) -> Option<Message> {
        let abandoned = async {
            match &self.abandoned {
                Some(abandoned) => abandoned.cancelled().await,
                None => pending().await,
            }
        };
        tokio::select! {
            biased;
            message = self.mailbox.recv() => return message,
            () = abandoned => {}
        }
        self.abandoned = None;
        Some(Message::Stop)
    }

    fn handle(&mut self, machine: Machine, event: Event) -> Machine {
        let before = machine.state();
        let (machine, actions) = step(machine, event, Instant::now().into_std());
        self.overview.send_modify(|overview| {
            overview.state = machine.state();
            overview.intensity.clone_from(machine.intensity());
        });
        if machine.state() != before {
            self.world.events.publish(&self.path, event_of(&machine));
        }
        for action in actions {
            self.carry_out(action);
        }
        self.answer(&machine);
        machine
    }

    fn carry_out(&mut self, action: Action) {
        match action {
            Action::Start(key) => self.with(key, |node| node.start(false)),
            Action::StartAgain(key) => self.with(key, |node| node.start(true)),
            Action::Stop(key) => self.with(key, Node::stop),
            Action::GiveUp(key) => {
                self.failure = self.latest.take();
                self.with(key, Node::give_up);
            }
            Action::Forget(key) => {
                self.with(key, Node::retire);
                self.overview.send_modify(|overview| overview.members.retain(|node| node.key() != key));
            }
            Action::Started => self.tell(Message::Started),
            Action::Ended(ending) => {
                let failure = self.failure.clone().filter(|_| ending == Ending::Abnormal);
                self.tell(|key| Message::Ended(key, ending, failure));
            }
        }
    }

    fn with(&self, key: Key, act: impl FnOnce(&Node)) {
        if let Some(node) = self.overview.borrow().members.iter().find(|node| node.key() == key) {
            act(node);
        }
    }

    fn tell(&self, message: impl FnOnce(Key) -> Message) {
        if let Superior::Group(key, mailbox) = &self.superior {
            // A supervisor that has ended let go of its members before.
            let _ = mailbox.send(message(*key));
        }
    }

    fn fulfil(&mut self, machine: Machine, request: Request, answer: Answer) -> Machine {
        if !machine.takes_requests() {
            let _ = answer.send(Err(RequestError::Stopping));
            return machine;
        }
        let (key, wanted, event) = match request {
            Request::Add(member) => return self.add(machine, *member, answer),
            Request::Remove(key) => (key, Wanted::Down, Event::Remove(key)),
            Request::Stop(key) => (key, Wanted::Down, Event::StopMember(key)),
            Request::Start(key) => (key, Wanted::Up, Event::StartMember(key)),
            Request::Restart(key) => (key, Wanted::Up, Event::RestartMember(key)),
        };
        self.waiting.push((key, wanted, answer));
        self.handle(machine, event)
    }

    fn add(&mut self, machine: Machine, member: Member, answer: Answer) -> Machine {
        if self.overview.borrow().members.iter().any(|node| node.name() == member.name()) {
            let _ = answer.send(Err(RequestError::Duplicate(member.name().to_owned())));
            return machine;
        }
        let machine = self.hire(machine, member);
        let _ = answer.send(Ok(()));
        machine
    }

    /// Makes a task for `member`, which the machine then starts in its turn.
    fn hire(&mut self, machine: Machine, member: Member) -> Machine {
        let key = self.next_key;
        self.next_key += 1;
        let path = join(&self.path, member.name()).into();
        let (restart, node) = match member {
            Member::Child(spec) => {
                let restart = spec.restarts();
                let child = child::task::spawn(&self.world, *spec, key, path, self.address.clone());
                (restart, Node::Child(child))
            }
            Member::Supervisor(spec) => {
                let superior = Superior::Group(key, self.address.clone());
                (Restart::Permanent, Node::Group(spawn(&self.world, spec, path, key, superior, None)))
            }
        };
        self.overview.send_modify(|overview| overview.members.push(node));
        self.handle(machine, Event::Add(key, restart))
    }

    /// Answers the requests whose member is where it is going to be.
    fn answer(&mut self, machine: &Machine) {
        for (key, wanted, answer) in std::mem::take(&mut self.waiting) {
            let outcome = match (machine.arrived(key), wanted) {
                _ if !machine.takes_requests() => Err(RequestError::Stopping),
                (None, _) => {
                    self.waiting.push((key, wanted, answer));
                    continue;
                }
                (Some(false), Wanted::Up) => Err(RequestError::Down),
                (Some(_), _) => Ok(()),
            };
            // Whoever asked may have gone.
            let _ = answer.send(outcome);
        }
    }
}

fn event_of(machine: &Machine) -> EventKind {
    match machine.state() {
        State::Starting => EventKind::Starting,
        State::Running | State::Unhealthy => EventKind::Running { pid: None },
        State::Restarting => {
            let attempt = machine.intensity().count(Instant::now().into_std());
            EventKind::Restarting { delay_ms: 0, attempt: u32::try_from(attempt).unwrap_or(u32::MAX) }
        }
        State::Stopping => EventKind::Stopping,
        State::Stopped | State::Crashed => EventKind::Stopped { exit: None },
        State::Failed => EventKind::Failed,
    }
}
