//! Executions: who holds a task, and until when.

mod claim;
mod next;

use shared_types::{
    Error, ErrorCode, ExecutionId, Reference, TaskId, Timestamp,
    execution::{Execution, ExecutionStatus},
};
use sqlx::{FromRow, SqliteConnection};

use super::{fault::Fault, record::word, transaction::Tx};

/// How many claims of a task are shown.
const SHOWN: i64 = 100;

#[derive(FromRow)]
struct ExecutionRow {
    id: i64,
    task_id: i64,
    worker: String,
    status: String,
    started_at: i64,
    heartbeat_at: i64,
    lease_expires_at: i64,
    ended_at: Option<i64>,
}

impl ExecutionRow {
    fn into_execution(self) -> Result<Execution, Fault> {
        Ok(Execution {
            id: ExecutionId::from_row_id(self.id),
            task_id: TaskId::from_row_id(self.task_id),
            worker: self.worker,
            status: word(&self.status)?,
            started_at: Timestamp::from_millis(self.started_at),
            heartbeat_at: Timestamp::from_millis(self.heartbeat_at),
            lease_expires_at: Timestamp::from_millis(self.lease_expires_at),
            ended_at: self.ended_at.map(Timestamp::from_millis),
        })
    }
}

/// `SELECT` of everything that makes an [`Execution`].
macro_rules! select_executions {
    ($rest:literal) => {
        concat!(
            "SELECT id, task_id, worker, status, started_at, heartbeat_at, lease_expires_at, ended_at
             FROM executions ",
            $rest
        )
    };
}

/// The claim on `task` that has not ended, whether its lease runs or not.
pub(super) async fn active(
    connection: &mut SqliteConnection,
    task: TaskId,
) -> Result<Option<Execution>, Fault> {
    let row: Option<ExecutionRow> =
        sqlx::query_as(select_executions!("WHERE task_id = ?1 AND status = 'active'"))
            .bind(task.row_id())
            .fetch_optional(connection)
            .await?;
    row.map(ExecutionRow::into_execution).transpose()
}

/// The claims on `task`, newest first.
pub(super) async fn of_task(
    connection: &mut SqliteConnection,
    task: TaskId,
) -> Result<Vec<Execution>, Fault> {
    let rows: Vec<ExecutionRow> =
        sqlx::query_as(select_executions!("WHERE task_id = ?1 ORDER BY id DESC LIMIT ?2"))
            .bind(task.row_id())
            .bind(SHOWN)
            .fetch_all(connection)
            .await?;
    rows.into_iter().map(ExecutionRow::into_execution).collect()
}

/// The claim meant by `reference`, ended or not.
pub(super) async fn resolve(
    connection: &mut SqliteConnection,
    reference: &Reference,
    field: &str,
) -> Result<Execution, Fault> {
    let id = reference.as_str().parse().map_or(-1, ExecutionId::row_id);
    let row: Option<ExecutionRow> =
        sqlx::query_as(select_executions!("WHERE id = ?1")).bind(id).fetch_optional(connection).await?;
    match row {
        Some(row) => row.into_execution(),
        None => Err(Error::new(ErrorCode::NotFound, format!("there is no execution \"{reference}\""))
            .at(field)
            .suggest("Pass the execution_id that execute_task returned.")
            .into()),
    }
}

/// The error for a claim that is no longer held, or is not of the task it is used for.
pub(super) fn lost(execution: &Execution) -> Error {
    let task = execution.task_id;
    let message = match execution.status {
        ExecutionStatus::Active => format!("execution {} is a claim on task {task}", execution.id),
        ended => format!("execution {} on task {task} is over: {}", execution.id, ended.as_str()),
    };
    Error::new(ErrorCode::LeaseLost, message)
        .with("task_id", task.to_string())
        .with("execution_status", execution.status.as_str())
}

/// Ends the claim on `task`, if there is one.
pub(super) async fn end_active(tx: &mut Tx<'_>, task: TaskId, how: ExecutionStatus) -> Result<(), Fault> {
    sqlx::query("UPDATE executions SET status = ?2, ended_at = ?3 WHERE task_id = ?1 AND status = 'active'")
        .bind(task.row_id())
        .bind(how.as_str())
        .bind(tx.now.as_millis())
        .execute(&mut *tx.connection)
        .await?;
    Ok(())
}

/// Begins a claim on `task`.
async fn begin(tx: &mut Tx<'_>, task: TaskId, worker: &str, lease_ms: i64) -> Result<Execution, Fault> {
    let execution = Execution {
        id: tx.new_execution_id(),
        task_id: task,
        worker: worker.to_owned(),
        status: ExecutionStatus::Active,
        started_at: tx.now,
        heartbeat_at: tx.now,
        lease_expires_at: Timestamp::from_millis(tx.now.as_millis() + lease_ms),
        ended_at: None,
    };
    sqlx::query(
        "INSERT INTO executions (id, task_id, worker, status, lease_ms, started_at, heartbeat_at, lease_expires_at)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?6, ?7)",
    )
    .bind(execution.id.row_id())
    .bind(task.row_id())
    .bind(worker)
    .bind(execution.status.as_str())
    .bind(lease_ms)
    .bind(tx.now.as_millis())
    .bind(execution.lease_expires_at.as_millis())
    .execute(&mut *tx.connection)
    .await?;
    Ok(execution)
}

/// Lets the lease of `execution` run from now: for `lease_ms`, or as long as the claim asked for.
async fn renew(tx: &mut Tx<'_>, execution: &Execution, lease_ms: Option<i64>) -> Result<Execution, Fault> {
    let row: ExecutionRow = sqlx::query_as(
        "UPDATE executions SET heartbeat_at = ?2, lease_ms = ifnull(?3, lease_ms),
                lease_expires_at = ?2 + ifnull(?3, lease_ms)
         WHERE id = ?1
         RETURNING id, task_id, worker, status, started_at, heartbeat_at, lease_expires_at, ended_at",
    )
    .bind(execution.id.row_id())
    .bind(tx.now.as_millis())
    .bind(lease_ms)
    .fetch_one(&mut *tx.connection)
    .await?;
    row.into_execution()
}
