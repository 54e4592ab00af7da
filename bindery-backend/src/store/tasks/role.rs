//! `assign_role_to_task`.

use shared_types::{
    history::Action,
    operation,
    task::{AssignRole, TasksWritten},
};

use super::{
    Written, check_version,
    save::{Reason, save},
};
use crate::store::{fault::Fault, replay::write_operation, resolve, transaction::Tx};

write_operation!(operation::AssignRoleToTask, assign);

fn assign(tx: &mut Tx<'_>, input: AssignRole) -> Result<TasksWritten, Fault> {
    if let Some(name) = &input.role {
        tx.roles.require(name)?;
    }
    let task = resolve::live_task(tx.connection, &input.task_id, "task_id")?;
    check_version(&task, input.expected_version, "")?;
    let mut after = task.clone();
    after.role = input.role;
    let saved = save(tx, &task, after, Reason::from(Action::Updated))?;
    let mut written = Written::default();
    written.add(&saved);
    Ok(written.answer(tx, Some(saved.task)))
}
