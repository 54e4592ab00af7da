//! Which task comes next: the head of the ready queue, or one whose worker has fallen silent.

use shared_types::{ProjectId, TaskId, execution::ExecuteTask};

use crate::store::{fault::Fault, resolve, sql::Statement, transaction::Tx};

/// What there is to do.
pub(super) enum Found {
    /// This task.
    Task(TaskId),
    /// Nothing now, and why.
    Nothing(String),
}

/// Which tasks the worker would take.
struct Filter {
    role: Option<String>,
    project: Option<ProjectId>,
}

/// The most important task that `input` asks for; among equals the oldest.
pub(super) fn find(tx: &mut Tx<'_>, input: &ExecuteTask) -> Result<Found, Fault> {
    if let Some(role) = &input.role {
        tx.roles.require(role)?;
    }
    let project = match &input.project_id {
        Some(reference) => Some(resolve::project(tx.connection, reference, "project_id")?),
        None => None,
    };
    let filter = Filter { role: input.role.clone(), project };
    let best = [ready(tx, &filter)?, fallen_silent(tx, &filter)?]
        .into_iter()
        .flatten()
        .min_by_key(|(priority, id)| (-priority, *id));
    match best {
        Some((_, id)) => Ok(Found::Task(TaskId::from_row_id(id))),
        None => nothing(tx, &filter).map(Found::Nothing),
    }
}

/// The first of the queue: one step in one of the `tasks_ready` indexes.
fn ready(tx: &mut Tx<'_>, filter: &Filter) -> Result<Option<(i64, i64)>, Fault> {
    let mut query = Statement::new(
        "SELECT t.priority, t.id FROM tasks t
         WHERE t.status = 'todo' AND t.deleted_at IS NULL AND t.open_dependencies = 0",
    );
    push_filter(&mut query, filter);
    query.push(" ORDER BY t.priority DESC, t.id LIMIT 1");
    Ok(query.first(tx.connection)?)
}

/// The first among the tasks whose claim has run out. `CROSS JOIN` makes SQLite begin with the claims,
/// which are few, and not with every task that is being done.
fn fallen_silent(tx: &mut Tx<'_>, filter: &Filter) -> Result<Option<(i64, i64)>, Fault> {
    let mut query = Statement::new(
        "SELECT t.priority, t.id FROM executions e CROSS JOIN tasks t ON t.id = e.task_id
         WHERE e.status = 'active' AND t.status = 'doing' AND t.deleted_at IS NULL
             AND t.open_dependencies = 0 AND e.lease_expires_at <= ",
    );
    query.bind(tx.now.as_millis());
    push_filter(&mut query, filter);
    query.push(" ORDER BY t.priority DESC, t.id LIMIT 1");
    Ok(query.first(tx.connection)?)
}

fn push_filter(query: &mut Statement, filter: &Filter) {
    if let Some(role) = &filter.role {
        query.push(" AND t.role = ").bind(role.clone());
    }
    if let Some(project) = filter.project {
        query.push(" AND t.project_id = ").bind(project.row_id());
    }
}

/// Says how much waits and how much is being done, so that the worker knows whether to come back.
fn nothing(tx: &mut Tx<'_>, filter: &Filter) -> Result<String, Fault> {
    let mut query = Statement::new(
        "SELECT ifnull(sum(t.open_dependencies > 0), 0), ifnull(sum(t.status = 'doing'), 0)
         FROM tasks t WHERE t.deleted_at IS NULL AND t.status IN ('todo', 'doing')",
    );
    push_filter(&mut query, filter);
    let (waiting, doing): (i64, i64) = query.one(tx.connection)?;
    let matching = if filter.role.is_some() || filter.project.is_some() { " that match" } else { "" };
    Ok(format!(
        "No task{matching} is ready: {waiting} wait for others, {doing} are being done. Try again when some \
         of these are finished.",
    ))
}
