//! `update_task`: fields, notes, and the way back from a deletion or a mistake.

use serde_json::Value;
use shared_types::{
    Error, ErrorCode, JsonObject, Patch, Reference, TaskId,
    history::Action,
    operation,
    task::{Task, TaskChange, TasksWritten, UpdateTask},
};

use super::{
    Written, check_version, delete, items, record,
    save::{Reason, Saved, check_title, save},
    undo,
};
use crate::store::{
    fault::Fault,
    history::Difference,
    replay::write_operation,
    resolve::{self, path, required},
    sql::Sql,
    transaction::Tx,
};

write_operation!(operation::UpdateTask, update);

fn update(tx: &mut Tx<'_>, input: UpdateTask) -> Result<TasksWritten, Fault> {
    let named_one = input.tasks.is_empty();
    let mut written = Written::default();
    let mut single = None;
    for (prefix, change) in items::<TaskChange, _>(input.change, input.tasks, "task_id")? {
        let saved = update_one(tx, change, &prefix)?;
        saved.iter().for_each(|task| written.add(task));
        single = saved.into_iter().next().map(|saved| saved.task).filter(|_| named_one);
    }
    Ok(written.answer(tx, single))
}

/// Makes one change. The task that was named comes first among those that changed.
fn update_one(tx: &mut Tx<'_>, mut change: TaskChange, prefix: &str) -> Result<Vec<Saved>, Fault> {
    let reference = required(change.task_id.take(), prefix, "task_id")?;
    let expected = change.expected_version.take();
    let restore = std::mem::take(&mut change.restore);
    let undo = std::mem::take(&mut change.undo);
    let has_fields = change != TaskChange::default();
    check_combination(restore, undo, has_fields, prefix)?;

    let field = path(prefix, "task_id");
    let task = if restore || undo {
        resolve::task(tx.connection, &reference, &field)?
    } else {
        resolve::live_task(tx.connection, &reference, &field)?
    };
    check_version(&task, expected, prefix)?;
    if undo {
        return undo::undo(tx, &task).map_err(|fault| fault.within(prefix));
    }
    let mut saved = if restore { delete::restore(tx, &task, None)? } else { Vec::new() };
    if has_fields {
        let before = record::get(tx.connection, task.id)?;
        let changed = set_fields(tx, &before, change, prefix)?;
        saved.retain(|other| other.task.id != task.id);
        saved.insert(0, changed);
    }
    Ok(saved)
}

fn check_combination(restore: bool, undo: bool, has_fields: bool, prefix: &str) -> Result<(), Error> {
    if undo && (restore || has_fields) {
        return Err(Error::new(ErrorCode::InvalidValue, "undo stands alone: it takes back the last change")
            .at(path(prefix, "undo"))
            .suggest("Undo first, then change the fields in a further call."));
    }
    if !(undo || restore || has_fields) {
        let error = Error::new(ErrorCode::InvalidValue, "there is nothing to change: no field is given");
        let error = if prefix.is_empty() { error } else { error.at(prefix) };
        return Err(error.suggest("Give the fields to change, a note, restore=true or undo=true."));
    }
    Ok(())
}

fn set_fields(tx: &mut Tx<'_>, before: &Task, mut change: TaskChange, prefix: &str) -> Result<Saved, Fault> {
    let note = change.note.take();
    let action =
        if note.is_some() && change == TaskChange::default() { Action::Noted } else { Action::Updated };
    let after = applied(tx, before, change, prefix)?;
    let mut reason = Reason::from(action);
    if let Some(text) = note {
        reason.extra = add_note(tx, before.id, text, prefix)?;
    }
    save(tx, before, after, reason).map_err(|fault| fault.within(prefix))
}

/// The task as it is to be, with every reference resolved.
fn applied(tx: &mut Tx<'_>, before: &Task, change: TaskChange, prefix: &str) -> Result<Task, Fault> {
    let mut after = before.clone();
    if let Some(title) = change.title {
        check_title(&title, path(prefix, "title"))?;
        after.title = title;
    }
    change.description.apply(&mut after.description);
    change.assignee.apply(&mut after.assignee);
    change.due_at.apply(&mut after.due_at);
    after.status = change.status.unwrap_or(before.status);
    after.priority = change.priority.unwrap_or(before.priority);
    after.tags = change.tags.unwrap_or(after.tags);
    merge_labels(&mut after.labels, change.labels);
    if let Some(depends_on) = change.depends_on {
        after.depends_on = dependencies(tx, before, &depends_on, prefix)?;
    }
    match change.parent_id {
        Patch::Keep => {}
        Patch::Clear => after.parent_id = None,
        Patch::Set(reference) => {
            let field = path(prefix, "parent_id");
            after.parent_id = Some(resolve::live_task_id(tx.connection, &reference, &field, &[])?);
        }
    }
    match change.project_id {
        Patch::Keep => {}
        Patch::Clear => after.project_id = None,
        Patch::Set(reference) => {
            let field = path(prefix, "project_id");
            after.project_id = Some(resolve::project(tx.connection, &reference, &field)?);
        }
    }
    Ok(after)
}

fn merge_labels(labels: &mut JsonObject, changes: JsonObject) {
    for (name, value) in changes {
        match value {
            Value::Null => {
                // Not `swap_remove`: the others keep their order.
                labels.shift_remove(&name);
            }
            value => {
                labels.insert(name, value);
            }
        }
    }
}

fn dependencies(
    tx: &mut Tx<'_>,
    before: &Task,
    references: &[Reference],
    prefix: &str,
) -> Result<Vec<TaskId>, Fault> {
    let mut ids = Vec::with_capacity(references.len());
    for (index, reference) in references.iter().enumerate() {
        // What it depends on already may have been deleted since; that is no reason to refuse.
        let kept = reference.as_str().parse().ok().filter(|id| before.depends_on.contains(id));
        let id = match kept {
            Some(id) => id,
            None => {
                let field = path(prefix, &format!("depends_on[{index}]"));
                resolve::live_task_id(tx.connection, reference, &field, &[])?
            }
        };
        if !ids.contains(&id) {
            ids.push(id);
        }
    }
    ids.sort_unstable();
    Ok(ids)
}

fn add_note(tx: &mut Tx<'_>, task: TaskId, text: String, prefix: &str) -> Result<Difference, Fault> {
    if text.trim().is_empty() {
        return Err(Error::new(ErrorCode::InvalidValue, "note must not be blank")
            .at(path(prefix, "note"))
            .into());
    }
    let id = tx.new_note_id();
    tx.connection.run(
        "INSERT INTO notes (id, task_id, text, author, created_at) VALUES (?1, ?2, ?3, ?4, ?5)",
        (id.row_id(), task.row_id(), &text, tx.caller.actor.as_deref(), tx.now.as_millis()),
    )?;
    let mut difference = Difference::default();
    for (name, value) in [("note", text), ("note_id", id.to_string())] {
        difference.before.insert(name.to_owned(), Value::Null);
        difference.after.insert(name.to_owned(), value.into());
    }
    Ok(difference)
}
