//! Which processes belong to which child, and what they use together.

use std::collections::HashMap;

use super::process::Stat;

/// What the processes of one child use together.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Sum {
    pub(super) pids: Vec<u32>,
    pub(super) cpu_ticks: u64,
    pub(super) rss_pages: u64,
    pub(super) threads: u64,
}

/// Sums up processes by the child they belong to: the one whose process group or session they are
/// in, else the nearest one above them. `children` are the process ids; those that are not among
/// `processes` are not in the result.
pub(super) fn sums(processes: &[Stat], children: &[u32]) -> HashMap<u32, Sum> {
    let by_pid: HashMap<u32, &Stat> = processes.iter().map(|stat| (stat.pid, stat)).collect();
    let mut sums: HashMap<u32, Sum> = children
        .iter()
        .filter(|child| by_pid.contains_key(child))
        .map(|child| (*child, Sum::default()))
        .collect();
    for stat in processes {
        let owner = owner(stat, &by_pid, &|pid| sums.contains_key(&pid));
        if let Some(sum) = owner.and_then(|owner| sums.get_mut(&owner)) {
            sum.pids.push(stat.pid);
            sum.cpu_ticks += stat.cpu_ticks;
            sum.rss_pages += stat.rss_pages;
            sum.threads += stat.threads;
        }
    }
    sums
}

fn owner(stat: &Stat, by_pid: &HashMap<u32, &Stat>, is_child: &impl Fn(u32) -> bool) -> Option<u32> {
    let mut at = stat;
    // Processes come and go while they are listed, so that their parents could form a ring.
    for _ in 0..64 {
        if let Some(owner) = [at.pid, at.group, at.session].into_iter().find(|pid| is_child(*pid)) {
            return Some(owner);
        }
        at = by_pid.get(&at.parent)?;
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stat(pid: u32, parent: u32, group: u32, session: u32) -> Stat {
        Stat { pid, state: b'S', parent, group, session, cpu_ticks: 1, threads: 2, started: 0, rss_pages: 10 }
    }

    #[test]
    fn what_a_child_started_counts_as_its_own_wherever_it_went() {
        let processes = [
            stat(1, 0, 1, 1),
            stat(10, 1, 10, 1),
            stat(11, 10, 10, 1),  // in the group
            stat(12, 10, 12, 1),  // a group of its own
            stat(13, 12, 13, 13), // a session of its own
            stat(14, 1, 10, 1),   // in the group, but its parent is gone
            stat(15, 1, 15, 10),  // in the session, but its parent is gone
            stat(20, 1, 20, 1),
            stat(30, 31, 30, 30),
            stat(31, 30, 31, 31), // a ring
        ];
        let sums = sums(&processes, &[10, 20, 99]);
        assert_eq!(sums.len(), 2);
        assert_eq!(
            sums[&10],
            Sum { pids: vec![10, 11, 12, 13, 14, 15], cpu_ticks: 6, rss_pages: 60, threads: 12 }
        );
        assert_eq!(sums[&20].pids, [20]);
    }
}
