//! The one way in which an existing task changes: compare, write, put down, tell.

use rusqlite::Connection;
use shared_types::{
    Error, ErrorCode, TaskId,
    execution::ExecutionStatus,
    history::Action,
    search::EntityKind,
    task::{Status, Task},
};

use super::{cycle, record};
use crate::store::{
    executions,
    fault::Fault,
    history::{Difference, Entry, Texts},
    record::row_ids,
    sql::Sql,
    transaction::Tx,
};

/// Fields of a task that follow from others, or from the write itself.
pub(in crate::store) const DERIVED: &[&str] = &["waiting_for", "updated_at", "version"];

/// A task after a write, as its row is now.
#[derive(Debug)]
pub(in crate::store) struct Saved {
    pub(in crate::store) task: Task,
    /// Tasks that became ready because this one was closed.
    pub(in crate::store) unblocked: Vec<TaskId>,
}

/// What is put down about a write besides the fields it changed.
#[derive(Debug)]
pub(in crate::store) struct Reason {
    pub(in crate::store) action: Action,
    /// Further facts that changed along with the fields.
    pub(in crate::store) extra: Difference,
    /// The change that is taken back.
    pub(in crate::store) undoes: Option<i64>,
    /// How a claim ends, should this write end it.
    pub(in crate::store) claim_ends: ExecutionStatus,
}

impl From<Action> for Reason {
    fn from(action: Action) -> Self {
        Self { action, extra: Difference::default(), undoes: None, claim_ends: ExecutionStatus::Expired }
    }
}

/// Brings the row of `before` to the state `after`. When nothing differs, nothing is written.
pub(in crate::store) fn save(
    tx: &mut Tx<'_>,
    before: &Task,
    mut after: Task,
    reason: Reason,
) -> Result<Saved, Fault> {
    set_completion_time(tx, before, &mut after);
    let mut difference = Difference::between(before, &after, DERIVED)?;
    if difference.is_empty() && reason.extra.is_empty() && reason.undoes.is_none() {
        return Ok(Saved { task: after, unblocked: Vec::new() });
    }
    check_links(tx.connection, before, &after)?;
    after.version = before.version + 1;
    after.updated_at = tx.now;
    record::update(tx.connection, &after)?;
    save_dependencies(tx.connection, before, &after)?;
    // A claim is on a task that is being worked on; whoever moves it on takes the claim along.
    if before.status == Status::Doing && after.status != Status::Doing {
        executions::end_active(tx, before.id, reason.claim_ends)?;
    }
    difference.before.extend(reason.extra.before);
    difference.after.extend(reason.extra.after);
    let affects = affected(tx.connection, before, &after)?;
    tx.record(Entry {
        entity: EntityKind::Task,
        row_id: before.id.row_id(),
        action: reason.action,
        version: after.version,
        texts: Texts::of(&difference)?,
        affects,
        undoes: reason.undoes,
    })?;
    let unblocked = if !before.status.is_closed() && after.status.is_closed() {
        unblocked_by(tx.connection, before.id)?
    } else {
        Vec::new()
    };
    Ok(Saved { task: record::get(tx.connection, before.id)?, unblocked })
}

/// A task is complete exactly as long as it is done.
fn set_completion_time(tx: &Tx<'_>, before: &Task, after: &mut Task) {
    match after.status {
        Status::Done if before.status != Status::Done && after.completed_at.is_none() => {
            after.completed_at = Some(tx.now);
        }
        Status::Done => {}
        _ => after.completed_at = None,
    }
}

fn check_links(connection: &Connection, before: &Task, after: &Task) -> Result<(), Fault> {
    if let Some(parent) = after.parent_id.filter(|_| before.parent_id != after.parent_id)
        && let Some(ids) = cycle::through_parent(connection, before.id, parent)?
    {
        return Err(cycle::refused(connection, "parent_id", &ids)?.into());
    }
    let added = without(&after.depends_on, &before.depends_on);
    if !added.is_empty()
        && let Some(ids) = cycle::through_dependencies(connection, before.id, &row_ids(&added)?)?
    {
        return Err(cycle::refused(connection, "depends_on", &ids)?.into());
    }
    Ok(())
}

fn save_dependencies(connection: &Connection, before: &Task, after: &Task) -> Result<(), Fault> {
    let removed = without(&before.depends_on, &after.depends_on);
    if !removed.is_empty() {
        record::remove_dependencies(connection, before.id, &row_ids(&removed)?)?;
    }
    let added = without(&after.depends_on, &before.depends_on);
    if !added.is_empty() {
        record::add_dependencies(connection, before.id, &row_ids(&added)?)?;
    }
    Ok(())
}

fn without(ids: &[TaskId], others: &[TaskId]) -> Vec<TaskId> {
    ids.iter().filter(|id| !others.contains(id)).copied().collect()
}

/// Shown ids of what looks different: the tasks that wait, parents, projects.
fn affected(connection: &Connection, before: &Task, after: &Task) -> Result<Vec<String>, Fault> {
    let mut affects = Vec::new();
    if before.status.is_closed() != after.status.is_closed() {
        affects.extend(dependents(connection, before.id)?.iter().map(TaskId::to_string));
    }
    affects.extend([before.parent_id, after.parent_id].iter().flatten().map(TaskId::to_string));
    affects.extend([before.project_id, after.project_id].iter().flatten().map(ToString::to_string));
    affects.dedup();
    Ok(affects)
}

/// The tasks that depend on this one.
pub(in crate::store) fn dependents(connection: &Connection, id: TaskId) -> Result<Vec<TaskId>, Fault> {
    let rows: Vec<i64> =
        connection.all("SELECT task_id FROM dependencies WHERE depends_on = ?1", (id.row_id(),))?;
    Ok(rows.into_iter().map(TaskId::from_row_id).collect())
}

/// The tasks that can be started now that `closed`, which was open until this write, no longer is.
/// `CROSS JOIN` makes SQLite begin with those that depend on it, and not with every task to do.
pub(in crate::store) fn unblocked_by(connection: &Connection, closed: TaskId) -> Result<Vec<TaskId>, Fault> {
    let rows: Vec<i64> = connection.all(
        "SELECT t.id FROM dependencies d CROSS JOIN tasks t ON t.id = d.task_id
         WHERE d.depends_on = ?1 AND t.open_dependencies = 0 AND t.status = 'todo' AND t.deleted_at IS NULL
         ORDER BY t.id",
        (closed.row_id(),),
    )?;
    Ok(rows.into_iter().map(TaskId::from_row_id).collect())
}

/// The error for a title of nothing but spaces.
pub(in crate::store) fn check_title(title: &str, field: String) -> Result<(), Error> {
    if title.trim().is_empty() {
        return Err(Error::new(ErrorCode::InvalidValue, "title must not be blank").at(field));
    }
    Ok(())
}
