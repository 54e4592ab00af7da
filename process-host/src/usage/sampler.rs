//! Looks at all children of a tree at once, since one pass over `/proc` serves them all.

use std::{
    collections::HashMap,
    time::{Duration, Instant},
};

use super::{Usage, process, tree};

/// What is remembered from one look to the next.
#[derive(Debug, Default)]
pub(crate) struct Sampler {
    /// By process id: processor time in ticks, and when that was so.
    before: HashMap<u32, (u64, Instant)>,
}

impl Sampler {
    /// What the children with these process ids use now. Reads files, a few for each process of the
    /// system.
    pub(crate) fn look(&mut self, children: &[u32]) -> HashMap<u32, Usage> {
        let Some((page, ticks)) = cfg!(target_os = "linux").then(process::units).flatten() else {
            return HashMap::new();
        };
        let now = Instant::now();
        let sums = tree::sums(&process::all(), children);
        let usages = sums.iter().map(|(child, sum)| {
            let usage = Usage {
                cpu_percent: self.cpu_percent(*child, sum.cpu_ticks, ticks, now),
                cpu_seconds: sum.cpu_ticks as f64 / ticks as f64,
                rss_bytes: sum.rss_pages * page,
                open_files: sum.pids.iter().map(|pid| process::open_files(*pid)).sum(),
                threads: sum.threads,
                processes: sum.pids.len() as u64,
            };
            (*child, usage)
        });
        let usages = usages.collect();
        self.before = sums.into_iter().map(|(child, sum)| (child, (sum.cpu_ticks, now))).collect();
        usages
    }

    fn cpu_percent(&self, child: u32, cpu_ticks: u64, ticks: u64, now: Instant) -> f64 {
        let Some((before, at)) = self.before.get(&child) else { return 0.0 };
        let elapsed = now.saturating_duration_since(*at).max(Duration::from_millis(1));
        // A descendant that nobody waits for takes its time with it.
        let used = cpu_ticks.saturating_sub(*before) as f64 / ticks as f64;
        100.0 * used / elapsed.as_secs_f64()
    }
}

#[cfg(test)]
#[cfg(target_os = "linux")]
mod tests {
    use super::*;

    #[test]
    fn this_process_uses_something() {
        let mut sampler = Sampler::default();
        let own = std::process::id();
        let first = sampler.look(&[own, u32::MAX]);
        assert_eq!(first.len(), 1, "what is not there is not in it");
        let begun = Instant::now();
        while begun.elapsed() < Duration::from_millis(60) {
            std::hint::spin_loop();
        }
        let second = sampler.look(&[own])[&own];
        assert!(second.cpu_percent > 10.0 && second.cpu_seconds > 0.0, "{second:?}");
        assert!(second.rss_bytes > 100_000 && second.open_files > 2, "{second:?}");
        assert_eq!(first[&own].cpu_percent, 0.0);
    }
}
