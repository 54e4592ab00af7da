//! Writing the store as lines, out of one snapshot and one row at a time.

use std::{io::Write, path::Path};

use rusqlite::Connection;

use super::{
    FORMAT, Header, PortableError, VERSION,
    kinds::{ChangeRecord, DocumentRecord, ExecutionRecord, NoteRecord, ProjectRecord, Rows, TaskRecord},
};
use crate::store::{
    StoreOptions, open,
    progress::Progress,
    sql::{self, Sql},
};

/// Writes everything in the database at `path` to `output`, and returns the number of lines. A
/// backend may serve it meanwhile: what it commits later is not in the export.
///
/// # Errors
/// When the database cannot be read, or `output` not be written.
pub fn export(
    path: &Path,
    output: &mut (dyn Write + Send),
    progress: &dyn Progress,
) -> Result<u64, PortableError> {
    let options = StoreOptions::new(path);
    let connection = open::reading(&options)?;
    let snapshot = connection.unchecked_transaction()?;
    let mut lines = Lines { output, progress, written: 0 };
    progress.begin(total(&snapshot)?);
    lines.write(&Header { format: FORMAT.to_owned(), version: VERSION, schema: open::known_schema() })?;
    lines.all::<ProjectRecord>(&snapshot)?;
    lines.all::<TaskRecord>(&snapshot)?;
    lines.all::<NoteRecord>(&snapshot)?;
    lines.all::<DocumentRecord>(&snapshot)?;
    lines.all::<ExecutionRecord>(&snapshot)?;
    lines.all::<ChangeRecord>(&snapshot)?;
    let written = lines.written;
    output.flush()?;
    snapshot.commit()?;
    sql::close(connection)?;
    Ok(written)
}

/// How many lines there will be.
fn total(connection: &Connection) -> Result<u64, PortableError> {
    let mut total = 1;
    for count in [
        ProjectRecord::COUNT,
        TaskRecord::COUNT,
        NoteRecord::COUNT,
        DocumentRecord::COUNT,
        ExecutionRecord::COUNT,
        ChangeRecord::COUNT,
    ] {
        let rows: i64 = connection.one(count, ())?;
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
    fn all<R: Rows>(&mut self, connection: &Connection) -> Result<(), PortableError> {
        let mut statement = connection.prepare(R::ALL)?;
        let mut rows = statement.query(())?;
        while let Some(row) = rows.next()? {
            self.write(&R::from_row(row)?.into_line())?;
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
