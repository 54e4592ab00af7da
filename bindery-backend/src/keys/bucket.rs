//! How often a key may ask: a token bucket, kept as the one moment at which it is full again.

use std::{
    num::NonZeroU32,
    time::{Duration, Instant},
};

/// How fast a bucket fills, and how much it holds: what comes in two seconds.
#[derive(Debug, Clone, Copy)]
pub(super) struct Rate {
    interval: Duration,
    /// How far from full the bucket may be and still have a token.
    depth: Duration,
}

impl Rate {
    /// `count` tokens a second.
    pub(super) fn per_second(count: NonZeroU32) -> Self {
        let interval = Duration::from_secs(1) / count.get();
        Self { interval, depth: (interval * count.get()).saturating_mul(2).saturating_sub(interval) }
    }
}

/// A bucket of tokens, full at first.
#[derive(Debug, Default)]
pub(super) struct Bucket {
    full_at: Option<Instant>,
}

impl Bucket {
    /// Takes a token, if there is one at `now`.
    pub(super) fn take(&mut self, now: Instant, rate: Rate) -> bool {
        let full_at = self.full_at.map_or(now, |full_at| full_at.max(now));
        if full_at - now > rate.depth {
            return false;
        }
        self.full_at = Some(full_at + rate.interval);
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn take_all(bucket: &mut Bucket, now: Instant, rate: Rate) -> usize {
        (0..1000).take_while(|_| bucket.take(now, rate)).count()
    }

    #[test]
    fn a_burst_of_two_seconds_then_the_rate() {
        for count in [1, 3, 100] {
            let rate = Rate::per_second(NonZeroU32::new(count).unwrap());
            let (mut bucket, begin) = (Bucket::default(), Instant::now());
            let count = count as usize;
            assert_eq!(take_all(&mut bucket, begin, rate), 2 * count);
            assert_eq!(take_all(&mut bucket, begin, rate), 0);
            assert_eq!(take_all(&mut bucket, begin + Duration::from_secs(1), rate), count);
            // However long nobody came, no more than the burst was saved.
            assert_eq!(take_all(&mut bucket, begin + Duration::from_secs(3600), rate), 2 * count);
        }
    }

    #[test]
    fn a_clock_that_stands_still_or_jumps_back_gives_no_tokens() {
        let rate = Rate::per_second(NonZeroU32::MIN);
        let (mut bucket, now) = (Bucket::default(), Instant::now() + Duration::from_secs(10));
        assert_eq!(take_all(&mut bucket, now, rate), 2);
        assert_eq!(take_all(&mut bucket, now - Duration::from_secs(5), rate), 0);
    }
}
