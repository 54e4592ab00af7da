//! Who has which member, as plain data.

use std::{collections::VecDeque, mem, time::Duration};

use tokio::{sync::oneshot, time::Instant};

use super::{Line, Manage, Offer, PoolConfig, PoolStatus};

/// A member that nobody uses.
pub(super) struct Idle<T> {
    pub(super) member: T,
    pub(super) since: Instant,
}

/// What becomes of a request.
pub(super) enum Request<M: Manage> {
    Granted(Idle<M::Member>),
    /// A member may be opened; the place is counted.
    Open,
    Wait(Line<M>),
    Full {
        waiting: usize,
    },
    Closed,
}

/// What becomes of a member that came back.
pub(super) enum Return<M: Manage> {
    Shelved,
    Close(M::Member),
    /// Somebody waits for it.
    Offer(oneshot::Sender<Offer<M>>, M::Member),
}

/// The members of a pool and those who wait for one.
pub(super) struct Shelf<M: Manage> {
    min: usize,
    max: usize,
    most: usize,
    max_waiting: usize,
    /// The member used last is at the end.
    idle: Vec<Idle<M::Member>>,
    line: VecDeque<oneshot::Sender<Offer<M>>>,
    counts: PoolStatus,
    closed: bool,
}

impl<M: Manage> Shelf<M> {
    pub(super) fn new(config: &PoolConfig) -> Self {
        let max = config.max.max(1);
        Self {
            min: config.min.min(max),
            max,
            most: max + config.max_overflow,
            max_waiting: config.max_waiting,
            idle: Vec::new(),
            line: VecDeque::new(),
            counts: PoolStatus::default(),
            closed: false,
        }
    }

    fn total(&self) -> usize {
        self.idle.len() + self.counts.busy + self.counts.opening
    }

    pub(super) fn request(&mut self) -> Request<M> {
        if self.closed {
            return Request::Closed;
        }
        if let Some(idle) = self.idle.pop() {
            self.counts.busy += 1;
            return Request::Granted(idle);
        }
        if self.total() < self.most {
            self.counts.opening += 1;
            return Request::Open;
        }
        self.line.retain(|waiter| !waiter.is_closed());
        if self.line.len() >= self.max_waiting {
            self.counts.refused_total += 1;
            return Request::Full { waiting: self.line.len() };
        }
        let (offer, line) = oneshot::channel();
        self.line.push_back(offer);
        Request::Wait(line)
    }

    /// A member was opened in a counted place; it is in use from now on. False: the pool is closed.
    pub(super) fn opened(&mut self) -> bool {
        self.counts.opening -= 1;
        self.counts.opened_total += 1;
        self.counts.busy += 1;
        !self.closed
    }

    /// A counted place was given up; whoever is first in line may have it.
    pub(super) fn given_up(&mut self, failed: bool) -> Option<oneshot::Sender<Offer<M>>> {
        self.counts.opening -= 1;
        self.counts.failed_total += u64::from(failed);
        self.next_opening()
    }

    /// The first in line, if a member may be opened for them; the place is counted.
    pub(super) fn next_opening(&mut self) -> Option<oneshot::Sender<Offer<M>>> {
        if self.closed || self.total() >= self.most {
            return None;
        }
        let first = self.first_in_line()?;
        self.counts.opening += 1;
        Some(first)
    }

    /// A member in use came back.
    pub(super) fn returned(&mut self, member: M::Member, now: Instant) -> Return<M> {
        if let Some(first) = self.first_in_line() {
            return Return::Offer(first, member);
        }
        self.counts.busy -= 1;
        if self.closed || self.total() >= self.max {
            return Return::Close(member);
        }
        self.idle.push(Idle { member, since: now });
        Return::Shelved
    }

    /// A member in use no longer works; whoever is first in line may open another.
    pub(super) fn broken(&mut self) -> Option<oneshot::Sender<Offer<M>>> {
        self.counts.busy -= 1;
        self.counts.broken_total += 1;
        self.next_opening()
    }

    /// Takes away what was idle for longer than `patience`, down to the least number, the longest
    /// idle first.
    pub(super) fn reap(&mut self, patience: Duration, now: Instant) -> Vec<M::Member> {
        let spare = self.total().saturating_sub(self.min);
        let stale = |idle: &&Idle<M::Member>| now.saturating_duration_since(idle.since) >= patience;
        let count = self.idle.iter().take(spare).take_while(stale).count();
        self.counts.reaped_total += count as u64;
        self.idle.drain(..count).map(|idle| idle.member).collect()
    }

    /// Takes away what is idle and no longer works.
    pub(super) fn take_dead(&mut self, is_usable: impl Fn(&M::Member) -> bool) -> Vec<M::Member> {
        let (usable, dead): (Vec<_>, Vec<_>) =
            mem::take(&mut self.idle).into_iter().partition(|idle| is_usable(&idle.member));
        self.idle = usable;
        self.counts.broken_total += dead.len() as u64;
        dead.into_iter().map(|idle| idle.member).collect()
    }

    /// Counts a place for a member to be opened ahead of need, if there are too few.
    pub(super) fn replenish(&mut self) -> bool {
        let wanted = !self.closed && self.total() < self.min;
        self.counts.opening += usize::from(wanted);
        wanted
    }

    pub(super) fn count_checkout(&mut self) {
        self.counts.checkouts_total += 1;
    }

    pub(super) fn count_timeout(&mut self) {
        self.counts.timeouts_total += 1;
    }

    /// Lets nobody in any more; returns what is idle. Those in line are told by the end of theirs.
    pub(super) fn close(&mut self) -> Vec<M::Member> {
        self.closed = true;
        self.line.clear();
        mem::take(&mut self.idle).into_iter().map(|idle| idle.member).collect()
    }

    pub(super) fn status(&self) -> PoolStatus {
        PoolStatus {
            idle: self.idle.len(),
            waiting: self.line.iter().filter(|waiter| !waiter.is_closed()).count(),
            ..self.counts
        }
    }

    fn first_in_line(&mut self) -> Option<oneshot::Sender<Offer<M>>> {
        while let Some(first) = self.line.pop_front() {
            if !first.is_closed() {
                return Some(first);
            }
        }
        None
    }
}
