//! `create_task`: one task, or a whole plan, all or nothing.

use shared_types::{
    ProjectId, TaskId,
    history::Action,
    operation,
    search::EntityKind,
    task::{CreateTask, Status, Task, TasksWritten},
};

use super::{plan::Plan, record, row};
use crate::store::{
    fault::Fault,
    history::{Difference, Entry},
    record::row_ids,
    replay::write_operation,
    resolve::{self, path},
    transaction::Tx,
};

write_operation!(operation::CreateTask, create);

async fn create(tx: &mut Tx<'_>, input: CreateTask) -> Result<TasksWritten, Fault> {
    let named_one = input.tasks.is_empty();
    let plan = Plan::of(input)?;
    plan.check_circles()?;
    let ids: Vec<TaskId> = plan.tasks.iter().map(|_| tx.new_task_id()).collect();
    let mut tasks: Vec<Task> = Vec::with_capacity(ids.len());
    for place in 0..ids.len() {
        let task = resolved(tx, &plan, &ids, place, &tasks).await?;
        tasks.push(task);
    }
    for task in &tasks {
        record::insert(tx.connection, task).await?;
    }
    // Only now: a dependency counts as open or closed by the row it leads to.
    for task in tasks.iter().filter(|task| !task.depends_on.is_empty()) {
        record::add_dependencies(tx.connection, task.id, &row_ids(&task.depends_on)?).await?;
    }
    for (task, planned) in tasks.iter().zip(&plan.tasks) {
        put_down(tx, task, &planned.path).await?;
    }
    let guard = tx.caller.guard.clone();
    if let ([only], true) = (ids.as_slice(), named_one) {
        let task = Some(record::get(tx.connection, *only).await?);
        return Ok(TasksWritten { task, guard, ..TasksWritten::default() });
    }
    let rows =
        tasks.iter().zip(&plan.tasks).map(|(task, planned)| row(task, planned.new.temporary_ref.clone()));
    Ok(TasksWritten { tasks: rows.collect(), guard, ..TasksWritten::default() })
}

/// The row to be written for the task at `place`, every name in it turned into an id. `before` are
/// the rows of the places before it.
async fn resolved(
    tx: &mut Tx<'_>,
    plan: &Plan,
    ids: &[TaskId],
    place: usize,
    before: &[Task],
) -> Result<Task, Fault> {
    let planned = &plan.tasks[place];
    let (new, at) = (&planned.new, planned.path.as_str());
    let mut depends_on = Vec::with_capacity(new.depends_on.len());
    for (index, reference) in new.depends_on.iter().enumerate() {
        let id = match plan.place_of(reference.as_str()) {
            Some(other) => ids[other],
            None => {
                let field = path(at, &format!("depends_on[{index}]"));
                resolve::live_task_id(tx.connection, reference, &field, &plan.refs()).await?
            }
        };
        if !depends_on.contains(&id) {
            depends_on.push(id);
        }
    }
    depends_on.sort_unstable();
    if let Some(role) = &new.role {
        tx.roles.require(role).map_err(|error| Fault::from(error).within(at))?;
    }
    let status = new.status.unwrap_or_default();
    Ok(Task {
        id: ids[place],
        title: planned.title.clone(),
        description: new.description.clone(),
        status,
        priority: new.priority.unwrap_or_default(),
        tags: new.tags.clone(),
        labels: new.labels.clone(),
        parent_id: parent(tx, plan, ids, place).await?,
        project_id: project(tx, plan, place, before).await?,
        role: new.role.clone(),
        assignee: new.assignee.clone(),
        depends_on,
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
    })
}

async fn parent(tx: &mut Tx<'_>, plan: &Plan, ids: &[TaskId], place: usize) -> Result<Option<TaskId>, Fault> {
    let planned = &plan.tasks[place];
    if let Some(outer) = planned.nested_in {
        return Ok(Some(ids[outer]));
    }
    let Some(reference) = &planned.new.parent_id else { return Ok(None) };
    if let Some(other) = plan.place_of(reference.as_str()) {
        return Ok(Some(ids[other]));
    }
    let field = path(&planned.path, "parent_id");
    resolve::live_task_id(tx.connection, reference, &field, &plan.refs()).await.map(Some)
}

/// A nested subtask is in the project of the task it stands in, unless it names another.
async fn project(
    tx: &mut Tx<'_>,
    plan: &Plan,
    place: usize,
    before: &[Task],
) -> Result<Option<ProjectId>, Fault> {
    let planned = &plan.tasks[place];
    match &planned.new.project_id {
        Some(reference) => {
            let field = path(&planned.path, "project_id");
            resolve::project(tx.connection, reference, &field).await.map(Some)
        }
        None => Ok(planned.nested_in.and_then(|outer| before.get(outer)?.project_id)),
    }
}

async fn put_down(tx: &mut Tx<'_>, task: &Task, path: &str) -> Result<(), Fault> {
    let affects =
        task.parent_id.map(|id| id.to_string()).into_iter().chain(task.project_id.map(|id| id.to_string()));
    let entry = Entry {
        entity: EntityKind::Task,
        row_id: task.id.row_id(),
        action: Action::Created,
        version: task.version,
        difference: Difference::creation(task)?,
        affects: affects.collect(),
        undoes: None,
    };
    tx.record_at(path, entry).await
}
