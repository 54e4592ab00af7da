//! The append-only history: every write puts down what it changed, before and after.

use std::sync::Arc;

use rusqlite::Connection;
use serde::Serialize;
use serde_json::Value;
use shared_types::{
    JsonObject, TaskId, Timestamp,
    history::{Action, Change},
    search::EntityKind,
};

use super::{
    fault::Fault,
    feed::{ChangeEvent, shown_id},
    record,
    sql::{Sql, from_row},
    transaction::Tx,
};
use crate::handle::Caller;

/// How many changes a task shows.
const SHOWN: i64 = 100;

/// What is put down about one change.
#[derive(Debug)]
pub(super) struct Entry {
    pub(super) entity: EntityKind,
    pub(super) row_id: i64,
    pub(super) action: Action,
    pub(super) version: i64,
    pub(super) texts: Texts,
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

/// A difference as it is stored: two JSON objects.
#[derive(Debug)]
pub(super) struct Texts {
    before: String,
    after: String,
}

impl Texts {
    pub(super) fn of(difference: &Difference) -> Result<Self, Fault> {
        Ok(Self {
            before: serde_json::to_string(&difference.before)?,
            after: serde_json::to_string(&difference.after)?,
        })
    }

    /// Everything about `entity` is new.
    pub(super) fn creation<T: Serialize>(entity: &T) -> Result<Self, Fault> {
        Ok(Self { before: "{}".to_owned(), after: serde_json::to_string(entity)? })
    }
}

/// The entity as a JSON object.
pub(super) fn object<T: Serialize>(entity: &T) -> Result<JsonObject, Fault> {
    match serde_json::to_value(entity)? {
        Value::Object(object) => Ok(object),
        _ => Ok(JsonObject::new()),
    }
}

/// An entry, with who is behind it.
pub(super) struct Attributed<'e> {
    pub(super) caller: &'e Caller,
    pub(super) request_id: Option<&'e str>,
    /// Where the entity stands in the input.
    pub(super) path: &'e str,
    pub(super) entry: Entry,
}

impl Tx<'_> {
    /// Appends `entry` to the history, and to what subscribers will hear.
    pub(super) fn record(&mut self, entry: Entry) -> Result<(), Fault> {
        let (caller, request_id) = (Arc::clone(&self.caller), self.request_id.clone());
        let attributed = Attributed { caller: &caller, request_id: request_id.as_deref(), path: "", entry };
        self.record_all(vec![attributed])
    }

    /// As [`Tx::record`], for several entries in their order.
    pub(super) fn record_all(&mut self, entries: Vec<Attributed<'_>>) -> Result<(), Fault> {
        let mut append = self.connection.prepare_cached(
            "INSERT INTO history (at, entity, entity_id, action, actor, version, before, after, guard,
                                  request_id, affects, undoes)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12)",
        )?;
        for Attributed { caller, request_id, path, entry } in entries {
            let guard = caller.guard.as_ref().and_then(|report| report.about(path));
            let seq = append.insert((
                self.now.as_millis(),
                entry.entity.as_str(),
                entry.row_id,
                entry.action.as_str(),
                caller.actor.as_deref(),
                entry.version,
                entry.texts.before,
                entry.texts.after,
                guard.as_ref().map(serde_json::to_string).transpose()?,
                request_id,
                serde_json::to_string(&entry.affects)?,
                entry.undoes,
            ))?;
            self.events.push(ChangeEvent {
                seq,
                at: self.now,
                entity: entry.entity,
                entity_id: shown_id(entry.entity, entry.row_id),
                action: entry.action,
                version: entry.version,
                actor: caller.actor.clone(),
                affects: entry.affects,
            });
        }
        Ok(())
    }
}

struct ChangeRow {
    seq: i64,
    at: i64,
    action: String,
    actor: Option<String>,
    before: String,
    after: String,
    guard: Option<String>,
}

from_row!(ChangeRow { seq, at, action, actor, before, after, guard });

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
pub(super) fn of_task(connection: &Connection, task: TaskId) -> Result<Vec<Change>, Fault> {
    let rows: Vec<ChangeRow> = connection.all(
        "SELECT seq, at, action, actor, before, after, guard FROM history
         WHERE entity_id = ?1 ORDER BY seq DESC LIMIT ?2",
        (task.row_id(), SHOWN),
    )?;
    rows.into_iter().map(ChangeRow::into_change).collect()
}

/// The last change of a task that has not been taken back. Changes that are undoings themselves do
/// not count, so that each further undo goes one step further back.
pub(super) fn last_undoable(connection: &Connection, task: TaskId) -> Result<Option<Change>, Fault> {
    let row: Option<ChangeRow> = connection.first(
        "SELECT seq, at, action, actor, before, after, guard FROM history
         WHERE entity_id = ?1 AND action <> 'undone'
             AND seq NOT IN (SELECT undoes FROM history WHERE entity_id = ?1 AND undoes IS NOT NULL)
         ORDER BY seq DESC LIMIT 1",
        (task.row_id(),),
    )?;
    row.map(ChangeRow::into_change).transpose()
}
