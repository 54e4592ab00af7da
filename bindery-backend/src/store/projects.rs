//! Projects: created and changed by one operation, read by two.

use rusqlite::Connection;
use shared_types::{
    Error, ErrorCode, ProjectId, Timestamp,
    history::Action,
    operation,
    project::{
        CreateProject, GetProject, ListProjects, Project, ProjectPage, ProjectRead, ProjectStatus,
        ProjectWritten,
    },
    search::EntityKind,
};

use super::{
    Store,
    cursor::{Cursor, Order},
    fault::Fault,
    history::{Difference, Entry, Texts},
    record::word,
    replay::write_operation,
    resolve::{self, name_key, required},
    sql::{Sql, from_row},
    transaction::Tx,
};
use crate::handle::{Caller, Handle};

/// Rows on a page when the caller does not say.
const LIMIT: i64 = 50;

/// The most rows on a page.
const MOST: i64 = 1000;

/// Fields that follow from the tasks, or from the write itself.
const DERIVED: &[&str] = &["open_tasks", "done_tasks", "updated_at", "version"];

/// `SELECT` of everything that makes a [`Project`], from `projects p`.
macro_rules! select_projects {
    ($rest:literal) => {
        concat!(
            "SELECT p.id, p.name, p.description, p.status, p.created_at, p.updated_at, p.version,
                    (SELECT ifnull(sum(c.count), 0) FROM task_counts c
                     WHERE c.project_id = p.id AND c.status IN ('todo', 'doing', 'blocked')) AS open_tasks,
                    (SELECT ifnull(sum(c.count), 0) FROM task_counts c
                     WHERE c.project_id = p.id AND c.status = 'done') AS done_tasks
             FROM projects p ",
            $rest
        )
    };
}

struct ProjectRow {
    id: i64,
    name: String,
    description: Option<String>,
    status: String,
    created_at: i64,
    updated_at: i64,
    version: i64,
    open_tasks: i64,
    done_tasks: i64,
}

from_row!(ProjectRow {
    id,
    name,
    description,
    status,
    created_at,
    updated_at,
    version,
    open_tasks,
    done_tasks
});

impl ProjectRow {
    fn into_project(self) -> Result<Project, Fault> {
        Ok(Project {
            id: ProjectId::from_row_id(self.id),
            name: self.name,
            description: self.description,
            status: word(&self.status)?,
            open_tasks: self.open_tasks,
            done_tasks: self.done_tasks,
            created_at: Timestamp::from_millis(self.created_at),
            updated_at: Timestamp::from_millis(self.updated_at),
            version: self.version,
        })
    }
}

write_operation!(operation::CreateProject, create_or_change);

fn create_or_change(tx: &mut Tx<'_>, input: CreateProject) -> Result<ProjectWritten, Fault> {
    let project = match input.project_id.clone() {
        Some(reference) => {
            let id = resolve::project(tx.connection, &reference, "project_id")?;
            change(tx, id, input)?
        }
        None => create(tx, input)?,
    };
    Ok(ProjectWritten { project, replayed: false, guard: tx.caller.guard.clone() })
}

fn create(tx: &mut Tx<'_>, input: CreateProject) -> Result<Project, Fault> {
    let name = required(input.name, "", "name")?;
    let mut description = None;
    input.description.apply(&mut description);
    let project = Project {
        id: tx.new_project_id(),
        name,
        description,
        status: input.status.unwrap_or_default(),
        open_tasks: 0,
        done_tasks: 0,
        created_at: tx.now,
        updated_at: tx.now,
        version: 1,
    };
    check_name(tx.connection, &project)?;
    tx.connection.run(
        "INSERT INTO projects (id, name, name_key, description, status, created_at, updated_at, version)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?6, 1)",
        (
            project.id.row_id(),
            &project.name,
            name_key(&project.name),
            project.description.as_deref(),
            project.status.as_str(),
            tx.now.as_millis(),
        ),
    )?;
    put_down(tx, &project, Action::Created, Texts::creation(&project)?)?;
    get(tx.connection, project.id)
}

fn change(tx: &mut Tx<'_>, id: ProjectId, input: CreateProject) -> Result<Project, Fault> {
    let before = get(tx.connection, id)?;
    check_version(&before, input.expected_version)?;
    let mut after = before.clone();
    after.name = input.name.unwrap_or(after.name);
    input.description.apply(&mut after.description);
    after.status = input.status.unwrap_or(after.status);
    let difference = Difference::between(&before, &after, DERIVED)?;
    if difference.is_empty() {
        return Ok(before);
    }
    check_name(tx.connection, &after)?;
    after.version += 1;
    tx.connection.run(
        "UPDATE projects SET name = ?2, name_key = ?3, description = ?4, status = ?5, updated_at = ?6,
                             version = ?7
         WHERE id = ?1",
        (
            id.row_id(),
            &after.name,
            name_key(&after.name),
            after.description.as_deref(),
            after.status.as_str(),
            tx.now.as_millis(),
            after.version,
        ),
    )?;
    put_down(tx, &after, Action::Updated, Texts::of(&difference)?)?;
    get(tx.connection, id)
}

fn put_down(tx: &mut Tx<'_>, project: &Project, action: Action, texts: Texts) -> Result<(), Fault> {
    tx.record(Entry {
        entity: EntityKind::Project,
        row_id: project.id.row_id(),
        action,
        version: project.version,
        texts,
        affects: Vec::new(),
        undoes: None,
    })
}

/// Refuses a blank name, and one that another project has.
fn check_name(connection: &Connection, project: &Project) -> Result<(), Fault> {
    if project.name.trim().is_empty() {
        return Err(Error::new(ErrorCode::InvalidValue, "name must not be blank").at("name").into());
    }
    let other: Option<i64> = connection.first(
        "SELECT id FROM projects WHERE name_key = ?1 AND id <> ?2",
        (name_key(&project.name), project.id.row_id()),
    )?;
    let Some(other) = other.map(ProjectId::from_row_id) else { return Ok(()) };
    Err(Error::new(
        ErrorCode::AlreadyExists,
        format!("there is a project \"{}\" already", project.name.trim()),
    )
    .at("name")
    .with("project_id", other.to_string())
    .suggest(format!("Use it as project_id={other}, or choose another name."))
    .into())
}

fn check_version(project: &Project, expected: Option<i64>) -> Result<(), Fault> {
    match expected {
        Some(expected) if expected != project.version => Err(Error::new(
            ErrorCode::VersionConflict,
            format!("project {} is at version {}, not {expected}", project.id, project.version),
        )
        .at("expected_version")
        .with("current_version", project.version)
        .with("current", serde_json::to_value(project)?)
        .suggest(format!(
            "Merge with the current row, then repeat with expected_version={}.",
            project.version
        ))
        .into()),
        _ => Ok(()),
    }
}

/// The project with this id, which is known to be there.
fn get(connection: &Connection, id: ProjectId) -> Result<Project, Fault> {
    let row: ProjectRow = connection.one(select_projects!("WHERE p.id = ?1"), (id.row_id(),))?;
    row.into_project()
}

/// Projects older than `before`, newest first.
pub(super) fn newest(
    connection: &Connection,
    status: Option<ProjectStatus>,
    only: Option<ProjectId>,
    before: i64,
    limit: i64,
) -> Result<Vec<Project>, Fault> {
    let rows: Vec<ProjectRow> = connection.all(
        select_projects!(
            "WHERE p.id < ?1 AND (?2 IS NULL OR p.status = ?2) AND (?3 IS NULL OR p.id = ?3)
         ORDER BY p.id DESC LIMIT ?4"
        ),
        (before, status.map(ProjectStatus::as_str), only.map(ProjectId::row_id), limit),
    )?;
    rows.into_iter().map(ProjectRow::into_project).collect()
}

impl Handle<operation::GetProject> for Store {
    async fn handle(&self, input: GetProject, _: &Caller) -> Result<ProjectRead, Error> {
        self.read_aside("projects.get", move |connection| {
            let id = resolve::project(connection, &input.project_id, "project_id")?;
            Ok(ProjectRead { project: get(connection, id)? })
        })
        .await
    }
}

impl Handle<operation::ListProjects> for Store {
    async fn handle(&self, input: ListProjects, _: &Caller) -> Result<ProjectPage, Error> {
        let after = input.cursor.as_deref().map(|text| Cursor::read(text, Order::Newest)).transpose()?;
        let limit = input.limit.unwrap_or(LIMIT).clamp(1, MOST);
        let before = after.map_or(i64::MAX, |cursor| cursor.id);
        self.read("projects.list", move |connection| {
            let mut projects = newest(connection, input.status, None, before, limit + 1)?;
            let more = projects.len() as i64 > limit;
            projects.truncate(limit as usize);
            let last = projects.last().filter(|_| more).map(|project| project.id.row_id());
            let next_cursor = last.map(|id| Cursor { key: id, id }.write(Order::Newest));
            Ok(ProjectPage { projects, next_cursor })
        })
        .await
    }
}
