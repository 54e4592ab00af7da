//! From what a caller wrote to the row that is meant, or to the nearest thing there is.

use std::collections::{HashMap, HashSet};

use guard::suggest::nearest;
use rusqlite::Connection;
use shared_types::{Error, ErrorCode, ProjectId, Reference, TaskId, task::Task};

use super::{fault::Fault, record::row_ids, sql::Sql, tasks::record};

/// How many of the newest ids or names are candidates for a suggestion.
const CANDIDATES: i64 = 200;

/// The path of `name` within the argument at `prefix`.
pub(super) fn path(prefix: &str, name: &str) -> String {
    if prefix.is_empty() { name.to_owned() } else { format!("{prefix}.{name}") }
}

/// The value of an argument that has to be there.
pub(super) fn required<T>(value: Option<T>, prefix: &str, name: &str) -> Result<T, Error> {
    value.ok_or_else(|| {
        Error::new(ErrorCode::MissingField, format!("{name} is required")).at(path(prefix, name))
    })
}

/// The task meant by `reference`, deleted or not.
pub(super) fn task(connection: &Connection, reference: &Reference, field: &str) -> Result<Task, Fault> {
    if let Ok(id) = reference.as_str().parse()
        && let Some(task) = record::find(connection, id)?
    {
        return Ok(task);
    }
    Err(unknown_task(connection, reference, field, &[])?.into())
}

/// The task meant by `reference`, which must not be deleted.
pub(super) fn live_task(connection: &Connection, reference: &Reference, field: &str) -> Result<Task, Fault> {
    let task = task(connection, reference, field)?;
    if task.deleted_at.is_some() { Err(deleted(task.id, &task.title, field).into()) } else { Ok(task) }
}

/// The id of the task meant by `reference`, which must not be deleted. `refs` are further names that
/// could have been meant.
pub(super) fn live_task_id(
    connection: &Connection,
    reference: &Reference,
    field: &str,
    refs: &[&str],
) -> Result<TaskId, Fault> {
    if let Ok(id) = reference.as_str().parse::<TaskId>() {
        let found: Option<(String, Option<i64>)> =
            connection.first("SELECT title, deleted_at FROM tasks WHERE id = ?1", (id.row_id(),))?;
        match found {
            Some((_, None)) => return Ok(id),
            Some((title, Some(_))) => return Err(deleted(id, &title, field).into()),
            None => {}
        }
    }
    Err(unknown_task(connection, reference, field, refs)?.into())
}

/// Those of `ids` that lead to tasks which are not deleted.
pub(super) fn live_tasks(connection: &Connection, ids: &[TaskId]) -> Result<HashSet<TaskId>, Fault> {
    if ids.is_empty() {
        return Ok(HashSet::new());
    }
    let found: Vec<i64> = connection.all(
        "SELECT id FROM tasks WHERE id IN (SELECT value FROM json_each(?1)) AND deleted_at IS NULL",
        (row_ids(ids)?,),
    )?;
    Ok(found.into_iter().map(TaskId::from_row_id).collect())
}

fn deleted(id: TaskId, title: &str, field: &str) -> Error {
    Error::new(ErrorCode::NotFound, format!("task {id} \"{title}\" is deleted"))
        .at(field)
        .with("deleted_task", id.to_string())
        .suggest(format!("Bring it back with update_task task_id={id} restore=true."))
}

fn unknown_task(
    connection: &Connection,
    reference: &Reference,
    field: &str,
    refs: &[&str],
) -> Result<Error, Fault> {
    let error =
        Error::new(ErrorCode::NotFound, format!("there is no task \"{reference}\"")).at(field.to_owned());
    if let Some(name) = nearest(reference.as_str(), refs.iter().copied()) {
        return Ok(error.with("nearest", name).suggest(format!("Did you mean the ref \"{name}\"?")));
    }
    let near = reference.as_str().parse().map_or(i64::MAX, TaskId::row_id);
    let candidates: Vec<(i64, String)> = connection.all(
        "SELECT id, title FROM (SELECT id, title FROM tasks WHERE id <= ?1 ORDER BY id DESC LIMIT ?2)
         UNION SELECT id, title FROM (SELECT id, title FROM tasks WHERE id > ?1 ORDER BY id LIMIT ?2)
         UNION SELECT id, title FROM (SELECT id, title FROM tasks ORDER BY id DESC LIMIT ?2)",
        (near, CANDIDATES),
    )?;
    let shown: Vec<(String, String)> =
        candidates.into_iter().map(|(id, title)| (TaskId::from_row_id(id).to_string(), title)).collect();
    let found = nearest(reference.as_str(), shown.iter().map(|(id, _)| id.as_str()));
    let titled = shown.iter().find(|(id, title)| match found {
        Some(near) => id == near,
        None => title.eq_ignore_ascii_case(reference.as_str()),
    });
    Ok(match titled {
        Some((id, title)) => {
            error.with("nearest", id.as_str()).suggest(format!("Did you mean {id} (\"{title}\")?"))
        }
        None => error.suggest("Find its id with list_tasks or search_entities."),
    })
}

/// The project meant by `reference`: its id, or its name in any case.
pub(super) fn project(
    connection: &Connection,
    reference: &Reference,
    field: &str,
) -> Result<ProjectId, Fault> {
    let found = projects(connection, &HashSet::from([reference.as_str()]))?;
    match found.into_values().next() {
        Some(id) => Ok(id),
        None => Err(unknown_project(connection, reference, field)?.into()),
    }
}

/// The projects that are there of those meant by `references`.
pub(super) fn projects<'r>(
    connection: &Connection,
    references: &HashSet<&'r str>,
) -> Result<HashMap<&'r str, ProjectId>, Fault> {
    if references.is_empty() {
        return Ok(HashMap::new());
    }
    let id_of = |reference: &str| reference.parse().ok().map(ProjectId::row_id);
    let ids: Vec<i64> = references.iter().filter_map(|reference| id_of(reference)).collect();
    let keys: Vec<String> = references.iter().map(|reference| name_key(reference)).collect();
    let found: Vec<(String, i64)> = connection.all(
        "SELECT name_key, id FROM projects
         WHERE id IN (SELECT value FROM json_each(?1)) OR name_key IN (SELECT value FROM json_each(?2))",
        (serde_json::to_string(&ids)?, serde_json::to_string(&keys)?),
    )?;
    let by_name: HashMap<String, i64> = found.into_iter().collect();
    let by_id: HashSet<i64> = by_name.values().copied().collect();
    let meant = references.iter().filter_map(|reference| {
        let by_id = id_of(reference).filter(|id| by_id.contains(id));
        let id = by_id.or_else(|| by_name.get(&name_key(reference)).copied())?;
        Some((*reference, ProjectId::from_row_id(id)))
    });
    Ok(meant.collect())
}

/// The form in which names of projects are compared.
pub(super) fn name_key(name: &str) -> String {
    name.trim().to_lowercase()
}

fn unknown_project(connection: &Connection, reference: &Reference, field: &str) -> Result<Error, Fault> {
    let names: Vec<String> =
        connection.all("SELECT name FROM projects ORDER BY id DESC LIMIT ?1", (CANDIDATES,))?;
    let error =
        Error::new(ErrorCode::NotFound, format!("there is no project \"{reference}\"")).at(field.to_owned());
    let error = match nearest(reference.as_str(), names.iter().map(String::as_str)) {
        Some(name) => error.with("nearest", name).suggest(format!("Did you mean \"{name}\"?")),
        None => error,
    };
    Ok(error.suggest(format!("Create it with create_project name=\"{reference}\".")))
}
