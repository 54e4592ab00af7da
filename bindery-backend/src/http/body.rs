//! Request bodies: bounded, in time, and JSON.

use axum::{
    body::{Body, Bytes},
    extract::Request,
    http::{HeaderMap, header, request::Parts},
};
use shared_types::{Error, ErrorCode};

use crate::app::App;

/// Reads a request to its end. A body that is there must be JSON.
///
/// # Errors
/// What [`read`] and [`require_json`] return.
pub(super) async fn receive(app: &App, request: Request) -> Result<(Parts, Bytes), Error> {
    let (parts, body) = request.into_parts();
    let bytes = read(app, &parts.headers, body).await?;
    if !bytes.is_empty() {
        require_json(&parts.headers)?;
    }
    Ok((parts, bytes))
}

/// Reads the body. One that says it is too long is refused unread, one that turns out to be is
/// refused at the limit.
///
/// # Errors
/// `payload_too_large`, `timeout`, or `invalid_request` when the client breaks off.
async fn read(app: &App, headers: &HeaderMap, body: Body) -> Result<Bytes, Error> {
    let limit = app.options().max_body;
    let announced = headers.get(header::CONTENT_LENGTH).and_then(|length| length.to_str().ok()?.parse().ok());
    if announced.is_some_and(|length: usize| length > limit) {
        return Err(too_large(limit));
    }
    let collected = tokio::time::timeout(app.options().request_timeout, axum::body::to_bytes(body, limit));
    match collected.await {
        Ok(Ok(bytes)) => Ok(bytes),
        Ok(Err(error)) if is_length_limit(&error) => Err(too_large(limit)),
        Ok(Err(_)) => Err(Error::new(ErrorCode::InvalidRequest, "the body ended early")),
        Err(_) => Err(Error::new(ErrorCode::Timeout, "the body did not arrive in time")),
    }
}

fn too_large(limit: usize) -> Error {
    Error::new(ErrorCode::PayloadTooLarge, format!("the body is longer than {limit} bytes"))
        .with("limit", limit)
        .suggest("Send it in several requests.")
}

/// The limit of `to_bytes` is told only by the source of its error.
fn is_length_limit(error: &axum::Error) -> bool {
    let mut source = std::error::Error::source(error);
    while let Some(cause) = source {
        if cause.is::<http_body_util::LengthLimitError>() {
            return true;
        }
        source = cause.source();
    }
    false
}

/// Refuses a body that does not say it is JSON. Other types are what a browser sends across
/// sites without asking first, so guessing would open a door.
///
/// # Errors
/// `unsupported_media_type`.
fn require_json(headers: &HeaderMap) -> Result<(), Error> {
    let given = headers.get(header::CONTENT_TYPE).and_then(|given| given.to_str().ok()).unwrap_or_default();
    let essence = given.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    let is_json =
        essence == "application/json" || essence.starts_with("application/") && essence.ends_with("+json");
    if is_json {
        return Ok(());
    }
    let shown: String = given.chars().take(100).collect();
    let message = format!("the body must be application/json, and its content type is {shown:?}");
    Err(Error::new(ErrorCode::UnsupportedMediaType, message).suggest("Send Content-Type: application/json."))
}
