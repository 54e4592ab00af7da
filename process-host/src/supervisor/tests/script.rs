//! Processes that exist in name only and do what a test says.

use std::{
    collections::HashMap,
    future::pending,
    sync::{
        Arc, Mutex,
        atomic::{AtomicU32, AtomicUsize, Ordering},
    },
    time::Duration,
};

use futures::future::BoxFuture;
use rustix::process::Signal;
use tokio::{
    sync::watch,
    time::{Instant, sleep, sleep_until},
};

use crate::{
    Connection, Exit, Log,
    child::launch::{Launch, Running},
    process::SpawnError,
    spec::ChildSpec,
};

/// How a process lives.
#[derive(Debug, Clone, Copy)]
pub(super) enum Life {
    /// Until SIGTERM.
    HeedsTerm,
    /// Until its standard input ends.
    HeedsStdin,
    /// Until SIGKILL.
    HeedsNothing,
    /// Until this long after its start, or SIGTERM.
    Ends { after: Duration, with: Exit },
    /// Not at all.
    NoSuchProgram,
}

/// Where scripted processes act; clones are the same.
#[derive(Debug, Clone, Default)]
pub(super) struct Stage {
    plans: HashMap<String, Life>,
    slow: HashMap<String, Duration>,
    unwell: Vec<String>,
    played: Arc<Played>,
}

#[derive(Debug, Default)]
struct Played {
    done: Mutex<Vec<String>>,
    pids: AtomicU32,
    alive: AtomicUsize,
}

impl Stage {
    pub(super) fn new() -> Self {
        Self::default()
    }

    pub(super) fn plan(mut self, name: &str, life: Life) -> Self {
        self.plans.insert(name.into(), life);
        self
    }

    /// `name` takes this long to start.
    pub(super) fn slow(mut self, name: &str, start: Duration) -> Self {
        self.slow.insert(name.into(), start);
        self
    }

    /// `name` answers no health check.
    pub(super) fn unwell(mut self, name: &str) -> Self {
        self.unwell.push(name.into());
        self
    }

    /// What was done, in order.
    pub(super) fn done(&self) -> Vec<String> {
        self.played.done.lock().unwrap().clone()
    }

    /// How many processes there are.
    pub(super) fn alive(&self) -> usize {
        self.played.alive.load(Ordering::SeqCst)
    }
}

pub(super) struct Actor {
    stage: Stage,
    name: String,
    pid: u32,
    life: Life,
    born: Instant,
    exit: watch::Sender<Option<Exit>>,
}

impl Actor {
    fn note(&self, what: &str) {
        self.stage.played.done.lock().unwrap().push(format!("{what} {}", self.name));
    }

    fn end(&self, exit: Exit) {
        self.exit.send_if_modified(|ended| ended.is_none() && ended.replace(exit).is_none());
    }
}

impl Launch for Stage {
    type Running = Actor;

    fn open(
        &self,
        _: &Arc<str>,
        spec: Arc<ChildSpec>,
        _: Log,
    ) -> BoxFuture<'static, Result<Actor, SpawnError>> {
        let stage = self.clone();
        Box::pin(async move {
            sleep(stage.slow.get(&spec.name).copied().unwrap_or_default()).await;
            let life = stage.plans.get(&spec.name).copied().unwrap_or(Life::HeedsTerm);
            if let Life::NoSuchProgram = life {
                return Err(SpawnError::Invalid("no such program"));
            }
            let pid = stage.played.pids.fetch_add(1, Ordering::SeqCst) + 1;
            stage.played.alive.fetch_add(1, Ordering::SeqCst);
            let name = spec.name.clone();
            let actor =
                Actor { stage, name, pid, life, born: Instant::now(), exit: watch::Sender::new(None) };
            actor.note("spawn");
            Ok(actor)
        })
    }
}

impl Running for Actor {
    fn pid(&self) -> u32 {
        self.pid
    }

    fn connection(&self) -> Option<Connection> {
        None
    }

    fn signal(&self, signal: Signal) {
        self.note(if signal == Signal::KILL { "KILL" } else { "TERM" });
        match self.life {
            Life::HeedsStdin | Life::HeedsNothing if signal != Signal::KILL => {}
            _ => self.end(Exit::Signal(signal.as_raw())),
        }
    }

    fn close_stdin(&self) {
        self.note("close");
        if let Life::HeedsStdin = self.life {
            self.end(Exit::Code(0));
        }
    }

    async fn ended(&mut self) -> Exit {
        let mut ended = self.exit.subscribe();
        if let Life::Ends { after, with } = self.life {
            tokio::select! {
                _ = ended.wait_for(Option::is_some) => {}
                () = sleep_until(self.born + after) => self.end(with),
            }
        }
        let exit = ended.wait_for(Option::is_some).await.unwrap().unwrap();
        self.note("end");
        exit
    }

    fn check(&self, _: Arc<ChildSpec>) -> BoxFuture<'static, bool> {
        match self.stage.unwell.contains(&self.name) {
            true => Box::pin(pending()),
            false => Box::pin(async { true }),
        }
    }
}

impl Drop for Actor {
    fn drop(&mut self) {
        self.stage.played.alive.fetch_sub(1, Ordering::SeqCst);
    }
}
