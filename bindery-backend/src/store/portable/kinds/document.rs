//! Documents, whole; hash, length and chunks follow from the content and are made anew.

use std::cmp::Ordering;

use rusqlite::Connection;
use serde::{Deserialize, Serialize};
use shared_types::{DocumentId, ProjectId, TaskId, Timestamp, document::Document};

use super::{Entity, Rows, rows, taken};
use crate::store::{
    documents,
    fault::Fault,
    portable::{
        Line,
        columns::{Count, Millis, RowId},
    },
    sql::{Sql, from_row},
    transaction::Tx,
};

/// A document.
#[derive(Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(in crate::store::portable) struct DocumentRecord {
    id: RowId,
    uri: String,
    title: String,
    content: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    project_id: Option<RowId>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    task_id: Option<RowId>,
    created_at: Millis,
    updated_at: Millis,
    version: Count,
}

from_row!(DocumentRecord { id, uri, title, content, project_id, task_id, created_at, updated_at, version });

rows!(
    DocumentRecord, "document", |document| Line::Document(Box::new(document)), from "documents" by "id",
    "id, uri, title, content, project_id, task_id, created_at, updated_at, version"
);

impl Entity for DocumentRecord {
    fn id(&self) -> &RowId {
        &self.id
    }

    fn age(&self, own: &Self) -> Ordering {
        self.version.0.cmp(&own.version.0)
    }

    fn check(&self, connection: &Connection) -> Result<(), Fault> {
        documents::check(&self.uri, &self.content)?;
        let other: Option<i64> = connection
            .first("SELECT id FROM documents WHERE uri = ?1 AND id <> ?2", (&self.uri, &self.id))?;
        other.map_or(Ok(()), |other| Err(taken("document.uri", &self.uri, other)))
    }

    fn unwanted(&self, connection: &Connection) -> Result<Option<&'static str>, Fault> {
        let removed: bool = connection.one(
            "SELECT EXISTS (SELECT 1 FROM history WHERE entity_id = ?1 AND action = 'deleted')",
            (&self.id,),
        )?;
        Ok(removed.then_some("it was removed here"))
    }

    fn write(&self, tx: &mut Tx<'_>) -> Result<(), Fault> {
        let document = Document {
            id: DocumentId::from_row_id(self.id.0),
            uri: self.uri.clone(),
            title: self.title.clone(),
            content_hash: String::new(),
            bytes: 0,
            chunks: 0,
            project_id: self.project_id.as_ref().map(|id| ProjectId::from_row_id(id.0)),
            task_id: self.task_id.as_ref().map(|id| TaskId::from_row_id(id.0)),
            created_at: Timestamp::from_millis(self.created_at.0),
            updated_at: Timestamp::from_millis(self.updated_at.0),
            version: self.version.0,
            content: None,
        };
        documents::adopt(tx, document, &self.content)
    }
}
