//! The children of a host, live.

mod screen;

use std::{cmp::Ordering, process::ExitCode, time::Duration};

use clap::Args;
use process_host::{ChildStatus, supervisor::MemberStatus};
use tokio::{
    signal::unix::{SignalKind, signal},
    time::{MissedTickBehavior, interval},
};

use super::{
    Outcome,
    control::{HostStatus, client::AskError},
    host::HostArgs,
    ps::{self, Row},
    terminal::{self, NAME, QUIET, harmless, style_of, styled},
    units,
};
use screen::Screen;

#[derive(Debug, Args)]
#[command(after_help = "\
Keys:
  c by CPU (as it begins)    m by memory    r by restarts
  n in the order in which they start
  q or Ctrl-C to leave

Examples:
  process-host top
  process-host top app.toml

Where stdout is no terminal, it prints the table once, as `process-host ps` does.")]
pub(super) struct Top {
    /// The file that the host runs [default: the one host that runs]
    #[arg(value_name = "FILE.toml")]
    words: Vec<String>,
    #[command(flatten)]
    host: HostArgs,
}

/// What stands on top.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Order {
    Cpu,
    Memory,
    Restarts,
    Start,
}

/// Draws the table every second until that is enough.
///
/// # Errors
/// When no host is found, or the terminal is not to be had.
pub(super) async fn run(top: Top) -> Outcome {
    let (host, child) = top.host.take_file_and_child(top.words)?;
    if let Some(child) = child {
        return Err(format!("{child} is no FILE.toml; top shows all children of one host").into());
    }
    let found = host.find().await?;
    if terminal::size().is_none() {
        terminal::print(&ps::table(&ps::rows(&found.status.tree), None).join("\n"))?;
        return Ok(ExitCode::SUCCESS);
    }
    let mut signals =
        [signal(SignalKind::terminate())?, signal(SignalKind::hangup())?, signal(SignalKind::interrupt())?];
    let mut resized = signal(SignalKind::window_change())?;
    let mut screen = Screen::take()?;
    let mut ticks = interval(Duration::from_secs(1));
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut status = found.status;
    let mut order = Order::Cpu;
    loop {
        let [terminate, hangup, interrupt] = &mut signals;
        tokio::select! {
            _ = terminate.recv() => break,
            _ = hangup.recv() => break,
            _ = interrupt.recv() => break,
            _ = resized.recv() => {}
            key = screen.key() => match key {
                b'q' | b'Q' | 3 => break,
                key => order = Order::by_key(key).unwrap_or(order),
            },
            _ = ticks.tick() => match found.client.status().await {
                Ok(now) => status = now,
                Err(AskError::Gone) => {
                    drop(screen);
                    terminal::print_remark("the host has ended");
                    return Ok(ExitCode::SUCCESS);
                }
                Err(error) => return Err(error.into()),
            },
        }
        let (columns, rows) = terminal::size().unwrap_or((80, 24));
        screen.draw(&picture(&status, order, columns, rows))?;
    }
    Ok(ExitCode::SUCCESS)
}

impl Order {
    fn by_key(key: u8) -> Option<Self> {
        Some(match key.to_ascii_lowercase() {
            b'c' | b'p' => Self::Cpu,
            b'm' => Self::Memory,
            b'r' => Self::Restarts,
            b'n' => Self::Start,
            _ => return None,
        })
    }

    /// The most first; what is equal stays in the order in which it starts.
    fn compare(self, a: &ChildStatus, b: &ChildStatus) -> Ordering {
        let usage = |child: &ChildStatus| child.usage.unwrap_or_default();
        match self {
            Self::Cpu => usage(b).cpu_percent.round().total_cmp(&usage(a).cpu_percent.round()),
            Self::Memory => usage(b).rss_bytes.cmp(&usage(a).rss_bytes),
            Self::Restarts => b.restarts.cmp(&a.restarts),
            Self::Start => Ordering::Equal,
        }
    }

    fn name(self) -> &'static str {
        match self {
            Self::Cpu => "CPU",
            Self::Memory => "memory",
            Self::Restarts => "restarts",
            Self::Start => "start",
        }
    }
}

/// The lines to be shown, as many and as long as fit.
fn picture(status: &HostStatus, order: Order, columns: usize, rows: usize) -> Vec<String> {
    let mut children: Vec<Row<'_>> = ps::rows(&status.tree);
    // Sorted by use, supervisors would stand apart from what is theirs.
    if order != Order::Start {
        children.retain(|row| matches!(row.member, MemberStatus::Child(_)));
        children.sort_by(|a, b| match (a.member, b.member) {
            (MemberStatus::Child(a), MemberStatus::Child(b)) => order.compare(a, b),
            _ => Ordering::Equal,
        });
    }
    let mut lines = vec![head(status, columns), String::new()];
    lines.extend(ps::table(&children, Some(columns)));
    let keys = format!("by {} · c CPU  m memory  r restarts  n start  q quit", order.name());
    let room = rows.saturating_sub(2);
    if lines.len() > room {
        let hidden = lines.len() - room + 1;
        lines.truncate(room.saturating_sub(1));
        lines.push(styled(QUIET, format!("… {hidden} more")));
    }
    lines.push(String::new());
    lines.push(styled(QUIET, cut(&keys, columns)));
    lines.truncate(rows);
    lines
}

fn head(status: &HostStatus, columns: usize) -> String {
    let rows = ps::rows(&status.tree);
    let children: Vec<&ChildStatus> = rows
        .iter()
        .filter_map(|row| match row.member {
            MemberStatus::Child(child) => Some(child),
            MemberStatus::Supervisor(_) => None,
        })
        .collect();
    let usages = || children.iter().filter_map(|child| child.usage);
    let rest = format!(
        "  up {}, {} children, {:.0}% CPU, {}",
        units::age(Duration::from_millis(status.uptime_ms)),
        children.len(),
        usages().map(|usage| usage.cpu_percent).sum::<f64>(),
        units::bytes(usages().map(|usage| usage.rss_bytes).sum()),
    );
    let state = status.tree.state.to_string();
    let name = status.file.file_name().unwrap_or_default().to_string_lossy().into_owned();
    let room = columns.saturating_sub(rest.chars().count() + state.len() + 2);
    let name = cut(&harmless(&name), room);
    format!("{}  {}{rest}", styled(NAME, name), styled(style_of(status.tree.state), state))
}

fn cut(text: &str, room: usize) -> String {
    text.chars().take(room).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn child(name: &str, cpu_percent: f64, rss_bytes: u64, restarts: u32) -> serde_json::Value {
        serde_json::json!({
            "name": name, "state": "running", "pid": 1, "uptime_ms": 1, "restarts": restarts,
            "failed_health_checks": 0, "last_exit": null, "last_error": null,
            "usage": {"cpu_percent": cpu_percent, "cpu_seconds": 0.0, "rss_bytes": rss_bytes, "open_files": 3,
                      "threads": 1, "processes": 1}
        })
    }

    fn status() -> HostStatus {
        let children = [child("a", 1.0, 300, 0), child("b", 90.0, 100, 1), child("c", 1.2, 200, 7)];
        serde_json::from_value(serde_json::json!({
            "pid": 1, "file": "/srv/app.toml", "version": "1", "uptime_ms": 65_000,
            "tree": {"name": "", "state": "running", "strategy": "one_for_one", "restarts_in_window": 0,
                     "children": children}
        }))
        .unwrap()
    }

    fn shown(order: Order, columns: usize, rows: usize) -> Vec<String> {
        let lines = picture(&status(), order, columns, rows);
        lines.iter().map(|line| anstream::adapter::strip_str(line).to_string()).collect()
    }

    #[test]
    fn the_busiest_stands_on_top_unless_asked_otherwise() {
        let names = |key: u8| {
            let lines = shown(Order::by_key(key).unwrap(), 80, 24);
            lines[3..6].iter().map(|line| line.chars().next().unwrap()).collect::<String>()
        };
        assert_eq!([b'c', b'm', b'r', b'n'].map(names), ["bac", "acb", "cba", "abc"]);
        assert_eq!(Order::by_key(b'x'), None);
        assert_eq!(shown(Order::Cpu, 80, 24)[0], "app.toml  running  up 1m 5s, 3 children, 92% CPU, 1K");
    }

    #[test]
    fn it_fits_the_terminal() {
        for (columns, rows) in [(80, 24), (80, 5), (60, 6), (20, 1)] {
            let lines = shown(Order::Cpu, columns, rows);
            assert!(lines.len() <= rows, "{rows}: {lines:?}");
        }
        assert!(shown(Order::Cpu, 80, 7).iter().any(|line| line == "… 2 more"));
    }
}
