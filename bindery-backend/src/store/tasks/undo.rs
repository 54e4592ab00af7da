//! Taking back the last change of a task, from the history.
//!
//! An undo is a change itself, but never what the next undo takes back: undoing twice goes two steps
//! back. A new change after that is the next to be undone.

use serde_json::Value;
use shared_types::{
    Error, ErrorCode, JsonObject, NoteId, TaskId,
    execution::ExecutionStatus,
    history::{Action, Change},
    task::Task,
};

use super::{
    delete,
    save::{Reason, Saved, save},
};
use crate::store::{
    executions,
    fault::Fault,
    history::{self, Difference},
    sql::Sql,
    transaction::Tx,
};

/// Takes back the last change of `task` that was not taken back yet.
pub(super) fn undo(tx: &mut Tx<'_>, task: &Task) -> Result<Vec<Saved>, Fault> {
    let Some(change) = history::last_undoable(tx.connection, task.id)? else {
        return Err(nothing_to_undo(task).into());
    };
    match change.action {
        Action::Created | Action::Restored => delete::delete(tx, task, Some(change.seq)),
        Action::Deleted => delete::restore(tx, task, Some(change.seq)),
        _ => Ok(vec![revert(tx, task, change)?]),
    }
}

fn nothing_to_undo(task: &Task) -> Error {
    let error = Error::new(ErrorCode::NothingToUndo, format!("every change of task {} is undone", task.id));
    if task.deleted_at.is_some() {
        error.suggest("Bring it back with restore=true.")
    } else {
        error.suggest("Set the fields to what they should be.")
    }
}

/// Writes the fields back as they were before `change`.
fn revert(tx: &mut Tx<'_>, task: &Task, change: Change) -> Result<Saved, Fault> {
    let mut reason = Reason::from(Action::Undone);
    reason.undoes = Some(change.seq);
    reason.extra = remove_note(tx, task.id, &change.after)?;
    if change.action == Action::Claimed {
        reason.claim_ends = ExecutionStatus::Released;
        executions::end_active(tx, task.id, ExecutionStatus::Released)?;
    }
    let mut fields = history::object(task)?;
    for (name, value) in change.before {
        match value {
            Value::Null => fields.shift_remove(&name),
            value => fields.insert(name, value),
        };
    }
    let before: Task = serde_json::from_value(Value::Object(fields))?;
    save(tx, task, before, reason)
}

/// Takes back the note that came with a change, if one did. Its text stays in the history.
fn remove_note(tx: &mut Tx<'_>, task: TaskId, after: &JsonObject) -> Result<Difference, Fault> {
    let mut difference = Difference::default();
    let Some(id) = after.get("note_id").and_then(Value::as_str).and_then(|id| id.parse::<NoteId>().ok())
    else {
        return Ok(difference);
    };
    tx.retire_ids()?;
    tx.connection.run("DELETE FROM notes WHERE id = ?1 AND task_id = ?2", (id.row_id(), task.row_id()))?;
    for name in ["note", "note_id"] {
        difference.before.insert(name.to_owned(), after.get(name).cloned().unwrap_or(Value::Null));
        difference.after.insert(name.to_owned(), Value::Null);
    }
    Ok(difference)
}
