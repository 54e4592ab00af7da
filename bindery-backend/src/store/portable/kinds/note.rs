//! Notes on tasks.

use std::cmp::Ordering;

use serde::{Deserialize, Serialize};
use shared_types::NoteId;
use sqlx::{FromRow, SqliteConnection};

use super::{Entity, Rows, rows};
use crate::store::{
    fault::Fault,
    portable::{
        Line,
        columns::{Millis, RowId},
    },
    transaction::Tx,
};

/// A note.
#[derive(Debug, PartialEq, FromRow, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(in crate::store::portable) struct NoteRecord {
    id: RowId,
    task_id: RowId,
    text: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    author: Option<String>,
    created_at: Millis,
}

rows!(
    NoteRecord, "note", Line::Note, from "notes" by "id",
    "id, task_id, text, author, created_at"
);

impl Entity for NoteRecord {
    fn id(&self) -> &RowId {
        &self.id
    }

    /// A note never changes.
    fn age(&self, _: &Self) -> Ordering {
        Ordering::Equal
    }

    async fn check(&self, _: &mut SqliteConnection) -> Result<(), Fault> {
        Ok(())
    }

    async fn unwanted(&self, connection: &mut SqliteConnection) -> Result<Option<&'static str>, Fault> {
        let undone: bool = sqlx::query_scalar(
            "SELECT EXISTS (SELECT 1 FROM changes
                            WHERE entity_id = ?1 AND action = 'undone' AND before ->> 'note_id' = ?2)",
        )
        .bind(&self.task_id)
        .bind(NoteId::from_row_id(self.id.0).to_string())
        .fetch_one(connection)
        .await?;
        Ok(undone.then_some("it was taken back here"))
    }

    async fn write(&self, tx: &mut Tx<'_>) -> Result<(), Fault> {
        sqlx::query("INSERT INTO notes (id, task_id, text, author, created_at) VALUES (?1, ?2, ?3, ?4, ?5)")
            .bind(&self.id)
            .bind(&self.task_id)
            .bind(&self.text)
            .bind(self.author.as_deref())
            .bind(&self.created_at)
            .execute(&mut *tx.connection)
            .await?;
        Ok(())
    }
}
