//! The feed of committed changes: the audit history, read in order.

use serde::{Deserialize, Serialize};
use shared_types::{
    DocumentId, Error, ErrorCode, NoteId, ProjectId, TaskId, Timestamp, history::Action, search::EntityKind,
};

use super::{
    Store,
    fault::Fault,
    record,
    sql::{Sql, from_row},
};

/// One committed change, as subscribers hear of it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ChangeEvent {
    /// Its place in the history of the store; grows with every change.
    pub seq: i64,
    /// When it was made.
    pub at: Timestamp,
    /// What kind of thing changed.
    pub entity: EntityKind,
    /// Its id, as it is shown.
    pub entity_id: String,
    /// What happened to it.
    pub action: Action,
    /// Its version since.
    pub version: i64,
    /// Who did it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub actor: Option<String>,
    /// Other things that look different because of it: tasks that waited for this one, its parent,
    /// its project. A cache drops these too.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub affects: Vec<String>,
}

/// The id of an entity as it is shown.
pub(super) fn shown_id(entity: EntityKind, row_id: i64) -> String {
    match entity {
        EntityKind::Task => TaskId::from_row_id(row_id).to_string(),
        EntityKind::Project => ProjectId::from_row_id(row_id).to_string(),
        EntityKind::Note => NoteId::from_row_id(row_id).to_string(),
        EntityKind::Document => DocumentId::from_row_id(row_id).to_string(),
    }
}

struct EventRow {
    seq: i64,
    at: i64,
    entity: String,
    entity_id: i64,
    action: String,
    version: i64,
    actor: Option<String>,
    affects: String,
}

from_row!(EventRow { seq, at, entity, entity_id, action, version, actor, affects });

impl EventRow {
    fn into_event(self) -> Result<ChangeEvent, Fault> {
        let entity = record::word::<EntityKind>(&self.entity)?;
        Ok(ChangeEvent {
            seq: self.seq,
            at: Timestamp::from_millis(self.at),
            entity,
            entity_id: shown_id(entity, self.entity_id),
            action: record::word(&self.action)?,
            version: self.version,
            actor: self.actor,
            affects: serde_json::from_str(&self.affects)?,
        })
    }
}

impl Store {
    /// The changes after `seq`, oldest first, at most `limit`.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub async fn changes_after(&self, seq: i64, limit: i64) -> Result<Vec<ChangeEvent>, Error> {
        if limit < 1 {
            return Err(Error::new(ErrorCode::InvalidValue, "limit must be at least 1").at("limit"));
        }
        self.read("feed.after", move |connection| {
            let rows: Vec<EventRow> = connection.all(
                "SELECT seq, at, entity, entity_id, action, version, actor, affects
                     FROM history WHERE seq > ?1 ORDER BY seq LIMIT ?2",
                (seq, limit),
            )?;
            rows.into_iter().map(EventRow::into_event).collect()
        })
        .await
    }

    /// The number of the last change; 0 when there is none.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub async fn last_seq(&self) -> Result<i64, Error> {
        self.read(
            "feed.last",
            |connection| Ok(connection.one("SELECT ifnull(max(seq), 0) FROM history", ())?),
        )
        .await
    }
}
