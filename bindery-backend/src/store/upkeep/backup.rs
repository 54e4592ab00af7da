//! A copy of the database while it is in use.

use std::{path::Path, sync::Arc};

use rusqlite::Connection;

use super::{UpkeepError, file, size};
use crate::{
    new_file::NewFile,
    store::{
        StoreOptions, open,
        progress::{Progress, watch},
        sql::{self, Sql},
    },
};

/// Copies the database to `target`, as it is at one moment, and returns the size of the copy in
/// bytes. Whoever writes meanwhile is not held up, and is not in the copy.
///
/// # Errors
/// When `target` is there and should not be replaced, or the database cannot be read.
pub fn back_up(
    database: &Path,
    target: &Path,
    replace: bool,
    progress: &Arc<dyn Progress>,
) -> Result<u64, UpkeepError> {
    let copy = NewFile::create(target, replace).map_err(file(target))?;
    let (connection, _) = open::look(&StoreOptions::new(database))?;
    progress.begin(size(database));
    copy_into(&connection, &copy, progress)?;
    sql::close(connection)?;
    let bytes = std::fs::metadata(copy.path()).map_err(file(target))?.len();
    copy.publish().map_err(file(target))?;
    Ok(bytes)
}

/// Writes what `connection` reads into `copy`, without its free pages.
pub(super) fn copy_into(
    connection: &Connection,
    copy: &NewFile,
    progress: &Arc<dyn Progress>,
) -> Result<(), UpkeepError> {
    let path = copy.path().to_owned();
    let name = path.to_str().ok_or_else(|| UpkeepError::Name(path.clone()))?.to_owned();
    watch(connection, progress, move || std::fs::metadata(&path).ok().map(|found| found.len()))?;
    connection.run("VACUUM INTO ?1", (name,))?;
    Ok(())
}

/// The number of the last change in the database at `path`.
///
/// # Errors
/// When it is none of ours, or cannot be read.
pub fn last_seq_in(path: &Path) -> Result<i64, UpkeepError> {
    let (connection, _) = open::look(&StoreOptions::new(path))?;
    let seq = connection.one("SELECT ifnull(max(seq), 0) FROM history", ())?;
    sql::close(connection)?;
    Ok(seq)
}
