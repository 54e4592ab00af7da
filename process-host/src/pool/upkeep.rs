//! What a pool does while nobody asks: opens members ahead of need, closes idle and dead ones.

use std::{sync::Arc, time::Duration};

use tokio::time::{Instant, MissedTickBehavior, interval};
use tokio_util::sync::CancellationToken;

use super::{Inner, Manage, guard::Place};

/// From one look to the next, at least.
const SHORTEST: Duration = Duration::from_millis(10);
/// And at most: a dead member is replaced after so long.
const LONGEST: Duration = Duration::from_secs(1);

/// Looks after `pool` until its last handle is gone or it is closed.
pub(super) async fn run<M: Manage>(pool: Arc<Inner<M>>, ended: CancellationToken) {
    let mut pace = interval((pool.config.idle_timeout / 4).clamp(SHORTEST, LONGEST));
    pace.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            () = ended.cancelled() => break,
            _ = pace.tick() => look(&pool).await,
        }
    }
    pool.empty();
}

async fn look<M: Manage>(pool: &Arc<Inner<M>>) {
    let now = Instant::now();
    let (idle, dead) = {
        let mut shelf = pool.shelf();
        (shelf.reap(pool.config.idle_timeout, now), shelf.take_dead(|member| pool.manager.is_usable(member)))
    };
    for member in idle.into_iter().chain(dead) {
        pool.discard(member);
    }
    // Checked out and returned at once, a member lands on the shelf, or with somebody in line.
    while pool.shelf().replenish() {
        if Place::new(pool).open().await.is_err() {
            // The next look tries again.
            break;
        }
    }
}
