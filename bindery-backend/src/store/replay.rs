//! Request ids: the same request twice is done once.

use std::future::Future;

use sha2::{Digest, Sha256};
use shared_types::{Error, ErrorCode, Operation};

use super::{fault::Fault, transaction::Tx};

/// An operation that changes the store.
pub(super) trait Write: Operation {
    /// The id under which a retry finds the first result.
    fn request_id(input: &Self::Input) -> Option<&str>;

    /// Marks a result as that of an earlier call.
    fn mark_replayed(output: &mut Self::Output);

    /// Does it, within the transaction.
    fn write(tx: &mut Tx<'_>, input: Self::Input)
    -> impl Future<Output = Result<Self::Output, Fault>> + Send;
}

/// Declares that an operation changes the store, and which function does it.
macro_rules! write_operation {
    ($operation:ty, $perform:path) => {
        impl $crate::store::replay::Write for $operation {
            fn request_id(input: &Self::Input) -> Option<&str> {
                input.request_id.as_deref()
            }

            fn mark_replayed(output: &mut Self::Output) {
                output.replayed = true;
            }

            async fn write(
                tx: &mut $crate::store::transaction::Tx<'_>,
                input: Self::Input,
            ) -> Result<Self::Output, $crate::store::fault::Fault> {
                $perform(tx, input).await
            }
        }
    };
}
pub(super) use write_operation;

/// Carries out `input`, unless its request id has been seen: then the first result is returned.
/// What is remembered is written in the same transaction as what it remembers.
pub(super) async fn once<Op: Write>(tx: &mut Tx<'_>, input: Op::Input) -> Result<Op::Output, Fault> {
    let Some(request_id) = Op::request_id(&input).map(str::to_owned) else {
        return Op::write(tx, input).await;
    };
    let hash = Sha256::digest(serde_json::to_vec(&input)?);
    if let Some(mut output) = remembered::<Op>(tx, &request_id, &hash).await? {
        Op::mark_replayed(&mut output);
        return Ok(output);
    }
    tx.request_id = Some(request_id.clone());
    let output = Op::write(tx, input).await?;
    sqlx::query(
        "INSERT INTO requests (request_id, operation, input_hash, response, at) VALUES (?1, ?2, ?3, ?4, ?5)",
    )
    .bind(request_id)
    .bind(Op::SPEC.name)
    .bind(hash.as_slice())
    .bind(serde_json::to_string(&output)?)
    .bind(tx.now.as_millis())
    .execute(&mut *tx.connection)
    .await?;
    Ok(output)
}

async fn remembered<Op: Write>(
    tx: &mut Tx<'_>,
    request_id: &str,
    hash: &[u8],
) -> Result<Option<Op::Output>, Fault> {
    let found: Option<(String, Vec<u8>, String)> =
        sqlx::query_as("SELECT operation, input_hash, response FROM requests WHERE request_id = ?1")
            .bind(request_id)
            .fetch_optional(&mut *tx.connection)
            .await?;
    let Some((operation, input_hash, response)) = found else { return Ok(None) };
    if operation != Op::SPEC.name || input_hash != hash {
        return Err(Error::new(
            ErrorCode::RequestIdReused,
            format!("request_id \"{request_id}\" was used for another {operation} request"),
        )
        .at("request_id")
        .with("operation", operation)
        .suggest("Use a new request_id for a new request; repeat one only with the same arguments.")
        .into());
    }
    Ok(Some(serde_json::from_str(&response)?))
}
