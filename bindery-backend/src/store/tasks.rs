//! Tasks: their rows, and every operation on them.

mod complete;
mod create;
mod cycle;
mod delete;
mod get;
mod list;
mod plan;
pub(super) mod record;
mod role;
pub(super) mod row;
pub(super) mod save;
mod undo;
mod update;

use std::borrow::Borrow;

use shared_types::{
    Error, ErrorCode, TaskId,
    task::{Task, TaskRow, TasksWritten, WrittenTask},
};

use super::{fault::Fault, resolve::path, transaction::Tx};

/// What several writes of one request changed, gathered for its answer.
#[derive(Debug, Default)]
struct Written {
    tasks: Vec<WrittenTask>,
    unblocked: Vec<TaskId>,
}

impl Written {
    /// Adds what one save did.
    fn add(&mut self, saved: &save::Saved) {
        self.tasks.push(row(&saved.task, None));
        for id in &saved.unblocked {
            if !self.unblocked.contains(id) {
                self.unblocked.push(*id);
            }
        }
    }

    /// The answer: `single` is the task of a call that named one.
    fn answer(self, tx: &Tx<'_>, single: Option<Task>) -> TasksWritten {
        TasksWritten {
            tasks: if single.is_some() && self.tasks.len() < 2 { Vec::new() } else { self.tasks },
            task: single,
            unblocked: self.unblocked,
            replayed: false,
            guard: tx.caller.guard.clone(),
        }
    }
}

fn row(task: &Task, temporary_ref: Option<String>) -> WrittenTask {
    WrittenTask {
        id: task.id,
        temporary_ref,
        title: task.title.clone(),
        status: task.status,
        version: task.version,
    }
}

/// The items of a call that takes one (`single`) or several (`tasks`), each with its path.
fn items<T, I>(single: I, tasks: Vec<I>, name: &str) -> Result<Vec<(String, I)>, Error>
where
    T: Default + PartialEq,
    I: Borrow<T>,
{
    if tasks.is_empty() {
        return Ok(vec![(String::new(), single)]);
    }
    if *single.borrow() != T::default() {
        return Err(Error::new(
            ErrorCode::InvalidValue,
            format!("give either {name} for one task, or tasks for several, not both"),
        )
        .at("tasks")
        .suggest("Put every field inside the objects in tasks."));
    }
    Ok(tasks.into_iter().enumerate().map(|(index, item)| (format!("tasks[{index}]"), item)).collect())
}

/// Refuses when the caller has read an older state than the one that is stored.
fn check_version(task: &Task, expected: Option<i64>, prefix: &str) -> Result<(), Fault> {
    match expected {
        Some(expected) if expected != task.version => Err(Error::new(
            ErrorCode::VersionConflict,
            format!("task {} is at version {}, not {expected}", task.id, task.version),
        )
        .at(path(prefix, "expected_version"))
        .with("current_version", task.version)
        .with("current", TaskRow::select(task, &[]).0)
        .suggest(format!("Merge with the current row, then repeat with expected_version={}.", task.version))
        .into()),
        _ => Ok(()),
    }
}
