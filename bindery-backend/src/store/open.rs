//! Opening: the file is looked at before anything is written to it, then brought up to date.

mod check;

use std::{io, path::PathBuf, sync::Arc, time::Duration};

use sqlx::{
    ConnectOptions, Connection, SqliteConnection,
    migrate::{MigrateError, Migrator},
    sqlite::SqlitePoolOptions,
};
use tokio::sync::broadcast;

use super::{
    Inner, Store, StoreOptions, clock::Clock, fault, ids::IdGenerator, metrics::Metrics, sum, writer,
};
use crate::roles::Roles;

/// Every step from an empty file to the schema this binary knows.
static MIGRATIONS: Migrator = sqlx::migrate!("../migrations/sqlite");

/// Up to this size a file is checked whole at every start; a larger one table by table, and only when it
/// was not closed in order.
const ALWAYS_CHECKED_BYTES: u64 = 64 * 1024 * 1024;

/// How long a replay of a request can be asked for.
const REQUESTS_KEPT: Duration = Duration::from_secs(30 * 24 * 60 * 60);

/// How many changes a slow subscriber may lag behind before it has to read them from the table.
const FEED_CAPACITY: usize = 4096;

/// Why a store cannot be opened. The file is left as it was.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// The file is something else.
    #[error("{} is not an SQLite database; it is left untouched: move it away or choose another path", .0.display())]
    NotADatabase(PathBuf),
    /// The file is a database of another program.
    #[error("{} is an SQLite database, but not one of Bindery; it is left untouched: choose another path", .0.display())]
    Foreign(PathBuf),
    /// The file is a damaged database.
    #[error("{} is damaged ({detail}); it is left untouched: restore it from a backup", path.display())]
    Damaged {
        /// The file.
        path: PathBuf,
        /// What SQLite found.
        detail: String,
    },
    /// The file is not the one that was closed in order.
    #[error(
        "{} is not what it was when it was closed: the disk has damaged it, or another program has changed \
         it; it is left untouched: restore it from a backup or, if it was changed on purpose, delete {}",
        path.display(), sum.display()
    )]
    Changed {
        /// The file.
        path: PathBuf,
        /// The note of what it was.
        sum: PathBuf,
    },
    /// The note about the file that was closed cannot be compared, or taken away.
    #[error("{} cannot be compared with its sum: {source}", path.display())]
    Sum {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// A later version has changed the schema.
    #[error(
        "this database was written by a newer Bindery (schema {found}, this binary knows {known}): \
         update bindery-backend, or choose another database"
    )]
    Newer {
        /// The schema of the file.
        found: i64,
        /// The last schema this binary knows.
        known: i64,
    },
    /// A step to the current schema failed and was rolled back.
    #[error("the database cannot be brought to the current schema: {0}")]
    Migration(#[source] MigrateError),
    /// SQLite cannot open or read the file.
    #[error("{} cannot be opened: {source}", path.display())]
    Database {
        /// The file.
        path: PathBuf,
        /// What SQLite says.
        source: sqlx::Error,
    },
    /// The figures cannot be set up.
    #[error("the metrics cannot be set up: {0}")]
    Metrics(#[from] hdrhistogram::CreationError),
}

impl Store {
    /// Opens the database, creating or migrating it as needed.
    ///
    /// # Errors
    /// An [`OpenError`] that says what is wrong with the file; it has not been touched then.
    pub async fn open(options: StoreOptions, roles: Roles) -> Result<Self, OpenError> {
        Self::open_at(options, roles, Clock::system()).await
    }

    /// As [`Store::open`], with the time told by `clock`.
    ///
    /// # Errors
    /// As [`Store::open`].
    pub async fn open_at(options: StoreOptions, roles: Roles, clock: Clock) -> Result<Self, OpenError> {
        inspect(&options).await?;
        check::forget_sum(&options).await?;
        let mut connection = options.writer().connect().await.map_err(|error| refused(&options, error))?;
        MIGRATIONS.run(&mut connection).await.map_err(OpenError::Migration)?;
        let prepared = prepare(&mut connection, &clock).await.map_err(|error| refused(&options, error))?;
        let pool = SqlitePoolOptions::new()
            .max_connections(options.max_connections)
            .min_connections(options.min_connections)
            .acquire_timeout(options.acquire_timeout)
            .idle_timeout(options.idle_timeout)
            .max_lifetime(options.max_lifetime)
            // A file does not hang up; the ping would only cost.
            .test_before_acquire(false)
            .connect_with(options.reader())
            .await
            .map_err(|error| refused(&options, error))?;
        let metrics = Arc::new(Metrics::new()?);
        let (feed, _) = broadcast::channel(FEED_CAPACITY);
        let roles = Arc::new(roles);
        let writer = writer::Writer::start(writer::Desk {
            connection,
            options: options.writer(),
            ids: IdGenerator::after(prepared.last_id),
            clock: clock.clone(),
            roles: Arc::clone(&roles),
            metrics: Arc::clone(&metrics),
            feed: feed.clone(),
        });
        let database_id = prepared.database_id;
        Ok(Self {
            inner: Arc::new(Inner { options, database_id, roles, clock, pool, writer, metrics, feed }),
        })
    }

    /// The version of the schema, which is that of the last migration.
    pub fn schema_version(&self) -> i64 {
        known_schema()
    }
}

fn known_schema() -> i64 {
    MIGRATIONS.iter().map(|migration| migration.version).max().unwrap_or(0)
}

fn refused(options: &StoreOptions, source: sqlx::Error) -> OpenError {
    let path = options.path.clone();
    if fault::is_not_a_database(&source) {
        OpenError::NotADatabase(path)
    } else {
        OpenError::Database { path, source }
    }
}

/// Looks at a file that is already there, and refuses it when it is not ours to write to.
async fn inspect(options: &StoreOptions) -> Result<(), OpenError> {
    let size = match tokio::fs::metadata(&options.path).await {
        Ok(found) if found.len() > 0 => found.len(),
        // SQLite makes a new database of it, unless it was more than that when it was closed.
        Ok(_) => return check::against_sum(options).await,
        // Absent: the same. Anything else SQLite reports better than we.
        Err(_) => return Ok(()),
    };
    let failed = |error| refused(options, error);
    // The power was lost while the file was made. Taking back what was begun is no damage, and takes
    // writing; nobody could look at the file otherwise.
    let begun = sum::beside(&options.path, "-journal").exists();
    let mut connection = options.inspector().read_only(!begun).connect().await.map_err(failed)?;
    let (ours, tables): (bool, i64) = sqlx::query_as(
        "SELECT ifnull(max(name = '_sqlx_migrations'), 0), count(*) FROM sqlite_schema WHERE type = 'table'",
    )
    .fetch_one(&mut connection)
    .await
    .map_err(failed)?;
    if ours {
        refuse_newer(&mut connection, options).await?;
    } else if tables > 0 {
        return Err(OpenError::Foreign(options.path.clone()));
    }
    connection.close().await.map_err(failed)?;
    if size <= ALWAYS_CHECKED_BYTES {
        check::whole(options).await?;
    } else if was_interrupted(options).await {
        check::by_table(options).await?;
    }
    // Last, for the others say more of what is wrong.
    check::against_sum(options).await
}

async fn refuse_newer(connection: &mut SqliteConnection, options: &StoreOptions) -> Result<(), OpenError> {
    let found: i64 = sqlx::query_scalar("SELECT ifnull(max(version), 0) FROM _sqlx_migrations")
        .fetch_one(connection)
        .await
        .map_err(|error| refused(options, error))?;
    let known = known_schema();
    if found > known { Err(OpenError::Newer { found, known }) } else { Ok(()) }
}

/// An orderly end folds the log into the database and removes it.
async fn was_interrupted(options: &StoreOptions) -> bool {
    tokio::fs::try_exists(sum::beside(&options.path, "-wal")).await.unwrap_or(true)
}

/// What is read from a database before it is used.
struct Prepared {
    database_id: String,
    last_id: i64,
}

async fn prepare(connection: &mut SqliteConnection, clock: &Clock) -> Result<Prepared, sqlx::Error> {
    let fresh_id = format!("{:032x}", fastrand::u128(..));
    sqlx::query("INSERT OR IGNORE INTO meta (name, value) VALUES ('database_id', ?1), ('last_id', '0')")
        .bind(fresh_id)
        .execute(&mut *connection)
        .await?;
    let oldest_kept = clock.now().as_millis() - i64::try_from(REQUESTS_KEPT.as_millis()).unwrap_or(i64::MAX);
    sqlx::query("DELETE FROM requests WHERE at < ?1").bind(oldest_kept).execute(&mut *connection).await?;
    let (database_id, last_id) = sqlx::query_as(
        "SELECT (SELECT value FROM meta WHERE name = 'database_id'), max(
             (SELECT CAST(value AS INTEGER) FROM meta WHERE name = 'last_id'),
             (SELECT ifnull(max(id), 0) FROM tasks), (SELECT ifnull(max(id), 0) FROM projects),
             (SELECT ifnull(max(id), 0) FROM notes), (SELECT ifnull(max(id), 0) FROM documents),
             (SELECT ifnull(max(id), 0) FROM chunks), (SELECT ifnull(max(id), 0) FROM executions))",
    )
    .fetch_one(connection)
    .await?;
    Ok(Prepared { database_id, last_id })
}
