//! Writing the store as lines, out of one snapshot and one row at a time.

use std::{io::Write, path::Path};

use futures::TryStreamExt;
use sqlx::{Connection, SqliteConnection};

use super::{
    FORMAT, Header, PortableError, VERSION,
    kinds::{ChangeRecord, DocumentRecord, ExecutionRecord, NoteRecord, ProjectRecord, Rows, TaskRecord},
};
use crate::store::{StoreOptions, open, progress::Progress};

/// Writes everything in the database at `path` to `output`, and returns the number of lines. A
/// backend may serve it meanwhile: what it commits later is not in the export.
///
/// # Errors
/// When the database cannot be read, or `output` not be written.
pub async fn export(
    path: &Path,
    output: &mut (dyn Write + Send),
    progress: &dyn Progress,
) -> Result<u64, PortableError> {
    let options = StoreOptions::new(path);
    let mut connection = open::reading(&options).await?;
    let mut snapshot = connection.begin().await?;
    let mut lines = Lines { output, progress, written: 0 };
    progress.begin(total(&mut snapshot).await?);
    lines.write(&Header { format: FORMAT.to_owned(), version: VERSION, schema: open::known_schema() })?;
    lines.all::<ProjectRecord>(&mut snapshot).await?;
    lines.all::<TaskRecord>(&mut snapshot).await?;
    lines.all::<NoteRecord>(&mut snapshot).await?;
    lines.all::<DocumentRecord>(&mut snapshot).await?;
    lines.all::<ExecutionRecord>(&mut snapshot).await?;
    lines.all::<ChangeRecord>(&mut snapshot).await?;
    let written = lines.written;
    output.flush()?;
    snapshot.commit().await?;
    connection.close().await?;
    Ok(written)
}

/// How many lines there will be.
async fn total(connection: &mut SqliteConnection) -> Result<u64, PortableError> {
    let mut total = 1;
    for count in [
        ProjectRecord::COUNT,
        TaskRecord::COUNT,
        NoteRecord::COUNT,
        DocumentRecord::COUNT,
        ExecutionRecord::COUNT,
        ChangeRecord::COUNT,
    ] {
        let rows: i64 = sqlx::query_scalar(count).fetch_one(&mut *connection).await?;
        total += rows.unsigned_abs();
    }
    Ok(total)
}

struct Lines<'o> {
    output: &'o mut (dyn Write + Send),
    progress: &'o dyn Progress,
    written: u64,
}

impl Lines<'_> {
    /// Writes all rows of a kind.
    async fn all<R: Rows>(&mut self, connection: &mut SqliteConnection) -> Result<(), PortableError> {
        let mut rows = sqlx::query_as::<_, R>(R::ALL).fetch(connection);
        while let Some(row) = rows.try_next().await? {
            self.write(&row.into_line())?;
        }
        Ok(())
    }

    fn write<T: serde::Serialize>(&mut self, line: &T) -> Result<(), PortableError> {
        // As a whole first, so that a row that cannot be written is no half line, and a full disk is
        // told from a row that cannot be read.
        let mut text = serde_json::to_vec(line)?;
        text.push(b'\n');
        self.output.write_all(&text)?;
        self.written += 1;
        self.progress.reach(self.written);
        if self.progress.is_stopped() { Err(PortableError::Stopped) } else { Ok(()) }
    }
}
