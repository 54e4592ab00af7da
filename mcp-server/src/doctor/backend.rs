//! The running backend, or what is left of one.

use std::net::{Ipv4Addr, TcpListener};

use shared_types::{announcement::FILE_NAME, health::HealthStatus};

use super::Finding;
use crate::{
    lifecycle::{
        Endpoint,
        endpoint::Absence,
        handover::{self, Age},
        process,
    },
    workspace::Workspace,
};

const SUBJECT: &str = "backend";

/// Looks for the backend of `workspace`, and at `port` if there is none.
pub(super) async fn look(workspace: &Workspace, port: u16) -> Vec<Finding> {
    match Endpoint::find(workspace).await {
        Ok(endpoint) => running(&endpoint, port).await,
        Err(absence) => {
            let mut findings = vec![absent(workspace, &absence)];
            findings.extend(last_words(workspace));
            findings.extend(port_in_use(port));
            findings
        }
    }
}

async fn running(endpoint: &Endpoint, wanted: u16) -> Vec<Finding> {
    let announced = endpoint.announcement();
    let url = announced.url.as_ref().map(|url| format!(" and {url}"));
    let leases = endpoint.leases().await.map(|leases| format!(", used by {leases}"));
    let mut findings = vec![Finding::ok(
        SUBJECT,
        format!(
            "pid {}, version {} on {}{}{}",
            announced.pid,
            announced.version,
            announced.socket.display(),
            url.unwrap_or_default(),
            leases.unwrap_or_default()
        ),
    )];
    let own = env!("CARGO_PKG_VERSION");
    let note = match (handover::age(&announced.version), announced.managed) {
        (Age::Same, _) => None,
        (Age::Older, true) => Some(format!("it is older than {own}; the next call asks it to hand over")),
        (Age::Older, false) => {
            Some(format!("it is older than {own}; whoever runs it has to restart it (pid {})", announced.pid))
        }
        (Age::Newer, _) => Some(format!("it is newer than {own}; restart the assistants that are older")),
    };
    findings.extend(note.map(|note| Finding::note(SUBJECT, note)));
    findings.extend(another_port(announced.url.as_deref(), wanted));
    match endpoint.health().await {
        Ok(health) if health.status == HealthStatus::Healthy => {}
        Ok(health) => findings.push(Finding::wrong(
            "health",
            format!("{:?}", health.status).to_lowercase(),
            health.recommendations.join(" "),
        )),
        Err(error) => {
            findings.push(Finding::wrong("health", error.to_string(), "Look at .vespera/backend.log."))
        }
    }
    findings
}

/// Says that the backend took another port than the one that was wanted.
fn another_port(url: Option<&str>, wanted: u16) -> Option<Finding> {
    let port = reqwest::Url::parse(url?).ok()?.port_or_known_default()?;
    let found = format!("{wanted} was in use when it started, so it took {port}");
    (wanted != 0 && port != wanted).then(|| Finding::note("port", found))
}

fn absent(workspace: &Workspace, absence: &Absence) -> Finding {
    let file = workspace.state_dir().join(FILE_NAME);
    match absence {
        Absence::NotAnnounced => Finding::note(SUBJECT, "none is running; the first call starts one"),
        Absence::Silent { pid, .. } if !is_alive(*pid) => Finding::note(
            SUBJECT,
            format!("none is running; {} is left from one that was killed (pid {pid})", file.display()),
        ),
        Absence::Silent { pid, .. } => Finding::wrong(
            SUBJECT,
            absence.to_string(),
            format!("If process {pid} is a bindery-backend that hangs, end it: kill {pid}"),
        ),
        Absence::Unreadable(_) => {
            Finding::wrong(SUBJECT, absence.to_string(), format!("Remove {}.", file.display()))
        }
        Absence::Stranger(_) => Finding::note(SUBJECT, format!("none is running here; {absence}")),
    }
}

/// Whether a process with this number exists; only for a person to look at.
fn is_alive(pid: u32) -> bool {
    use rustix::{io::Errno, process::Pid, process::test_kill_process};

    Pid::from_raw(pid.cast_signed()).is_some_and(|pid| test_kill_process(pid) != Err(Errno::SRCH))
}

fn last_words(workspace: &Workspace) -> Option<Finding> {
    let last = process::log(&workspace.state_dir()).tail(1).pop().filter(|line| !line.is_empty())?;
    Some(Finding::note("log", format!("last line: {last}")))
}

fn port_in_use(port: u16) -> Option<Finding> {
    TcpListener::bind((Ipv4Addr::LOCALHOST, port)).err().map(|error| {
        Finding::note("port", format!("{port} cannot be used ({error}); a backend would take a free one"))
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::doctor::Verdict;

    #[tokio::test]
    async fn what_a_killed_backend_left_is_noted() {
        let root = tempfile::tempdir().unwrap();
        let workspace = Workspace::find(Some(root.path()), root.path(), None).unwrap();
        let state = workspace.prepare().unwrap();
        let announcement = serde_json::json!({
            "pid": i32::MAX, "version": "0", "workspace": workspace.root(), "database": "tasks.db",
            "database_id": "x", "socket": "backend.sock", "url": "http://127.0.0.1:1",
            "started_at": "2026-01-01T00:00:00Z"
        });
        std::fs::write(state.join(FILE_NAME), announcement.to_string()).unwrap();
        let finding = look(&workspace, 0).await.remove(0);
        assert_eq!(finding.verdict, Verdict::Note);
        assert!(finding.found.contains("was killed"), "{}", finding.found);

        std::fs::write(state.join(FILE_NAME), "{").unwrap();
        assert_eq!(look(&workspace, 0).await.remove(0).verdict, Verdict::Wrong);
    }

    #[test]
    fn another_port_than_the_wanted_one_is_noted() {
        let note = another_port(Some("http://127.0.0.1:3001"), 3000).unwrap();
        assert!(note.found.contains("took 3001"), "{}", note.found);
        assert_eq!(another_port(Some("http://127.0.0.1:3000"), 3000), None);
        assert_eq!(another_port(Some("http://127.0.0.1:3001"), 0), None);
        assert_eq!(another_port(None, 3000), None);
    }

    #[test]
    fn a_port_in_use_is_noted() {
        let taken = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let port = taken.local_addr().unwrap().port();
        assert_eq!(port_in_use(port).unwrap().verdict, Verdict::Note);
        assert_eq!(port_in_use(0), None);
    }
}
