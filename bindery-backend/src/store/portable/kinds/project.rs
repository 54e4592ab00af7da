//! Projects.

use std::cmp::Ordering;

use rusqlite::Connection;
use serde::{Deserialize, Serialize};
use shared_types::project::ProjectStatus;

use super::{Entity, Rows, not_blank, rows, taken};
use crate::store::{
    fault::Fault,
    portable::{
        Line,
        columns::{Count, Millis, RowId, word},
    },
    resolve::name_key,
    sql::{Sql, from_row},
    transaction::Tx,
};

/// A project.
#[derive(Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(in crate::store::portable) struct ProjectRecord {
    id: RowId,
    name: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    description: Option<String>,
    #[serde(deserialize_with = "word::<ProjectStatus, _>")]
    status: String,
    created_at: Millis,
    updated_at: Millis,
    version: Count,
}

from_row!(ProjectRecord { id, name, description, status, created_at, updated_at, version });

rows!(
    ProjectRecord, "project", Line::Project, from "projects" by "id",
    "id, name, description, status, created_at, updated_at, version"
);

impl Entity for ProjectRecord {
    fn id(&self) -> &RowId {
        &self.id
    }

    fn age(&self, own: &Self) -> Ordering {
        self.version.0.cmp(&own.version.0)
    }

    fn check(&self, connection: &Connection) -> Result<(), Fault> {
        not_blank(&self.name, "project.name")?;
        let other: Option<i64> = connection.first(
            "SELECT id FROM projects WHERE name_key = ?1 AND id <> ?2",
            (name_key(&self.name), &self.id),
        )?;
        other.map_or(Ok(()), |other| Err(taken("project.name", &self.name, other)))
    }

    fn unwanted(&self, _: &Connection) -> Result<Option<&'static str>, Fault> {
        Ok(None)
    }

    fn write(&self, tx: &mut Tx<'_>) -> Result<(), Fault> {
        tx.connection.run(
            "INSERT INTO projects (id, name, name_key, description, status, created_at, updated_at, version)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)
             ON CONFLICT (id) DO UPDATE SET name = excluded.name, name_key = excluded.name_key,
                 description = excluded.description, status = excluded.status,
                 created_at = excluded.created_at, updated_at = excluded.updated_at,
                 version = excluded.version",
            (
                &self.id,
                &self.name,
                name_key(&self.name),
                self.description.as_deref(),
                &self.status,
                &self.created_at,
                &self.updated_at,
                &self.version,
            ),
        )?;
        Ok(())
    }
}
