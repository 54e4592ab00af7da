//! A control group (cgroup v2) for each child, where the host's own was delegated to its user, as
//! systemd does with `Delegate=yes`. It holds the child and all it starts, however they hide.

use std::{
    fs::{self, File},
    io, mem,
    os::fd::{AsFd, BorrowedFd},
    path::{Path, PathBuf},
    sync::{
        Mutex, MutexGuard, OnceLock, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
};

use crate::spec::Limits;

/// What the groups made here are called, before the host's process id and a number.
const PREFIX: &str = "process-host-";

/// A group with at most one child and what it started. Dropping it kills them.
#[derive(Debug)]
pub(super) struct ControlGroup {
    directory: PathBuf,
    /// Whoever writes `0` here joins.
    members: File,
}

impl ControlGroup {
    /// A group within `limits`; `None` where the host may not make one.
    pub(super) fn create(limits: &Limits) -> Option<Self> {
        static PARENT: OnceLock<Option<PathBuf>> = OnceLock::new();
        static NUMBER: AtomicU64 = AtomicU64::new(1);
        let parent =
            PARENT.get_or_init(|| delegated().inspect(|parent| remove_abandoned(parent))).as_ref()?;
        leaving().retain(|directory| fs::remove_dir(directory).is_err());
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let directory = parent.join(format!("{PREFIX}{}-{number}", std::process::id()));
        fs::create_dir(&directory).ok()?;
        let members = File::options().write(true).open(directory.join("cgroup.procs"));
        let Ok(members) = members else {
            let _ = fs::remove_dir(&directory);
            return None;
        };
        let group = Self { directory, members };
        // Without these controllers the limits of the process itself and the watchdog remain.
        group.set("memory.max", limits.rss_mb.map(|most| most.saturating_mul(1 << 20)));
        group.set("pids.max", limits.processes);
        Some(group)
    }

    /// Where to join.
    pub(super) fn members(&self) -> BorrowedFd<'_> {
        self.members.as_fd()
    }

    /// Kills everything in it.
    pub(super) fn kill(&self) {
        if let Err(error) = fs::write(self.directory.join("cgroup.kill"), "1") {
            tracing::debug!(%error, "control group not killed");
        }
    }

    fn set(&self, file: &str, most: Option<u64>) {
        let path = self.directory.join(file);
        if let Some(most) = most
            && path.exists()
            && let Err(error) = fs::write(&path, most.to_string())
        {
            tracing::warn!(%error, file, "limit of a control group not set");
        }
    }
}

impl Drop for ControlGroup {
    fn drop(&mut self) {
        self.kill();
        if fs::remove_dir(&self.directory).is_err() {
            leaving().push(mem::take(&mut self.directory));
        }
    }
}

/// Groups whose members were killed and may still be leaving. They are removed when the next group is
/// made, by this host or another.
fn leaving() -> MutexGuard<'static, Vec<PathBuf>> {
    static LEAVING: Mutex<Vec<PathBuf>> = Mutex::new(Vec::new());
    LEAVING.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The host's own group, if it may make groups below it. The outermost is never used: it belongs to
/// the system.
fn delegated() -> Option<PathBuf> {
    let groups = fs::read_to_string("/proc/self/cgroup").ok()?;
    let own = groups.lines().find_map(|line| line.strip_prefix("0::/"))?;
    let mounts = fs::read_to_string("/proc/self/mounts").ok()?;
    let mount = mounts.lines().find_map(|line| {
        let mut words = line.split(' ').skip(1);
        let place = words.next()?;
        (words.next()? == "cgroup2").then_some(place)
    })?;
    let directory = Path::new(mount).join(own);
    let may_write = rustix::fs::access(&directory, rustix::fs::Access::WRITE_OK).is_ok();
    (!own.is_empty() && may_write).then_some(directory)
}

/// Removes empty groups of hosts that are gone.
fn remove_abandoned(parent: &Path) {
    let abandoned = |name: &str| -> Option<()> {
        let host: i32 = name.strip_prefix(PREFIX)?.split('-').next()?.parse().ok()?;
        let host = rustix::process::Pid::from_raw(host)?;
        (rustix::process::test_kill_process(host) == Err(rustix::io::Errno::SRCH)).then_some(())
    };
    let entries = fs::read_dir(parent).into_iter().flatten().filter_map(io::Result::ok);
    for entry in
        entries.filter(|entry| entry.file_name().to_str().is_some_and(|name| abandoned(name).is_some()))
    {
        let _ = fs::remove_dir(entry.path());
    }
}
