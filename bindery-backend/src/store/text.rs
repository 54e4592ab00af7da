//! The full-text index of tasks, which trails their rows. What is still to be indexed is listed in
//! `tasks_unindexed`, by triggers in `migrations/sqlite`.

use sqlx::SqliteConnection;

/// How many tasks are still to be indexed.
pub(super) async fn unindexed(connection: &mut SqliteConnection) -> Result<i64, sqlx::Error> {
    sqlx::query_scalar("SELECT count(*) FROM tasks_unindexed").fetch_one(connection).await
}

/// Indexes the first `most` of what is listed, and returns how many that were. Within the open
/// transaction: a task that is in the index and on the list would be indexed twice.
pub(super) async fn index(connection: &mut SqliteConnection, most: i64) -> Result<i64, sqlx::Error> {
    // In the order of ids, for FTS5 gathers in memory as long as they grow. A task that was deleted
    // meanwhile is only taken off the list.
    sqlx::query(
        "INSERT INTO tasks_text (rowid, title, description, tags, completion_notes)
         SELECT id, title, description, tags, completion_notes FROM tasks
         WHERE id IN (SELECT id FROM tasks_unindexed ORDER BY id LIMIT ?1) AND deleted_at IS NULL
         ORDER BY id",
    )
    .bind(most)
    .execute(&mut *connection)
    .await?;
    let done = sqlx::query(
        "DELETE FROM tasks_unindexed WHERE id IN (SELECT id FROM tasks_unindexed ORDER BY id LIMIT ?1)",
    )
    .bind(most)
    .execute(connection)
    .await?;
    Ok(i64::try_from(done.rows_affected()).unwrap_or(i64::MAX))
}

/// Indexes everything that is listed, within the open transaction.
pub(super) async fn index_all(connection: &mut SqliteConnection) -> Result<(), sqlx::Error> {
    index(connection, i64::MAX).await.map(drop)
}
