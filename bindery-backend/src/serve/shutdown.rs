//! The way down: asked once, the backend drains; asked twice, it stops where it is.

use std::{convert::Infallible, io};

use tokio::signal::unix::{SignalKind, signal};
use tokio_util::sync::CancellationToken;

/// Both ways to stop; clones share them.
#[derive(Debug, Clone, Default)]
pub struct Shutdown {
    soft: CancellationToken,
    hard: CancellationToken,
}

impl Shutdown {
    /// Asks to stop at every SIGTERM and SIGINT; goes on until it is dropped.
    ///
    /// # Errors
    /// When the signals cannot be listened to.
    pub fn ask_on_signals(&self) -> io::Result<impl Future<Output = Infallible> + use<>> {
        let mut terminate = signal(SignalKind::terminate())?;
        let mut interrupt = signal(SignalKind::interrupt())?;
        let shutdown = self.clone();
        Ok(async move {
            loop {
                tokio::select! {
                    _ = terminate.recv() => shutdown.ask(),
                    _ = interrupt.recv() => shutdown.ask(),
                }
            }
        })
    }

    /// Asks to stop; the second time, at once.
    pub fn ask(&self) {
        if self.soft.is_cancelled() {
            self.hard.cancel();
        } else {
            self.soft.cancel();
        }
    }

    /// Cancelled when no new work is to be taken.
    pub const fn soft(&self) -> &CancellationToken {
        &self.soft
    }

    /// Cancelled when work that runs is to be dropped.
    pub const fn hard(&self) -> &CancellationToken {
        &self.hard
    }
}
