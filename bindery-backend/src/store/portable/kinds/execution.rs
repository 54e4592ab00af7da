//! Executions: claims, running and over.

use std::cmp::Ordering;

use serde::{Deserialize, Serialize};
use shared_types::execution::ExecutionStatus;
use sqlx::{FromRow, SqliteConnection};

use super::{Entity, Rows, rows};
use crate::store::{
    fault::Fault,
    portable::{
        Line,
        columns::{Count, Millis, RowId, word},
    },
    transaction::Tx,
};

/// A claim.
#[derive(Debug, PartialEq, FromRow, Serialize, Deserialize)]
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

    async fn check(&self, _: &mut SqliteConnection) -> Result<(), Fault> {
        Ok(())
    }

    async fn unwanted(&self, connection: &mut SqliteConnection) -> Result<Option<&'static str>, Fault> {
        let held: bool = sqlx::query_scalar(
            "SELECT ?2 AND EXISTS (SELECT 1 FROM executions WHERE task_id = ?1 AND status = 'active')",
        )
        .bind(&self.task_id)
        .bind(self.is_active())
        .fetch_one(connection)
        .await?;
        Ok(held.then_some("another claim holds the task here"))
    }

    async fn write(&self, tx: &mut Tx<'_>) -> Result<(), Fault> {
        sqlx::query(
            "INSERT INTO executions (id, task_id, worker, status, lease_ms, started_at, heartbeat_at,
                                     lease_expires_at, ended_at)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)
             ON CONFLICT (id) DO UPDATE SET task_id = excluded.task_id, worker = excluded.worker,
                 status = excluded.status, lease_ms = excluded.lease_ms, started_at = excluded.started_at,
                 heartbeat_at = excluded.heartbeat_at, lease_expires_at = excluded.lease_expires_at,
                 ended_at = excluded.ended_at",
        )
        .bind(&self.id)
        .bind(&self.task_id)
        .bind(&self.worker)
        .bind(&self.status)
        .bind(&self.lease_ms)
        .bind(&self.started_at)
        .bind(&self.heartbeat_at)
        .bind(&self.lease_expires_at)
        .bind(&self.ended_at)
        .execute(&mut *tx.connection)
        .await?;
        Ok(())
    }
}
