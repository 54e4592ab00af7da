//! Statements of the store: each is prepared once for a connection, and its rows are read into values.

use std::ops::RangeFrom;

use rusqlite::{
    Connection, OptionalExtension, Params, Row, Transaction, TransactionBehavior, params_from_iter,
    types::{FromSql, Value},
};

/// Runs statements that are known when this is compiled, and so are kept prepared.
///
/// # Errors
/// All of these fail when SQLite does, and when a row is not what is expected.
pub(super) trait Sql {
    /// Runs a statement to its end, and returns how many rows it has changed.
    fn run(&self, statement: &str, parameters: impl Params) -> rusqlite::Result<usize>;

    /// All rows.
    fn all<T: FromRow>(&self, statement: &str, parameters: impl Params) -> rusqlite::Result<Vec<T>>;

    /// Shows each row to `take`, in their order, until that fails or has seen enough and returns false.
    fn each<E: From<rusqlite::Error>>(
        &self,
        statement: &str,
        parameters: impl Params,
        take: impl FnMut(&Row<'_>) -> Result<bool, E>,
    ) -> Result<(), E>;

    /// The first row; to have none is an error.
    fn one<T: FromRow>(&self, statement: &str, parameters: impl Params) -> rusqlite::Result<T>;

    /// The first row, if there is one.
    fn first<T: FromRow>(&self, statement: &str, parameters: impl Params) -> rusqlite::Result<Option<T>>;
}

impl Sql for Connection {
    fn run(&self, statement: &str, parameters: impl Params) -> rusqlite::Result<usize> {
        let mut prepared = self.prepare_cached(statement)?;
        // Statements that change nothing may well return rows, such as PRAGMA.
        if prepared.column_count() == 0 {
            return prepared.execute(parameters);
        }
        let mut rows = prepared.query(parameters)?;
        while rows.next()?.is_some() {}
        Ok(0)
    }

    fn all<T: FromRow>(&self, statement: &str, parameters: impl Params) -> rusqlite::Result<Vec<T>> {
        self.prepare_cached(statement)?.query_map(parameters, T::from_row)?.collect()
    }

    fn each<E: From<rusqlite::Error>>(
        &self,
        statement: &str,
        parameters: impl Params,
        mut take: impl FnMut(&Row<'_>) -> Result<bool, E>,
    ) -> Result<(), E> {
        let mut prepared = self.prepare_cached(statement)?;
        let mut rows = prepared.query(parameters)?;
        while let Some(row) = rows.next()? {
            if !take(row)? {
                break;
            }
        }
        Ok(())
    }

    fn one<T: FromRow>(&self, statement: &str, parameters: impl Params) -> rusqlite::Result<T> {
        self.prepare_cached(statement)?.query_row(parameters, T::from_row)
    }

    fn first<T: FromRow>(&self, statement: &str, parameters: impl Params) -> rusqlite::Result<Option<T>> {
        self.one(statement, parameters).optional()
    }
}

/// A statement of several pieces. All of them are written in the code; what a caller gave is bound.
pub(super) struct Statement {
    text: String,
    values: Vec<Value>,
}

impl Statement {
    pub(super) fn new(beginning: &'static str) -> Self {
        Self { text: beginning.to_owned(), values: Vec::new() }
    }

    pub(super) fn push(&mut self, piece: &'static str) -> &mut Self {
        self.text.push_str(piece);
        self
    }

    /// Puts `value` in this place.
    pub(super) fn bind(&mut self, value: impl Into<Value>) -> &mut Self {
        self.text.push('?');
        self.values.push(value.into());
        self
    }

    /// As [`Sql::each`].
    ///
    /// # Errors
    /// As those of [`Sql`], and those of `take`.
    pub(super) fn each<E: From<rusqlite::Error>>(
        &self,
        connection: &Connection,
        take: impl FnMut(&Row<'_>) -> Result<bool, E>,
    ) -> Result<(), E> {
        connection.each(&self.text, params_from_iter(&self.values), take)
    }

    /// The first row; to have none is an error.
    ///
    /// # Errors
    /// As those of [`Sql`].
    pub(super) fn one<T: FromRow>(&self, connection: &Connection) -> rusqlite::Result<T> {
        connection.one(&self.text, params_from_iter(&self.values))
    }

    /// The first row, if there is one.
    ///
    /// # Errors
    /// As those of [`Sql`].
    pub(super) fn first<T: FromRow>(&self, connection: &Connection) -> rusqlite::Result<Option<T>> {
        connection.first(&self.text, params_from_iter(&self.values))
    }
}

/// Begins a transaction that may write from its start; one that begins by reading could fail to later. It
/// is taken back when it is dropped.
///
/// # Errors
/// When another process writes.
pub(super) fn immediate(connection: &Connection) -> rusqlite::Result<Transaction<'_>> {
    Transaction::new_unchecked(connection, TransactionBehavior::Immediate)
}

/// Closes a connection, and says what is wrong if that cannot be done.
///
/// # Errors
/// When SQLite has not closed it.
pub(super) fn close(connection: Connection) -> rusqlite::Result<()> {
    connection.close().map_err(|(_, error)| error)
}

/// A value that a row is read into.
pub(super) trait FromRow: Sized {
    /// # Errors
    /// When a column is missing, or of another type.
    fn from_row(row: &Row<'_>) -> rusqlite::Result<Self>;
}

/// The next column of a row, which has this name.
pub(super) fn column<T: FromSql>(
    row: &Row<'_>,
    places: &mut RangeFrom<usize>,
    name: &str,
) -> rusqlite::Result<T> {
    let place = places.next().unwrap_or_default();
    debug_assert_eq!(row.as_ref().column_name(place), Ok(name));
    row.get(place)
}

/// Declares that the fields of a struct are read from the columns of their names, which stand in their order.
macro_rules! from_row {
    ($record:ident { $($field:ident),+ $(,)? }) => {
        impl $crate::store::sql::FromRow for $record {
            fn from_row(row: &rusqlite::Row<'_>) -> rusqlite::Result<Self> {
                // By their place, for a search by name takes as long as all the rest.
                let mut places = 0..;
                Ok(Self { $($field: $crate::store::sql::column(row, &mut places, stringify!($field))?),+ })
            }
        }
    };
}
pub(super) use from_row;

/// A row of one column.
macro_rules! single {
    ($($value:ty),+) => {$(
        impl FromRow for $value {
            fn from_row(row: &Row<'_>) -> rusqlite::Result<Self> {
                row.get(0)
            }
        }

        impl FromRow for Option<$value> {
            fn from_row(row: &Row<'_>) -> rusqlite::Result<Self> {
                row.get(0)
            }
        }
    )+};
}

single!(bool, i64, String, Value);

/// A row of several columns, in their order.
macro_rules! several {
    ($($value:ident $column:literal),+) => {
        impl<$($value: FromSql),+> FromRow for ($($value,)+) {
            fn from_row(row: &Row<'_>) -> rusqlite::Result<Self> {
                Ok(($(row.get::<_, $value>($column)?,)+))
            }
        }
    };
}

several!(A 0, B 1);
several!(A 0, B 1, C 2);
several!(A 0, B 1, C 2, D 3);
several!(A 0, B 1, C 2, D 3, E 4);
