//! Giving back the space of what is gone.

use std::{path::Path, sync::Arc};

use rusqlite::Connection;

use super::{UpkeepError, size};
use crate::store::{
    Clock, StoreOptions,
    open::{self, Opened},
    progress::{Progress, watch},
    sql::{self, Sql},
    sums, text,
};

/// What a vacuum came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
pub struct Vacuumed {
    /// Bytes of the database and its log before.
    pub bytes_before: u64,
    /// Bytes after.
    pub bytes_after: u64,
}

/// Completes and merges the full-text indexes and writes the database anew, without free pages. Nobody else may
/// have it open. It needs room for a second copy meanwhile.
///
/// # Errors
/// When the database cannot be opened or written, or there is not enough room.
pub fn vacuum(database: &Path, progress: &Arc<dyn Progress>) -> Result<Vacuumed, UpkeepError> {
    let bytes_before = size(database);
    let mut options = StoreOptions::new(database);
    options.temporary_in_memory = false;
    let Opened { connection, sums, .. } = open::writing(&options, &Clock::system())?;
    let written = write_anew(&connection, progress);
    sums::close(connection, sums);
    written?;
    Ok(Vacuumed { bytes_before, bytes_after: size(database) })
}

fn write_anew(connection: &Connection, progress: &Arc<dyn Progress>) -> Result<(), UpkeepError> {
    watch(connection, progress, || None)?;
    let transaction = sql::immediate(connection)?;
    text::index_all(&transaction)?;
    transaction.commit()?;
    for statement in [
        "INSERT INTO tasks_text (tasks_text) VALUES ('optimize')",
        "INSERT INTO projects_text (projects_text) VALUES ('optimize')",
        "INSERT INTO notes_text (notes_text) VALUES ('optimize')",
        "INSERT INTO chunks_text (chunks_text) VALUES ('optimize')",
        "VACUUM",
    ] {
        connection.run(statement, ())?;
    }
    Ok(())
}
