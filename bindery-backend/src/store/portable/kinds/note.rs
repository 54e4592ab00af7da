//! Notes on tasks.

use std::cmp::Ordering;

use rusqlite::Connection;
use serde::{Deserialize, Serialize};
use shared_types::NoteId;

use super::{Entity, Rows, rows};
use crate::store::{
    fault::Fault,
    portable::{
        Line,
        columns::{Millis, RowId},
    },
    sql::{Sql, from_row},
    transaction::Tx,
};

/// A note.
#[derive(Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(in crate::store::portable) struct NoteRecord {
    id: RowId,
    task_id: RowId,
    text: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    author: Option<String>,
    created_at: Millis,
}

from_row!(NoteRecord { id, task_id, text, author, created_at });

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

    fn check(&self, _: &Connection) -> Result<(), Fault> {
        Ok(())
    }

    fn unwanted(&self, connection: &Connection) -> Result<Option<&'static str>, Fault> {
        let undone: bool = connection.one(
            "SELECT EXISTS (SELECT 1 FROM history
                            WHERE entity_id = ?1 AND action = 'undone' AND before ->> 'note_id' = ?2)",
            (&self.task_id, NoteId::from_row_id(self.id.0).to_string()),
        )?;
        Ok(undone.then_some("it was taken back here"))
    }

    fn write(&self, tx: &mut Tx<'_>) -> Result<(), Fault> {
        tx.connection.run(
            "INSERT INTO notes (id, task_id, text, author, created_at) VALUES (?1, ?2, ?3, ?4, ?5)",
            (&self.id, &self.task_id, &self.text, self.author.as_deref(), &self.created_at),
        )?;
        Ok(())
    }
}
