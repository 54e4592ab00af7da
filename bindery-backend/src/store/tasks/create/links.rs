//! Where the references of plans lead.

use std::collections::{HashMap, HashSet};

use rusqlite::Connection;
use shared_types::{ProjectId, Reference, TaskId};

use crate::store::{
    fault::Fault,
    resolve::{self, path},
    tasks::plan::{Plan, Planned},
};

/// What plans refer to and the store has, looked up beforehand for all of them.
#[derive(Debug, Default)]
pub(super) struct Links<'i> {
    tasks: HashSet<TaskId>,
    projects: HashMap<&'i str, ProjectId>,
}

impl<'i> Links<'i> {
    pub(super) fn of(connection: &Connection, plans: &[Plan<'i>]) -> Result<Self, Fault> {
        let all = || plans.iter().flat_map(|plan| &plan.tasks).map(|planned| planned.new);
        let named = all().flat_map(|new| new.depends_on.iter().chain(&new.parent_id));
        let ids: Vec<TaskId> = named.filter_map(|reference| reference.as_str().parse().ok()).collect();
        let projects: HashSet<&str> = all().flat_map(|new| &new.project_id).map(Reference::as_str).collect();
        Ok(Self {
            tasks: resolve::live_tasks(connection, &ids)?,
            projects: resolve::projects(connection, &projects)?,
        })
    }

    /// What `planned` depends on; `ids` are those that the tasks of the plan will have.
    pub(super) fn dependencies(
        &self,
        connection: &Connection,
        plan: &Plan<'_>,
        planned: &Planned<'_>,
        ids: &[TaskId],
    ) -> Result<Vec<TaskId>, Fault> {
        let mut depends_on = Vec::with_capacity(planned.new.depends_on.len());
        for (index, reference) in planned.new.depends_on.iter().enumerate() {
            let field = || path(&planned.path, &format!("depends_on[{index}]"));
            depends_on.push(self.task(connection, plan, reference, ids, field)?);
        }
        depends_on.sort_unstable();
        depends_on.dedup();
        Ok(depends_on)
    }

    /// What `planned` is a part of.
    pub(super) fn parent(
        &self,
        connection: &Connection,
        plan: &Plan<'_>,
        planned: &Planned<'_>,
        ids: &[TaskId],
    ) -> Result<Option<TaskId>, Fault> {
        if let Some(outer) = planned.nested_in {
            return Ok(ids.get(outer).copied());
        }
        let Some(reference) = &planned.new.parent_id else { return Ok(None) };
        let field = || path(&planned.path, "parent_id");
        self.task(connection, plan, reference, ids, field).map(Some)
    }

    /// The project that `planned` names.
    pub(super) fn project(
        &self,
        connection: &Connection,
        planned: &Planned<'_>,
    ) -> Result<Option<ProjectId>, Fault> {
        let Some(reference) = &planned.new.project_id else { return Ok(None) };
        match self.projects.get(reference.as_str()) {
            Some(id) => Ok(Some(*id)),
            None => {
                let field = path(&planned.path, "project_id");
                resolve::project(connection, reference, &field).map(Some)
            }
        }
    }

    /// The task of the plan, or of the store, that is meant by `reference`, which stands at `field`.
    fn task(
        &self,
        connection: &Connection,
        plan: &Plan<'_>,
        reference: &Reference,
        ids: &[TaskId],
        field: impl Fn() -> String,
    ) -> Result<TaskId, Fault> {
        if let Some(id) = plan.place_of(reference.as_str()).and_then(|place| ids.get(place)) {
            return Ok(*id);
        }
        match reference.as_str().parse().ok().and_then(|id| self.tasks.get(&id)) {
            Some(id) => Ok(*id),
            // Not there: this says what is nearest.
            None => resolve::live_task_id(connection, reference, &field(), &plan.refs()),
        }
    }
}
