//! `create_task`: one task, or a whole plan, all or nothing.
//!
//! Plans are written together, in a fixed number of statements, however many there are and however
//! many tasks are in them.

mod insert;
mod links;

use shared_types::{
    TaskId,
    history::Action,
    operation,
    search::EntityKind,
    task::{CreateTask, Status, Task, TasksWritten},
};

use self::links::Links;
use super::{
    plan::{Plan, Planned},
    record, row,
};
use crate::store::{
    fault::Fault,
    history::{Attributed, Entry, Texts},
    replay::{Asked, Write},
    transaction::Tx,
};

impl Write for operation::CreateTask {
    const TOGETHER: bool = true;

    fn request_id(input: &CreateTask) -> Option<&str> {
        input.request_id.as_deref()
    }

    fn mark_replayed(output: &mut TasksWritten) {
        output.replayed = true;
    }

    fn write(tx: &mut Tx<'_>, requests: &[Asked<'_, CreateTask>]) -> Result<Vec<TasksWritten>, Fault> {
        let plans = requests.iter().map(|request| Plan::of(request.input)).collect::<Result<Vec<_>, _>>()?;
        let links = Links::of(tx.connection, &plans)?;
        let mut tasks = Vec::with_capacity(plans.iter().map(|plan| plan.tasks.len()).sum());
        for plan in &plans {
            resolve(tx, plan, &links, &mut tasks)?;
        }
        insert::insert(tx.connection, &tasks)?;
        put_down(tx, requests, &plans, &tasks)?;
        answer(tx, requests, &plans, &tasks)
    }
}

/// Adds to `tasks` the rows to be written for `plan`, every name in it turned into an id.
fn resolve(tx: &mut Tx<'_>, plan: &Plan<'_>, links: &Links<'_>, tasks: &mut Vec<Task>) -> Result<(), Fault> {
    let first = tasks.len();
    let ids: Vec<TaskId> = plan.tasks.iter().map(|_| tx.new_task_id()).collect();
    for (planned, id) in plan.tasks.iter().zip(&ids) {
        let depends_on = links.dependencies(tx.connection, plan, planned, &ids)?;
        if let Some(role) = &planned.new.role {
            tx.roles.require(role).map_err(|error| Fault::from(error).within(&planned.path))?;
        }
        let parent_id = links.parent(tx.connection, plan, planned, &ids)?;
        let outer = planned.nested_in.and_then(|place| tasks.get(first + place));
        // A nested subtask is in the project of the task it stands in, unless it names another.
        let inherited = outer.and_then(|outer| outer.project_id);
        let project_id = links.project(tx.connection, planned)?.or(inherited);
        tasks.push(Task { depends_on, parent_id, project_id, ..unlinked(tx, planned, *id) });
    }
    Ok(())
}

/// The row for `planned`, without what leads from it to others.
fn unlinked(tx: &Tx<'_>, planned: &Planned<'_>, id: TaskId) -> Task {
    let new = planned.new;
    let status = new.status.unwrap_or_default();
    Task {
        id,
        title: planned.title.to_owned(),
        description: new.description.clone(),
        status,
        priority: new.priority.unwrap_or_default(),
        tags: new.tags.clone(),
        labels: new.labels.clone(),
        parent_id: None,
        project_id: None,
        role: new.role.clone(),
        assignee: new.assignee.clone(),
        depends_on: Vec::new(),
        waiting_for: Vec::new(),
        due_at: new.due_at,
        created_at: tx.now,
        updated_at: tx.now,
        completed_at: (status == Status::Done).then_some(tx.now),
        completion_notes: None,
        deleted_at: None,
        version: 1,
        children: None,
        history: None,
        notes: None,
        executions: None,
    }
}

fn put_down(
    tx: &mut Tx<'_>,
    requests: &[Asked<'_, CreateTask>],
    plans: &[Plan<'_>],
    tasks: &[Task],
) -> Result<(), Fault> {
    let planned = requests
        .iter()
        .zip(plans)
        .flat_map(|(request, plan)| plan.tasks.iter().map(move |task| (request, task)));
    let mut entries = Vec::with_capacity(tasks.len());
    for ((request, planned), task) in planned.zip(tasks) {
        let affects = [task.parent_id.map(|id| id.to_string()), task.project_id.map(|id| id.to_string())];
        let entry = Entry {
            entity: EntityKind::Task,
            row_id: task.id.row_id(),
            action: Action::Created,
            version: task.version,
            texts: Texts::creation(task)?,
            affects: affects.into_iter().flatten().collect(),
            undoes: None,
        };
        let request_id = request.input.request_id.as_deref();
        entries.push(Attributed { caller: request.caller, request_id, path: &planned.path, entry });
    }
    tx.record_all(entries)
}

/// Answers each request with its rows: the one of a call that named one whole. That is as it was written;
/// only what a task depends on has to be looked up, to say what it waits for.
fn answer(
    tx: &mut Tx<'_>,
    requests: &[Asked<'_, CreateTask>],
    plans: &[Plan<'_>],
    tasks: &[Task],
) -> Result<Vec<TasksWritten>, Fault> {
    let mut rest = tasks;
    let mut parts = Vec::with_capacity(plans.len());
    let mut waiting = Vec::new();
    for (request, plan) in requests.iter().zip(plans) {
        let (own, others) = rest.split_at(plan.tasks.len());
        rest = others;
        let single = own.first().filter(|_| request.input.tasks.is_empty() && own.len() == 1);
        waiting.extend(single.filter(|task| !task.depends_on.is_empty()).map(|task| task.id));
        parts.push((request, plan, own, single));
    }
    let mut waiting = record::get_all(tx.connection, &waiting)?.into_iter();
    let answers = parts.into_iter().map(|(request, plan, own, single)| {
        let rows = own.iter().zip(&plan.tasks);
        let rows = rows
            .filter(|_| single.is_none())
            .map(|(task, planned)| row(task, planned.new.temporary_ref.clone()));
        TasksWritten {
            task: single.and_then(|task| match task.depends_on[..] {
                [] => Some(task.clone()),
                _ => waiting.next(),
            }),
            tasks: rows.collect(),
            guard: request.caller.guard.clone(),
            ..TasksWritten::default()
        }
    });
    Ok(answers.collect())
}
