//! `.vespera/backend.json`: where the running backend listens and what it serves.

use std::{fs, io, path::Path, path::PathBuf};

use serde::{Deserialize, Serialize};
use shared_types::Timestamp;

use crate::app::App;

/// What the file says.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct BackendFile {
    /// Process id of the backend.
    pub pid: u32,
    /// Its version.
    pub version: String,
    /// The workspace it serves.
    pub workspace: String,
    /// The database file.
    pub database: String,
    /// Identifies the database, whatever its path.
    pub database_id: String,
    /// Its Unix socket.
    pub socket: String,
    /// Its address over TCP, such as `http://127.0.0.1:3000`; absent when it has none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub url: Option<String>,
    /// When it started.
    pub started_at: Timestamp,
}

impl BackendFile {
    /// Describes this process.
    pub(super) fn describe(app: &App, socket: PathBuf, url: Option<String>) -> Self {
        Self {
            pid: std::process::id(),
            version: env!("CARGO_PKG_VERSION").to_owned(),
            workspace: app.options().workspace.display().to_string(),
            database: app.options().database.display().to_string(),
            database_id: app.store().database_id().to_owned(),
            socket: socket.display().to_string(),
            url,
            started_at: Timestamp::from_millis(jiff::Timestamp::now().as_millisecond()),
        }
    }

    /// Reads the file, if there is one that can be read.
    pub fn read(path: &Path) -> Option<Self> {
        serde_json::from_slice(&fs::read(path).ok()?).ok()
    }

    /// Writes the file in one step: a reader sees the old one or the new one, never half of it.
    pub(super) fn write(&self, path: &Path) -> io::Result<()> {
        let unfinished = path.with_extension("json.new");
        let mut text = serde_json::to_string_pretty(self)?;
        text.push('\n');
        fs::write(&unfinished, text)?;
        fs::rename(&unfinished, path)
    }
}
