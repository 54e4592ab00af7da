//! A progress bar on standard error, if that is a terminal.

use std::time::Duration;

use indicatif::{ProgressBar, ProgressStyle};
use tokio_util::sync::CancellationToken;

use crate::store::progress::Progress;

/// What a step is.
#[derive(Debug, Clone, Copy)]
pub(super) enum Step {
    Line,
    Byte,
}

/// A bar, or a spinner as long as nobody knows how much there is to do.
#[derive(Debug)]
pub(super) struct Bar {
    bar: ProgressBar,
    step: Step,
    stop: CancellationToken,
}

impl Bar {
    /// Shows that `what` is under way, until it is dropped.
    pub(super) fn new(what: &'static str, step: Step, stop: CancellationToken) -> Self {
        // Hidden by itself where standard error is no terminal.
        let bar = ProgressBar::new_spinner().with_message(what);
        bar.enable_steady_tick(Duration::from_millis(100));
        Self { bar, step, stop }
    }
}

impl Progress for Bar {
    fn begin(&self, total: u64) {
        let template = match self.step {
            Step::Line => "{spinner} {msg} {wide_bar} {human_pos}/{human_len} lines, {eta}",
            Step::Byte => "{spinner} {msg} {wide_bar} {bytes}/{total_bytes}, {eta}",
        };
        if let Ok(style) = ProgressStyle::with_template(template) {
            self.bar.set_style(style);
        }
        self.bar.set_length(total);
    }

    fn reach(&self, done: u64) {
        self.bar.set_position(done);
    }

    fn is_stopped(&self) -> bool {
        self.stop.is_cancelled()
    }
}

impl Drop for Bar {
    fn drop(&mut self) {
        self.bar.finish_and_clear();
    }
}
