//! When the log is folded into the database: between groups, by the thread that writes.
//!
//! Nobody commits meanwhile, which is what the sums of the pages need, and no commit is slow because it has
//! to do a checkpoint too. While many write, most of the log is copied beside them before. One that cannot come to the end, because of a reader or a full disk, is tried
//! again after a while; until then the log grows, and writes go on.

use std::{io, sync::Arc, time::Duration};

use rusqlite::Connection;
use tokio::time::Instant;

use crate::store::{
    StoreOptions,
    metrics::Metrics,
    sums::{self, Folded, Mode, Sums},
};

/// How often to see how long the log is, and to look at pages, at most.
const LOOK: Duration = Duration::from_millis(50);

/// How often to see whether the log was copied.
const COPYING: Duration = Duration::from_millis(5);

/// How soon to try again when a checkpoint did not come to the end, or had to wait for readers.
const RETRY: Duration = Duration::from_secs(1);

/// Far enough that something else will come first.
const NEVER: Duration = Duration::from_secs(24 * 60 * 60);

/// A log of so many times what it should have is told.
const ALARM: u32 = 16;

/// Keeps the log short and the sums of the pages up to date.
pub(in crate::store) struct Checkpoints {
    sums: Sums,
    metrics: Arc<Metrics>,
    /// The length of the log, in pages, from which it is folded in.
    pages: u32,
    /// How long nobody has to write before it is folded in whatever its length.
    idle: Duration,
    /// Whether something may be in the log that is not in the database.
    pending: bool,
    last_write: Instant,
    /// When to look at the log next, and before when not to try another checkpoint.
    next: Instant,
    not_before: Instant,
    told_of_length: bool,
    told_of_failure: bool,
}

impl Checkpoints {
    /// For the database that `options` name. Without sums on the disk they are made soon.
    pub(in crate::store) fn new(sums: Sums, options: &StoreOptions, metrics: Arc<Metrics>) -> Self {
        let now = Instant::now();
        let idle = options.checkpoint_idle;
        // The start may have written, and a crash left a log.
        let last_write = if sums.are_kept() { now } else { now.checked_sub(idle).unwrap_or(now) };
        Self {
            sums,
            metrics,
            pages: options.checkpoint_pages,
            idle,
            pending: true,
            last_write,
            next: now,
            not_before: now,
            told_of_length: false,
            told_of_failure: false,
        }
    }

    /// When there may be something to do without a write.
    pub(super) fn next(&self) -> Instant {
        self.next
    }

    /// To be called after each commit.
    pub(super) fn wrote(&mut self) {
        self.last_write = Instant::now();
        self.pending = true;
        self.next = self.next.min(self.last_write + LOOK);
    }

    /// To be called between groups, and at [`Checkpoints::next`].
    pub(super) fn tend(&mut self, connection: &Connection) {
        let now = Instant::now();
        if now < self.next {
            return;
        }
        if self.sums.can_sweep() {
            self.sweep();
        }
        if self.pending
            && let Err(error) = self.fold_if_due(connection, now)
        {
            self.not_before = Instant::now() + RETRY;
            if !std::mem::replace(&mut self.told_of_failure, true) {
                tracing::warn!(%error, "the log cannot be folded into the database; it is tried again");
            }
        }
        self.next = self.after(Instant::now());
    }

    /// Folds in what there is, and hands the sums back.
    pub(super) fn finish(mut self, connection: &Connection) -> Sums {
        if let Err(error) = sums::fold(connection, &mut self.sums, Mode::Passive) {
            tracing::warn!(%error, "the log was not folded into the database");
        }
        self.sums
    }

    fn fold_if_due(&mut self, connection: &Connection, now: Instant) -> rusqlite::Result<()> {
        if now < self.not_before || self.sums.is_copying() {
            return Ok(());
        }
        let is_idle = now.duration_since(self.last_write) >= self.idle;
        let Folded { pages: log, left, .. } = sums::look(connection)?;
        self.tell_length(log);
        if !is_idle && log < self.pages {
            return Ok(());
        }
        let is_long = !is_idle && left >= self.pages / 2;
        if is_long && !self.sums.was_copied_ahead() && self.sums.copy_ahead(log) {
            return Ok(());
        }
        // Readers that come one after the other never leave the log; then they are waited for briefly.
        let mode = if log > self.pages.saturating_mul(2) { Mode::Restart } else { Mode::Passive };
        let folded = sums::fold(connection, &mut self.sums, mode)?;
        self.told_of_failure = false;
        if !folded.is_complete() || folded.held {
            self.not_before = Instant::now() + RETRY;
        }
        if folded.is_complete() && is_idle {
            if folded.pages > 0 {
                sums::truncate(connection)?;
            }
            self.pending = false;
        }
        Ok(())
    }

    fn sweep(&mut self) {
        match self.sums.sweep() {
            Ok(swept) => {
                if let Some(page) = swept.damaged {
                    tracing::error!(
                        page,
                        "the database is damaged: this page is not what was last written to it"
                    );
                    self.metrics.found_damage(page);
                }
                if swept.done {
                    tracing::debug!("every page of the database has its sum");
                }
            }
            Err(error) => self.tell_of_sums(&error),
        }
    }

    fn tell_of_sums(&self, error: &io::Error) {
        tracing::warn!(%error, "the pages of the database cannot be compared with their sums");
    }

    fn tell_length(&mut self, log: u32) {
        let is_long = log >= self.pages.saturating_mul(ALARM);
        if is_long && !self.told_of_length {
            tracing::warn!(
                pages = log,
                usual_pages = self.pages,
                "the write-ahead log cannot be folded in: a long read holds it open, or the disk is full"
            );
        }
        self.told_of_length = is_long;
    }

    /// When to look again.
    fn after(&self, now: Instant) -> Instant {
        if self.sums.can_sweep() {
            return now + LOOK;
        }
        if self.sums.is_copying() {
            return now + COPYING;
        }
        if self.pending {
            (self.last_write + self.idle).max(self.not_before).max(now + LOOK)
        } else {
            now + NEVER
        }
    }
}
