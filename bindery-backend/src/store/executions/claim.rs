//! `execute_task`: claiming, renewing and giving back. Claims are decided inside the writer, one after
//! the other, so that of any number of workers exactly one wins.

use shared_types::{
    Error, ErrorCode, Reference,
    execution::{Claim, ExecuteTask, Execution, ExecutionStatus},
    history::Action,
    operation,
    task::{Status, Task},
};

use super::{active, begin, end_active, lost, next, renew};
use crate::store::{
    fault::Fault,
    replay::write_operation,
    resolve,
    tasks::{
        record,
        save::{Reason, save},
    },
    transaction::Tx,
};

/// How long a claim holds when the caller does not say, in milliseconds.
const LEASE_MS: i64 = 900_000;

/// What a worker without a name is called. Two of them are not taken for one.
const ANONYMOUS: &str = "anonymous";

write_operation!(operation::ExecuteTask, execute);

fn execute(tx: &mut Tx<'_>, input: ExecuteTask) -> Result<Claim, Fault> {
    if let Some(reference) = &input.execution_id {
        if input.next {
            return Err(Error::new(
                ErrorCode::InvalidValue,
                "execution_id renews a claim; next makes a new one",
            )
            .at("next")
            .into());
        }
        return renew_or_release(tx, reference, &input);
    }
    if input.release {
        return Err(Error::new(ErrorCode::MissingField, "release needs the execution_id of the claim")
            .at("execution_id")
            .into());
    }
    match (&input.task_id, input.next) {
        (Some(_), true) => Err(Error::new(ErrorCode::InvalidValue, "give either task_id or next, not both")
            .at("next")
            .into()),
        (None, false) => Err(Error::new(
            ErrorCode::MissingField,
            "name a task_id, or ask for the next task with next=true",
        )
        .at("task_id")
        .suggest("Use next=true to claim the most important ready task.")
        .into()),
        (Some(reference), false) => claim_named(tx, reference, &input),
        (None, true) => match next::find(tx, &input)? {
            next::Found::Task(id) => {
                let task = record::get(tx.connection, id)?;
                claim(tx, task, &input)
            }
            next::Found::Nothing(message) => {
                Ok(Claim { task: None, execution: None, role: None, message, replayed: false, guard: None })
            }
        },
    }
}

fn worker(tx: &Tx<'_>, input: &ExecuteTask) -> String {
    input.worker.clone().or_else(|| tx.caller.actor.clone()).unwrap_or_else(|| ANONYMOUS.to_owned())
}

fn lease_ms(input: &ExecuteTask) -> Option<i64> {
    input.lease_seconds.map(|seconds| seconds.clamp(5, 86_400) * 1000)
}

fn claim_named(tx: &mut Tx<'_>, reference: &Reference, input: &ExecuteTask) -> Result<Claim, Fault> {
    let task = resolve::live_task(tx.connection, reference, "task_id")?;
    if let Some(held) = active(tx.connection, task.id)? {
        let worker = worker(tx, input);
        if held.worker == worker && worker != ANONYMOUS {
            let execution = renew(tx, &held, lease_ms(input))?;
            return Ok(claimed(tx, task, execution, "The claim was yours already; its lease is renewed."));
        }
        if held.lease_expires_at > tx.now {
            return Err(already_claimed(&task, &held).into());
        }
    }
    check_ready(tx, &task)?;
    claim(tx, task, input)
}

fn already_claimed(task: &Task, held: &Execution) -> Error {
    Error::new(
        ErrorCode::AlreadyClaimed,
        format!("\"{}\" holds task {} until {}", held.worker, task.id, held.lease_expires_at),
    )
    .at("task_id")
    .with("holder", held.worker.as_str())
    .with("lease_expires_at", held.lease_expires_at.to_string())
    .suggest("Use next=true to claim another ready task.")
}

/// Refuses a task that cannot be worked on, and says what it waits for.
fn check_ready(tx: &mut Tx<'_>, task: &Task) -> Result<(), Fault> {
    let id = task.id;
    let error = |message| Error::new(ErrorCode::NotReady, message).at("task_id");
    let refusal = match task.status {
        Status::Done | Status::Cancelled => error(format!("task {id} is {} already", task.status.as_str()))
            .suggest("Reopen it with update_task status=todo if there is more to do."),
        Status::Blocked => error(format!("task {id} is blocked by something outside the store"))
            .suggest("Set it to todo with update_task when that is resolved."),
        Status::Todo | Status::Doing if !task.waiting_for.is_empty() => {
            let mut titles = Vec::with_capacity(task.waiting_for.len());
            for other in &task.waiting_for {
                titles.push(format!("{other} \"{}\"", record::get(tx.connection, *other)?.title));
            }
            let ids: Vec<String> = task.waiting_for.iter().map(ToString::to_string).collect();
            error(format!("task {id} waits for {}", titles.join(", ")))
                .with("waiting_for", ids)
                .suggest("Do those first, or use next=true to claim another ready task.")
        }
        Status::Todo | Status::Doing => return Ok(()),
    };
    Err(refusal.with("status", task.status.as_str()).into())
}

/// Claims `task`, which is ready, or whose last claim has run out.
fn claim(tx: &mut Tx<'_>, task: Task, input: &ExecuteTask) -> Result<Claim, Fault> {
    let worker = worker(tx, input);
    end_active(tx, task.id, ExecutionStatus::Expired)?;
    let execution = begin(tx, task.id, &worker, lease_ms(input).unwrap_or(LEASE_MS))?;
    let mut after = task.clone();
    after.status = Status::Doing;
    after.assignee = Some(worker);
    let mut reason = Reason::from(Action::Claimed);
    // Also when the same worker takes the task anew and no field differs: a claim is a change.
    reason.extra.after.insert("execution_id".to_owned(), execution.id.to_string().into());
    let saved = save(tx, &task, after, reason)?;
    let message = format!(
        "Claimed until {}. Before then call execute_task execution_id={id} to keep it; finish with \
         complete_task execution_id={id}.",
        execution.lease_expires_at,
        id = execution.id
    );
    Ok(claimed(tx, saved.task, execution, &message))
}

fn claimed(tx: &Tx<'_>, task: Task, execution: Execution, message: &str) -> Claim {
    Claim {
        role: task.role.as_deref().and_then(|name| tx.roles.get(name)).cloned(),
        task: Some(task),
        execution: Some(execution),
        message: message.to_owned(),
        replayed: false,
        guard: None,
    }
}

fn renew_or_release(tx: &mut Tx<'_>, reference: &Reference, input: &ExecuteTask) -> Result<Claim, Fault> {
    let execution = super::resolve(tx.connection, reference, "execution_id")?;
    let task = record::get(tx.connection, execution.task_id)?;
    let names_another = input.task_id.as_ref().is_some_and(|named| named.as_str().parse() != Ok(task.id));
    if execution.status != ExecutionStatus::Active || names_another {
        return Err(lost(&execution)
            .at("execution_id")
            .suggest("Claim the task again with execute_task task_id before you go on.")
            .into());
    }
    if input.release { release(tx, task, execution) } else { keep(tx, task, execution, input) }
}

fn keep(tx: &mut Tx<'_>, task: Task, execution: Execution, input: &ExecuteTask) -> Result<Claim, Fault> {
    let execution = renew(tx, &execution, lease_ms(input))?;
    let message = format!("The claim holds until {}.", execution.lease_expires_at);
    // The worker has its role's brief since it claimed the task.
    Ok(Claim {
        task: Some(task),
        execution: Some(execution),
        role: None,
        message,
        replayed: false,
        guard: None,
    })
}

fn release(tx: &mut Tx<'_>, task: Task, execution: Execution) -> Result<Claim, Fault> {
    end_active(tx, task.id, ExecutionStatus::Released)?;
    let mut after = task.clone();
    after.status = Status::Todo;
    after.assignee = None;
    let mut reason = Reason::from(Action::Released);
    reason.extra.after.insert("execution_id".to_owned(), execution.id.to_string().into());
    let saved = save(tx, &task, after, reason)?;
    let execution = Execution { status: ExecutionStatus::Released, ended_at: Some(tx.now), ..execution };
    let message = "The task is back in the queue.".to_owned();
    Ok(Claim {
        task: Some(saved.task),
        execution: Some(execution),
        role: None,
        message,
        replayed: false,
        guard: None,
    })
}
