//! Whether children really end with their host: tried out on a host that is killed.

use std::{
    fs, io,
    path::{Path, PathBuf},
    time::{Duration, Instant, SystemTime},
};

use process_host::{
    Detached, LogFile,
    spec::{Command, Environment},
};
use rustix::process::{Pid, Signal, kill_process};
use tokio::time::sleep;

use super::Finding;
use crate::cli::{control::place, units};

const SUBJECT: &str = "kill test";
/// What was killed is gone by then.
const SOON: Duration = Duration::from_secs(2);
/// The host that is to be killed is up by then.
const UP: Duration = Duration::from_secs(20);
/// From one look at the processes to the next.
const LOOK: Duration = Duration::from_millis(5);

/// A shell, what it started in the background, and what fled into a session of its own.
const PROCESSES: usize = 3;

/// Starts a host with a small tree, kills it with SIGKILL, and looks what is left of the tree.
pub(super) async fn look() -> Finding {
    match try_it().await {
        Ok(Some(took)) => Finding::ok(
            SUBJECT,
            format!(
                "a host was killed: its children, setsid daemons too, were gone in {}",
                units::took(took)
            ),
        ),
        Ok(None) => Finding::wrong(
            SUBJECT,
            format!("a host was killed, and after {SOON:?} some of its children were left"),
        )
        .advise("Is /proc hidden (hidepid), or SIGKILL to children forbidden by a sandbox?"),
        Err(error) => Finding::wrong(SUBJECT, format!("no host could be started: {error}")),
    }
}

/// How long it took until nothing was left; none when something is.
async fn try_it() -> io::Result<Option<Duration>> {
    let folder = Folder::make()?;
    let marker = marker();
    // The marker is on the shell's own command line, too.
    let script = format!("sleep {marker} & setsid sleep {marker} & wait");
    let file = folder.0.join("doctor.toml");
    fs::write(&file, format!("[[child]]\nname = \"tree\"\ncommand = [\"sh\", \"-c\", \"{script}\"]\n"))?;
    let socket = folder.0.join("socket");
    let command = Command::new(std::env::current_exe()?).arg("run").arg(&file).arg("--socket").arg(&socket);
    let log = LogFile::new(folder.0.join("log"));
    // In a session of its own: below this program's reaper it would prove nothing.
    let host = Detached::spawn(&command, &Environment::everything(), &folder.0, &log)?;
    let up = wait_for(&marker, UP, |count| count >= PROCESSES).await.is_some();
    if !up {
        host.stop(SOON).await;
        return Err(io::Error::other(log.tail(3).join(" ")));
    }
    let begun = Instant::now();
    kill_holder(&socket)?;
    let gone = wait_for(&marker, SOON, |count| count == 0).await;
    for pid in processes(&marker) {
        let _ = kill_process(pid, Signal::KILL);
    }
    host.stop(SOON).await;
    Ok(gone.map(|at| at - begun))
}

/// Kills the host alone, not its process group: the lock beside its socket says which process it is.
fn kill_holder(socket: &Path) -> io::Result<()> {
    let pid = place::holder(socket)?;
    let pid = Pid::from_raw(pid).ok_or_else(|| io::Error::other("nobody holds the socket"))?;
    Ok(kill_process(pid, Signal::KILL)?)
}

/// A number of seconds that no other process sleeps for.
fn marker() -> String {
    let nanos = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default().subsec_nanos();
    format!("1000.{:07}{nanos:09}1", std::process::id())
}

/// Waits until so many processes bear the marker; when that was.
async fn wait_for(marker: &str, limit: Duration, wanted: impl Fn(usize) -> bool) -> Option<Instant> {
    let begun = Instant::now();
    loop {
        if wanted(processes(marker).len()) {
            return Some(Instant::now());
        }
        if begun.elapsed() > limit {
            return None;
        }
        sleep(LOOK).await;
    }
}

/// The processes with the marker on their command line.
fn processes(marker: &str) -> Vec<Pid> {
    let entries = fs::read_dir("/proc").into_iter().flatten().flatten();
    let pids = entries.filter_map(|entry| entry.file_name().to_str()?.parse::<i32>().ok());
    let bears = |pid: &i32| {
        let line = fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
        memchr::memmem::find(&line, marker.as_bytes()).is_some()
    };
    pids.filter(bears).filter_map(Pid::from_raw).collect()
}

/// A folder that goes when this does.
struct Folder(PathBuf);

impl Folder {
    fn make() -> io::Result<Self> {
        use std::os::unix::fs::DirBuilderExt;
        let path = std::env::temp_dir().join(format!("process-host-doctor-{}", std::process::id()));
        fs::DirBuilder::new().mode(0o700).create(&path)?;
        Ok(Self(path))
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}
