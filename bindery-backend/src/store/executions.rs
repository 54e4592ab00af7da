//! Executions: who holds a task, and until when.

mod claim;
mod next;

use rusqlite::Connection;
use shared_types::{
    Error, ErrorCode, ExecutionId, Reference, TaskId, Timestamp,
    execution::{Execution, ExecutionStatus},
};

use super::{
    fault::Fault,
    record::word,
    sql::{Sql, from_row},
    transaction::Tx,
};

/// How many claims of a task are shown.
const SHOWN: i64 = 100;

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

from_row!(ExecutionRow { id, task_id, worker, status, started_at, heartbeat_at, lease_expires_at, ended_at });

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
pub(super) fn active(connection: &Connection, task: TaskId) -> Result<Option<Execution>, Fault> {
    let row: Option<ExecutionRow> =
        connection.first(select_executions!("WHERE task_id = ?1 AND status = 'active'"), (task.row_id(),))?;
    row.map(ExecutionRow::into_execution).transpose()
}

/// The claims on `task`, newest first.
pub(super) fn of_task(connection: &Connection, task: TaskId) -> Result<Vec<Execution>, Fault> {
    let rows: Vec<ExecutionRow> = connection
        .all(select_executions!("WHERE task_id = ?1 ORDER BY id DESC LIMIT ?2"), (task.row_id(), SHOWN))?;
    rows.into_iter().map(ExecutionRow::into_execution).collect()
}

/// The claim meant by `reference`, ended or not.
pub(super) fn resolve(
    connection: &Connection,
    reference: &Reference,
    field: &str,
) -> Result<Execution, Fault> {
    let id = reference.as_str().parse().map_or(-1, ExecutionId::row_id);
    let row: Option<ExecutionRow> = connection.first(select_executions!("WHERE id = ?1"), (id,))?;
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
pub(super) fn end_active(tx: &mut Tx<'_>, task: TaskId, how: ExecutionStatus) -> Result<(), Fault> {
    tx.connection.run(
        "UPDATE executions SET status = ?2, ended_at = ?3 WHERE task_id = ?1 AND status = 'active'",
        (task.row_id(), how.as_str(), tx.now.as_millis()),
    )?;
    Ok(())
}

/// Begins a claim on `task`.
fn begin(tx: &mut Tx<'_>, task: TaskId, worker: &str, lease_ms: i64) -> Result<Execution, Fault> {
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
    tx.connection.run(
        "INSERT INTO executions (id, task_id, worker, status, lease_ms, started_at, heartbeat_at,
                                 lease_expires_at)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?6, ?7)",
        (
            execution.id.row_id(),
            task.row_id(),
            worker,
            execution.status.as_str(),
            lease_ms,
            tx.now.as_millis(),
            execution.lease_expires_at.as_millis(),
        ),
    )?;
    Ok(execution)
}

/// Lets the lease of `execution` run from now: for `lease_ms`, or as long as the claim asked for.
fn renew(tx: &mut Tx<'_>, execution: &Execution, lease_ms: Option<i64>) -> Result<Execution, Fault> {
    let row: ExecutionRow = tx.connection.one(
        "UPDATE executions SET heartbeat_at = ?2, lease_ms = ifnull(?3, lease_ms),
                lease_expires_at = ?2 + ifnull(?3, lease_ms)
         WHERE id = ?1
         RETURNING id, task_id, worker, status, started_at, heartbeat_at, lease_expires_at, ended_at",
        (execution.id.row_id(), tx.now.as_millis(), lease_ms),
    )?;
    row.into_execution()
}
