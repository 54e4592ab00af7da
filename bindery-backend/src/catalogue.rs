//! The operations as the backend carries them out: one table, made from the list.
//!
//! REST, JSON-RPC, the OpenAPI document and the metrics all walk this table, so an operation
//! that is in the list is served everywhere, and nowhere differently.

use std::{pin::Pin, sync::LazyLock};

use serde_json::Value;
use shared_types::{
    Error, ErrorCode, Operation, Spec, for_each_operation, guarded::GuardReport, operation, schema,
};

use crate::{
    app::App,
    handle::{Caller, Handle, Json},
};

/// What an operation returned, written as JSON once.
pub(crate) type Answer = Result<Json, Error>;

type Run = for<'a> fn(&'a App, Value, Caller) -> Pin<Box<dyn Future<Output = Answer> + Send + 'a>>;

/// One operation, ready to be carried out.
pub(crate) struct Entry {
    /// Its place in the list.
    pub(crate) place: usize,
    /// What the list says about it.
    pub(crate) spec: Spec,
    /// The schema of its input.
    pub(crate) input: Value,
    /// The schema of its output.
    pub(crate) output: Value,
    /// Whether its answer says what the guard found.
    takes_report: bool,
    run: Run,
}

impl Entry {
    fn of<Op: Operation>(place: usize) -> Self
    where
        App: Handle<Op>,
    {
        let output = schema::of_output::<Op::Output>();
        Self {
            place,
            spec: Op::SPEC,
            input: schema::of_input::<Op::Input>(),
            takes_report: output["properties"]["guard"].is_object(),
            output,
            run: |app, input, caller| Box::pin(carry_out::<Op>(app, input, caller)),
        }
    }

    /// Carries it out with an input that passed the guard.
    ///
    /// # Errors
    /// What the operation answers, or `invalid_value` when the input does not fit its type.
    pub(crate) async fn run(&self, app: &App, input: Value, caller: Caller) -> Answer {
        let report = if self.takes_report { caller.guard.clone() } else { None };
        let answer = (self.run)(app, input, caller).await?;
        match report {
            None => Ok(answer),
            Some(report) => with_report(&answer, report),
        }
    }
}

/// Every operation, in the order of the list.
pub(crate) static CATALOGUE: LazyLock<Vec<Entry>> = LazyLock::new(|| {
    macro_rules! entries {
        ($($operation:ident),+) => {
            [$(Entry::of::<operation::$operation>),+]
        };
    }
    let makers: &[fn(usize) -> Entry] = &for_each_operation!(entries);
    makers.iter().enumerate().map(|(place, make)| make(place)).collect()
});

/// The operation of this name.
pub(crate) fn find(name: &str) -> Option<&'static Entry> {
    CATALOGUE.iter().find(|entry| entry.spec.name == name)
}

async fn carry_out<Op: Operation>(app: &App, input: Value, caller: Caller) -> Answer
where
    App: Handle<Op>,
{
    Handle::<Op>::answer(app, read(input)?, &caller).await
}

fn read<T: serde::de::DeserializeOwned>(input: Value) -> Result<T, Error> {
    serde_path_to_error::deserialize(input).map_err(|error| {
        let path = error.path().to_string();
        let invalid = Error::new(ErrorCode::InvalidValue, error.into_inner().to_string());
        if path == "." { invalid } else { invalid.at(path) }
    })
}

fn with_report(answer: &Json, report: GuardReport) -> Answer {
    let unreadable = |error| Error::new(ErrorCode::Internal, format!("cannot write the result: {error}"));
    let mut answer: Value = serde_json::from_slice(answer.as_bytes()).map_err(unreadable)?;
    answer["guard"] = serde_json::to_value(report).map_err(unreadable)?;
    Json::of(&answer)
}
