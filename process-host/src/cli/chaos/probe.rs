//! How fast a child answers while something else happens.

use std::{future::Future, pin::pin, time::Duration};

use process_host::{CallOptions, Connection};
use tokio::time::Instant;

use super::Check;
use crate::cli::units;

/// Pings that show how fast it is when nothing happens.
const BASELINE: usize = 200;
/// From one ping to the next.
const PAUSE: Duration = Duration::from_millis(2);

/// What a busy system may take from a ping; one held up by another child's calls waits for their
/// deadlines, which are longer.
const BUSY: Duration = Duration::from_millis(100);

/// Pings a child.
#[derive(Debug)]
pub(super) struct Prober {
    connection: Connection,
}

/// Times of pings, sorted. One that was not answered counts as its deadline.
#[derive(Debug)]
pub(super) struct Times(Vec<Duration>);

impl Prober {
    pub(super) fn new(connection: Connection) -> Self {
        Self { connection }
    }

    /// How fast it answers when nothing happens.
    pub(super) async fn baseline(&self) -> Times {
        let mut times = Vec::new();
        while times.len() < BASELINE {
            times.push(self.ping().await);
        }
        Times::of(times)
    }

    /// How fast it answers until `what` is over, and what that comes to.
    pub(super) async fn during<T>(&self, what: impl Future<Output = T>) -> (Times, T) {
        let mut what = pin!(what);
        let mut times = Vec::new();
        loop {
            let ping = async {
                let time = self.ping().await;
                tokio::time::sleep(PAUSE).await;
                time
            };
            tokio::select! {
                biased;
                time = ping => times.push(time),
                outcome = &mut what => return (Times::of(times), outcome),
            }
        }
    }

    async fn ping(&self) -> Duration {
        const PATIENCE: Duration = Duration::from_secs(5);
        let begun = Instant::now();
        match self.connection.call("ping", &serde_json::Map::new(), CallOptions::within(PATIENCE)).await {
            Ok(_) => begun.elapsed(),
            Err(_) => PATIENCE,
        }
    }
}

impl Times {
    fn of(mut times: Vec<Duration>) -> Self {
        times.sort();
        Self(times)
    }

    fn part(&self, part: f64) -> Duration {
        let at = (self.0.len() as f64 * part) as usize;
        self.0.get(at.min(self.0.len().saturating_sub(1))).copied().unwrap_or_default()
    }

    /// That another child answered as fast as before: most calls must not notice; single ones may,
    /// on a system that has other things to do.
    pub(super) fn stay_flat(&self, before: &Times) -> Check {
        let limit = before.part(0.5) * 3 + BUSY;
        let happened = format!(
            "{} pings, half within {} (before {}), 99 of 100 within {}",
            self.0.len(),
            units::took(self.part(0.5)),
            units::took(before.part(0.5)),
            units::took(self.part(0.99)),
        );
        let expected = format!("another child answers half of its pings within {}", units::took(limit));
        Check::new(expected, self.part(0.5) <= limit, happened)
    }
}
