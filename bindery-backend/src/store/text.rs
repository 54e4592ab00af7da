//! The full-text index of tasks, which trails their rows. What is still to be indexed is listed in
//! `tasks_unindexed`, by triggers in `migrations/sqlite`.

use rusqlite::Connection;

use super::sql::Sql;

/// How many tasks are still to be indexed.
pub(super) fn unindexed(connection: &Connection) -> rusqlite::Result<i64> {
    connection.one("SELECT count(*) FROM tasks_unindexed", ())
}

/// Indexes the first `most` of what is listed, and returns how many that were. Within the open
/// transaction: a task that is in the index and on the list would be indexed twice.
pub(super) fn index(connection: &Connection, most: i64) -> rusqlite::Result<i64> {
    // In the order of ids, for FTS5 gathers in memory as long as they grow. A task that was deleted
    // meanwhile is only taken off the list.
    connection.run(
        "INSERT INTO tasks_text (rowid, title, description, tags, completion_notes)
         SELECT id, title, description, tags, completion_notes FROM tasks
         WHERE id IN (SELECT id FROM tasks_unindexed ORDER BY id LIMIT ?1) AND deleted_at IS NULL
         ORDER BY id",
        (most,),
    )?;
    let done = connection.run(
        "DELETE FROM tasks_unindexed WHERE id IN (SELECT id FROM tasks_unindexed ORDER BY id LIMIT ?1)",
        (most,),
    )?;
    Ok(i64::try_from(done).unwrap_or(i64::MAX))
}

/// Indexes everything that is listed, within the open transaction.
pub(super) fn index_all(connection: &Connection) -> rusqlite::Result<()> {
    index(connection, i64::MAX).map(drop)
}
