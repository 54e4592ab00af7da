//! Roles that carry out their tasks by a program of the operator's.
//!
//! After a claim of a task whose role has an executor, the program runs as a supervised child: it is
//! told the task and the role's brief, says how far it is, and ends with its notes. Its claim is kept
//! alive meanwhile. What it did is recorded as any worker's: the task is completed with its notes, or
//! given back with a note that says why.

mod file;
mod protocol;
pub mod trust;

use std::{
    collections::HashSet,
    fmt::Display,
    path::PathBuf,
    pin::pin,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use serde::Deserialize;
use serde_json::{Value, json};
use shared_types::{
    Error, ErrorCode, ExecutionId, Operation, Reference, Spec,
    execution::{Claim, ExecuteTask, Execution},
    operation,
    task::{CompleteTask, Completion, GetTask, Include, Task, TaskChange, UpdateTask},
};
use tokio::time::sleep;
use tokio_util::{sync::CancellationToken, task::TaskTracker};

pub use file::{Executor, RolesFile};
pub use protocol::Progress;

use crate::{
    client::{CallOptions, Client},
    workspace::Workspace,
};

/// Runs executors. Clones share what runs.
#[derive(Debug, Clone)]
pub struct Executors {
    file: PathBuf,
    root: PathBuf,
    running: Arc<Mutex<HashSet<ExecutionId>>>,
    tasks: TaskTracker,
}

/// Who waits for a task to be carried out.
pub struct Watch {
    /// Who claimed it.
    pub actor: String,
    /// Ends it early: the program is stopped and the task given back.
    pub cancelled: CancellationToken,
    /// Told how far it is.
    pub progress: Box<dyn FnMut(Progress) + Send>,
}

impl Executors {
    /// The executors of a workspace: of its roles file, if the operator trusts it.
    pub fn of(workspace: &Workspace) -> Self {
        Self {
            file: workspace.roles(),
            root: workspace.root().to_owned(),
            running: Arc::default(),
            tasks: TaskTracker::new(),
        }
    }

    /// Carries out what was claimed, if its role has an executor; else returns the claim as it is.
    ///
    /// # Errors
    /// [`ErrorCode::ExecutorFailed`], when the program could not finish the task. The task is given
    /// back then, with a note.
    pub async fn carry_out(&self, client: &Client, claim: Value, watch: Watch) -> Result<Value, Error> {
        let internal = |error: &dyn Display| Error::new(ErrorCode::Internal, error.to_string());
        let fresh = Claim::deserialize(&claim).map_err(|error| internal(&error))?;
        let (Some(role), Some(execution)) =
            (fresh.task.as_ref().and_then(|task| task.role.clone()), fresh.execution.as_ref())
        else {
            return Ok(claim);
        };
        let id = execution.id;
        if fresh.replayed || !self.running().insert(id) {
            return Ok(claim);
        }
        // On a task of its own: what was begun is brought to an end also when nobody waits any more.
        let work = {
            let (executors, client) = (self.clone(), client.clone());
            async move {
                let outcome = executors.work(&client, &role, fresh, watch).await;
                executors.running().remove(&id);
                outcome.map_err(|error| client.disclose(operation::ExecuteTask::SPEC.name, error))
            }
        };
        let claim = self.tasks.spawn(work).await.map_err(|error| internal(&error))??;
        serde_json::to_value(claim).map_err(|error| internal(&error))
    }

    /// Waits until nothing runs any more, at most `patience`.
    pub async fn end(&self, patience: Duration) {
        self.tasks.close();
        if tokio::time::timeout(patience, self.tasks.wait()).await.is_err() {
            tracing::warn!("an executor did not end in time");
        }
    }

    async fn work(&self, client: &Client, role: &str, claim: Claim, watch: Watch) -> Result<Claim, Error> {
        let Watch { actor, cancelled, progress } = watch;
        let options = CallOptions { actor: Some(actor), guard: None };
        let executor = match self.executor(role) {
            Ok(None) => return Ok(claim),
            Ok(Some(Permitted::Yes(executor))) => executor,
            Ok(Some(Permitted::No)) => return Ok(untrusted(claim, role)),
            Err(reason) => return give_back(client, &claim, role, &reason, &options).await,
        };
        let stop = CancellationToken::new();
        let mut run = pin!(protocol::run(&executor, role, &self.root, &claim, progress, stop.clone()));
        let early = tokio::select! {
            outcome = &mut run => Ok(outcome),
            () = sleep(executor.timeout) => Err(format!("it took longer than {} ms", executor.timeout.as_millis())),
            lost = keep_alive(client, &claim, &options) => Err(lost),
            () = cancelled.cancelled() => Err("the caller cancelled it".to_owned()),
        };
        let outcome = match early {
            Ok(outcome) => outcome,
            Err(reason) => {
                stop.cancel();
                // Its process is gone before anybody else may take the task.
                let _ = run.await;
                Err(reason)
            }
        };
        match outcome {
            Ok(notes) => complete(client, &claim, role, notes, &options).await,
            Err(reason) => give_back(client, &claim, role, &reason, &options).await,
        }
    }

    fn executor(&self, role: &str) -> Result<Option<Permitted>, String> {
        let Some(file) = RolesFile::read(&self.file)? else { return Ok(None) };
        let Some(executor) = file.executor(role) else { return Ok(None) };
        let trusted = trust::is_trusted(&self.file, file.bytes());
        Ok(Some(if trusted { Permitted::Yes(executor.clone()) } else { Permitted::No }))
    }

    fn running(&self) -> MutexGuard<'_, HashSet<ExecutionId>> {
        self.running.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

enum Permitted {
    Yes(Executor),
    No,
}

fn untrusted(mut claim: Claim, role: &str) -> Claim {
    claim.message = format!(
        "{} The role \"{role}\" names an executor, but the operator has not allowed this roles.toml to run \
         programs (bindery-mcp trust): do the task yourself.",
        claim.message
    );
    claim
}

/// Renews the lease of the claim, three times within its length, until that fails; returns why.
async fn keep_alive(client: &Client, claim: &Claim, options: &CallOptions) -> String {
    let Some(execution) = &claim.execution else { return "there is no claim".to_owned() };
    let renewal = ExecuteTask {
        execution_id: Some(Reference::new(execution.id.to_string())),
        ..ExecuteTask::default()
    };
    let pause = lease(execution) / 3;
    loop {
        sleep(pause).await;
        match client.request::<operation::ExecuteTask>(&renewal, options).await {
            Err(error) if error.code == ErrorCode::LeaseLost || error.code == ErrorCode::NotFound => {
                return format!("the claim was lost: {error}");
            }
            // The lease is still running; the next try may find the backend again.
            Err(error) => tracing::warn!(%error, "lease of an executor not renewed"),
            Ok(_) => {}
        }
    }
}

fn lease(execution: &Execution) -> Duration {
    let length = execution.lease_expires_at.as_millis() - execution.heartbeat_at.as_millis();
    Duration::from_millis(u64::try_from(length).unwrap_or_default().max(3000))
}

async fn complete(
    client: &Client,
    claim: &Claim,
    role: &str,
    notes: Option<String>,
    options: &CallOptions,
) -> Result<Claim, Error> {
    let (Some(task), Some(execution)) = (&claim.task, &claim.execution) else { return Ok(claim.clone()) };
    let completion = Completion {
        task_id: Some(task.id.into()),
        execution_id: Some(Reference::new(execution.id.to_string())),
        completion_notes: notes,
        ..Completion::default()
    };
    let input = CompleteTask { completion, ..CompleteTask::default() };
    client.request::<operation::CompleteTask>(&input, options).await?;
    let task = read(client, task, options).await?;
    let ended = task.executions.iter().flatten().find(|ended| ended.id == execution.id).cloned();
    let message = format!("The executor of the role \"{role}\" finished the task.");
    Ok(Claim { task: Some(task), execution: ended, message, ..claim.clone() })
}

/// Gives the task back to the queue, with a note, and says why.
async fn give_back(
    client: &Client,
    claim: &Claim,
    role: &str,
    reason: &str,
    options: &CallOptions,
) -> Result<Claim, Error> {
    let reason = guard::redact::redact(reason);
    let failure =
        Error::new(ErrorCode::ExecutorFailed, format!("the executor of the role \"{role}\": {reason}"));
    let (Some(task), Some(execution)) = (&claim.task, &claim.execution) else { return Err(failure) };
    let release = ExecuteTask {
        execution_id: Some(Reference::new(execution.id.to_string())),
        release: true,
        ..ExecuteTask::default()
    };
    let note: String = failure.message.chars().take(2000).collect();
    let change = TaskChange { task_id: Some(task.id.into()), note: Some(note), ..TaskChange::default() };
    let remark = UpdateTask { change, ..UpdateTask::default() };
    for outcome in [
        client.request::<operation::ExecuteTask>(&release, options).await.err(),
        client.request::<operation::UpdateTask>(&remark, options).await.err(),
    ] {
        // The lease runs out by itself; the caller learns the reason in any case.
        outcome.inspect(|error| tracing::warn!(%error, "end of an executor not recorded"));
    }
    Err(failure
        .with("task_id", task.id.to_string())
        .with("execution", json!({"id": execution.id, "status": "released"}))
        .suggest("Correct the cause and call execute_task again, or do the task yourself."))
}

async fn read(client: &Client, task: &Task, options: &CallOptions) -> Result<Task, Error> {
    let input = GetTask { task_id: task.id.into(), include: vec![Include::Executions] };
    client.request::<operation::GetTask>(&input, options).await.map(|read| read.task)
}

/// Whether `input` asks for a claim, which an executor may carry out; not to renew or end one.
pub fn is_claim(spec: &Spec, input: &Value) -> bool {
    spec.name == operation::ExecuteTask::SPEC.name && input.get("execution_id").is_none_or(Value::is_null)
}
