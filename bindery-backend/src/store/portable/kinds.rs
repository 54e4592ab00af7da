//! The kinds of lines: what each says, and how its rows are read and written.

mod change;
mod document;
mod execution;
mod note;
mod project;
mod task;

use std::cmp::Ordering;

use rusqlite::Connection;
use shared_types::{Error, ErrorCode, TaskId};

pub(super) use self::{
    change::ChangeRecord, document::DocumentRecord, execution::ExecutionRecord, note::NoteRecord,
    project::ProjectRecord, task::TaskRecord,
};
use super::{Line, columns::RowId};
use crate::store::{fault::Fault, sql, transaction::Tx};

/// Rows of one kind.
pub(super) trait Rows: sql::FromRow {
    /// What the kind is called.
    const KIND: &'static str;
    /// Counts all of them.
    const COUNT: &'static str;
    /// Reads all of them in the order of their key.
    const ALL: &'static str;
    /// Reads the one whose key is `?1`.
    const ONE: &'static str;

    /// The row as a line.
    fn into_line(self) -> Line;
}

/// Declares the statements of [`Rows`] from one `SELECT` without a condition.
macro_rules! rows {
    ($record:ty, $kind:literal, $line:expr, from $table:literal by $key:literal, $columns:literal) => {
        impl Rows for $record {
            const KIND: &'static str = $kind;
            const COUNT: &'static str = concat!("SELECT count(*) FROM ", $table);
            const ALL: &'static str = concat!("SELECT ", $columns, " FROM ", $table, " ORDER BY ", $key);
            const ONE: &'static str =
                concat!("SELECT ", $columns, " FROM ", $table, " WHERE ", $key, " = ?1");

            fn into_line(self) -> Line {
                ($line)(self)
            }
        }
    };
}
use rows;

/// A row that has an id and can meet another version of itself.
pub(super) trait Entity: Rows + PartialEq {
    fn id(&self) -> &RowId;

    /// Which of two different rows with this id is the later one.
    fn age(&self, own: &Self) -> Ordering;

    /// Refuses what the table would take and the store would not, such as a name that another row has.
    fn check(&self, connection: &Connection) -> Result<(), Fault>;

    /// Why a row that is not in the store should stay out of it, if it should.
    fn unwanted(&self, connection: &Connection) -> Result<Option<&'static str>, Fault>;

    /// Adds the row, or brings the stored one to this state.
    fn write(&self, tx: &mut Tx<'_>) -> Result<(), Fault>;
}

fn not_blank(text: &str, field: &str) -> Result<(), Error> {
    if text.trim().is_empty() {
        return Err(Error::new(ErrorCode::InvalidValue, "must not be blank").at(field));
    }
    Ok(())
}

/// The error for a name that the row `other` has in this store.
fn taken(field: &str, name: &str, other: i64) -> Fault {
    // Ids of all kinds look the same.
    let other = TaskId::from_row_id(other);
    Error::new(ErrorCode::AlreadyExists, format!("\"{name}\" is taken by another one in this store, {other}"))
        .at(field)
        .suggest("Rename one of the two in its store; then export and import again.")
        .into()
}
