//! Looking for damage before anything is written.

use std::{
    io,
    sync::{Mutex, PoisonError},
    thread::{self, available_parallelism},
};

use rusqlite::Connection;

use super::{
    OpenError, StoreOptions, Sums, Verdict, fault, refused,
    sql::{self, Sql},
    sums,
};

/// The most connections that check at the same time.
const CHECKERS: usize = 4;

/// Checks everything, down to the free pages and the inside of the full-text indexes.
pub(super) fn whole(options: &StoreOptions) -> Result<(), OpenError> {
    let connection = options.inspector().map_err(|error| refused(options, error))?;
    let verdict = connection.one("PRAGMA quick_check(1)", ());
    judge(options, verdict)?;
    close(connection, options)
}

/// Checks every table and index, several at the same time. The inside of the full-text indexes is
/// left out: it can be made anew from the tables, and looking at it takes twice as long as all the rest.
pub(super) fn by_table(options: &StoreOptions) -> Result<(), OpenError> {
    let connection = options.inspector().map_err(|error| refused(options, error))?;
    let tables = connection
        .all("SELECT name FROM pragma_table_list WHERE schema = 'main' AND type IN ('table', 'shadow')", ())
        .map_err(|error| refused(options, error))?;
    close(connection, options)?;
    let tables = Mutex::new(tables);
    let checkers = available_parallelism().map_or(1, usize::from).min(CHECKERS);
    thread::scope(|scope| {
        let checks: Vec<_> = (0..checkers).map(|_| scope.spawn(|| check_next(options, &tables))).collect();
        let ended =
            checks.into_iter().map(|check| check.join().unwrap_or_else(|_| Err(in_disorder(options))));
        ended.collect::<Vec<_>>().into_iter().collect()
    })
}

fn in_disorder(options: &StoreOptions) -> OpenError {
    sum_error(options, io::Error::other("a check ended in disorder"))
}

/// Takes one table after the other until none is left.
fn check_next(options: &StoreOptions, tables: &Mutex<Vec<String>>) -> Result<(), OpenError> {
    let connection = options.inspector().map_err(|error| refused(options, error))?;
    loop {
        let table = tables.lock().unwrap_or_else(PoisonError::into_inner).pop();
        let Some(table) = table else { return close(connection, options) };
        let verdict = connection.one("SELECT quick_check FROM pragma_quick_check(?1) LIMIT 1", (table,));
        judge(options, verdict)?;
    }
}

/// Compares the file with the sums of its pages: all of it, or only its length if it was closed in order and
/// has more than `most_bytes`.
pub(in crate::store) fn compare_with_sums(
    options: &StoreOptions,
    most_bytes: u64,
) -> Result<(Verdict, Sums), OpenError> {
    sums::examine(&options.path, most_bytes).map_err(|source| sum_error(options, source))
}

/// Notes that from now on the file will change.
pub(in crate::store) fn begin(options: &StoreOptions, mut sums: Sums) -> Result<Sums, OpenError> {
    sums.begin(options.synchronous).map(|()| sums).map_err(|source| sum_error(options, source))
}

fn sum_error(options: &StoreOptions, source: io::Error) -> OpenError {
    OpenError::Sum { path: options.path.clone(), source }
}

fn judge(options: &StoreOptions, verdict: rusqlite::Result<String>) -> Result<(), OpenError> {
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

fn close(connection: Connection, options: &StoreOptions) -> Result<(), OpenError> {
    sql::close(connection).map_err(|error| refused(options, error))
}
