//! A copy of the database while it is in use.

use std::{path::Path, sync::Arc};

use sqlx::{Connection, SqliteConnection};

use super::{UpkeepError, file, size};
use crate::{
    new_file::NewFile,
    store::{
        StoreOptions, open,
        progress::{Progress, watch},
    },
};

/// Copies the database to `target`, as it is at one moment, and returns the size of the copy in
/// bytes. Whoever writes meanwhile is not held up, and is not in the copy.
///
/// # Errors
/// When `target` is there and should not be replaced, or the database cannot be read.
pub async fn back_up(
    database: &Path,
    target: &Path,
    replace: bool,
    progress: &Arc<dyn Progress>,
) -> Result<u64, UpkeepError> {
    let copy = NewFile::create(target, replace).map_err(file(target))?;
    let (mut connection, _) = open::look(&StoreOptions::new(database)).await?;
    progress.begin(size(database));
    copy_into(&mut connection, &copy, progress).await?;
    connection.close().await?;
    let bytes = std::fs::metadata(copy.path()).map_err(file(target))?.len();
    // The disk may take its time, and no other task should wait for it.
    let published = tokio::task::spawn_blocking(|| copy.publish()).await;
    published.map_err(std::io::Error::other).flatten().map_err(file(target))?;
    Ok(bytes)
}

/// Writes what `connection` reads into `copy`, without its free pages.
pub(super) async fn copy_into(
    connection: &mut SqliteConnection,
    copy: &NewFile,
    progress: &Arc<dyn Progress>,
) -> Result<(), UpkeepError> {
    let path = copy.path().to_owned();
    let name = path.to_str().ok_or_else(|| UpkeepError::Name(path.clone()))?.to_owned();
    watch(connection, progress, move || std::fs::metadata(&path).ok().map(|found| found.len())).await?;
    sqlx::query("VACUUM INTO ?1").bind(name).execute(&mut *connection).await?;
    Ok(())
}

/// The number of the last change in the database at `path`.
///
/// # Errors
/// When it is none of ours, or cannot be read.
pub async fn last_seq_in(path: &Path) -> Result<i64, UpkeepError> {
    let (mut connection, _) = open::look(&StoreOptions::new(path)).await?;
    let seq =
        sqlx::query_scalar("SELECT ifnull(max(seq), 0) FROM changes").fetch_one(&mut connection).await?;
    connection.close().await?;
    Ok(seq)
}
