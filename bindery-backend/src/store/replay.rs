//! Request ids: the same request twice is done once.

use std::{collections::HashMap, sync::Arc};

use sha2::{Digest, Sha256};
use shared_types::{Error, ErrorCode, Operation};

use super::{fault::Fault, sql::Sql, transaction::Tx};
use crate::handle::Caller;

/// An operation that changes the store.
pub(super) trait Write: Operation {
    /// Whether requests that wait one behind the other are done together, for less than each costs alone.
    const TOGETHER: bool = false;

    /// The id under which a retry finds the first result.
    fn request_id(input: &Self::Input) -> Option<&str>;

    /// Marks a result as that of an earlier call.
    fn mark_replayed(output: &mut Self::Output);

    /// Does all of `requests`, within the transaction, and answers them in their order. When one of
    /// them cannot be done, none is.
    fn write(tx: &mut Tx<'_>, requests: &[Asked<'_, Self::Input>]) -> Result<Vec<Self::Output>, Fault>;
}

/// What is asked, and by whom.
pub(super) struct Asked<'r, Input> {
    pub(super) input: &'r Input,
    pub(super) caller: &'r Arc<Caller>,
}

impl<Input> Clone for Asked<'_, Input> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<Input> Copy for Asked<'_, Input> {}

/// Declares that an operation changes the store, and which function does it for one request.
macro_rules! write_operation {
    ($operation:ty, $perform:path) => {
        impl $crate::store::replay::Write for $operation {
            fn request_id(input: &Self::Input) -> Option<&str> {
                input.request_id.as_deref()
            }

            fn mark_replayed(output: &mut Self::Output) {
                output.replayed = true;
            }

            fn write(
                tx: &mut $crate::store::transaction::Tx<'_>,
                requests: &[$crate::store::replay::Asked<'_, Self::Input>],
            ) -> Result<Vec<Self::Output>, $crate::store::fault::Fault> {
                let mut outputs = Vec::with_capacity(requests.len());
                for request in requests {
                    tx.caller = std::sync::Arc::clone(request.caller);
                    tx.request_id.clone_from(&request.input.request_id);
                    outputs.push($perform(tx, request.input.clone())?);
                }
                Ok(outputs)
            }
        }
    };
}
pub(super) use write_operation;

/// Carries out `requests`, but those whose request id has been seen: these get the first result. What
/// is remembered is written in the same transaction as what it remembers.
pub(super) fn once<Op: Write>(
    tx: &mut Tx<'_>,
    requests: &[Asked<'_, Op::Input>],
) -> Result<Vec<Op::Output>, Fault> {
    let named = named::<Op>(requests)?;
    let mut replayed = remembered::<Op>(tx, &named)?;
    let fresh: Vec<_> = requests
        .iter()
        .filter(|request| Op::request_id(request.input).is_none_or(|id| !replayed.contains_key(id)))
        .copied()
        .collect();
    let done = if fresh.is_empty() { Vec::new() } else { Op::write(tx, &fresh)? };
    remember::<Op>(tx, &named, fresh.iter().zip(&done))?;
    let mut done = done.into_iter();
    let answers = requests.iter().filter_map(|request| {
        Op::request_id(request.input).and_then(|id| replayed.remove(id)).or_else(|| done.next())
    });
    Ok(answers.collect())
}

/// What a request is told from another by.
type InputHash = [u8; 32];

/// The hash of each request that has an id, by that id.
fn named<'r, Op: Write>(requests: &[Asked<'r, Op::Input>]) -> Result<HashMap<&'r str, InputHash>, Fault> {
    let mut named = HashMap::new();
    for request in requests {
        let Some(id) = Op::request_id(request.input) else { continue };
        let hash = Sha256::digest(serde_json::to_vec(request.input)?).into();
        if named.insert(id, hash).is_some() {
            // The second is answered by what is remembered of the first, which is yet to be done.
            return Err(reused(id, Op::SPEC.name).into());
        }
    }
    Ok(named)
}

/// The first results of those requests that have been done before.
fn remembered<'r, Op: Write>(
    tx: &Tx<'_>,
    named: &HashMap<&'r str, InputHash>,
) -> Result<HashMap<&'r str, Op::Output>, Fault> {
    let mut outputs = HashMap::new();
    for (id, asked) in named {
        let found: Option<(String, InputHash, String)> = tx
            .connection
            .first("SELECT operation, input_hash, response FROM requests WHERE request_id = ?1", (id,))?;
        let Some((operation, hash, response)) = found else { continue };
        if operation != Op::SPEC.name || hash != *asked {
            return Err(reused(id, &operation).into());
        }
        let mut output = serde_json::from_str(&response)?;
        Op::mark_replayed(&mut output);
        outputs.insert(*id, output);
    }
    Ok(outputs)
}

fn reused(request_id: &str, operation: &str) -> Error {
    Error::new(
        ErrorCode::RequestIdReused,
        format!("request_id \"{request_id}\" was used for another {operation} request"),
    )
    .at("request_id")
    .with("operation", operation)
    .suggest("Use a new request_id for a new request; repeat one only with the same arguments.")
}

/// Keeps the answers of those requests that have an id.
fn remember<'a, 'r: 'a, Op: Write>(
    tx: &Tx<'_>,
    named: &HashMap<&'r str, InputHash>,
    done: impl Iterator<Item = (&'a Asked<'r, Op::Input>, &'a Op::Output)>,
) -> Result<(), Fault> {
    for (request, output) in done {
        let id = Op::request_id(request.input);
        let Some((id, hash)) = id.and_then(|id| named.get_key_value(id)) else { continue };
        tx.connection.run(
            "INSERT INTO requests (request_id, operation, input_hash, response, at)
             VALUES (?1, ?2, ?3, ?4, ?5)",
            (id, Op::SPEC.name, hash, serde_json::to_string(output)?, tx.now.as_millis()),
        )?;
    }
    Ok(())
}
