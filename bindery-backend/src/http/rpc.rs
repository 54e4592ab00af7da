//! `POST /rpc`: JSON-RPC 2.0, one call or a batch.

mod envelope;

use axum::{
    extract::{Request, State},
    http::{StatusCode, header},
    response::{IntoResponse, Response},
};
use futures::{StreamExt, stream};
use shared_types::{Error, rpc::RequestId};

use self::envelope::{Call, Message};
use super::{body, caller, problem::Problem};
use crate::{
    app::App,
    handle::{Caller, Json},
};

/// How many calls of one batch are carried out at the same time.
const AT_ONCE: usize = 4;

/// Answers a JSON-RPC message. What is wrong with the transport is a problem, as on every route;
/// what is wrong with the message is a JSON-RPC error under status 200.
pub(super) async fn answer(State(app): State<App>, request: Request) -> Result<Response, Problem> {
    let disclose = |error| app.disclose("rpc", error);
    let (parts, bytes) = body::receive(&app, request).await.map_err(disclose)?;
    let caller = caller::read(&parts.headers)?;
    // A batch has one place: it is carried out a few calls at a time.
    let _place = app.admission().enter().await?;
    Ok(match envelope::parse(&bytes) {
        Err(error) => respond(Some(failure(None, &error))),
        Ok(Message::Single(call)) => respond(carry_out(&app, call, caller).await),
        Ok(Message::Batch(calls)) => respond(carry_out_all(&app, calls, &caller).await),
    })
}

/// `None` when every call was a notification.
async fn carry_out_all(app: &App, calls: Vec<Result<Call, Error>>, caller: &Caller) -> Option<Vec<u8>> {
    let answers = calls.into_iter().map(|call| carry_out(app, call, caller.clone()));
    let answers: Vec<Option<Vec<u8>>> = stream::iter(answers).buffered(AT_ONCE).collect().await;
    let answers: Vec<Vec<u8>> = answers.into_iter().flatten().collect();
    (!answers.is_empty()).then(|| [b"[", answers.join(&b","[..]).as_slice(), b"]"].concat())
}

/// `None` for a notification: it is carried out, and not answered, whatever becomes of it.
async fn carry_out(app: &App, call: Result<Call, Error>, caller: Caller) -> Option<Vec<u8>> {
    let call = match call {
        Ok(call) => call,
        Err(error) => return Some(failure(None, &error)),
    };
    let result = match call.input(app.intake()) {
        Ok(input) => app.call(&call.method, input, caller).await,
        Err(error) => Err(error),
    };
    let id = call.id?;
    Some(match result {
        Ok(result) => success(&id, &result),
        Err(error) => failure(Some(&id), &error),
    })
}

fn respond(answer: Option<Vec<u8>>) -> Response {
    match answer {
        Some(answer) => ([(header::CONTENT_TYPE, "application/json")], answer).into_response(),
        None => StatusCode::NO_CONTENT.into_response(),
    }
}

/// The result is written into the envelope as the text it already is.
fn success(id: &RequestId, result: &Json) -> Vec<u8> {
    let id = serde_json::to_string(id).unwrap_or_else(|_| "null".to_owned());
    let head = format!(r#"{{"jsonrpc":"2.0","id":{id},"result":"#);
    [head.as_bytes(), result.as_bytes(), b"}"].concat()
}

fn failure(id: Option<&RequestId>, error: &Error) -> Vec<u8> {
    shared_types::rpc::failure(id, error).to_string().into_bytes()
}
