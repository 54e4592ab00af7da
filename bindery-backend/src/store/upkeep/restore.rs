//! Putting a backup in the place of the database. What was there is set aside, never removed.

use std::{
    fs, io,
    path::{Path, PathBuf},
    sync::Arc,
};

use shared_types::Timestamp;

use super::{UpkeepError, backup::copy_into, file, kept, size};
use crate::{
    new_file::{NewFile, sync_folder_of},
    store::{
        OpenError, StoreOptions,
        beside::beside,
        open,
        progress::{Progress, watch},
        sql::{self, Sql},
    },
};

/// Checks `backup` and puts a copy of it in the place of `database`, which nobody may have open.
/// Returns where the former database lies, if there was one.
///
/// # Errors
/// When the backup is none, is damaged or newer than this binary, or a file cannot be written.
pub fn restore(
    database: &Path,
    backup: &Path,
    now: Timestamp,
    progress: &Arc<dyn Progress>,
) -> Result<Option<PathBuf>, UpkeepError> {
    // SQLite would take a file that is not there, or is empty, for a new database.
    if fs::metadata(backup).map_err(file(backup))?.len() == 0 {
        return Err(OpenError::NotADatabase(backup.to_owned()).into());
    }
    let (connection, schema) = open::look(&StoreOptions::new(backup))?;
    if schema.is_none() {
        return Err(OpenError::Foreign(backup.to_owned()).into());
    }
    watch(&connection, progress, || None)?;
    let verdict: Result<String, _> = connection.one("PRAGMA integrity_check(1)", ());
    match verdict {
        Ok(verdict) if verdict == "ok" => {}
        Ok(detail) => return Err(UpkeepError::BadBackup { path: backup.to_owned(), detail }),
        Err(error) => return Err(error.into()),
    }
    let copy = NewFile::create(database, true).map_err(file(database))?;
    progress.begin(size(backup));
    copy_into(&connection, &copy, progress)?;
    sql::close(connection)?;
    copy.sync().map_err(file(database))?;
    let aside = set_aside(database, now).map_err(file(database))?;
    copy.publish().map_err(file(database))?;
    Ok(aside)
}

/// Gives the database, with its log, a name of its own. The file keeps its old name as well until
/// the copy takes that over, so that at no moment there is no database: a backend that starts just
/// then would make an empty one.
fn set_aside(database: &Path, now: Timestamp) -> io::Result<Option<PathBuf>> {
    if !database.try_exists()? {
        return Ok(None);
    }
    let aside = free_name(database, now)?;
    if fs::hard_link(database, &aside).is_err() {
        // Not every file system has links.
        fs::rename(database, &aside)?;
    }
    for suffix in ["-wal", "-shm", "-sum"] {
        match fs::rename(beside(database, suffix), beside(&aside, suffix)) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
    }
    sync_folder_of(&aside)?;
    Ok(Some(aside))
}

/// A name that is not taken: two may be set aside within a second.
fn free_name(database: &Path, now: Timestamp) -> io::Result<PathBuf> {
    let stem = format!(".aside-{}", kept::stamp(now));
    let mut name = beside(database, &stem);
    let mut next = 2;
    while name.try_exists()? {
        name = beside(database, &format!("{stem}-{next}"));
        next += 1;
    }
    Ok(name)
}
