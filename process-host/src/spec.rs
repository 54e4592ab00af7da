//! What is to run, and how it is kept running: the operator's words, as types.
//!
//! Everything here can be read from TOML. Times are in milliseconds and say so in their names.

mod command;
pub(crate) mod millis;
mod tree;

use std::{path::PathBuf, time::Duration};

use serde::Deserialize;

use crate::connection::Noise;

pub use command::{Command, Environment};
pub use tree::{Member, SpecError, Strategy, SupervisorSpec};

/// One child process: its command and everything that is decided about it beforehand.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ChildSpec {
    /// Its name among its siblings, and in every message about it.
    pub name: String,
    /// The program and its arguments. There is never a shell between.
    pub command: Command,
    /// The directory it starts in; that of the host when absent.
    #[serde(default)]
    pub cwd: Option<PathBuf>,
    /// What it sees of the host's environment.
    #[serde(default)]
    pub environment: Environment,
    /// What its standard streams are for.
    #[serde(default)]
    pub stdio: Stdio,
    /// What is done about output that is no message, with [`Stdio::JsonRpc`].
    #[serde(default)]
    pub noise: Noise,
    /// Whether it is started again when it ends.
    #[serde(default)]
    pub restart: Restart,
    /// Whether a crash counts for `restart`; if not, it is as if that were temporary.
    #[serde(default = "yes")]
    pub auto_restart_on_crash: bool,
    /// How long to wait before it is started again.
    #[serde(default)]
    pub backoff: Backoff,
    /// How it is found out whether it is well.
    #[serde(default)]
    pub health: Health,
    /// How it is ended.
    #[serde(default)]
    pub shutdown: Shutdown,
    /// What it may use.
    #[serde(default)]
    pub limits: Limits,
    /// Which files it may reach; all that its user may when absent.
    #[serde(default)]
    pub sandbox: Option<Sandbox>,
    /// When its use of resources is reported.
    #[serde(default)]
    pub alerts: Alerts,
}

/// What a child's standard streams are for. Standard error is drained in every case.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Stdio {
    /// Standard input is empty; lines on standard output are kept with those of standard error.
    #[default]
    Log,
    /// Both carry newline-delimited JSON-RPC 2.0.
    JsonRpc,
}

/// Whether a child is started again when it ends. The names are OTP's.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Restart {
    /// However it ended.
    #[default]
    Permanent,
    /// When it ended with a code other than 0, or by a signal.
    Transient,
    /// Never.
    Temporary,
}

/// How long to wait before a child is started again: doubling from the first delay to the longest,
/// back to the first when it has run well for as long as the longest.
#[derive(Debug, Clone, Copy, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Backoff {
    /// The wait before the first restart.
    #[serde(rename = "restart_delay_ms", with = "millis")]
    pub first: Duration,
    /// No wait is longer.
    #[serde(rename = "max_restart_delay_ms", with = "millis")]
    pub longest: Duration,
    /// The part of a wait that chance may take away, from 0 to 1.
    #[serde(rename = "restart_jitter")]
    pub jitter: f64,
}

impl Default for Backoff {
    fn default() -> Self {
        Self { first: Duration::from_secs(2), longest: Duration::from_secs(10), jitter: 0.2 }
    }
}

/// How a child's health is checked while it runs.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Health {
    /// What is checked.
    #[serde(rename = "health_check")]
    pub check: Check,
    /// From one check to the next.
    #[serde(rename = "health_check_interval_ms", with = "millis")]
    pub interval: Duration,
    /// A check that takes longer has failed.
    #[serde(rename = "health_check_timeout_ms", with = "millis")]
    pub timeout: Duration,
    /// So many failed checks in a row, and the child is stopped and started again.
    #[serde(rename = "max_health_check_failures")]
    pub failures: u32,
}

impl Default for Health {
    fn default() -> Self {
        Self {
            check: Check::Alive,
            interval: Duration::from_secs(15),
            timeout: Duration::from_secs(5),
            failures: 3,
        }
    }
}

/// What says that a child is well.
#[derive(Debug, Clone, PartialEq, Default, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Check {
    /// That the process exists and is not stopped by a signal.
    #[default]
    Alive,
    /// That it answers the request `ping`. Only with [`Stdio::JsonRpc`].
    Ping,
    /// That this command ends with code 0.
    Command(Command),
}

/// How a child is ended: standard input is closed; after a wait its process group gets SIGTERM;
/// after another SIGKILL.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Shutdown {
    /// From the end of standard input to SIGTERM.
    #[serde(rename = "stdin_close_timeout_ms", with = "millis")]
    pub after_stdin: Duration,
    /// From SIGTERM to SIGKILL.
    #[serde(rename = "graceful_shutdown_timeout_ms", with = "millis")]
    pub after_term: Duration,
}

impl Default for Shutdown {
    fn default() -> Self {
        Self { after_stdin: Duration::from_secs(2), after_term: Duration::from_secs(10) }
    }
}

/// What a child may use. What is absent is not limited.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Limits {
    /// Address space in MiB (`RLIMIT_AS`).
    pub address_space_mb: Option<u64>,
    /// Resident memory in MiB of the child and its descendants; more, and the child is killed.
    pub rss_mb: Option<u64>,
    /// Seconds of processor time (`RLIMIT_CPU`).
    pub cpu_seconds: Option<u64>,
    /// Open descriptors (`RLIMIT_NOFILE`).
    pub open_files: Option<u64>,
    /// Processes of its user (`RLIMIT_NPROC`), and of its control group where that can be had.
    pub processes: Option<u64>,
    /// Bytes in one line of standard output.
    pub line_bytes: usize,
    /// Bytes of standard error that are kept.
    pub stderr_bytes: usize,
    /// Requests that wait for an answer at one time.
    pub pending_requests: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            address_space_mb: None,
            rss_mb: None,
            cpu_seconds: None,
            open_files: None,
            processes: None,
            line_bytes: 1 << 20,
            stderr_bytes: 64 << 10,
            pending_requests: 1024,
        }
    }
}

/// The files a child may reach, by Landlock. Nothing else can be read, written or run; paths that do
/// not exist are an error. The command itself must lie below one of them.
#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Sandbox {
    /// May be read and run.
    pub readonly: Vec<PathBuf>,
    /// May be read, run, changed, made and removed.
    pub readwrite: Vec<PathBuf>,
}

/// Use of resources that is reported as an event, once each time it is reached.
#[derive(Debug, Clone, PartialEq, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Alerts {
    /// Percent of one processor.
    pub cpu_percent: Option<f64>,
    /// Resident memory in MiB.
    pub rss_mb: Option<u64>,
    /// Open descriptors.
    pub open_files: Option<u64>,
}

fn yes() -> bool {
    true
}

impl ChildSpec {
    /// Whether it is started again, all told.
    pub fn restarts(&self) -> Restart {
        if self.auto_restart_on_crash { self.restart } else { Restart::Temporary }
    }

    /// A child of this name that runs `command`, with every other decision at its default.
    pub fn new(name: impl Into<String>, command: Command) -> Self {
        Self {
            name: name.into(),
            command,
            cwd: None,
            environment: Environment::default(),
            stdio: Stdio::default(),
            noise: Noise::default(),
            restart: Restart::default(),
            auto_restart_on_crash: true,
            backoff: Backoff::default(),
            health: Health::default(),
            shutdown: Shutdown::default(),
            limits: Limits::default(),
            sandbox: None,
            alerts: Alerts::default(),
        }
    }
}
