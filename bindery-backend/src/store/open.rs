//! Opening: the file is looked at before anything is written to it, then brought up to date.

pub(super) mod check;

use std::{
    fs, io,
    path::PathBuf,
    sync::{Arc, atomic::AtomicI64},
    time::Duration,
};

use rusqlite::{Connection, ErrorCode as ErrorKind};
use tokio::sync::broadcast;

use super::{
    Inner, Store, StoreOptions,
    beside::beside,
    clock::Clock,
    fault,
    ids::IdGenerator,
    metrics::Metrics,
    readers::Readers,
    rows::Rows,
    sql::{self, Sql},
    sums,
    sums::{Sums, Verdict},
    text, upkeep, writer,
};
use crate::roles::Roles;

/// Every step from an empty file to the schema this binary knows; that of a file is how many were taken.
const MIGRATIONS: [&str; 6] = [
    include_str!("../../../migrations/sqlite/0001_entities.sql"),
    include_str!("../../../migrations/sqlite/0002_derived.sql"),
    include_str!("../../../migrations/sqlite/0003_search.sql"),
    include_str!("../../../migrations/sqlite/0004_text_trails.sql"),
    include_str!("../../../migrations/sqlite/0005_fewer_pages.sql"),
    include_str!("../../../migrations/sqlite/0006_merging.sql"),
];

/// What stands in the head of a file to say that it is Bindery's: "Bndy".
const APPLICATION: i64 = 0x426e_6479;

/// Up to this size a file is checked whole when its sums do not show that it is as it was left; a larger
/// one table by table, and only when it was not closed in order.
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
    #[error("{} is damaged ({detail}); it is left untouched: {}", path.display(), upkeep::advice(path))]
    Damaged {
        /// The file.
        path: PathBuf,
        /// What SQLite found.
        detail: String,
    },
    /// The file is not what was last written to it.
    #[error(
        "{} is not what was last written to it ({detail}): the disk has damaged it, or another program has \
         changed it; it is left untouched: {} or, if it was changed on purpose, delete {}",
        path.display(), upkeep::advice(path), sums.display()
    )]
    Changed {
        /// The file.
        path: PathBuf,
        /// Where it differs.
        detail: String,
        /// The file with the sums of its pages.
        sums: PathBuf,
    },
    /// The file cannot be compared with its sums, or they cannot be noted.
    #[error("{} cannot be compared with its sums: {source}", path.display())]
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
    /// An earlier version has written it, and nobody has brought it up to date.
    #[error(
        "this database has schema {found}, and this binary works with {known}: start bindery-backend \
         once, which brings it up to date"
    )]
    Older {
        /// The schema of the file.
        found: i64,
        /// The schema this binary works with.
        known: i64,
    },
    /// A step to the current schema failed and was rolled back.
    #[error("the database cannot be brought to the current schema: {0}")]
    Migration(#[source] rusqlite::Error),
    /// SQLite cannot open or read the file.
    #[error("{} cannot be opened: {source}", path.display())]
    Database {
        /// The file.
        path: PathBuf,
        /// What SQLite says.
        source: rusqlite::Error,
    },
    /// The system gives us no thread to write on.
    #[error("no thread can be started: {0}")]
    Thread(#[source] io::Error),
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
        let Opened { connection, prepared, sums } = writing_aside(&options, &clock).await?;
        let metrics = Arc::new(Metrics::new()?);
        let (feed, _) = broadcast::channel(FEED_CAPACITY);
        let roles = Arc::new(roles);
        let rows = Arc::new(Rows::new(options.row_cache));
        let position = Arc::new(AtomicI64::new(prepared.last_seq));
        let checkpoints = writer::Checkpoints::new(sums, &options, Arc::clone(&metrics));
        let desk = writer::Desk {
            connection,
            options: options.clone(),
            ids: IdGenerator::after(prepared.last_id),
            clock: clock.clone(),
            roles: Arc::clone(&roles),
            metrics: Arc::clone(&metrics),
            rows: Arc::clone(&rows),
            feed: feed.clone(),
            position: Arc::clone(&position),
            trail: writer::Trail::new(Arc::new(writer::Backlog::of(prepared.unindexed))),
        };
        let writer = writer::Writer::start(desk, checkpoints).map_err(OpenError::Thread)?;
        let database_id = prepared.database_id;
        let readers = Readers::new(&options);
        let inner =
            Inner { options, database_id, roles, clock, readers, writer, metrics, rows, feed, position };
        Ok(Self { inner: Arc::new(inner) })
    }

    /// The version of the schema, which is that of the last migration.
    pub fn schema_version(&self) -> i64 {
        known_schema()
    }
}

/// A database that can be written to. It is to be closed by [`sums::close`].
pub(super) struct Opened {
    pub(super) connection: Connection,
    pub(super) prepared: Prepared,
    pub(super) sums: Sums,
}

/// Opens the connection that writes, on a database of the current schema.
pub(super) fn writing(options: &StoreOptions, clock: &Clock) -> Result<Opened, OpenError> {
    let sums = inspect(options)?;
    let sums = check::begin(options, sums)?;
    let connection = options.writer().map_err(|error| refused(options, error))?;
    match bring_up_to_date(options, clock, &connection) {
        Ok(prepared) => Ok(Opened { connection, prepared, sums }),
        Err(error) => {
            sums::close(connection, sums);
            Err(error)
        }
    }
}

/// As [`writing`], where it keeps nobody waiting: a large file may have to be checked.
async fn writing_aside(options: &StoreOptions, clock: &Clock) -> Result<Opened, OpenError> {
    let (options, clock) = (options.clone(), clock.clone());
    let opening = tokio::task::spawn_blocking(move || writing(&options, &clock));
    opening.await.unwrap_or_else(|error| Err(OpenError::Thread(error.into())))
}

fn bring_up_to_date(
    options: &StoreOptions,
    clock: &Clock,
    connection: &Connection,
) -> Result<Prepared, OpenError> {
    let failed = |error| refused(options, error);
    // All steps or none, and one commit that waits for the disk.
    let transaction = sql::immediate(connection).map_err(failed)?;
    migrate(&transaction).map_err(OpenError::Migration)?;
    let prepared = prepare(&transaction, clock).map_err(failed)?;
    transaction.commit().map_err(failed)?;
    Ok(prepared)
}

/// Takes the steps that the file lacks.
fn migrate(connection: &Connection) -> rusqlite::Result<()> {
    let taken = usize::try_from(schema(connection)?.unwrap_or(0)).unwrap_or(MIGRATIONS.len());
    if taken >= MIGRATIONS.len() && is_marked(connection)? {
        return Ok(());
    }
    for step in MIGRATIONS.iter().skip(taken) {
        connection.execute_batch(step)?;
    }
    connection.run("DROP TABLE IF EXISTS _sqlx_migrations", ())?;
    connection.pragma_update(None, "application_id", APPLICATION)?;
    connection.pragma_update(None, "user_version", known_schema())
}

/// Whether the head of the file says that it is Bindery's.
fn is_marked(connection: &Connection) -> rusqlite::Result<bool> {
    connection.one::<i64>("PRAGMA application_id", ()).map(|found| found == APPLICATION)
}

/// The schema of a file of ours; `None` if it is none. Before files were marked, a table listed the steps.
fn schema(connection: &Connection) -> rusqlite::Result<Option<i64>> {
    if is_marked(connection)? {
        return connection.first("PRAGMA user_version", ());
    }
    let listed = "SELECT 1 FROM sqlite_schema WHERE type = 'table' AND name = '_sqlx_migrations'";
    match connection.first::<i64>(listed, ())? {
        Some(_) => connection.first("SELECT max(version) FROM _sqlx_migrations", ()),
        None => Ok(None),
    }
}

/// Opens a connection that only reads, on a database of the current schema that somebody else may
/// be serving.
pub(super) fn reading(options: &StoreOptions) -> Result<Connection, OpenError> {
    let known = known_schema();
    match look(options)? {
        (connection, Some(found)) if found == known => Ok(connection),
        (_, Some(found)) => Err(OpenError::Older { found, known }),
        (_, None) => Err(OpenError::Foreign(options.path.clone())),
    }
}

/// Opens a connection that only reads, on a database of ours that is not newer than this binary, and
/// says what schema it has; `None` when it is empty.
pub(super) fn look(options: &StoreOptions) -> Result<(Connection, Option<i64>), OpenError> {
    let failed = |error| refused(options, error);
    // The power was lost while the file was made. Taking back what was begun is no damage, and takes
    // writing; nobody could look at the file otherwise.
    let begun = beside(&options.path, "-journal").exists();
    let connection = if begun { options.recovering_inspector() } else { options.inspector() };
    let connection = connection.map_err(failed)?;
    let Some(found) = schema(&connection).map_err(failed)? else {
        let tables: i64 = connection.one("SELECT count(*) FROM sqlite_schema", ()).map_err(failed)?;
        let is_empty = tables == 0;
        return if is_empty { Ok((connection, None)) } else { Err(OpenError::Foreign(options.path.clone())) };
    };
    let known = known_schema();
    if found > known { Err(OpenError::Newer { found, known }) } else { Ok((connection, Some(found))) }
}

/// The last schema that this binary knows.
pub(super) fn known_schema() -> i64 {
    MIGRATIONS.len() as i64
}

fn refused(options: &StoreOptions, source: rusqlite::Error) -> OpenError {
    let path = options.path.clone();
    match source.sqlite_error_code() {
        Some(ErrorKind::NotADatabase) => OpenError::NotADatabase(path),
        Some(ErrorKind::DatabaseCorrupt) => OpenError::Damaged { path, detail: source.to_string() },
        _ => OpenError::Database { path, source },
    }
}

/// Looks at a file that is already there, and refuses it when it is not ours to write to.
fn inspect(options: &StoreOptions) -> Result<Sums, OpenError> {
    // Absent: SQLite makes a database of it. Anything else it reports better than we.
    let Ok(found) = fs::metadata(&options.path) else { return Ok(Sums::unknown(&options.path)) };
    let (verdict, sums) = check::compare_with_sums(options, sums::MOST_BYTES_AT_ONCE)?;
    if found.len() > 0 {
        let (connection, _) = look(options)?;
        sql::close(connection).map_err(|error| refused(options, error))?;
        refuse_damaged(options, found.len(), &verdict)?;
    }
    match verdict {
        Verdict::Different(detail) => {
            let path = options.path.clone();
            Err(OpenError::Changed { sums: sums::path(&path), path, detail })
        }
        Verdict::Same | Verdict::Unread | Verdict::Unknown | Verdict::Strange => Ok(sums),
    }
}

/// Also where a sum is different, for the damage says more.
fn refuse_damaged(options: &StoreOptions, size: u64, verdict: &Verdict) -> Result<(), OpenError> {
    if matches!(verdict, Verdict::Same | Verdict::Unread) {
        return Ok(());
    }
    if size <= ALWAYS_CHECKED_BYTES {
        return check::whole(options);
    }
    if *verdict == Verdict::Strange || was_interrupted(options) {
        return check::by_table(options);
    }
    Ok(())
}

/// An orderly end folds the log into the database and removes it. Who only read the database may
/// have left an empty one.
pub(super) fn was_interrupted(options: &StoreOptions) -> bool {
    match fs::metadata(beside(&options.path, "-wal")) {
        Ok(log) => log.len() > 0,
        Err(error) => error.kind() != io::ErrorKind::NotFound,
    }
}

/// What is read from a database before it is used.
pub(super) struct Prepared {
    pub(super) database_id: String,
    pub(super) last_id: i64,
    last_seq: i64,
    unindexed: i64,
}

fn prepare(connection: &Connection, clock: &Clock) -> rusqlite::Result<Prepared> {
    let fresh_id = format!("{:032x}", fastrand::u128(..));
    connection.run(
        "INSERT OR IGNORE INTO meta (name, value) VALUES ('database_id', ?1), ('last_id', '0')",
        (fresh_id,),
    )?;
    let oldest_kept = clock.now().as_millis() - i64::try_from(REQUESTS_KEPT.as_millis()).unwrap_or(i64::MAX);
    // In the order in which they came, so that none is read that is kept but the first.
    connection.run(
        "DELETE FROM requests WHERE rowid < ifnull(
             (SELECT rowid FROM requests WHERE at >= ?1 ORDER BY rowid LIMIT 1),
             (SELECT max(rowid) + 1 FROM requests))",
        (oldest_kept,),
    )?;
    let (database_id, last_id, last_seq) = connection.one(
        "SELECT (SELECT value FROM meta WHERE name = 'database_id'), max(
             (SELECT CAST(value AS INTEGER) FROM meta WHERE name = 'last_id'),
             (SELECT ifnull(max(id), 0) FROM tasks), (SELECT ifnull(max(id), 0) FROM projects),
             (SELECT ifnull(max(id), 0) FROM notes), (SELECT ifnull(max(id), 0) FROM documents),
             (SELECT ifnull(max(id), 0) FROM chunks), (SELECT ifnull(max(id), 0) FROM executions)),
             (SELECT ifnull(max(seq), 0) FROM history)",
        (),
    )?;
    let unindexed = text::unindexed(connection)?;
    Ok(Prepared { database_id, last_id, last_seq, unindexed })
}
