//! Watching for an answer instead of sleeping until it comes.
//!
//! To sleep and be woken costs more than a quick peer takes to answer. So while one call waits for
//! its answer, the connection looks for it for some microseconds first; and if that was in vain
//! several times, it mostly stops doing so, because the peer takes longer or there is no processor
//! left on which it could run meanwhile.

use std::{
    hint,
    thread::available_parallelism,
    time::{Duration, Instant},
};

/// In vain so often in a row, and watching is not worth it.
const IN_VAIN: u32 = 4;
/// Then one call in so many is still watched for, to see whether that has changed.
const ONE_IN: u32 = 64;

/// Decides whether to watch, and for how long.
#[derive(Debug)]
pub(super) struct Watch {
    patience: Duration,
    in_vain: u32,
    skipped: u32,
    started: Option<Instant>,
}

impl Watch {
    /// Watches for at most `patience` at a time; never if that is zero.
    pub(super) fn new(patience: Duration) -> Self {
        let alone = available_parallelism().is_ok_and(|processors| processors.get() == 1);
        let patience = if alone { Duration::ZERO } else { patience };
        Self { patience, in_vain: 0, skipped: 0, started: None }
    }

    /// Whether to watch for what is about to come.
    pub(super) fn is_open(&mut self) -> bool {
        if self.patience.is_zero() {
            return false;
        }
        if self.in_vain < IN_VAIN {
            return true;
        }
        self.skipped += 1;
        self.skipped.is_multiple_of(ONE_IN)
    }

    pub(super) fn start(&mut self) {
        self.started = Some(Instant::now());
    }

    pub(super) fn goes_on(&self) -> bool {
        hint::spin_loop();
        self.started.is_some_and(|started| started.elapsed() < self.patience)
    }

    pub(super) fn end(&mut self, came: bool) {
        self.in_vain = if came { 0 } else { self.in_vain.saturating_add(1) };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_in_vain_is_done_rarely_and_taken_up_again_when_it_helps() {
        let mut watch = Watch { patience: Duration::from_micros(20), in_vain: 0, skipped: 0, started: None };
        for _ in 0..IN_VAIN {
            assert!(watch.is_open());
            watch.end(false);
        }
        let opened = (0..2 * ONE_IN).filter(|_| watch.is_open()).count();
        assert_eq!(opened, 2);
        watch.end(true);
        assert!(watch.is_open());
        assert!(!Watch::new(Duration::ZERO).is_open());
    }
}
