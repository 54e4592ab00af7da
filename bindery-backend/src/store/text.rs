//! The full-text index of tasks, which trails their rows. It has those up to the one that `tasks_indexed`
//! names, and triggers in `migrations/sqlite` keep it as these are.

use rusqlite::Connection;

use super::sql::Sql;

/// How many tasks are still to be indexed.
pub(super) fn unindexed(connection: &Connection) -> rusqlite::Result<i64> {
    connection.one("SELECT count(*) FROM tasks WHERE id > (SELECT up_to FROM tasks_indexed)", ())
}

/// Indexes the next `most` tasks, and returns how many that were. Within the open transaction: a task that is
/// in the index and behind its end would be indexed twice.
pub(super) fn index(connection: &Connection, most: i64) -> rusqlite::Result<i64> {
    let (done, last): (i64, Option<i64>) = connection.one(
        "SELECT count(*), max(id) FROM (
             SELECT id FROM tasks WHERE id > (SELECT up_to FROM tasks_indexed) ORDER BY id LIMIT ?1)",
        (most,),
    )?;
    let Some(last) = last else { return Ok(0) };
    // In the order of ids, for FTS5 gathers in memory as long as they grow. A task that was deleted
    // meanwhile is passed over.
    connection.run(
        "INSERT INTO tasks_text (rowid, title, description, tags, completion_notes)
         SELECT id, title, description, tags, completion_notes FROM tasks
         WHERE id > (SELECT up_to FROM tasks_indexed) AND id <= ?1 AND deleted_at IS NULL ORDER BY id",
        (last,),
    )?;
    connection.run("UPDATE tasks_indexed SET up_to = ?1", (last,))?;
    Ok(done)
}

/// Indexes every task that is not in the index yet, within the open transaction.
pub(super) fn index_all(connection: &Connection) -> rusqlite::Result<()> {
    index(connection, i64::MAX).map(drop)
}
