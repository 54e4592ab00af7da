//! One queued write, whatever its operation.

use std::{any::Any, sync::Arc};

use shared_types::Error;
use tokio::sync::oneshot;

use crate::{
    handle::Caller,
    store::{
        fault::Fault,
        replay::{self, Asked, Write},
        transaction::Tx,
    },
};

/// A write that waits for its turn, and for its answer.
pub(super) trait Job: Any + Send {
    /// The operation's name.
    fn name(&self) -> &'static str;

    /// Whether nobody waits for the answer any more.
    fn is_abandoned(&self) -> bool;

    /// Whether `next` can be done together with this.
    fn takes_along(&self, next: &dyn Job) -> bool;

    /// Does the work within `tx`, together with that of `others`, which this takes along. The results
    /// are kept for [`Job::settle`]. When one fails, none counts; all can be run again.
    fn run(&mut self, others: &mut [Box<dyn Job>], tx: &mut Tx<'_>) -> Result<(), Fault>;

    /// Answers: with the result once that is committed, or with why it is not.
    fn settle(self: Box<Self>, verdict: Result<(), Error>);
}

/// A request for the operation `Op`.
pub(super) struct Request<Op: Write> {
    input: Op::Input,
    caller: Arc<Caller>,
    output: Option<Op::Output>,
    reply: oneshot::Sender<Result<Op::Output, Error>>,
}

impl<Op: Write> Request<Op> {
    pub(super) fn new(
        input: Op::Input,
        caller: Caller,
        reply: oneshot::Sender<Result<Op::Output, Error>>,
    ) -> Self {
        Self { input, caller: Arc::new(caller), output: None, reply }
    }

    fn asked(&self) -> Asked<'_, Op::Input> {
        Asked { input: &self.input, caller: &self.caller }
    }
}

impl<Op: Write> Job for Request<Op> {
    fn name(&self) -> &'static str {
        Op::SPEC.name
    }

    fn is_abandoned(&self) -> bool {
        self.reply.is_closed()
    }

    fn takes_along(&self, next: &dyn Job) -> bool {
        Op::TOGETHER && (next as &dyn Any).is::<Self>()
    }

    fn run(&mut self, others: &mut [Box<dyn Job>], tx: &mut Tx<'_>) -> Result<(), Fault> {
        let others: Vec<&mut Self> =
            others.iter_mut().filter_map(|job| (&mut **job as &mut dyn Any).downcast_mut()).collect();
        let requests: Vec<_> =
            std::iter::once(self.asked()).chain(others.iter().map(|job| job.asked())).collect();
        let outputs = replay::once::<Op>(tx, &requests)?;
        for (job, output) in std::iter::once(self).chain(others).zip(outputs) {
            job.output = Some(output);
        }
        Ok(())
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
