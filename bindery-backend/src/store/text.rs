//! The full-text index of tasks, which trails their rows. It has those up to the one that `tasks_indexed`
//! names, and triggers in `migrations/sqlite` keep it as these are.

use rusqlite::Connection;

use super::sql::Sql;

/// For how many bytes of text a page of the index is merged. A page has about 4 000, and what is in it is
/// merged five or six times until there are a million tasks.
const BYTES_PER_MERGED: i64 = 500;

/// How many pages are merged with each portion of texts.
const LEAST_MERGED: i64 = 16;
const MOST_MERGED: i64 = 1_000;

/// How many tasks are still to be indexed.
pub(super) fn unindexed(connection: &Connection) -> rusqlite::Result<i64> {
    connection.one("SELECT count(*) FROM tasks WHERE id > (SELECT up_to FROM tasks_indexed)", ())
}

/// Indexes the next `most` tasks, and returns how many that were. Within the open transaction: a task that is
/// in the index and behind its end would be indexed twice.
pub(super) fn index(connection: &Connection, most: i64) -> rusqlite::Result<i64> {
    let (done, last, bytes): (i64, Option<i64>, i64) = connection.one(
        "SELECT count(*), max(id), ifnull(sum(bytes), 0) FROM (
             SELECT id, octet_length(title) + ifnull(octet_length(description), 0) AS bytes FROM tasks
             WHERE id > (SELECT up_to FROM tasks_indexed) ORDER BY id LIMIT ?1)",
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
    // FTS5 by itself would merge nothing for a while, and then so much that writers have to wait.
    let pages = (bytes / BYTES_PER_MERGED).clamp(LEAST_MERGED, MOST_MERGED);
    connection.run("INSERT INTO tasks_text (tasks_text, rank) VALUES ('merge', ?1)", (pages,))?;
    Ok(done)
}

/// Indexes every task that is not in the index yet, within the open transaction.
pub(super) fn index_all(connection: &Connection) -> rusqlite::Result<()> {
    index(connection, i64::MAX).map(drop)
}
