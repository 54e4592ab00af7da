//! A plan: the tasks of one call, with their temporary refs and nesting, laid out in a row.

use std::collections::HashMap;

use shared_types::{
    Error, ErrorCode,
    task::{CreateTask, NewTask},
};

use super::{cycle, items};
use crate::store::{
    resolve::{path, required},
    tasks::save::check_title,
};

/// How deep subtasks can nest.
const DEPTH: usize = 10;

/// How many tasks one call can create.
const SIZE: usize = 5000;

/// One task of the plan.
#[derive(Debug)]
pub(super) struct Planned<'i> {
    /// Where it stands in the input, such as `tasks[2].subtasks[0]`.
    pub(super) path: String,
    pub(super) title: &'i str,
    /// Everything else; its subtasks are in the plan themselves.
    pub(super) new: &'i NewTask,
    /// Its place in the plan of the task it is nested in.
    pub(super) nested_in: Option<usize>,
}

impl Planned<'_> {
    /// What the caller calls it: its ref, or its place.
    pub(super) fn name(&self) -> &str {
        self.new.temporary_ref.as_deref().unwrap_or(&self.path)
    }
}

/// All tasks of a call, parents before the subtasks nested in them.
#[derive(Debug, Default)]
pub(super) struct Plan<'i> {
    pub(super) tasks: Vec<Planned<'i>>,
    refs: HashMap<&'i str, usize>,
}

impl<'i> Plan<'i> {
    /// Lays out the input, and refuses what can be seen to be wrong without the database.
    pub(super) fn of(input: &'i CreateTask) -> Result<Self, Error> {
        let mut plan = Self::default();
        for (at, task) in items::<NewTask, _>(&input.task, input.tasks.iter().collect(), "title")? {
            plan.add(at, task, None, 0)?;
        }
        plan.check_circles()?;
        Ok(plan)
    }

    fn add(
        &mut self,
        at: String,
        new: &'i NewTask,
        nested_in: Option<usize>,
        depth: usize,
    ) -> Result<(), Error> {
        if depth > DEPTH {
            return Err(limit(format!("subtasks nest deeper than {DEPTH} levels"), at));
        }
        if self.tasks.len() == SIZE {
            return Err(limit(format!("one call can create {SIZE} tasks at most"), at));
        }
        let title = required(new.title.as_deref(), &at, "title")?;
        check_title(title, path(&at, "title"))?;
        if nested_in.is_some() && new.parent_id.is_some() {
            return Err(two_parents(&at));
        }
        let place = self.tasks.len();
        if let Some(name) = &new.temporary_ref {
            self.name(name, place, &at)?;
        }
        let inside = |index| path(&at, &format!("subtasks[{index}]"));
        let places: Vec<String> = (0..new.subtasks.len()).map(inside).collect();
        self.tasks.push(Planned { path: at, title, new, nested_in });
        for (at, subtask) in places.into_iter().zip(&new.subtasks) {
            self.add(at, subtask, Some(place), depth + 1)?;
        }
        Ok(())
    }

    /// Lets the ref `name` mean the task at `place`.
    fn name(&mut self, name: &'i str, place: usize, at: &str) -> Result<(), Error> {
        let Some(first) = self.refs.insert(name, place) else { return Ok(()) };
        Err(Error::new(ErrorCode::InvalidValue, format!("the ref \"{name}\" is given twice"))
            .at(path(at, "ref"))
            .with("first", self.tasks[first].path.as_str())
            .suggest("Give each task a ref of its own."))
    }

    /// The place of the task with this ref.
    pub(super) fn place_of(&self, name: &str) -> Option<usize> {
        self.refs.get(name).copied()
    }

    /// Every ref of the call.
    pub(super) fn refs(&self) -> Vec<&str> {
        self.refs.keys().copied().collect()
    }

    /// Refuses links within the plan that form a circle. Links to stored tasks cannot: no stored task
    /// links back to one that is only now created.
    fn check_circles(&self) -> Result<(), Error> {
        let parent = |task: &Planned<'_>| {
            task.nested_in
                .or_else(|| self.place_of(task.new.parent_id.as_ref()?.as_str()))
                .into_iter()
                .collect()
        };
        let dependencies = |task: &Planned<'_>| {
            task.new.depends_on.iter().filter_map(|name| self.place_of(name.as_str())).collect()
        };
        self.check_circle("parent_id", parent)?;
        self.check_circle("depends_on", dependencies)
    }

    fn check_circle(&self, field: &str, links: impl Fn(&Planned<'_>) -> Vec<usize>) -> Result<(), Error> {
        let mut edges = Vec::new();
        for (place, task) in self.tasks.iter().enumerate() {
            edges.extend(links(task).into_iter().map(|to| (place as i64, to as i64)));
        }
        let Some(circle) = cycle::find(&edges) else { return Ok(()) };
        let along: Vec<&Planned<'_>> =
            circle.iter().filter_map(|place| self.tasks.get(usize::try_from(*place).ok()?)).collect();
        let at = along.first().map_or_else(String::new, |task| path(&task.path, field));
        let names = along.iter().map(|task| task.name().to_owned()).collect();
        let titles: Vec<String> = along.iter().map(|task| task.title.to_owned()).collect();
        Err(cycle::named(&at, names, &titles))
    }
}

fn two_parents(at: &str) -> Error {
    Error::new(
        ErrorCode::InvalidValue,
        "a subtask belongs to the task it stands in and cannot name another parent",
    )
    .at(path(at, "parent_id"))
    .suggest("Leave parent_id out, or move the task out of subtasks.")
}

fn limit(message: String, at: String) -> Error {
    Error::new(ErrorCode::LimitExceeded, message)
        .at(at)
        .suggest("Create the rest in a further call, with parent_id.")
}

#[cfg(test)]
mod tests {
    use shared_types::Reference;

    use super::*;

    fn task(title: &str, name: &str, depends_on: &[&str]) -> NewTask {
        NewTask {
            title: Some(title.to_owned()),
            temporary_ref: Some(name.to_owned()),
            depends_on: depends_on.iter().map(|name| Reference::new(*name)).collect(),
            ..NewTask::default()
        }
    }

    fn nested(levels: usize) -> NewTask {
        let mut outermost = NewTask { title: Some("leaf".to_owned()), ..NewTask::default() };
        for _ in 0..levels {
            outermost =
                NewTask { title: Some("node".to_owned()), subtasks: vec![outermost], ..NewTask::default() };
        }
        outermost
    }

    #[test]
    fn ten_levels_of_subtasks_are_taken_and_eleven_are_not() {
        let input = |levels| CreateTask { task: nested(levels), ..CreateTask::default() };
        assert_eq!(Plan::of(&input(10)).unwrap().tasks.len(), 11);
        assert_eq!(Plan::of(&input(11)).unwrap_err().code, ErrorCode::LimitExceeded);
    }

    #[test]
    fn a_ref_given_twice_is_refused_at_its_second_place() {
        let tasks = vec![task("A", "x", &[]), task("B", "x", &[])];
        let error = Plan::of(&CreateTask { tasks, ..CreateTask::default() }).unwrap_err();
        assert_eq!(error.field.as_deref(), Some("tasks[1].ref"));
    }

    #[test]
    fn a_circle_of_refs_is_named() {
        let tasks = vec![task("A", "a", &["b"]), task("B", "b", &["c"]), task("C", "c", &["a"])];
        let error = Plan::of(&CreateTask { tasks, ..CreateTask::default() }).unwrap_err();
        assert_eq!(error.code, ErrorCode::Cycle);
        assert_eq!(error.field.as_deref(), Some("tasks[0].depends_on"));
        assert_eq!(error.context["path"], serde_json::json!(["a", "b", "c", "a"]));
    }
}
