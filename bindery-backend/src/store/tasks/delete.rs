//! `delete_task`, and its way back: a deletion takes the subtasks along and can be restored whole.

use serde_json::Value;
use shared_types::{
    TaskId, Timestamp,
    execution::ExecutionStatus,
    history::Action,
    operation,
    search::EntityKind,
    task::{DeleteTask, Deletion, Task, TasksWritten},
};

use super::{
    Written, check_version, items, record,
    save::{Saved, dependents, unblocked_by},
};
use crate::store::{
    executions,
    fault::Fault,
    history::{Difference, Entry, Texts},
    record::row_ids,
    replay::write_operation,
    resolve::{self, path, required},
    sql::Sql,
    transaction::Tx,
};

write_operation!(operation::DeleteTask, delete_tasks);

fn delete_tasks(tx: &mut Tx<'_>, input: DeleteTask) -> Result<TasksWritten, Fault> {
    let named_one = input.tasks.is_empty();
    let mut written = Written::default();
    let mut single = None;
    for (prefix, deletion) in items::<Deletion, _>(input.deletion, input.tasks, "task_id")? {
        let saved = delete_one(tx, deletion, &prefix)?;
        saved.iter().for_each(|task| written.add(task));
        single = saved.into_iter().next().map(|saved| saved.task).filter(|_| named_one);
    }
    Ok(written.answer(tx, single))
}

fn delete_one(tx: &mut Tx<'_>, deletion: Deletion, prefix: &str) -> Result<Vec<Saved>, Fault> {
    let reference = required(deletion.task_id, prefix, "task_id")?;
    let task = resolve::task(tx.connection, &reference, &path(prefix, "task_id"))?;
    if task.deleted_at.is_none() {
        check_version(&task, deletion.expected_version, prefix)?;
    }
    delete(tx, &task, None)
}

/// Deletes `root` with everything below it; nothing happens when it is deleted already. `undoes` is
/// the change of `root` that this takes back.
pub(super) fn delete(tx: &mut Tx<'_>, root: &Task, undoes: Option<i64>) -> Result<Vec<Saved>, Fault> {
    if root.deleted_at.is_some() {
        return Ok(vec![Saved { task: root.clone(), unblocked: Vec::new() }]);
    }
    let subtree: Vec<i64> = tx.connection.all(
        "WITH RECURSIVE below (id) AS (
             SELECT ?1
             UNION
             SELECT t.id FROM below b JOIN tasks t ON t.parent_id = b.id WHERE t.deleted_at IS NULL
         )
         SELECT id FROM below",
        (root.id.row_id(),),
    )?;
    let ids: Vec<TaskId> = subtree.into_iter().map(TaskId::from_row_id).collect();
    for id in &ids {
        executions::end_active(tx, *id, ExecutionStatus::Expired)?;
    }
    let deletion = tx.new_row_id();
    tx.connection.run(
        "UPDATE tasks SET deleted_at = ?2, deletion = ?3, updated_at = ?2, version = version + 1
         WHERE id IN (SELECT value FROM json_each(?1))",
        (row_ids(&ids)?, tx.now.as_millis(), deletion),
    )?;
    put_down(tx, root, &ids, undoes, Action::Deleted)
}

/// Brings back `task` and what was deleted along with it; nothing happens when it is not deleted.
pub(super) fn restore(tx: &mut Tx<'_>, task: &Task, undoes: Option<i64>) -> Result<Vec<Saved>, Fault> {
    if task.deleted_at.is_none() {
        return Ok(vec![Saved { task: task.clone(), unblocked: Vec::new() }]);
    }
    let rows: Vec<i64> = tx.connection.all(
        "SELECT id FROM tasks WHERE deletion = (SELECT deletion FROM tasks WHERE id = ?1) ORDER BY id",
        (task.id.row_id(),),
    )?;
    let mut ids: Vec<TaskId> =
        rows.into_iter().map(TaskId::from_row_id).filter(|id| *id != task.id).collect();
    ids.insert(0, task.id);
    tx.connection.run(
        "UPDATE tasks SET deleted_at = NULL, deletion = NULL, updated_at = ?2, version = version + 1
         WHERE id IN (SELECT value FROM json_each(?1))",
        (row_ids(&ids)?, tx.now.as_millis()),
    )?;
    put_down(tx, task, &ids, undoes, Action::Restored)
}

/// Puts down the deletion or restoration of every task in `ids`, and returns them as they are now.
fn put_down(
    tx: &mut Tx<'_>,
    root: &Task,
    ids: &[TaskId],
    undoes: Option<i64>,
    action: Action,
) -> Result<Vec<Saved>, Fault> {
    let mut saved = Vec::with_capacity(ids.len());
    for id in ids {
        let task = record::get(tx.connection, *id)?;
        let undoes = undoes.filter(|_| *id == root.id);
        let mut affects: Vec<String> =
            dependents(tx.connection, *id)?.iter().map(TaskId::to_string).collect();
        affects.extend(task.parent_id.map(|id| id.to_string()));
        affects.extend(task.project_id.map(|id| id.to_string()));
        tx.record(Entry {
            entity: EntityKind::Task,
            row_id: id.row_id(),
            action: if undoes.is_some() { Action::Undone } else { action },
            version: task.version,
            texts: Texts::of(&deletion_difference(root, &task))?,
            affects,
            undoes,
        })?;
        let unblocked = if task.deleted_at.is_some() && !task.status.is_closed() {
            unblocked_by(tx.connection, *id)?
        } else {
            Vec::new()
        };
        saved.push(Saved { task, unblocked });
    }
    Ok(saved)
}

/// All tasks of one deletion share its time, so that the state of `root` before tells that of all.
fn deletion_difference(root: &Task, now: &Task) -> Difference {
    let shown = |time: Option<Timestamp>| time.map_or(Value::Null, |time| time.to_string().into());
    let mut difference = Difference::default();
    difference.before.insert("deleted_at".to_owned(), shown(root.deleted_at));
    difference.after.insert("deleted_at".to_owned(), shown(now.deleted_at));
    difference
}
