//! How often children were started again lately.

use std::{
    collections::VecDeque,
    time::{Duration, Instant},
};

/// Restarts within a window that moves with time; both ends belong to it, as in OTP.
#[derive(Debug, Clone)]
pub(crate) struct Intensity {
    allowed: u32,
    window: Duration,
    restarts: VecDeque<Instant>,
}

impl Intensity {
    pub(crate) fn new(allowed: u32, window: Duration) -> Self {
        Self { allowed, window, restarts: VecDeque::new() }
    }

    /// Counts one more restart; whether it is allowed.
    #[must_use]
    pub(crate) fn allow(&mut self, now: Instant) -> bool {
        let window = self.window;
        self.restarts.retain(|earlier| now.saturating_duration_since(*earlier) <= window);
        self.restarts.push_back(now);
        self.restarts.len() <= self.allowed as usize
    }

    /// Restarts within the window that ends now.
    pub(crate) fn count(&self, now: Instant) -> usize {
        self.restarts.iter().filter(|at| now.saturating_duration_since(**at) <= self.window).count()
    }

    pub(crate) fn forget(&mut self) {
        self.restarts.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_sixth_within_the_window_is_one_too_many_and_the_fifth_is_not() {
        let start = Instant::now();
        let mut intensity = Intensity::new(5, Duration::from_secs(60));
        let at = |seconds| start + Duration::from_secs(seconds);
        for second in 0..5 {
            assert!(intensity.allow(at(second)));
        }
        assert!(!intensity.clone().allow(at(60)));
        assert!(intensity.allow(at(61)), "the first of them has left the window");
        assert_eq!(intensity.count(at(61)), 5);
        assert_eq!(intensity.count(at(200)), 0);
    }
}
