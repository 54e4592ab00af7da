//! What can run short, and how much of it there is.

use std::{fmt, time::Duration};

use serde::{Deserialize, Serialize};

use crate::spec::millis;

/// What can run short.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// In MiB.
    Memory,
    /// Child processes.
    Processes,
    /// Connections to anything.
    Connections,
    /// Open files.
    FileHandles,
    /// Tasks that run at one time.
    Tasks,
}

impl Kind {
    /// Every kind.
    pub const ALL: [Self; 5] =
        [Self::Memory, Self::Processes, Self::Connections, Self::FileHandles, Self::Tasks];
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Memory => "MiB of memory",
            Self::Processes => "processes",
            Self::Connections => "connections",
            Self::FileHandles => "file handles",
            Self::Tasks => "tasks",
        })
    }
}

/// How much of everything there is.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ResourceLimits {
    /// MiB of memory.
    pub max_memory_mb: u64,
    /// Child processes.
    pub max_processes: u64,
    /// Connections.
    pub max_connections: u64,
    /// Open files.
    pub max_file_handles: u64,
    /// Tasks that run at one time.
    pub max_concurrent_tasks: u64,
    /// How long everything may take to be given back at shutdown.
    #[serde(rename = "cleanup_timeout_ms", with = "millis")]
    pub cleanup_timeout: Duration,
}

impl Default for ResourceLimits {
    fn default() -> Self {
        Self {
            max_memory_mb: 2048,
            max_processes: 10,
            max_connections: 100,
            max_file_handles: 1000,
            max_concurrent_tasks: 50,
            cleanup_timeout: Duration::from_secs(10),
        }
    }
}

impl ResourceLimits {
    /// How much there is of `kind`.
    pub fn of(&self, kind: Kind) -> u64 {
        match kind {
            Kind::Memory => self.max_memory_mb,
            Kind::Processes => self.max_processes,
            Kind::Connections => self.max_connections,
            Kind::FileHandles => self.max_file_handles,
            Kind::Tasks => self.max_concurrent_tasks,
        }
    }
}
