//! Who is next.

use std::collections::BTreeMap;

use tokio::time::Instant;

use super::Priority;

/// What waits for its turn.
///
/// Each waits as if it had come later than it did, by the handicap of its priority; the earliest goes
/// first. So one that is less urgent is passed only by those that come within its handicap: nothing
/// starves, however many urgent ones come.
#[derive(Debug)]
pub(super) struct Queue<T> {
    waiting: BTreeMap<Ticket, (Priority, T)>,
    depth: [usize; Priority::ALL.len()],
    by_priority: bool,
    last: u64,
}

/// A place in the queue: when its turn is due, and the order among equals.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Ticket {
    due: Instant,
    number: u64,
}

impl<T> Queue<T> {
    pub(super) fn new(by_priority: bool) -> Self {
        Self { waiting: BTreeMap::new(), depth: [0; _], by_priority, last: 0 }
    }

    /// Adds one that waits since `since`.
    pub(super) fn push(&mut self, priority: Priority, since: Instant, item: T) -> Ticket {
        self.last += 1;
        let due = if self.by_priority { since + priority.handicap() } else { since };
        let ticket = Ticket { due, number: self.last };
        self.waiting.insert(ticket, (priority, item));
        self.depth[priority as usize] += 1;
        ticket
    }

    /// Takes the one whose turn it is.
    pub(super) fn pop(&mut self) -> Option<T> {
        let (_, (priority, item)) = self.waiting.pop_first()?;
        self.depth[priority as usize] -= 1;
        Some(item)
    }

    /// Takes one out of turn.
    pub(super) fn remove(&mut self, ticket: Ticket) -> Option<T> {
        let (priority, item) = self.waiting.remove(&ticket)?;
        self.depth[priority as usize] -= 1;
        Some(item)
    }

    pub(super) fn len(&self) -> usize {
        self.waiting.len()
    }

    /// How many wait of this priority.
    pub(super) fn depth(&self, priority: Priority) -> usize {
        self.depth[priority as usize]
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use proptest::prelude::*;

    use super::*;

    #[test]
    fn the_urgent_go_first_and_equals_in_turn() {
        let now = Instant::now();
        let mut queue = Queue::new(true);
        for (index, priority) in [Priority::Low, Priority::Normal, Priority::High, Priority::Critical]
            .into_iter()
            .cycle()
            .take(8)
            .enumerate()
        {
            queue.push(priority, now, index);
        }
        assert_eq!(queue.depth(Priority::High), 2);
        let order: Vec<_> = std::iter::from_fn(|| queue.pop()).collect();
        assert_eq!(order, [3, 7, 2, 6, 1, 5, 0, 4]);
        assert_eq!(queue.depth(Priority::High), 0);
    }

    #[test]
    fn without_priorities_the_first_goes_first() {
        let now = Instant::now();
        let mut queue = Queue::new(false);
        queue.push(Priority::Low, now, 0);
        let removed = queue.push(Priority::Normal, now, 1);
        queue.push(Priority::Critical, now, 2);
        assert_eq!((queue.remove(removed), queue.remove(removed), queue.len()), (Some(1), None, 2));
        assert_eq!((queue.pop(), queue.pop(), queue.pop()), (Some(0), Some(2), None));
    }

    fn priority() -> impl Strategy<Value = Priority> {
        proptest::sample::select(&Priority::ALL)
    }

    proptest! {
        /// One comes and one goes at each step: nobody is passed by one that came later than within
        /// the handicap, whatever the others are.
        #[test]
        fn nobody_is_passed_by_one_that_comes_after_the_handicap(
            first in proptest::collection::vec(priority(), 1..20),
            later in proptest::collection::vec((priority(), 1..2000_u64), 1..200),
        ) {
            let mut now = Instant::now();
            let mut queue = Queue::new(true);
            for priority in first {
                queue.push(priority, now, (priority, now));
            }
            for (priority, passed) in later {
                now += Duration::from_millis(passed);
                queue.push(priority, now, (priority, now));
                let (_, served_since) = queue.pop().unwrap();
                for (_, (priority, since)) in queue.waiting.values().copied() {
                    prop_assert!(served_since <= since + priority.handicap());
                }
            }
        }

        #[test]
        fn the_depths_are_those_of_what_waits(
            steps in proptest::collection::vec((priority(), 0..4_u8), 1..100),
        ) {
            let now = Instant::now();
            let mut queue = Queue::new(true);
            let mut tickets = Vec::new();
            for (priority, step) in steps {
                match step {
                    0 => drop(queue.pop()),
                    1 => drop(tickets.pop().and_then(|ticket| queue.remove(ticket))),
                    _ => tickets.push(queue.push(priority, now, priority)),
                }
                for priority in Priority::ALL {
                    let waiting = queue.waiting.values().filter(|(_, item)| *item == priority).count();
                    prop_assert_eq!(queue.depth(priority), waiting);
                }
            }
        }
    }
}
