//! `complete_task`: done, with the claim ended and whatever waited set free.

use shared_types::{
    Error, ErrorCode,
    execution::{Execution, ExecutionStatus},
    history::Action,
    operation,
    task::{CompleteTask, Completion, Status, Task, TasksWritten},
};

use super::{
    Written, check_version, items,
    save::{Reason, Saved, save},
};
use crate::store::{
    executions,
    fault::Fault,
    replay::write_operation,
    resolve::{self, path, required},
    transaction::Tx,
};

write_operation!(operation::CompleteTask, complete);

fn complete(tx: &mut Tx<'_>, input: CompleteTask) -> Result<TasksWritten, Fault> {
    let named_one = input.tasks.is_empty();
    let mut written = Written::default();
    let mut single = None;
    for (prefix, completion) in items::<Completion, _>(input.completion, input.tasks, "task_id")? {
        let saved = complete_one(tx, completion, &prefix)?;
        written.add(&saved);
        single = Some(saved.task).filter(|_| named_one);
    }
    Ok(written.answer(tx, single))
}

fn complete_one(tx: &mut Tx<'_>, completion: Completion, prefix: &str) -> Result<Saved, Fault> {
    let reference = required(completion.task_id, prefix, "task_id")?;
    let task = resolve::live_task(tx.connection, &reference, &path(prefix, "task_id"))?;
    let named = match &completion.execution_id {
        Some(reference) => {
            let field = path(prefix, "execution_id");
            let execution = executions::resolve(tx.connection, reference, &field)?;
            check_claim(&execution, &task, &field)?;
            Some(execution)
        }
        None => None,
    };
    if task.status == Status::Done {
        // A repeated call finds the work done, which is what it asked for.
        return Ok(Saved { task, unblocked: Vec::new() });
    }
    check_version(&task, completion.expected_version, prefix)?;
    let active = executions::active(tx.connection, task.id)?;
    let claim_ends = match (&named, &active) {
        (None, Some(active)) => ending(tx, active, &task, prefix)?,
        _ => ExecutionStatus::Completed,
    };
    let mut after = task.clone();
    after.status = Status::Done;
    after.completion_notes = completion.completion_notes.or(after.completion_notes);
    save(tx, &task, after, Reason { claim_ends, ..Reason::from(Action::Completed) })
}

/// Refuses a claim that is of another task, or no longer held. One under which the task was finished
/// is as good as held: the call is a repetition.
fn check_claim(execution: &Execution, task: &Task, field: &str) -> Result<(), Error> {
    let held = match execution.status {
        ExecutionStatus::Active => true,
        ExecutionStatus::Completed => task.status == Status::Done,
        ExecutionStatus::Released | ExecutionStatus::Expired => false,
    };
    if execution.task_id == task.id && held {
        return Ok(());
    }
    Err(executions::lost(execution)
        .at(field)
        .suggest("Claim the task again with execute_task before you go on; see get_task for its state."))
}

/// How the claim of `active` ends when the task is completed without naming it: as completed by its
/// holder, as expired when its lease is over; and not at all while somebody else holds it.
fn ending(tx: &Tx<'_>, active: &Execution, task: &Task, prefix: &str) -> Result<ExecutionStatus, Error> {
    if tx.caller.actor.as_deref() == Some(active.worker.as_str()) {
        return Ok(ExecutionStatus::Completed);
    }
    if active.lease_expires_at <= tx.now {
        return Ok(ExecutionStatus::Expired);
    }
    Err(Error::new(ErrorCode::AlreadyClaimed, format!("\"{}\" holds task {}", active.worker, task.id))
        .at(path(prefix, "task_id"))
        .with("holder", active.worker.as_str())
        .with("lease_expires_at", active.lease_expires_at.to_string())
        .suggest("If the claim is yours, pass the execution_id that execute_task returned."))
}
