//! Executions: claims, running and over.

use std::cmp::Ordering;

use rusqlite::Connection;
use serde::{Deserialize, Serialize};
use shared_types::execution::ExecutionStatus;

use super::{Entity, Rows, rows};
use crate::store::{
    fault::Fault,
    portable::{
        Line,
        columns::{Count, Millis, RowId, word},
    },
    sql::{Sql, from_row},
    transaction::Tx,
};

/// A claim.
#[derive(Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(in crate::store::portable) struct ExecutionRecord {
    id: RowId,
    task_id: RowId,
    worker: String,
    #[serde(deserialize_with = "word::<ExecutionStatus, _>")]
    status: String,
    lease_ms: Count,
    started_at: Millis,
    heartbeat_at: Millis,
    lease_expires_at: Millis,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    ended_at: Option<Millis>,
}

from_row!(ExecutionRecord {
    id,
    task_id,
    worker,
    status,
    lease_ms,
    started_at,
    heartbeat_at,
    lease_expires_at,
    ended_at
});

rows!(
    ExecutionRecord, "execution", Line::Execution, from "executions" by "id",
    "id, task_id, worker, status, lease_ms, started_at, heartbeat_at, lease_expires_at, ended_at"
);

impl ExecutionRecord {
    fn is_active(&self) -> bool {
        self.status == ExecutionStatus::Active.as_str()
    }
}

impl Entity for ExecutionRecord {
    fn id(&self) -> &RowId {
        &self.id
    }

    /// A claim has no version, but only ever goes on: from heartbeat to heartbeat, then to its end.
    fn age(&self, own: &Self) -> Ordering {
        let key = |claim: &Self| (!claim.is_active(), claim.heartbeat_at.0);
        key(self).cmp(&key(own))
    }

    fn check(&self, _: &Connection) -> Result<(), Fault> {
        Ok(())
    }

    fn unwanted(&self, connection: &Connection) -> Result<Option<&'static str>, Fault> {
        let held: bool = connection.one(
            "SELECT ?2 AND EXISTS (SELECT 1 FROM executions WHERE task_id = ?1 AND status = 'active')",
            (&self.task_id, self.is_active()),
        )?;
        Ok(held.then_some("another claim holds the task here"))
    }

    fn write(&self, tx: &mut Tx<'_>) -> Result<(), Fault> {
        tx.connection.run(
            "INSERT INTO executions (id, task_id, worker, status, lease_ms, started_at, heartbeat_at,
                                     lease_expires_at, ended_at)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)
             ON CONFLICT (id) DO UPDATE SET task_id = excluded.task_id, worker = excluded.worker,
                 status = excluded.status, lease_ms = excluded.lease_ms, started_at = excluded.started_at,
                 heartbeat_at = excluded.heartbeat_at, lease_expires_at = excluded.lease_expires_at,
                 ended_at = excluded.ended_at",
            (
                &self.id,
                &self.task_id,
                &self.worker,
                &self.status,
                &self.lease_ms,
                &self.started_at,
                &self.heartbeat_at,
                &self.lease_expires_at,
                &self.ended_at,
            ),
        )?;
        Ok(())
    }
}
