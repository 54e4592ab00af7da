//! What a thousand children cost their host.

use super::*;

/// Resident memory of this process in bytes, without what it maps from files.
fn resident() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("RssAnon:")).unwrap();
    line.trim().trim_end_matches(" kB").parse::<u64>().unwrap() * 1024
}

#[tokio::test]
async fn an_idle_child_costs_little() {
    const CHILDREN: u64 = 300;
    // One crowd stays while the other is measured, which would else find its memory there already.
    let mut crowds = Vec::new();
    for stdio in [Stdio::Log, Stdio::JsonRpc] {
        let before = resident();
        let supervisor = start(tree((0..CHILDREN).map(|number| {
            let mut spec = sleeper(&format!("c{number}"));
            spec.stdio = stdio;
            spec.shutdown.after_stdin = millis(0);
            spec
        })));
        event(&supervisor, "", |kind| matches!(kind, EventKind::Running { .. })).await;
        let each = resident().saturating_sub(before) / CHILDREN;
        println!("{each} bytes for each of {CHILDREN} children with {stdio:?}");
        // The other tests of this program run beside this one, and take something, too.
        assert!(each <= 20 * 1024, "{each} bytes");
        crowds.push(supervisor);
    }
    for supervisor in crowds {
        patiently(supervisor.stop()).await;
    }
}
