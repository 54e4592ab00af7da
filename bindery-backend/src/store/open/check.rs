//! Looking for damage before anything is written.

use std::{
    io,
    sync::{Mutex, PoisonError},
    thread::available_parallelism,
};

use futures::future::try_join_all;
use sqlx::{ConnectOptions, Connection, SqliteConnection};

use super::{OpenError, StoreOptions, Sums, Verdict, fault, refused, sums};

/// The most connections that check at the same time.
const CHECKERS: usize = 4;

/// Checks everything, down to the free pages and the inside of the full-text indexes.
pub(super) async fn whole(options: &StoreOptions) -> Result<(), OpenError> {
    let mut connection = options.inspector().connect().await.map_err(|error| refused(options, error))?;
    let verdict = sqlx::query_scalar("PRAGMA quick_check(1)").fetch_one(&mut connection).await;
    judge(options, verdict)?;
    close(connection, options).await
}

/// Checks every table and index, several at the same time. The inside of the full-text indexes is
/// left out: it can be made anew from the tables, and looking at it takes twice as long as all the rest.
pub(super) async fn by_table(options: &StoreOptions) -> Result<(), OpenError> {
    let mut connection = options.inspector().connect().await.map_err(|error| refused(options, error))?;
    let tables = sqlx::query_scalar(
        "SELECT name FROM pragma_table_list WHERE schema = 'main' AND type IN ('table', 'shadow')",
    )
    .fetch_all(&mut connection)
    .await
    .map_err(|error| refused(options, error))?;
    close(connection, options).await?;
    let tables = Mutex::new(tables);
    let checkers = available_parallelism().map_or(1, usize::from).min(CHECKERS);
    try_join_all((0..checkers).map(|_| check_next(options, &tables))).await.map(drop)
}

/// Takes one table after the other until none is left.
async fn check_next(options: &StoreOptions, tables: &Mutex<Vec<String>>) -> Result<(), OpenError> {
    let mut connection = options.inspector().connect().await.map_err(|error| refused(options, error))?;
    loop {
        let table = tables.lock().unwrap_or_else(PoisonError::into_inner).pop();
        let Some(table) = table else { return close(connection, options).await };
        let verdict = sqlx::query_scalar("SELECT quick_check FROM pragma_quick_check(?1) LIMIT 1")
            .bind(table)
            .fetch_one(&mut connection)
            .await;
        judge(options, verdict)?;
    }
}

/// Compares the file with the sums of its pages: all of it, or only its length if it was closed in order and
/// has more than `most_bytes`.
pub(in crate::store) async fn compare_with_sums(
    options: &StoreOptions,
    most_bytes: u64,
) -> Result<(Verdict, Sums), OpenError> {
    let path = options.path.clone();
    blocking(options, move || sums::examine(&path, most_bytes)).await
}

/// Notes that from now on the file will change.
pub(in crate::store) async fn begin(options: &StoreOptions, mut sums: Sums) -> Result<Sums, OpenError> {
    let synchronous = options.synchronous;
    blocking(options, move || sums.begin(synchronous).map(|()| sums)).await
}

async fn blocking<T: Send + 'static>(
    options: &StoreOptions,
    work: impl FnOnce() -> io::Result<T> + Send + 'static,
) -> Result<T, OpenError> {
    let done = tokio::task::spawn_blocking(work).await.unwrap_or_else(|error| Err(error.into()));
    done.map_err(|source| OpenError::Sum { path: options.path.clone(), source })
}

fn judge(options: &StoreOptions, verdict: Result<String, sqlx::Error>) -> Result<(), OpenError> {
    let path = options.path.clone();
    match verdict {
        Ok(verdict) if verdict == "ok" => Ok(()),
        Ok(detail) => Err(OpenError::Damaged { path, detail }),
        Err(error) if fault::is_not_a_database(&error) => {
            Err(OpenError::Damaged { path, detail: error.to_string() })
        }
        Err(source) => Err(OpenError::Database { path, source }),
    }
}

async fn close(connection: SqliteConnection, options: &StoreOptions) -> Result<(), OpenError> {
    connection.close().await.map_err(|error| refused(options, error))
}
