//! Writing and reading `.vespera/backend.json`.

use std::{fs, io, path::Path, path::PathBuf};

use shared_types::{Timestamp, announcement::Announcement};

use crate::app::App;

/// What this process announces.
pub(super) fn describe(app: &App, socket: PathBuf, url: Option<String>) -> Announcement {
    Announcement {
        pid: std::process::id(),
        version: env!("CARGO_PKG_VERSION").to_owned(),
        workspace: app.options().workspace.clone(),
        database: app.options().database.clone(),
        database_id: app.store().database_id().to_owned(),
        managed: app.options().managed,
        socket,
        url,
        started_at: Timestamp::from_millis(jiff::Timestamp::now().as_millisecond()),
    }
}

/// Reads the file, if there is one that can be read.
pub fn read(path: &Path) -> Option<Announcement> {
    serde_json::from_slice(&fs::read(path).ok()?).ok()
}

/// Writes the file in one step: a reader sees the old one or the new one, never half of it.
pub(super) fn write(announcement: &Announcement, path: &Path) -> io::Result<()> {
    let unfinished = path.with_extension("json.new");
    let mut text = serde_json::to_string_pretty(announcement)?;
    text.push('\n');
    fs::write(&unfinished, text)?;
    fs::rename(&unfinished, path)
}
