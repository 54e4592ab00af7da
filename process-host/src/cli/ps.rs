//! The children of a host, as a table.

use std::{process::ExitCode, time::Duration};

use clap::Args;
use process_host::{ChildStatus, Exit, State, SupervisorStatus, supervisor::MemberStatus};

use super::{
    Outcome,
    host::HostArgs,
    suggest,
    table::{self, Cell, Column},
    terminal::{self, QUIET, style_of},
    units,
};

#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  process-host ps
  process-host ps app.toml
  process-host ps --json | jq '.tree.children[] | select(.state != \"running\")'

CPU is in percent of one processor, RSS the resident memory, FDS the open descriptors; all of them \
include what the child started.")]
pub(super) struct Ps {
    /// The file that the host runs [default: the one host that runs]
    #[arg(value_name = "FILE.toml")]
    words: Vec<String>,
    #[command(flatten)]
    host: HostArgs,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

/// A line of the table.
#[derive(Debug, Clone)]
pub(super) struct Row<'a> {
    /// Names from the outermost supervisor down.
    pub(super) path: String,
    /// What bears that path.
    pub(super) member: &'a MemberStatus,
}

/// Prints the table.
///
/// # Errors
/// When no host is found, or stdout cannot be written to.
pub(super) async fn run(ps: Ps) -> Outcome {
    let (host, child) = ps.host.take_file_and_child(ps.words)?;
    if let Some(child) = child {
        return Err(format!("{child} is no FILE.toml; ps shows all children of one host").into());
    }
    let status = host.find().await?.status;
    let text = match ps.json {
        true => serde_json::to_string_pretty(&status)?,
        false => table(&rows(&status.tree), terminal::columns()).join("\n"),
    };
    terminal::print(&text)?;
    Ok(ExitCode::SUCCESS)
}

/// All that stands below a supervisor, in the order in which it starts.
pub(super) fn rows(tree: &SupervisorStatus) -> Vec<Row<'_>> {
    fn below<'a>(above: &str, tree: &'a SupervisorStatus, rows: &mut Vec<Row<'a>>) {
        for member in &tree.children {
            let (MemberStatus::Child(ChildStatus { name, .. })
            | MemberStatus::Supervisor(SupervisorStatus { name, .. })) = member;
            let path = if above.is_empty() { name.clone() } else { format!("{above}/{name}") };
            rows.push(Row { path: path.clone(), member });
            if let MemberStatus::Supervisor(tree) = member {
                below(&path, tree, rows);
            }
        }
    }
    let mut rows = Vec::new();
    below("", tree, &mut rows);
    rows
}

/// The paths of all children.
pub(super) fn children(tree: &SupervisorStatus) -> Vec<String> {
    let children = rows(tree).into_iter().filter(|row| matches!(row.member, MemberStatus::Child(_)));
    children.map(|row| row.path).collect()
}

/// The child with this path.
pub(super) fn child<'a>(tree: &'a SupervisorStatus, path: &str) -> Option<&'a ChildStatus> {
    rows(tree).into_iter().find(|row| row.path == path).and_then(|row| match row.member {
        MemberStatus::Child(child) => Some(child),
        MemberStatus::Supervisor(_) => None,
    })
}

/// `path`, if a child bears it.
///
/// # Errors
/// When none does; says which there are.
pub(super) fn existing(tree: &SupervisorStatus, path: &str) -> Result<String, String> {
    known(path, &children(tree))
}

/// `path`, if a child or a supervisor bears it.
///
/// # Errors
/// When none does; says which there are.
pub(super) fn existing_member(tree: &SupervisorStatus, path: &str) -> Result<String, String> {
    known(path, &rows(tree).into_iter().map(|row| row.path).collect::<Vec<_>>())
}

fn known(path: &str, known: &[String]) -> Result<String, String> {
    if known.iter().any(|known| known == path) {
        return Ok(path.to_owned());
    }
    let instead = suggest::instead(path, known.iter().map(String::as_str));
    Err(format!("there is no child {path}.{instead}"))
}

const COLUMNS: [Column; 9] = [
    Column { head: "CHILD", right: false, cut: true },
    Column { head: "STATE", right: false, cut: false },
    Column { head: "PID", right: true, cut: false },
    Column { head: "UPTIME", right: true, cut: false },
    Column { head: "RESTARTS", right: true, cut: false },
    Column { head: "CPU", right: true, cut: false },
    Column { head: "RSS", right: true, cut: false },
    Column { head: "FDS", right: true, cut: false },
    Column { head: "LAST EXIT", right: false, cut: true },
];

/// The table as lines, of at most so many columns if that can be had.
pub(super) fn table(rows: &[Row<'_>], room: Option<usize>) -> Vec<String> {
    let rows: Vec<Vec<Cell>> = rows.iter().map(cells).collect();
    table::lines(&COLUMNS, &rows, room)
}

fn cells(row: &Row<'_>) -> Vec<Cell> {
    let absent = || Cell::new("-").styled(QUIET);
    let state = |state: State| Cell::new(state.to_string()).styled(style_of(state));
    let child = match row.member {
        MemberStatus::Child(child) => child,
        MemberStatus::Supervisor(tree) => {
            let mut cells = vec![Cell::new(format!("{}/", row.path)), state(tree.state)];
            cells.resize(COLUMNS.len(), absent());
            cells[4] = Cell::new(tree.restarts_in_window.to_string());
            return cells;
        }
    };
    let cell = |text: Option<String>| text.map_or_else(absent, Cell::new);
    let usage = child.usage.as_ref();
    vec![
        Cell::new(&row.path),
        state(child.state),
        cell(child.pid.map(|pid| pid.to_string())),
        cell(child.uptime_ms.map(|uptime| units::age(Duration::from_millis(uptime)))),
        Cell::new(child.restarts.to_string()),
        cell(usage.map(|usage| format!("{:.0}%", usage.cpu_percent))),
        cell(usage.map(|usage| units::bytes(usage.rss_bytes))),
        cell(usage.map(|usage| usage.open_files.to_string())),
        cell(last_exit(child)),
    ]
}

fn last_exit(child: &ChildStatus) -> Option<String> {
    // Why it could not be started the last time is newer than how it ended before that.
    if let Some(error) = &child.last_error {
        return Some(error.clone());
    }
    Some(match child.last_exit? {
        Exit::Code(code) => format!("exit {code}"),
        Exit::Lost => "lost".to_owned(),
        exit => exit.to_string(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn status() -> SupervisorStatus {
        serde_json::from_value(serde_json::json!({
            "name": "", "state": "running", "strategy": "one_for_one", "restarts_in_window": 1, "children": [
                {"name": "web", "state": "running", "pid": 41, "uptime_ms": 192_000, "restarts": 1,
                 "failed_health_checks": 0, "last_exit": {"signal": 9}, "last_error": null,
                 "usage": {"cpu_percent": 12.5, "cpu_seconds": 3.0, "rss_bytes": 12_900_000, "open_files": 9,
                           "threads": 1, "processes": 1}},
                {"name": "workers", "state": "restarting", "strategy": "rest_for_one", "restarts_in_window": 2,
                 "children": [
                    {"name": "one", "state": "failed", "pid": null, "uptime_ms": null, "restarts": 5,
                     "failed_health_checks": 0, "last_exit": null, "last_error": "there is no program x on the child's PATH",
                     "usage": null}]}
            ]
        }))
        .unwrap()
    }

    fn plain(room: Option<usize>) -> String {
        let status = status();
        anstream::adapter::strip_str(&table(&rows(&status), room).join("\n")).to_string()
    }

    #[test]
    fn the_table_has_a_line_for_each_child_and_supervisor() {
        assert_eq!(
            plain(None),
            "\
CHILD        STATE       PID  UPTIME  RESTARTS  CPU    RSS  FDS  LAST EXIT
web          running      41  3m 12s         1  12%  12.3M    9  SIGKILL
workers/     restarting    -       -         2    -      -    -  -
workers/one  failed        -       -         5    -      -    -  there is no program x on the child's PATH"
        );
        assert!(plain(Some(80)).lines().all(|line| line.chars().count() <= 80), "{}", plain(Some(80)));
    }

    #[test]
    fn an_unknown_child_is_told_which_there_are() {
        let told = existing(&status(), "wbe").unwrap_err();
        assert_eq!(told, "there is no child wbe. Did you mean web? There are: web, workers/one");
        assert!(existing_member(&status(), "workers").is_ok() && existing(&status(), "workers").is_err());
    }
}
