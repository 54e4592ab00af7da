//! The circuit breaker: after repeated failures, calls are refused at once for a while, then one
//! is let through to see whether things are better.
//!
//! [`Breaker`] is a pure state machine that is told the time; [`SharedBreaker`] is what concurrent
//! calls use.

use std::{
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

/// When a breaker opens and for how long.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BreakerSettings {
    /// It opens after this many failures in a row.
    pub failures: u32,
    /// It stays open this long before a call is let through again.
    pub open_for: Duration,
}

impl Default for BreakerSettings {
    fn default() -> Self {
        Self { failures: 5, open_for: Duration::from_secs(60) }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    Closed { failures: u32 },
    Open { until: Instant },
    HalfOpen { probing: bool },
}

/// How an admitted call ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// The backend answered, whatever it said about the request.
    Answered,
    /// It did not, or it failed.
    Failed,
    /// The caller gave up first, which says nothing.
    Abandoned,
}

/// Permission for one call. It belongs to the state in which it was given: the end of a call that
/// began before the breaker opened must not close it again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Ticket {
    epoch: u64,
}

/// The state machine.
#[derive(Debug)]
pub struct Breaker {
    settings: BreakerSettings,
    state: State,
    epoch: u64,
}

impl Breaker {
    /// A closed breaker.
    pub fn new(settings: BreakerSettings) -> Self {
        Self { settings, state: State::Closed { failures: 0 }, epoch: 0 }
    }

    /// Asks to make a call.
    ///
    /// # Errors
    /// When calls are held back: how long until it is worth asking again.
    pub fn admit(&mut self, now: Instant) -> Result<Ticket, Duration> {
        match self.state {
            State::Closed { .. } => {}
            State::Open { until } if now < until => return Err(until - now),
            State::Open { .. } | State::HalfOpen { probing: false } => {
                self.enter(State::HalfOpen { probing: true });
            }
            // The probe's own deadline ends the wait; a second is a fair guess for most.
            State::HalfOpen { probing: true } => return Err(Duration::from_secs(1)),
        }
        Ok(Ticket { epoch: self.epoch })
    }

    /// Reports how the call with this ticket ended.
    pub fn record(&mut self, ticket: Ticket, outcome: Outcome, now: Instant) {
        if ticket.epoch != self.epoch {
            return;
        }
        match (&mut self.state, outcome) {
            (State::Closed { failures }, Outcome::Answered) => *failures = 0,
            (State::Closed { failures }, Outcome::Failed) => {
                *failures += 1;
                if *failures >= self.settings.failures {
                    self.enter(State::Open { until: now + self.settings.open_for });
                }
            }
            (State::HalfOpen { .. }, Outcome::Answered) => self.enter(State::Closed { failures: 0 }),
            (State::HalfOpen { .. }, Outcome::Failed) => {
                self.enter(State::Open { until: now + self.settings.open_for });
            }
            (State::HalfOpen { probing }, Outcome::Abandoned) => *probing = false,
            (State::Closed { .. }, Outcome::Abandoned) | (State::Open { .. }, _) => {}
        }
    }

    /// `closed`, `open` or `half_open`.
    pub fn name(&self, now: Instant) -> &'static str {
        match self.state {
            State::Closed { .. } => "closed",
            State::Open { until } if now < until => "open",
            State::Open { .. } | State::HalfOpen { .. } => "half_open",
        }
    }

    /// How long calls are still held back; `None` when they are not.
    pub fn retry_after(&self, now: Instant) -> Option<Duration> {
        match self.state {
            State::Open { until } if now < until => Some(until - now),
            _ => None,
        }
    }

    /// The failures in a row that brought it to its state.
    pub fn failures(&self) -> u32 {
        match self.state {
            State::Closed { failures } => failures,
            State::Open { .. } | State::HalfOpen { .. } => self.settings.failures,
        }
    }

    fn enter(&mut self, state: State) {
        self.state = state;
        self.epoch += 1;
    }
}

/// A breaker that concurrent calls share.
#[derive(Debug, Clone)]
pub struct SharedBreaker(Arc<Mutex<Breaker>>);

impl SharedBreaker {
    /// A closed breaker.
    pub fn new(settings: BreakerSettings) -> Self {
        Self(Arc::new(Mutex::new(Breaker::new(settings))))
    }

    /// Asks to make a call.
    ///
    /// # Errors
    /// When calls are held back: how long until it is worth asking again.
    pub fn admit(&self) -> Result<Admission, Duration> {
        let ticket = self.lock().admit(Instant::now())?;
        Ok(Admission { breaker: self.clone(), ticket, outcome: Outcome::Abandoned })
    }

    /// `closed`, `open` or `half_open`.
    pub fn name(&self) -> &'static str {
        self.lock().name(Instant::now())
    }

    /// How long calls are still held back; `None` when they are not.
    pub fn retry_after(&self) -> Option<Duration> {
        self.lock().retry_after(Instant::now())
    }

    /// The failures in a row that brought it to its state.
    pub fn failures(&self) -> u32 {
        self.lock().failures()
    }

    fn lock(&self) -> MutexGuard<'_, Breaker> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// An admitted call. Dropped without a report, it counts as abandoned.
#[derive(Debug)]
pub struct Admission {
    breaker: SharedBreaker,
    ticket: Ticket,
    outcome: Outcome,
}

impl Admission {
    /// Reports how the call ended.
    pub fn report(mut self, outcome: Outcome) {
        self.outcome = outcome;
    }
}

impl Drop for Admission {
    fn drop(&mut self) {
        self.breaker.lock().record(self.ticket, self.outcome, Instant::now());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SETTINGS: BreakerSettings = BreakerSettings { failures: 3, open_for: Duration::from_secs(60) };

    fn end(breaker: &mut Breaker, outcome: Outcome, now: Instant) {
        let ticket = breaker.admit(now).unwrap();
        breaker.record(ticket, outcome, now);
    }

    fn opened(now: Instant) -> Breaker {
        let mut breaker = Breaker::new(SETTINGS);
        (0..3).for_each(|_| end(&mut breaker, Outcome::Failed, now));
        breaker
    }

    #[test]
    fn only_failures_in_a_row_open_it() {
        let now = Instant::now();
        let mut breaker = Breaker::new(SETTINGS);
        for outcome in [Outcome::Failed, Outcome::Failed, Outcome::Answered, Outcome::Failed, Outcome::Failed]
        {
            end(&mut breaker, outcome, now);
        }
        assert_eq!(breaker.name(now), "closed");
        end(&mut breaker, Outcome::Failed, now);
        assert_eq!(breaker.name(now), "open");
    }

    #[test]
    fn an_open_breaker_says_how_long_to_wait() {
        let start = Instant::now();
        let mut breaker = opened(start);
        let later = start + Duration::from_secs(20);
        assert_eq!(breaker.admit(later), Err(Duration::from_secs(40)));
        assert_eq!((breaker.retry_after(later), breaker.failures()), (Some(Duration::from_secs(40)), 3));
        assert_eq!(breaker.name(start + Duration::from_secs(60)), "half_open");
    }

    #[test]
    fn one_probe_goes_through_and_decides() {
        let start = Instant::now();
        let later = start + Duration::from_secs(61);
        for (outcome, name) in [(Outcome::Answered, "closed"), (Outcome::Failed, "open")] {
            let mut breaker = opened(start);
            let probe = breaker.admit(later).unwrap();
            assert!(breaker.admit(later).is_err(), "a second call while the probe is out");
            breaker.record(probe, outcome, later);
            assert_eq!(breaker.name(later), name);
        }
    }

    #[test]
    fn an_abandoned_probe_makes_room_for_another() {
        let start = Instant::now();
        let later = start + Duration::from_secs(61);
        let mut breaker = opened(start);
        end(&mut breaker, Outcome::Abandoned, later);
        assert!(breaker.admit(later).is_ok());
    }

    #[test]
    fn a_call_from_before_it_opened_changes_nothing() {
        let now = Instant::now();
        let mut breaker = Breaker::new(SETTINGS);
        let early = breaker.admit(now).unwrap();
        (0..3).for_each(|_| end(&mut breaker, Outcome::Failed, now));
        breaker.record(early, Outcome::Answered, now);
        assert_eq!(breaker.name(now), "open");
    }

    #[test]
    fn a_dropped_admission_counts_as_abandoned() {
        let shared = SharedBreaker::new(BreakerSettings { failures: 1, ..SETTINGS });
        drop(shared.admit().unwrap());
        assert_eq!(shared.name(), "closed");
        shared.admit().unwrap().report(Outcome::Failed);
        assert_eq!(shared.name(), "open");
    }
}
