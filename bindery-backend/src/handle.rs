//! What every operation of the backend looks like from outside the store.

use std::future::Future;

use bytes::Bytes;
use serde::Serialize;
use shared_types::{Error, ErrorCode, Operation, guarded::GuardReport};

/// Who asks, and what the guard found in what they sent. Both end in the history.
#[derive(Debug, Clone, Default)]
pub struct Caller {
    /// The assistant, program or person behind the request.
    pub actor: Option<String>,
    /// What the text guard changed or flagged.
    pub guard: Option<GuardReport>,
}

/// What an operation returned, written as JSON; cheap to clone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Json(Bytes);

impl Json {
    /// Writes `output`.
    ///
    /// # Errors
    /// `internal` when it cannot be written as JSON.
    pub fn of(output: &impl Serialize) -> Result<Self, Error> {
        let written = serde_json::to_vec(output);
        written
            .map(Self::from_written)
            .map_err(|error| Error::new(ErrorCode::Internal, format!("cannot write the result: {error}")))
    }

    /// Takes what is JSON already.
    pub(crate) fn from_written(json: impl Into<Bytes>) -> Self {
        Self(json.into())
    }

    /// The text.
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    /// The text, shared with the others who have it.
    pub fn into_bytes(self) -> Bytes {
        self.0
    }
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

    /// As [`Handle::handle`], written as JSON. An operation that has its answer in this form, or can
    /// make it so at less cost, does that here.
    ///
    /// # Errors
    /// As [`Handle::handle`].
    fn answer(&self, input: Op::Input, caller: &Caller) -> impl Future<Output = Result<Json, Error>> + Send
    where
        Self: Sync,
    {
        async { Json::of(&self.handle(input, caller).await?) }
    }
}
