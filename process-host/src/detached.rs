//! A service in a session of its own, which may outlive whoever started it.
//!
//! It is the one exception to the rule that children end with their host. It is found again through
//! what it writes about itself (a file and a handshake, which are its own affair), and it has to end
//! by itself when nobody needs it.

use std::{io, os::unix::process::CommandExt, path::Path, process::Stdio, time::Duration};

use rustix::process::{Pid, Signal, kill_process_group};
use tokio::process::{Child, Command};

use crate::{Exit, LogFile, spec};

/// In the environment of a service, it tells a host further up that this is to outlive it, too.
pub(crate) const DETACHED: (&str, &str) = ("PROCESS_HOST_DETACHED", "1");

/// A detached service, as the process that started it sees it. Dropping this lets it run.
#[derive(Debug)]
pub struct Detached {
    child: Child,
}

impl Detached {
    /// Starts `command` in `cwd`, with standard input and output closed off and standard error
    /// appended to `log`. No other descriptor is inherited. Must be called inside a tokio runtime.
    ///
    /// # Errors
    /// When the log cannot be opened or the program not be run.
    pub fn spawn(
        command: &spec::Command,
        environment: &spec::Environment,
        cwd: &Path,
        log: &LogFile,
    ) -> io::Result<Self> {
        let mut prepared = std::process::Command::new(command.program());
        prepared
            .args(command.arguments())
            .env_clear()
            .envs(environment.resolve(std::env::vars_os()))
            .envs([DETACHED])
            .current_dir(cwd)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(log.open()?);
        #[expect(unsafe_code, reason = "prepares a child before it runs its program")]
        // SAFETY: the closure makes system calls only.
        unsafe {
            prepared.pre_exec(|| {
                rustix::process::setsid()?;
                keep_standard_streams_only()
            })
        };
        Ok(Self { child: Command::from(prepared).spawn()? })
    }

    /// How it ended, if it has.
    pub fn has_ended(&mut self) -> Option<Exit> {
        self.child.try_wait().ok().flatten().map(Exit::from)
    }

    /// Waits until it ended, and reaps it. May be dropped and called again.
    pub async fn ended(&mut self) -> Exit {
        self.child.wait().await.map_or(Exit::Lost, Exit::from)
    }

    /// Asks its process group to end, and kills it when it has not after `grace`.
    pub async fn stop(mut self, grace: Duration) {
        // The id is gone once the child was reaped, so a number used again is never signalled.
        let Some(group) = self.child.id().and_then(|id| Pid::from_raw(id.cast_signed())) else { return };
        let signal = |signal| {
            if let Err(error) = kill_process_group(group, signal) {
                tracing::debug!(%error, "signal not delivered");
            }
        };
        signal(Signal::TERM);
        if tokio::time::timeout(grace, self.child.wait()).await.is_err() {
            tracing::warn!(pid = group.as_raw_nonzero().get(), "service did not stop: killing it");
            signal(Signal::KILL);
            let _ = self.child.wait().await;
        }
    }
}

/// Marks everything but the standard streams to be closed when the program runs.
fn keep_standard_streams_only() -> io::Result<()> {
    #[cfg(target_os = "linux")]
    #[expect(unsafe_code, reason = "no safe wrapper exists")]
    // SAFETY: changes flags of descriptors only.
    unsafe {
        const CLOEXEC: libc::c_uint = 4;
        if libc::syscall(libc::SYS_close_range, 3 as libc::c_uint, libc::c_uint::MAX, CLOEXEC) < 0 {
            return Err(io::Error::last_os_error());
        }
    }
    Ok(())
}
