//! Children where there is no reaper: in process groups of their own, which end with the host as long
//! as the host is not killed. Limits and sandboxes need Linux; a child that asks for one is refused.

use std::{
    io,
    os::unix::process::CommandExt,
    process::Stdio,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};

use rustix::process::{Pid, Signal, kill_process_group};
use tokio::process::Child;

use super::{SpawnError, Streams};
use crate::{Exit, spec::ChildSpec};

/// A child. Dropping it kills its process group.
#[derive(Debug)]
pub(super) struct Ward {
    child: Child,
    handle: Handle,
}

/// What remains of a child for those who signal it.
#[derive(Debug, Clone)]
pub(super) struct Handle {
    group: Pid,
    /// The group's number may be another's by now.
    is_reaped: Arc<AtomicBool>,
}

impl Ward {
    pub(super) async fn start(spec: &ChildSpec, streams: Streams) -> Result<Self, SpawnError> {
        check(spec, &streams)?;
        let mut command = std::process::Command::new(spec.command.program());
        command
            .args(spec.command.arguments())
            .env_clear()
            .envs(spec.environment.resolve(std::env::vars_os()))
            .stdin(Stdio::from(streams.stdin))
            .stdout(Stdio::from(streams.stdout))
            .stderr(Stdio::from(streams.stderr))
            .process_group(0);
        if let Some(directory) = &spec.cwd {
            command.current_dir(directory);
        }
        let child = tokio::process::Command::from(command)
            .spawn()
            .map_err(|source| SpawnError::Refused { step: "run it", source })?;
        let group = child.id().and_then(|id| Pid::from_raw(id.cast_signed()));
        let group = group.ok_or_else(|| io::Error::other("the child has no process id"))?;
        Ok(Self { child, handle: Handle { group, is_reaped: Arc::default() } })
    }

    pub(super) fn pid(&self) -> u32 {
        self.handle.group.as_raw_nonzero().get().cast_unsigned()
    }

    pub(super) fn handle(&self) -> Handle {
        self.handle.clone()
    }

    pub(super) async fn ended(&mut self) -> Exit {
        let exit = self.child.wait().await.map_or(Exit::Lost, Exit::from);
        self.handle.is_reaped.store(true, Ordering::Release);
        exit
    }
}

fn check(spec: &ChildSpec, streams: &Streams) -> Result<(), SpawnError> {
    let limits = &spec.limits;
    let limited = [limits.address_space_mb, limits.cpu_seconds, limits.open_files, limits.processes];
    match () {
        () if spec.sandbox.is_some() => Err(SpawnError::Sandbox("this system has no Landlock".to_owned())),
        () if limited.iter().any(Option::is_some) => {
            Err(SpawnError::Invalid("limits of a process need Linux"))
        }
        () if streams.extra.is_some() => Err(SpawnError::Invalid("a fourth descriptor needs Linux")),
        () => Ok(()),
    }
}

impl Handle {
    pub(super) fn signal(&self, signal: Signal) {
        if !self.is_reaped.load(Ordering::Acquire)
            && let Err(error) = kill_process_group(self.group, signal)
        {
            tracing::debug!(%error, "signal not delivered");
        }
    }
}

impl Drop for Ward {
    fn drop(&mut self) {
        self.handle.signal(Signal::KILL);
    }
}
