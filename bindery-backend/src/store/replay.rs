//! Request ids: the same request twice is done once.

use std::{
    collections::{HashMap, HashSet},
    sync::Arc,
};

use serde::Serialize;
use sha2::{Digest, Sha256};
use shared_types::{Error, ErrorCode, Operation};

use super::{fault::Fault, record::hex, sql::Sql, transaction::Tx};
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

/// The hash of each request that has an id, by that id.
fn named<'r, Op: Write>(requests: &[Asked<'r, Op::Input>]) -> Result<HashMap<&'r str, String>, Fault> {
    let mut named = HashMap::new();
    for request in requests {
        let Some(id) = Op::request_id(request.input) else { continue };
        let hash = hex(&Sha256::digest(serde_json::to_vec(request.input)?));
        if named.insert(id, hash).is_some() {
            // The second is answered by what is remembered of the first, which is yet to be done.
            return Err(reused(id, Op::SPEC.name).into());
        }
    }
    Ok(named)
}

/// The first results of those requests that have been done before.
fn remembered<'r, Op: Write>(
    tx: &mut Tx<'_>,
    named: &HashMap<&'r str, String>,
) -> Result<HashMap<&'r str, Op::Output>, Fault> {
    let mut outputs = HashMap::new();
    if named.is_empty() {
        return Ok(outputs);
    }
    let ids: HashSet<&str> = named.keys().copied().collect();
    let found: Vec<(String, String, String, String)> = tx.connection.all(
        "SELECT request_id, operation, lower(hex(input_hash)), response FROM requests
         WHERE request_id IN (SELECT value FROM json_each(?1))",
        (serde_json::to_string(&ids)?,),
    )?;
    for (request_id, operation, hash, response) in found {
        let Some((id, asked)) = named.get_key_value(request_id.as_str()) else { continue };
        if operation != Op::SPEC.name || hash != *asked {
            return Err(reused(&request_id, &operation).into());
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

/// What is kept of a request that was done.
#[derive(Serialize)]
struct Kept<'r> {
    request_id: &'r str,
    input_hash: &'r str,
    response: String,
}

/// Keeps the answers of those requests that have an id.
fn remember<'a, 'r: 'a, Op: Write>(
    tx: &mut Tx<'_>,
    named: &HashMap<&'r str, String>,
    done: impl Iterator<Item = (&'a Asked<'r, Op::Input>, &'a Op::Output)>,
) -> Result<(), Fault> {
    let mut kept = Vec::with_capacity(named.len());
    for (request, output) in done {
        let id = Op::request_id(request.input);
        if let Some((request_id, input_hash)) = id.and_then(|id| named.get_key_value(id)) {
            kept.push(Kept { request_id, input_hash, response: serde_json::to_string(output)? });
        }
    }
    if kept.is_empty() {
        return Ok(());
    }
    tx.connection.run(
        "INSERT INTO requests (request_id, operation, input_hash, response, at)
         SELECT json_extract(value, '$.request_id'), ?2, unhex(json_extract(value, '$.input_hash')),
                json_extract(value, '$.response'), ?3
         FROM jsonb_each(?1)",
        (serde_json::to_string(&kept)?, Op::SPEC.name, tx.now.as_millis()),
    )?;
    Ok(())
}
