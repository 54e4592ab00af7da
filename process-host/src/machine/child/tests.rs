use proptest::prelude::*;

use super::*;
use crate::spec::Command;

const SECOND: Duration = Duration::from_secs(1);

/// A child, the actions of its last step, and a clock that is moved by hand.
struct Bench {
    child: Child,
    now: Instant,
}

impl Bench {
    fn new(change: impl FnOnce(&mut ChildSpec)) -> Self {
        let mut spec = ChildSpec::new("it", Command::new("it"));
        spec.backoff.jitter = 0.0;
        spec.stdio = Stdio::JsonRpc;
        change(&mut spec);
        Self { child: Child::new(&spec), now: Instant::now() }
    }

    fn on(&mut self, event: Event) -> Vec<Action> {
        let (child, actions) = step(self.child, event, self.now);
        self.child = child;
        actions
    }

    /// Moves the clock to the deadline; how long that took, and what came of it.
    fn wait(&mut self) -> (Duration, Vec<Action>) {
        let deadline = self.child.deadline().unwrap();
        let waited = deadline.saturating_duration_since(self.now);
        self.now = deadline;
        (waited, self.on(Event::Timer))
    }

    fn running(&mut self) {
        self.on(Event::Start);
        self.on(Event::Spawned { pid: 7 });
        assert_eq!((self.child.state(), self.child.pid()), (State::Running, Some(7)));
    }
}

#[test]
fn a_stop_closes_stdin_then_terminates_then_kills_and_waits_for_the_exit() {
    let mut bench = Bench::new(|_| ());
    bench.running();
    assert_eq!(bench.on(Event::Stop), [Action::Report(Report::Stopping), Action::CloseStdin]);
    assert_eq!(bench.on(Event::Stop), [], "asking twice changes nothing");
    assert_eq!(bench.wait(), (2 * SECOND, vec![Action::Terminate]));
    assert_eq!(bench.wait(), (10 * SECOND, vec![Action::Kill]));
    assert_eq!((bench.child.deadline(), bench.child.state()), (None, State::Stopping));
    let exit = Exit::Signal(9);
    let report = Action::Report(Report::Stopped { exit: Some(exit) });
    assert_eq!(bench.on(Event::Exited(exit)), [report, Action::Ended(Ending::Stopped)]);
    assert_eq!(bench.on(Event::Exited(exit)), []);
    assert_eq!(bench.on(Event::Stop), []);
}

#[test]
fn one_that_reads_nothing_is_terminated_at_once() {
    let mut bench = Bench::new(|spec| spec.stdio = Stdio::Log);
    bench.running();
    assert_eq!(bench.on(Event::Stop), [Action::Report(Report::Stopping), Action::Terminate]);
    assert_eq!(bench.wait(), (10 * SECOND, vec![Action::Kill]));
}

#[test]
fn one_that_is_stopped_while_it_is_spawned_is_stopped_as_soon_as_it_is_there() {
    let mut bench = Bench::new(|_| ());
    bench.on(Event::Start);
    assert_eq!(bench.on(Event::Stop), [Action::Report(Report::Stopping)]);
    assert_eq!(bench.on(Event::Spawned { pid: 7 }), [Action::CloseStdin]);
    assert_eq!((bench.child.state(), bench.child.pid()), (State::Stopping, Some(7)));

    let mut bench = Bench::new(|_| ());
    bench.on(Event::Start);
    bench.on(Event::Stop);
    let report = Action::Report(Report::Stopped { exit: None });
    assert_eq!(bench.on(Event::SpawnFailed), [report, Action::Ended(Ending::Stopped)]);
}

#[test]
fn an_end_is_normal_with_code_0_and_only_then() {
    for (exit, ending, state) in [
        (Exit::Code(0), Ending::Normal, State::Stopped),
        (Exit::Code(1), Ending::Abnormal, State::Crashed),
        (Exit::Signal(15), Ending::Abnormal, State::Crashed),
        (Exit::Lost, Ending::Abnormal, State::Crashed),
    ] {
        let mut bench = Bench::new(|_| ());
        bench.running();
        assert_eq!(bench.on(Event::Exited(exit)).last(), Some(&Action::Ended(ending)));
        assert_eq!(bench.child.state(), state);
    }
    let mut bench = Bench::new(|_| ());
    bench.on(Event::Start);
    assert_eq!(bench.on(Event::SpawnFailed).last(), Some(&Action::Ended(Ending::Abnormal)));
    assert_eq!(bench.on(Event::GiveUp), [Action::Report(Report::Failed)]);
    assert_eq!(bench.child.state(), State::Failed);
}

#[test]
fn waits_double_up_to_the_longest_and_begin_again_after_a_long_run() {
    let mut bench = Bench::new(|_| ());
    bench.running();
    let mut waits = Vec::new();
    for _ in 0..6 {
        bench.on(Event::Exited(Exit::Code(1)));
        bench.on(Event::StartAgain { draw: 0.5 });
        assert_eq!(bench.child.state(), State::Restarting);
        waits.push(bench.wait().0.as_secs());
        bench.on(Event::Spawned { pid: 8 });
    }
    assert_eq!(waits, [2, 4, 8, 10, 10, 10]);
    bench.now += 10 * SECOND;
    bench.on(Event::Exited(Exit::Code(1)));
    bench.on(Event::StartAgain { draw: 0.5 });
    assert_eq!(bench.wait().0, 2 * SECOND);
}

#[test]
fn chance_takes_of_a_wait_no_more_than_the_jitter() {
    let mut bench = Bench::new(|spec| spec.backoff.jitter = 0.2);
    bench.on(Event::StartAgain { draw: 0.5 });
    assert_eq!(bench.wait().0, Duration::from_millis(1800));
}

#[test]
fn three_failed_checks_in_a_row_stop_it_and_that_is_no_normal_end() {
    let mut bench = Bench::new(|_| ());
    bench.running();
    let unhealthy = |failures| Action::Report(Report::Unhealthy { failures });
    assert_eq!(bench.wait(), (15 * SECOND, vec![Action::Check]));
    assert_eq!(bench.on(Event::Checked { well: false }), [unhealthy(1)]);
    assert_eq!(bench.child.state(), State::Unhealthy);
    bench.wait();
    assert_eq!(bench.on(Event::Checked { well: true }), [Action::Report(Report::Healthy)]);
    for failures in 1..3 {
        bench.wait();
        assert!(bench.child.is_checking());
        let timeout = bench.wait();
        assert_eq!(timeout, (5 * SECOND, vec![unhealthy(failures)]), "no answer is a failure");
    }
    bench.wait();
    let stopped = bench.on(Event::Checked { well: false });
    assert_eq!(stopped, [unhealthy(3), Action::Report(Report::Stopping), Action::CloseStdin]);
    assert_eq!(bench.on(Event::Exited(Exit::Code(0))).last(), Some(&Action::Ended(Ending::Abnormal)));
}

#[test]
fn one_that_uses_too_much_is_killed_at_once() {
    let mut bench = Bench::new(|_| ());
    bench.running();
    assert_eq!(bench.on(Event::LimitExceeded), [Action::Report(Report::Stopping), Action::Kill]);
    assert_eq!(bench.on(Event::Exited(Exit::Signal(9))).last(), Some(&Action::Ended(Ending::Abnormal)));
}

#[test]
fn a_wait_that_no_clock_reaches_is_taken() {
    let mut bench = Bench::new(|spec| spec.shutdown.after_stdin = Duration::MAX);
    bench.running();
    bench.on(Event::Stop);
    assert!(bench.child.deadline().is_some());
}

/// What may come at any time, and what the world does when it can.
#[derive(Debug, Clone, Copy)]
enum Move {
    Send(Event),
    Spawn { works: bool },
    Exit(i32),
    Pass(u64),
    Deadline,
}

fn moves() -> impl Strategy<Value = Move> {
    prop_oneof![
        3 => Just(Move::Send(Event::Start)),
        3 => (0.0..1.0).prop_map(|draw| Move::Send(Event::StartAgain { draw })),
        2 => Just(Move::Send(Event::Stop)),
        1 => Just(Move::Send(Event::GiveUp)),
        1 => Just(Move::Send(Event::LimitExceeded)),
        1 => Just(Move::Send(Event::Timer)),
        3 => any::<bool>().prop_map(|well| Move::Send(Event::Checked { well })),
        4 => any::<bool>().prop_map(|works| Move::Spawn { works }),
        3 => (0..2).prop_map(Move::Exit),
        2 => (0_u64..40).prop_map(Move::Pass),
        6 => Just(Move::Deadline),
    ]
}

/// The processes that a child's actions make, and what must never be true of them.
#[derive(Default)]
struct World {
    spawning: bool,
    alive: Option<u32>,
    spawned: u32,
    /// How often it was started, less how often it said that it ended.
    owed: i32,
    /// The last thing done to stop the process.
    pressed: Option<Action>,
}

impl World {
    fn carry_out(&mut self, actions: Vec<Action>) {
        for action in actions {
            match action {
                Action::Spawn => {
                    assert!(!self.spawning && self.alive.is_none(), "two processes");
                    self.spawning = true;
                }
                Action::CloseStdin => assert!(self.alive.is_some() && self.pressed.replace(action).is_none()),
                Action::Terminate => {
                    assert!(self.alive.is_some());
                    assert_eq!(self.pressed.replace(action), Some(Action::CloseStdin));
                }
                Action::Kill => {
                    assert!(self.alive.is_some());
                    assert_ne!(self.pressed.replace(action), Some(Action::Kill));
                }
                Action::Ended(_) => self.owed -= 1,
                _ => {}
            }
        }
    }

    fn check(&self, child: &Child) {
        assert_eq!(child.pid(), self.alive, "{child:?}");
        assert_eq!(i32::from(!child.state().is_at_rest()), self.owed, "{child:?}");
        let waits = child.deadline().is_some();
        match child.state() {
            State::Stopped | State::Crashed | State::Failed => assert!(!waits && !self.spawning),
            State::Starting => assert!(!waits && self.spawning),
            State::Restarting => assert!(waits && !self.spawning),
            State::Running | State::Unhealthy => assert!(waits && self.alive.is_some()),
            State::Stopping => assert!(self.spawning || waits || self.pressed == Some(Action::Kill)),
        }
    }
}

fn play(bench: &mut Bench, world: &mut World, next: Move) {
    let event = match next {
        Move::Send(event) => event,
        Move::Spawn { works } if world.spawning => {
            world.spawning = false;
            world.spawned += 1;
            world.alive = works.then_some(world.spawned);
            world.pressed = None;
            world.alive.map_or(Event::SpawnFailed, |pid| Event::Spawned { pid })
        }
        Move::Exit(code) if world.alive.take().is_some() => Event::Exited(Exit::Code(code)),
        Move::Pass(seconds) => {
            bench.now += SECOND * seconds as u32;
            return;
        }
        Move::Deadline => {
            let Some(deadline) = bench.child.deadline() else { return };
            bench.now = bench.now.max(deadline);
            Event::Timer
        }
        Move::Spawn { .. } | Move::Exit(_) => return,
    };
    if matches!(event, Event::Start | Event::StartAgain { .. }) && bench.child.state().is_at_rest() {
        world.owed += 1;
    }
    let actions = bench.on(event);
    world.carry_out(actions);
    world.check(&bench.child);
}

proptest! {
    #[test]
    fn no_process_is_lost_and_every_stop_arrives(moves in prop::collection::vec(moves(), 0..80)) {
        let mut bench = Bench::new(|_| ());
        let mut world = World::default();
        for next in moves {
            play(&mut bench, &mut world, next);
        }
        play(&mut bench, &mut world, Move::Send(Event::Stop));
        // The process withstands everything but SIGKILL.
        for _ in 0..4 {
            play(&mut bench, &mut world, Move::Spawn { works: true });
            if world.pressed == Some(Action::Kill) {
                play(&mut bench, &mut world, Move::Exit(1));
            }
            play(&mut bench, &mut world, Move::Deadline);
        }
        prop_assert!(bench.child.state().is_at_rest(), "{:?}", bench.child);
        prop_assert_eq!(bench.child.deadline(), None);
    }
}
