//! The way down: asked once, the backend drains; asked twice, it stops where it is.

use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio_util::sync::CancellationToken;

/// Both ways to stop; clones share them.
#[derive(Debug, Clone, Default)]
pub struct Shutdown {
    soft: CancellationToken,
    hard: CancellationToken,
}

impl Shutdown {
    /// Stops on SIGTERM and SIGINT.
    ///
    /// # Errors
    /// When the signals cannot be listened to.
    pub fn on_signals() -> std::io::Result<Self> {
        let shutdown = Self::default();
        let terminate = signal(SignalKind::terminate())?;
        let interrupt = signal(SignalKind::interrupt())?;
        // It ends with the runtime: a signal must be heard for as long as there is something to stop.
        tokio::spawn(shutdown.clone().listen(terminate, interrupt));
        Ok(shutdown)
    }

    async fn listen(self, mut terminate: Signal, mut interrupt: Signal) {
        loop {
            tokio::select! {
                _ = terminate.recv() => self.ask(),
                _ = interrupt.recv() => self.ask(),
            }
        }
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
