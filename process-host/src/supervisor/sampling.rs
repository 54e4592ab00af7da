//! The one task of a tree that measures what its children use.

use std::time::Duration;

use tokio::{
    sync::watch,
    time::{Instant, MissedTickBehavior, interval_at},
};

use super::{End, group::Group};
use crate::{child::task::Message, usage::sampler::Sampler};

/// Measures every `interval` until the tree has ended.
pub(super) async fn run(root: Group, interval: Duration, mut end: watch::Receiver<Option<End>>) {
    let mut sampler = Sampler::default();
    let interval = interval.max(Duration::from_millis(1));
    let mut ticks = interval_at(Instant::now() + interval, interval);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            _ = end.wait_for(Option::is_some) => return,
            _ = ticks.tick() => {}
        }
        let mut children = Vec::new();
        root.walk("", &mut |_, child| children.extend(child.pid().map(|pid| (pid, child.clone()))));
        if children.is_empty() {
            continue;
        }
        let pids: Vec<u32> = children.iter().map(|(pid, _)| *pid).collect();
        // Reading /proc takes a while when there are many processes, and cannot be waited for.
        let looked = tokio::task::spawn_blocking(move || {
            let usages = sampler.look(&pids);
            (sampler, usages)
        });
        let Ok((returned, usages)) = looked.await else { return };
        sampler = returned;
        for (pid, child) in children {
            if let Some(usage) = usages.get(&pid) {
                child.send(Message::Usage(pid, Box::new(*usage)));
            }
        }
    }
}
