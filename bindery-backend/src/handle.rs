//! What every operation of the backend looks like from outside the store.

use std::future::Future;

use shared_types::{Error, Operation, guarded::GuardReport};

/// Who asks, and what the guard found in what they sent. Both end in the history.
#[derive(Debug, Clone, Default)]
pub struct Caller {
    /// The assistant, program or person behind the request.
    pub actor: Option<String>,
    /// What the text guard changed or flagged.
    pub guard: Option<GuardReport>,
}

/// Carries out the operation `Op`.
pub trait Handle<Op: Operation> {
    /// Does it, and returns what the store then holds.
    ///
    /// # Errors
    /// An [`Error`] that the caller may see; nothing has been changed then.
    fn handle(
        &self,
        input: Op::Input,
        caller: &Caller,
    ) -> impl Future<Output = Result<Op::Output, Error>> + Send;
}
