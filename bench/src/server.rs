//! Servers under load: processes of their own, whose processor time the system counts.

use std::{
    fs,
    io::{BufRead, BufReader},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    sync::OnceLock,
    time::{Duration, Instant},
};

use anyhow::{Context, ensure};
use serde_json::Value;
use tempfile::TempDir;

use crate::load::Address;

const PATIENCE: Duration = Duration::from_secs(30);

/// A running server, mostly in a folder of its own; both go when it is dropped.
pub(crate) struct Server {
    child: Child,
    pub(crate) tcp: Address,
    pub(crate) unix: Address,
    folder: Option<TempDir>,
}

impl Server {
    /// A server that says hello.
    pub(crate) fn hello() -> anyhow::Result<Self> {
        Self::floor("hello")
    }

    /// A task store as it is usually written, on TCP only.
    pub(crate) fn naive() -> anyhow::Result<Self> {
        Self::floor("naive")
    }

    fn floor(name: &str) -> anyhow::Result<Self> {
        let folder = tempfile::tempdir()?;
        let mut command = Command::new(std::env::current_exe()?);
        let mut child = command.arg(name).arg(folder.path()).stdout(Stdio::piped()).spawn()?;
        let mut address = String::new();
        BufReader::new(child.stdout.take().context("a pipe was asked for")?).read_line(&mut address)?;
        let tcp = Address::Tcp(address.trim().to_owned());
        let unix = Address::Unix(folder.path().join("hello.sock"));
        Ok(Self { child, tcp, unix, folder: Some(folder) })
    }

    /// Our backend with these settings, on an empty store.
    pub(crate) fn backend(settings: &[(&str, &str)]) -> anyhow::Result<Self> {
        let folder = tempfile::tempdir()?;
        let mut server = Self::backend_in(folder.path(), settings)?;
        server.folder = Some(folder);
        Ok(server)
    }

    /// Our backend with these settings, on the store in `workspace`.
    pub(crate) fn backend_in(workspace: &Path, settings: &[(&str, &str)]) -> anyhow::Result<Self> {
        let mut command = Command::new(binary("bindery-backend")?);
        command.arg("--workspace").arg(workspace).env("BINDERY_PORT", "0");
        command.envs(settings.iter().copied()).env("RUST_LOG", "warn");
        let child = command.stdin(Stdio::null()).spawn()?;
        let about = announced(workspace, child.id())?;
        let of = |name: &str| about[name].as_str().context("backend.json says where it listens");
        let tcp = Address::Tcp(of("url")?.trim_start_matches("http://").to_owned());
        let unix = Address::Unix(of("socket")?.into());
        Ok(Self { child, tcp, unix, folder: None })
    }

    /// Stops it in order; what is left is its folder, if it has one of its own.
    pub(crate) fn stop(mut self) -> anyhow::Result<Option<TempDir>> {
        let pid = rustix::process::Pid::from_child(&self.child);
        rustix::process::kill_process(pid, rustix::process::Signal::TERM)?;
        self.child.wait()?;
        Ok(self.folder.take())
    }

    /// The folder that it serves, when that is its own.
    pub(crate) fn workspace(&self) -> anyhow::Result<&Path> {
        Ok(self.folder.as_ref().context("it has a folder of its own")?.path())
    }

    /// Processor time that the server has taken so far.
    pub(crate) fn cpu(&self) -> anyhow::Result<Duration> {
        let stat = fs::read_to_string(format!("/proc/{}/stat", self.child.id()))?;
        // The name before the parenthesis may hold anything.
        let fields = stat.rsplit_once(')').context("a line of /proc")?.1.split_whitespace();
        let ticks: u64 = fields.skip(11).take(2).map(|field| field.parse().unwrap_or(0u64)).sum();
        Ok(Duration::from_secs_f64(ticks as f64 / rustix::param::clock_ticks_per_second() as f64))
    }

    /// Resident memory, in bytes.
    pub(crate) fn resident(&self) -> anyhow::Result<u64> {
        resident(self.child.id())
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // It may be gone already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Resident memory of a process, in bytes.
pub(crate) fn resident(pid: u32) -> anyhow::Result<u64> {
    let status = fs::read_to_string(format!("/proc/{pid}/status"))?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).context("VmRSS")?;
    Ok(line.trim().trim_end_matches(" kB").parse::<u64>()? * 1024)
}

fn announced(workspace: &Path, pid: u32) -> anyhow::Result<Value> {
    let begun = Instant::now();
    while begun.elapsed() < PATIENCE {
        let text = fs::read(workspace.join(".vespera/backend.json")).unwrap_or_default();
        if let Ok(about) = serde_json::from_slice::<Value>(&text)
            && about["pid"] == pid
        {
            return Ok(about);
        }
        std::thread::sleep(Duration::from_micros(200));
    }
    anyhow::bail!("the backend does not come up")
}

/// The release binary of `bindery-backend` or `bindery-mcp`, built from the workspace as it is now.
pub(crate) fn binary(name: &str) -> anyhow::Result<PathBuf> {
    static BUILT: OnceLock<bool> = OnceLock::new();
    // As the README and the demo build them, so that nothing is built twice.
    let packages = [["--package", "bindery-backend"], ["--bin", "bindery-mcp"]];
    let built = *BUILT.get_or_init(|| packages.iter().all(|package| build(package)));
    ensure!(built, "the binaries cannot be built");
    Ok(std::env::current_exe()?.with_file_name(name))
}

fn build(package: &[&str]) -> bool {
    let mut cargo = Command::new(env!("CARGO"));
    cargo.args(["build", "--quiet", "--release", "--locked"]).args(package);
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    cargo.current_dir(root).status().is_ok_and(|status| status.success())
}
