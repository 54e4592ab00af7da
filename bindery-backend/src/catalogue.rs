//! The operations as the backend carries them out: one table, made from the list.
//!
//! REST, JSON-RPC, the OpenAPI document and the metrics all walk this table, so an operation
//! that is in the list is served everywhere, and nowhere differently.

use std::{pin::Pin, sync::LazyLock};

use serde::Serialize;
use serde_json::{Value, value::RawValue};
use shared_types::{
    Error, ErrorCode, Operation, Spec, for_each_operation, guarded::GuardReport, operation, schema,
};

use crate::{
    app::App,
    handle::{Caller, Handle},
};

/// What an operation returned, written as JSON once.
pub(crate) type Answer = Result<Box<RawValue>, Error>;

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
    run: Run,
}

impl Entry {
    fn of<Op: Operation>(place: usize) -> Self
    where
        App: Handle<Op>,
    {
        Self {
            place,
            spec: Op::SPEC,
            input: schema::of_input::<Op::Input>(),
            output: schema::of_output::<Op::Output>(),
            run: |app, input, caller| Box::pin(carry_out::<Op>(app, input, caller)),
        }
    }

    /// Carries it out with an input that passed the guard.
    ///
    /// # Errors
    /// What the operation answers, or `invalid_value` when the input does not fit its type.
    pub(crate) async fn run(&self, app: &App, input: Value, caller: Caller) -> Answer {
        (self.run)(app, input, caller).await
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
    let input: Op::Input = read(input)?;
    let output = Handle::<Op>::handle(app, input, &caller).await?;
    let takes_report =
        find(Op::SPEC.name).is_some_and(|entry| entry.output["properties"]["guard"].is_object());
    write(&output, caller.guard.filter(|_| takes_report))
}

fn read<T: serde::de::DeserializeOwned>(input: Value) -> Result<T, Error> {
    serde_path_to_error::deserialize(input).map_err(|error| {
        let path = error.path().to_string();
        let invalid = Error::new(ErrorCode::InvalidValue, error.into_inner().to_string());
        if path == "." { invalid } else { invalid.at(path) }
    })
}

fn write(output: &impl Serialize, report: Option<GuardReport>) -> Answer {
    let written = match report {
        None => serde_json::value::to_raw_value(output),
        Some(report) => serde_json::to_value(output).and_then(|mut output| {
            output["guard"] = serde_json::to_value(report)?;
            serde_json::value::to_raw_value(&output)
        }),
    };
    written.map_err(|error| Error::new(ErrorCode::Internal, format!("cannot write the result: {error}")))
}
