//! One queued write, whatever its operation.

use futures::future::BoxFuture;
use shared_types::Error;
use tokio::sync::oneshot;

use crate::{
    handle::Caller,
    store::{
        fault::Fault,
        replay::{self, Write},
        transaction::Tx,
    },
};

/// A write that waits for its turn, and for its answer.
pub(super) trait Job: Send {
    /// The operation's name.
    fn name(&self) -> &'static str;

    /// Who asked.
    fn caller(&self) -> &Caller;

    /// Whether nobody waits for the answer any more.
    fn is_abandoned(&self) -> bool;

    /// Takes the work out, to be done within `tx`; the result is kept for [`Job::settle`].
    fn run<'a>(&'a mut self, tx: &'a mut Tx<'_>) -> BoxFuture<'a, Result<(), Fault>>;

    /// Answers: with the result once that is committed, or with why it is not.
    fn settle(self: Box<Self>, verdict: Result<(), Error>);
}

/// A request for the operation `Op`.
pub(super) struct Request<Op: Write> {
    input: Option<Op::Input>,
    caller: Caller,
    output: Option<Op::Output>,
    reply: oneshot::Sender<Result<Op::Output, Error>>,
}

impl<Op: Write> Request<Op> {
    pub(super) fn new(
        input: Op::Input,
        caller: Caller,
        reply: oneshot::Sender<Result<Op::Output, Error>>,
    ) -> Self {
        Self { input: Some(input), caller, output: None, reply }
    }
}

impl<Op: Write> Job for Request<Op> {
    fn name(&self) -> &'static str {
        Op::SPEC.name
    }

    fn caller(&self) -> &Caller {
        &self.caller
    }

    fn is_abandoned(&self) -> bool {
        self.reply.is_closed()
    }

    fn run<'a>(&'a mut self, tx: &'a mut Tx<'_>) -> BoxFuture<'a, Result<(), Fault>> {
        Box::pin(async move {
            if let Some(input) = self.input.take() {
                self.output = Some(replay::once::<Op>(tx, input).await?);
            }
            Ok(())
        })
    }

    fn settle(self: Box<Self>, verdict: Result<(), Error>) {
        let answer = match (verdict, self.output) {
            (Ok(()), Some(output)) => Ok(output),
            (Ok(()), None) => return,
            (Err(error), _) => Err(error),
        };
        // A caller that no longer listens has lost its answer, not its write.
        let _ = self.reply.send(answer);
    }
}
