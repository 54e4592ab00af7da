//! How a running backend announces itself to those who look for it.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use crate::Timestamp;

/// Name of the file in the workspace's state directory.
pub const FILE_NAME: &str = "backend.json";

/// Where a backend listens and what it serves. A file can outlive its writer, so a reader asks
/// the address for its health before it believes any of this.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Announcement {
    /// Process id of the backend.
    pub pid: u32,
    /// Its version.
    pub version: String,
    /// The workspace it serves.
    pub workspace: PathBuf,
    /// The database file.
    pub database: PathBuf,
    /// Identifies the database, whatever its path.
    pub database_id: String,
    /// Whether assistants started it and may replace it, or an operator did.
    #[serde(default)]
    pub managed: bool,
    /// Its Unix socket.
    pub socket: PathBuf,
    /// Its address over TCP, such as `http://127.0.0.1:3000`; absent when it has none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub url: Option<String>,
    /// When it started.
    pub started_at: Timestamp,
}
