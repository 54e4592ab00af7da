//! Finding the backend of a workspace, and electing who starts it.
//!
//! Assistants start together: an editor opens two windows, a client probes with a throwaway
//! process. Whoever gets the lock file starts the backend; the others watch for it to appear. The
//! system releases the lock when its holder dies, so nobody waits for the dead.

use std::{
    fs, io,
    path::Path,
    time::{Duration, Instant},
};

use process_host::Exit;
use shared_types::{Error, ErrorCode};
use tokio::{sync::watch, time::sleep};

use super::{
    Stage, StartOptions, binary,
    endpoint::Endpoint,
    handover,
    process::{self, ALREADY_SERVED, BackendProcess},
};
use crate::workspace::Workspace;

/// How long a started backend may take until it answers.
const READY_WITHIN: Duration = Duration::from_secs(30);
/// How often a backend that is killed as it starts is started again. What kills it is not in its
/// settings, and calls wait for it.
const KILLS: usize = 2;
/// How often a backend is started again that found the workspace taken and then free: whoever runs
/// backends by hand may come before us.
const TAKEN: usize = 3;
/// How long a backend that somebody else runs may take until it answers, or until it has left; it
/// cuts off requests after 10 s.
const OTHER_SETTLES_WITHIN: Duration = Duration::from_secs(15);

/// The backend of `workspace`, started if need be. `process` receives the child as soon as there
/// is one, so that it is not forgotten when the wait for it is broken off.
pub(super) async fn find_or_start(
    workspace: &Workspace,
    options: &StartOptions,
    process: &mut Option<BackendProcess>,
    stage: &watch::Sender<Stage>,
) -> Result<Endpoint, Error> {
    stage.send_replace(Stage::Looking);
    let state_dir = workspace
        .prepare()
        .map_err(|error| unavailable(format!("{}: {error}", workspace.state_dir().display())))?;
    let (_elected, older) = match find_or_lock(workspace, &state_dir).await? {
        Election::Found(endpoint) => return Ok(*endpoint),
        Election::Won { lock, older } => (lock, older),
    };
    if let Some(older) = older
        && !handover::replace(&older, options, &state_dir).await?
    {
        return Ok(*older);
    }
    let binary = match binary::find(options.binary.as_deref())? {
        Some(found) => found.path,
        None => {
            stage.send_replace(Stage::Building);
            binary::build().await?
        }
    };
    stage.send_replace(Stage::Starting);
    tracing::info!(binary = %binary.display(), "starting the backend");
    let (mut kills, mut taken) = (0, 0);
    loop {
        let started = BackendProcess::spawn(&binary, workspace)
            .map_err(|error| unavailable(format!("{} could not be started: {error}", binary.display())))?;
        let error = match await_ready(workspace, process.insert(started)).await {
            Ok(endpoint) => return Ok(endpoint),
            Err(error) => error,
        };
        let Some(mut failed) = process.take() else { return Err(error) };
        let exit = failed.has_ended();
        failed.stop().await;
        match exit {
            Some(Exit::Signal(_)) if kills < KILLS => {
                kills += 1;
                tracing::warn!(kills, "the backend was killed as it started; starting another");
            }
            Some(Exit::Code(ALREADY_SERVED)) if taken < TAKEN => {
                taken += 1;
                if let Some(endpoint) = await_other(workspace, &state_dir).await? {
                    return Ok(endpoint);
                }
                tracing::info!("the other backend has left; starting another");
            }
            _ => return Err(error),
        }
    }
}

/// Who starts the backend.
enum Election {
    /// Nobody: it runs.
    Found(Box<Endpoint>),
    /// This process. The file holds the lock until it is dropped.
    Won {
        lock: fs::File,
        /// The one that runs and is to be replaced.
        older: Option<Box<Endpoint>>,
    },
}

async fn find_or_lock(workspace: &Workspace, state_dir: &Path) -> Result<Election, Error> {
    let path = state_dir.join("start.lock");
    let failed = |error: io::Error| unavailable(format!("{}: {error}", path.display()));
    let lock = fs::OpenOptions::new().create(true).truncate(false).write(true).open(&path).map_err(failed)?;
    let mut pace = Pace::new();
    loop {
        if let Ok(endpoint) = Endpoint::find(workspace).await
            && !handover::is_due(&endpoint)
        {
            return Ok(Election::Found(Box::new(endpoint)));
        }
        match lock.try_lock() {
            Ok(()) => break,
            Err(fs::TryLockError::WouldBlock) => sleep(pace.next()).await,
            Err(fs::TryLockError::Error(error)) => return Err(failed(error)),
        }
    }
    // The last holder may have finished its start between our look and our lock.
    Ok(match Endpoint::find(workspace).await {
        Ok(endpoint) if handover::is_due(&endpoint) => {
            Election::Won { lock, older: Some(Box::new(endpoint)) }
        }
        Ok(endpoint) => Election::Found(Box::new(endpoint)),
        Err(absence) => {
            tracing::debug!(%absence, "elected to start the backend");
            Election::Won { lock, older: None }
        }
    })
}

async fn await_ready(workspace: &Workspace, process: &mut BackendProcess) -> Result<Endpoint, Error> {
    let begun = Instant::now();
    let mut pace = Pace::new();
    loop {
        let absence = match Endpoint::find(workspace).await {
            Ok(endpoint) => return Ok(endpoint),
            Err(absence) => absence,
        };
        if let Some(exit) = process.has_ended() {
            return Err(ended_early(workspace, exit));
        }
        if begun.elapsed() > READY_WITHIN {
            let waited = READY_WITHIN.as_secs();
            return Err(unavailable(format!("the backend was not ready after {waited} s: {absence}")));
        }
        sleep(pace.next()).await;
    }
}

/// The backend of somebody else, once it answers; `None` once it has let go of the workspace. One that
/// is told to stop announces itself no longer, and stays for as long as it has requests in work.
async fn await_other(workspace: &Workspace, state_dir: &Path) -> Result<Option<Endpoint>, Error> {
    let begun = Instant::now();
    let mut pace = Pace::new();
    loop {
        let absence = match Endpoint::find(workspace).await {
            Ok(endpoint) => return Ok(Some(endpoint)),
            Err(absence) => absence,
        };
        if handover::is_free(state_dir) {
            return Ok(None);
        }
        if begun.elapsed() > OTHER_SETTLES_WITHIN {
            return Err(unavailable(format!(
                "another backend holds this workspace, but cannot be used: {absence}"
            )));
        }
        sleep(pace.next()).await;
    }
}

/// Pauses between two looks: 10 ms, doubling to 200 ms.
pub(super) struct Pace(Duration);

impl Pace {
    pub(super) fn new() -> Self {
        Self(Duration::from_millis(10))
    }

    pub(super) fn next(&mut self) -> Duration {
        let pause = self.0;
        self.0 = (pause * 2).min(Duration::from_millis(200));
        pause
    }
}

fn ended_early(workspace: &Workspace, exit: Exit) -> Error {
    let tail = process::log(&workspace.state_dir()).tail(5).join(" / ");
    let tail = guard::redact::redact(&tail);
    unavailable(format!("the backend ended before it was ready, with {exit}: {tail}"))
        .suggest("The whole log is in .vespera/backend.log, in the workspace.")
}

pub(super) fn unavailable(message: String) -> Error {
    Error::new(ErrorCode::BackendUnavailable, message)
        .suggest("Run `bindery-mcp doctor` to see what is wrong.")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_grow_to_a_limit() {
        let mut pace = Pace::new();
        let pauses: Vec<_> = (0..7).map(|_| pace.next().as_millis()).collect();
        assert_eq!(pauses, [10, 20, 40, 80, 160, 200, 200]);
    }
}
