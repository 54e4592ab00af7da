//! Changes: the history. They have a place instead of an id, and are only ever added.

use rusqlite::Connection;
use serde::{Deserialize, Serialize};
use shared_types::{history::Action, search::EntityKind};

use super::{Rows, rows};
use crate::store::{
    fault::Fault,
    portable::{
        Line,
        columns::{Count, Millis, Object, Report, RowId, Texts, word},
    },
    sql::{Sql, from_row},
};

/// A change.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(in crate::store::portable) struct ChangeRecord {
    pub(in crate::store::portable) seq: Count,
    at: Millis,
    #[serde(deserialize_with = "word::<EntityKind, _>")]
    entity: String,
    pub(in crate::store::portable) entity_id: RowId,
    #[serde(deserialize_with = "word::<Action, _>")]
    action: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    actor: Option<String>,
    version: Count,
    before: Object,
    after: Object,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    guard: Option<Report>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    request_id: Option<String>,
    affects: Texts,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(in crate::store::portable) undoes: Option<Count>,
}

from_row!(ChangeRecord {
    seq,
    at,
    entity,
    entity_id,
    action,
    actor,
    version,
    before,
    after,
    guard,
    request_id,
    affects,
    undoes
});

rows!(
    ChangeRecord, "change", |change| Line::Change(Box::new(change)), from "history" by "seq",
    "seq, at, entity, entity_id, action, actor, version, before, after, guard, request_id, affects, undoes"
);

impl ChangeRecord {
    /// The store's own record of this change, wherever it stands in its history.
    pub(in crate::store::portable) fn own(&self, connection: &Connection) -> Result<Option<Self>, Fault> {
        Ok(connection.first(
            "SELECT seq, at, entity, entity_id, action, actor, version, before, after, guard, request_id,
                    affects, undoes
             FROM history
             WHERE entity_id = ?1 AND entity = ?2 AND at = ?3 AND version = ?4 AND action = ?5
             ORDER BY seq LIMIT 1",
            (&self.entity_id, &self.entity, &self.at, &self.version, &self.action),
        )?)
    }

    /// Whether both say the same, wherever they stand.
    pub(in crate::store::portable) fn says_the_same(&self, own: &Self) -> bool {
        let placed = Self { seq: own.seq.clone(), undoes: own.undoes.clone(), ..self.clone() };
        placed == *own
    }

    /// Adds it to the history: at its own place, or at the end.
    pub(in crate::store::portable) fn append(
        &self,
        connection: &Connection,
        at_its_place: bool,
    ) -> Result<i64, Fault> {
        Ok(connection.one(
            "INSERT INTO history (seq, at, entity, entity_id, action, actor, version, before, after, guard,
                                  request_id, affects, undoes)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13) RETURNING seq",
            (
                at_its_place.then_some(&self.seq),
                &self.at,
                &self.entity,
                &self.entity_id,
                &self.action,
                self.actor.as_deref(),
                &self.version,
                &self.before,
                &self.after,
                &self.guard,
                self.request_id.as_deref(),
                &self.affects,
                &self.undoes,
            ),
        )?)
    }
}
