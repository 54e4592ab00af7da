//! The append-only history: every write puts down what it changed, before and after.

use serde::Serialize;
use serde_json::Value;
use shared_types::{
    JsonObject, TaskId, Timestamp,
    history::{Action, Change},
    search::EntityKind,
};
use sqlx::{FromRow, SqliteConnection};

use super::{
    fault::Fault,
    feed::{ChangeEvent, shown_id},
    record,
    transaction::Tx,
};

/// How many changes a task shows.
const SHOWN: i64 = 100;

/// What is put down about one change.
#[derive(Debug)]
pub(super) struct Entry {
    pub(super) entity: EntityKind,
    pub(super) row_id: i64,
    pub(super) action: Action,
    pub(super) version: i64,
    pub(super) difference: Difference,
    /// Shown ids of what else looks different now.
    pub(super) affects: Vec<String>,
    /// The change that this one takes back.
    pub(super) undoes: Option<i64>,
}

/// The fields that changed, with their values before and after; `null` where there was none.
#[derive(Debug, Default)]
pub(super) struct Difference {
    pub(super) before: JsonObject,
    pub(super) after: JsonObject,
}

impl Difference {
    /// Compares two states of an entity as they are sent. `derived` fields follow from others and
    /// are left out: an undo must not write them.
    pub(super) fn between<T: Serialize>(before: &T, after: &T, derived: &[&str]) -> Result<Self, Fault> {
        let (before, after) = (object(before)?, object(after)?);
        let mut difference = Self::default();
        for name in before.keys().chain(after.keys().filter(|name| !before.contains_key(*name))) {
            let (old, new) = (before.get(name), after.get(name));
            if old != new && !derived.contains(&name.as_str()) {
                difference.before.insert(name.clone(), old.cloned().unwrap_or(Value::Null));
                difference.after.insert(name.clone(), new.cloned().unwrap_or(Value::Null));
            }
        }
        Ok(difference)
    }

    /// Everything is new.
    pub(super) fn creation<T: Serialize>(after: &T) -> Result<Self, Fault> {
        Ok(Self { before: JsonObject::new(), after: object(after)? })
    }

    pub(super) fn is_empty(&self) -> bool {
        self.before.is_empty() && self.after.is_empty()
    }
}

/// The entity as a JSON object.
pub(super) fn object<T: Serialize>(entity: &T) -> Result<JsonObject, Fault> {
    match serde_json::to_value(entity)? {
        Value::Object(object) => Ok(object),
        _ => Ok(JsonObject::new()),
    }
}

impl Tx<'_> {
    /// Appends `entry` to the history, and to what subscribers will hear.
    pub(super) async fn record(&mut self, entry: Entry) -> Result<(), Fault> {
        self.record_at("", entry).await
    }

    /// As [`Tx::record`], for an entity that stands at `path` of the input.
    pub(super) async fn record_at(&mut self, path: &str, entry: Entry) -> Result<(), Fault> {
        let guard = self.caller.guard.as_ref().and_then(|report| report.about(path));
        let guard = guard.as_ref().map(serde_json::to_string).transpose()?;
        let seq: i64 = sqlx::query_scalar(
            "INSERT INTO changes (at, entity, entity_id, action, actor, version, before, after, guard,
                                  request_id, affects, undoes)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12) RETURNING seq",
        )
        .bind(self.now.as_millis())
        .bind(entry.entity.as_str())
        .bind(entry.row_id)
        .bind(entry.action.as_str())
        .bind(self.caller.actor.as_deref())
        .bind(entry.version)
        .bind(serde_json::to_string(&entry.difference.before)?)
        .bind(serde_json::to_string(&entry.difference.after)?)
        .bind(guard)
        .bind(self.request_id.as_deref())
        .bind(serde_json::to_string(&entry.affects)?)
        .bind(entry.undoes)
        .fetch_one(&mut *self.connection)
        .await?;
        self.events.push(ChangeEvent {
            seq,
            at: self.now,
            entity: entry.entity,
            entity_id: shown_id(entry.entity, entry.row_id),
            action: entry.action,
            version: entry.version,
            actor: self.caller.actor.clone(),
            affects: entry.affects,
        });
        Ok(())
    }
}

#[derive(FromRow)]
struct ChangeRow {
    seq: i64,
    at: i64,
    action: String,
    actor: Option<String>,
    before: String,
    after: String,
    guard: Option<String>,
}

impl ChangeRow {
    fn into_change(self) -> Result<Change, Fault> {
        Ok(Change {
            seq: self.seq,
            at: Timestamp::from_millis(self.at),
            action: record::word(&self.action)?,
            actor: self.actor,
            before: serde_json::from_str(&self.before)?,
            after: serde_json::from_str(&self.after)?,
            guard: self.guard.as_deref().map(serde_json::from_str).transpose()?,
        })
    }
}

/// The last changes of a task, newest first.
pub(super) async fn of_task(connection: &mut SqliteConnection, task: TaskId) -> Result<Vec<Change>, Fault> {
    let rows: Vec<ChangeRow> = sqlx::query_as(
        "SELECT seq, at, action, actor, before, after, guard FROM changes
         WHERE entity_id = ?1 ORDER BY seq DESC LIMIT ?2",
    )
    .bind(task.row_id())
    .bind(SHOWN)
    .fetch_all(connection)
    .await?;
    rows.into_iter().map(ChangeRow::into_change).collect()
}

/// The last change of a task that has not been taken back. Changes that are undoings themselves do
/// not count, so that each further undo goes one step further back.
pub(super) async fn last_undoable(
    connection: &mut SqliteConnection,
    task: TaskId,
) -> Result<Option<Change>, Fault> {
    let row: Option<ChangeRow> = sqlx::query_as(
        "SELECT seq, at, action, actor, before, after, guard FROM changes
         WHERE entity_id = ?1 AND action <> 'undone'
             AND seq NOT IN (SELECT undoes FROM changes WHERE entity_id = ?1 AND undoes IS NOT NULL)
         ORDER BY seq DESC LIMIT 1",
    )
    .bind(task.row_id())
    .fetch_optional(connection)
    .await?;
    row.map(ChangeRow::into_change).transpose()
}
