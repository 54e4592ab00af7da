use std::{collections::BTreeMap, time::Duration};

use proptest::{prelude::*, strategy::Strategy as Generate};

use super::*;
use crate::spec::Strategy;

/// A supervisor over members that do as they are told, when they are let.
struct Bench {
    supervisor: Supervisor,
    now: Instant,
    /// What was done, oldest first.
    done: Vec<Action>,
}

impl Bench {
    fn new(strategy: Strategy, restarts: &[Restart]) -> Self {
        let spec = SupervisorSpec { strategy, ..SupervisorSpec::default() };
        let mut bench = Self { supervisor: Supervisor::new(&spec), now: Instant::now(), done: Vec::new() };
        for (key, restart) in restarts.iter().enumerate() {
            bench.on(Event::Add(key as Key, *restart));
        }
        bench
    }

    fn on(&mut self, event: Event) -> Vec<Action> {
        let (supervisor, actions) = step(self.supervisor.clone(), event, self.now);
        self.supervisor = supervisor;
        self.done.extend(&actions);
        actions
    }

    /// With all its members up.
    fn up(strategy: Strategy, restarts: &[Restart]) -> Self {
        let mut bench = Self::new(strategy, restarts);
        bench.on(Event::Start);
        for key in 0..restarts.len() {
            bench.on(Event::Started(key as Key));
        }
        assert_eq!(bench.supervisor.state(), State::Running);
        bench
    }

    fn crash(&mut self, key: Key) -> Vec<Action> {
        self.on(Event::Ended(key, Ending::Abnormal))
    }
}

use Action::{GiveUp, Start, StartAgain, Stop};

const THREE: [Restart; 3] = [Restart::Permanent; 3];

#[test]
fn members_start_in_order_and_stop_in_reverse_each_waited_for() {
    let mut bench = Bench::new(Strategy::OneForOne, &THREE);
    assert_eq!(bench.on(Event::Start), [Start(0)]);
    assert_eq!(bench.on(Event::Started(0)), [Start(1)]);
    assert_eq!(bench.crash(1), [StartAgain(1)], "one that does not start is started again");
    assert_eq!(bench.on(Event::Started(1)), [Start(2)]);
    assert_eq!(bench.on(Event::Started(2)), [Action::Started]);
    assert_eq!(bench.on(Event::Stop), [Stop(2)]);
    assert_eq!(bench.on(Event::Stop), []);
    assert_eq!(bench.crash(0), [], "nothing is started during a stop");
    assert_eq!(bench.on(Event::Ended(2, Ending::Stopped)), [Stop(1)]);
    assert_eq!(bench.on(Event::Ended(1, Ending::Stopped)), [Action::Ended(Ending::Stopped)]);
    assert_eq!(bench.supervisor.state(), State::Stopped);
}

#[test]
fn one_for_one_leaves_the_others_alone() {
    let mut bench = Bench::up(Strategy::OneForOne, &THREE);
    assert_eq!(bench.crash(1), [StartAgain(1)]);
    assert_eq!(bench.crash(0), [StartAgain(0)], "no wait of one delays another");
    assert_eq!(bench.on(Event::Started(0)), []);
}

#[test]
fn one_for_all_takes_all_down_in_reverse_and_up_in_order() {
    let mut bench = Bench::up(Strategy::OneForAll, &THREE);
    assert_eq!(bench.crash(1), [Stop(2)]);
    assert_eq!(bench.supervisor.state(), State::Restarting);
    assert_eq!(bench.crash(0), [], "it was to go down anyway");
    assert_eq!(bench.on(Event::Ended(2, Ending::Stopped)), [Start(0)]);
    assert_eq!(bench.on(Event::Started(0)), [StartAgain(1)]);
    assert_eq!(bench.on(Event::Started(1)), [Start(2)]);
    assert_eq!(bench.supervisor.intensity().count(bench.now), 1);
}

#[test]
fn rest_for_one_takes_down_those_after_it() {
    let mut bench = Bench::up(Strategy::RestForOne, &THREE);
    assert_eq!(bench.crash(1), [Stop(2)]);
    assert_eq!(bench.on(Event::Ended(2, Ending::Stopped)), [StartAgain(1)]);
    assert_eq!(bench.on(Event::Started(1)), [Start(2)]);
}

#[test]
fn who_is_started_again_depends_on_how_it_ended() {
    let policies = [Restart::Permanent, Restart::Transient, Restart::Temporary];
    let mut bench = Bench::up(Strategy::OneForOne, &policies);
    assert_eq!(bench.on(Event::Ended(0, Ending::Normal)), [StartAgain(0)]);
    assert_eq!(bench.on(Event::Ended(1, Ending::Normal)), []);
    assert_eq!(bench.crash(2), []);
    assert_eq!(bench.on(Event::StartMember(1)), [Start(1)]);
    assert_eq!(bench.crash(1), [StartAgain(1)]);
}

#[test]
fn the_sixth_restart_fails_it_and_the_fifth_does_not() {
    let mut bench = Bench::up(Strategy::OneForOne, &THREE);
    for _ in 0..5 {
        assert_eq!(bench.crash(1), [StartAgain(1)]);
        bench.on(Event::Started(1));
        bench.now += Duration::from_secs(12);
    }
    assert_eq!(bench.crash(1), [GiveUp(1), Stop(2)]);
    assert_eq!(bench.on(Event::Ended(2, Ending::Stopped)), [Stop(0)]);
    assert_eq!(bench.on(Event::Ended(0, Ending::Stopped)), [Action::Ended(Ending::Abnormal)]);
    assert_eq!(bench.supervisor.state(), State::Failed);
    assert_eq!(bench.on(Event::Start), [Start(0)], "started whole, it has all its attempts");
    assert_eq!(bench.supervisor.intensity().count(bench.now), 0);
}

#[test]
fn what_somebody_stopped_stays_down_until_somebody_starts_it() {
    let mut bench = Bench::up(Strategy::OneForAll, &THREE);
    assert_eq!(bench.on(Event::StopMember(0)), [Stop(0)]);
    assert_eq!(bench.supervisor.arrived(0), None);
    bench.on(Event::Ended(0, Ending::Stopped));
    assert_eq!(bench.supervisor.arrived(0), Some(false));
    assert_eq!(bench.crash(1), [Stop(2)]);
    assert_eq!(bench.on(Event::Ended(2, Ending::Stopped)), [StartAgain(1)]);
    assert_eq!(bench.on(Event::StartMember(0)), [Start(0)]);
}

#[test]
fn a_restart_by_name_stops_and_starts_and_is_not_counted() {
    let mut bench = Bench::up(Strategy::OneForAll, &THREE);
    assert_eq!(bench.on(Event::RestartMember(1)), [Stop(1)]);
    assert_eq!(bench.on(Event::RestartMember(1)), []);
    assert_eq!(bench.on(Event::StartMember(1)), []);
    assert_eq!(bench.on(Event::Ended(1, Ending::Stopped)), [Start(1)]);
    assert_eq!(bench.on(Event::Started(1)), []);
    assert_eq!(bench.supervisor.arrived(1), Some(true));
    assert_eq!(bench.supervisor.intensity().count(bench.now), 0);
}

#[test]
fn during_a_stop_nothing_is_started_by_name_either() {
    let mut bench = Bench::up(Strategy::OneForOne, &THREE);
    bench.on(Event::RestartMember(0));
    assert_eq!(bench.on(Event::Stop), [Stop(2)]);
    for request in [Event::RestartMember(1), Event::StartMember(1), Event::Start] {
        assert_eq!(bench.on(request), []);
    }
    bench.on(Event::Ended(0, Ending::Stopped));
    bench.on(Event::Ended(2, Ending::Stopped));
    assert_eq!(bench.on(Event::Ended(1, Ending::Stopped)), [Action::Ended(Ending::Stopped)]);
}

#[test]
fn members_come_and_go() {
    let mut bench = Bench::up(Strategy::OneForOne, &THREE);
    assert_eq!(bench.on(Event::Add(3, Restart::Permanent)), [Start(3)]);
    assert_eq!(bench.on(Event::Remove(3)), [Stop(3)]);
    assert_eq!(bench.on(Event::StartMember(3)), [], "it is leaving");
    assert_eq!(bench.on(Event::Ended(3, Ending::Stopped)), [Action::Forget(3)]);

    let mut bench = Bench::new(Strategy::OneForOne, &[Restart::Permanent]);
    bench.on(Event::Start);
    assert_eq!(bench.on(Event::Add(1, Restart::Permanent)), [], "it starts in its turn");
    assert_eq!(bench.on(Event::Started(0)), [Start(1)]);
}

/// What may come at any time, and what the members do when they can.
#[derive(Debug, Clone, Copy)]
enum Move {
    Send(Event),
    /// The member comes up if it is coming.
    Up(Key),
    /// The member comes down, if it is not down.
    Down(Key, Ending),
    Pass(u64),
}

fn moves() -> impl Generate<Value = Move> {
    let key = || 0..5_u32;
    let ending = prop_oneof![Just(Ending::Normal), Just(Ending::Abnormal)];
    prop_oneof![
        1 => Just(Move::Send(Event::Start)),
        1 => prop::bool::weighted(0.1).prop_map(|stop| match stop {
            true => Move::Send(Event::Stop),
            false => Move::Pass(20),
        }),
        1 => key().prop_map(|key| Move::Send(Event::StartMember(key))),
        1 => key().prop_map(|key| Move::Send(Event::StopMember(key))),
        1 => key().prop_map(|key| Move::Send(Event::RestartMember(key))),
        1 => prop::bool::weighted(0.2).prop_map(|remove| match remove {
            true => Move::Send(Event::Remove(4)),
            false => Move::Pass(1),
        }),
        8 => key().prop_map(Move::Up),
        6 => (key(), ending).prop_map(|(key, ending)| Move::Down(key, ending)),
    ]
}

/// The members as they are, and what must never be done to them.
struct World {
    strategy: Strategy,
    places: BTreeMap<Key, Place>,
    /// Restarts that were asked for by the policy of the member that ended, as a plain list.
    counted: Vec<Instant>,
}

impl World {
    fn carry_out(&mut self, actions: &[Action], stopping: bool, now: Instant) {
        for action in actions {
            match *action {
                Action::Start(key) | Action::StartAgain(key) => {
                    assert!(!stopping, "started during a stop");
                    assert_eq!(self.places.insert(key, Place::Coming), Some(Place::Down));
                }
                Action::Stop(key) => {
                    let place = self.places.insert(key, Place::Going);
                    assert!(matches!(place, Some(Place::Coming | Place::Up)), "{place:?}");
                    if stopping {
                        let later = self.places.range(key + 1..).all(|(_, place)| *place == Place::Down);
                        assert!(later, "not in reverse order: {:?}", self.places);
                    }
                }
                Action::GiveUp(_) if self.strategy == Strategy::OneForOne => {
                    assert_eq!(self.recent(now), 5);
                }
                Action::GiveUp(_) => {}
                Action::Forget(key) => assert_eq!(self.places.remove(&key), Some(Place::Down)),
                Action::Ended(_) => {
                    assert!(self.places.values().all(|place| *place == Place::Down));
                    self.counted.clear();
                }
                Action::Started => {}
            }
        }
    }

    /// How often restarts were counted follows from what was done, for one that takes nobody along.
    fn count(&mut self, actions: &[Action], now: Instant) {
        if self.strategy == Strategy::OneForOne {
            let again = actions.iter().filter(|action| matches!(action, Action::StartAgain(_)));
            self.counted.extend(again.map(|_| now));
            assert!(self.recent(now) <= 5);
        }
    }

    fn recent(&self, now: Instant) -> usize {
        self.counted.iter().filter(|at| now - **at <= Duration::from_secs(60)).count()
    }
}

fn play(bench: &mut Bench, world: &mut World, next: Move) {
    let event = match next {
        Move::Send(event) => event,
        Move::Up(key) if world.places.get(&key) == Some(&Place::Coming) => {
            world.places.insert(key, Place::Up);
            Event::Started(key)
        }
        Move::Down(key, ending) if world.places.get(&key).is_some_and(|place| *place != Place::Down) => {
            let asked = world.places.insert(key, Place::Down) == Some(Place::Going);
            Event::Ended(key, if asked { Ending::Stopped } else { ending })
        }
        Move::Pass(seconds) => {
            bench.now += Duration::from_secs(seconds);
            return;
        }
        Move::Up(_) | Move::Down(..) => return,
    };
    let actions = bench.on(event);
    let stopping = !bench.supervisor.takes_requests();
    world.carry_out(&actions, stopping, bench.now);
    world.count(&actions, bench.now);
}

fn strategies() -> impl Generate<Value = Strategy> {
    prop_oneof![Just(Strategy::OneForOne), Just(Strategy::OneForAll), Just(Strategy::RestForOne)]
}

fn policies() -> impl Generate<Value = Vec<Restart>> {
    let one = prop_oneof![
        3 => Just(Restart::Permanent),
        1 => Just(Restart::Transient),
        1 => Just(Restart::Temporary)
    ];
    prop::collection::vec(one, 5)
}

proptest! {
    #[test]
    fn order_and_intensity_hold_and_every_stop_arrives(
        strategy in strategies(),
        policies in policies(),
        moves in prop::collection::vec(moves(), 0..120),
    ) {
        let mut bench = Bench::new(strategy, &policies);
        let mut world = World {
            strategy,
            places: (0..5).map(|key| (key, Place::Down)).collect(),
            counted: Vec::new(),
        };
        play(&mut bench, &mut world, Move::Send(Event::Start));
        for next in moves {
            play(&mut bench, &mut world, next);
        }
        // Whatever is on its way arrives, and then nothing is due.
        for _ in 0..20 {
            for key in 0..5 {
                let next = match world.places.get(&key) {
                    Some(Place::Going) => Move::Down(key, Ending::Stopped),
                    _ => Move::Up(key),
                };
                play(&mut bench, &mut world, next);
            }
        }
        let state = bench.supervisor.state();
        prop_assert!(state == State::Running || state.is_at_rest(), "{:?}", bench.supervisor);
        play(&mut bench, &mut world, Move::Send(Event::Stop));
        for _ in 0..5 {
            for key in 0..5 {
                play(&mut bench, &mut world, Move::Down(key, Ending::Normal));
            }
        }
        prop_assert!(bench.supervisor.state().is_at_rest(), "{:?}", bench.supervisor);
        prop_assert!(world.places.values().all(|place| *place == Place::Down));
    }
}
