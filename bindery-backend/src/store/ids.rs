//! Time-ordered 64-bit ids: 41 bits of milliseconds, then 22 bits that keep ids apart.

use shared_types::Timestamp;

/// 2020-01-01T00:00:00Z: counting from here, 41 bits of milliseconds last until 2089.
const EPOCH_MILLIS: i64 = 1_577_836_800_000;

/// Bits below the milliseconds.
const LOW_BITS: u32 = 22;

/// The last millisecond that fits.
const LAST_MILLIS: i64 = (1 << 41) - 1;

/// The last id that the millisecond `at` can have.
pub(super) fn last_of(at: Timestamp) -> i64 {
    let millis = (at.as_millis() - EPOCH_MILLIS).clamp(0, LAST_MILLIS);
    millis << LOW_BITS | ((1 << LOW_BITS) - 1)
}

/// Makes ids that only ever grow, whatever the clock does.
#[derive(Debug, Clone)]
pub(super) struct IdGenerator {
    last: i64,
}

impl IdGenerator {
    /// Goes on after `last`, the largest id ever used.
    pub(super) fn after(last: i64) -> Self {
        Self { last }
    }

    /// Goes on after `id`, if that is larger than any so far.
    pub(super) fn pass(&mut self, id: i64) {
        self.last = self.last.max(id);
    }

    /// The largest id made so far.
    pub(super) fn last(&self) -> i64 {
        self.last
    }

    /// The next id. The first of a millisecond starts at `random`, in the lower half of its range, so
    /// that ids are hard to guess and yet leave room; the others of that millisecond count up from
    /// there. A clock that goes back is a millisecond that has not ended.
    pub(super) fn next(&mut self, now: Timestamp, random: u32) -> i64 {
        let millis = (now.as_millis() - EPOCH_MILLIS).clamp(0, LAST_MILLIS);
        let low = i64::from(random) & ((1 << (LOW_BITS - 1)) - 1);
        let fresh = millis << LOW_BITS | low;
        self.last =
            if fresh >> LOW_BITS > self.last >> LOW_BITS { fresh } else { self.last.saturating_add(1) };
        self.last
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn ids_grow_whatever_the_clock_says(clock in prop::collection::vec(any::<i64>(), 1..200), random: u32) {
            let mut ids = IdGenerator::after(0);
            let mut last = 0;
            for millis in clock {
                let id = ids.next(Timestamp::from_millis(millis), random);
                prop_assert!(id > last);
                last = id;
            }
        }
    }

    #[test]
    fn ids_go_on_after_the_largest_that_was_used() {
        let now = Timestamp::from_millis(1_800_000_000_000);
        let before = IdGenerator::after(0).next(now, 0);
        let an_hour_earlier = Timestamp::from_millis(now.as_millis() - 3_600_000);
        assert_eq!(IdGenerator::after(before).next(an_hour_earlier, 7), before + 1);
    }

    #[test]
    fn the_time_can_be_read_from_an_id() {
        let id = IdGenerator::after(0).next(Timestamp::from_millis(1_800_000_000_123), u32::MAX);
        assert_eq!((id >> LOW_BITS) + EPOCH_MILLIS, 1_800_000_000_123);
    }
}
