//! Request bodies: bounded, each and together, in time, and JSON.

use std::{ops::Deref, sync::Arc};

use axum::{
    body::Body,
    extract::Request,
    http::{HeaderMap, header, request::Parts},
};
use http_body_util::BodyExt;
use shared_types::{Error, ErrorCode};
use tokio::sync::OwnedSemaphorePermit;

use crate::app::App;

/// The most bytes of a body that needs no room.
const SHORT: usize = 64 * 1024;
/// The bytes in a unit of the room.
const UNIT: usize = 1024;

/// A body, and its part of the room that long bodies share.
pub(super) struct Received {
    bytes: Vec<u8>,
    room: Option<OwnedSemaphorePermit>,
}

impl Deref for Received {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        &self.bytes
    }
}

/// Reads a request to its end. A body that is there must be JSON.
///
/// # Errors
/// What [`read`] and [`require_json`] return.
pub(super) async fn receive(app: &App, request: Request) -> Result<(Parts, Received), Error> {
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
/// `payload_too_large`, `timeout`, `overloaded`, or `invalid_request` when the client breaks off.
async fn read(app: &App, headers: &HeaderMap, body: Body) -> Result<Received, Error> {
    let limit = app.options().max_body;
    let announced = headers.get(header::CONTENT_LENGTH).and_then(|length| length.to_str().ok()?.parse().ok());
    if announced.is_some_and(|length: usize| length > limit) {
        return Err(too_large(limit));
    }
    match tokio::time::timeout(app.options().request_timeout, collect(app, body)).await {
        Ok(collected) => collected,
        Err(_) => Err(Error::new(ErrorCode::Timeout, "the body did not arrive in time")),
    }
}

async fn collect(app: &App, mut body: Body) -> Result<Received, Error> {
    let limit = app.options().max_body;
    let mut received = Received { bytes: Vec::new(), room: None };
    while let Some(frame) = body.frame().await {
        let frame = frame.map_err(|_| Error::new(ErrorCode::InvalidRequest, "the body ended early"))?;
        let Ok(data) = frame.into_data() else { continue };
        if data.len() > limit.saturating_sub(received.len()) {
            return Err(too_large(limit));
        }
        received.make_room(app, data.len())?;
        received.bytes.extend_from_slice(&data);
    }
    Ok(received)
}

impl Received {
    /// Takes the room for `more` bytes. Short bodies need none: there are only so many connections,
    /// and long bodies cannot keep them out.
    fn make_room(&mut self, app: &App, more: usize) -> Result<(), Error> {
        let needed = (self.len() + more).saturating_sub(SHORT).div_ceil(UNIT);
        let held = self.room.as_ref().map_or(0, OwnedSemaphorePermit::num_permits);
        let missing = u32::try_from(needed.saturating_sub(held)).unwrap_or(u32::MAX);
        if missing == 0 {
            return Ok(());
        }
        let room = Arc::clone(app.room()).try_acquire_many_owned(missing).map_err(|_| {
            Error::new(ErrorCode::Overloaded, "too many long bodies are on their way")
                .suggest("Try again in a moment, or send less at once.")
        })?;
        match &mut self.room {
            Some(held) => held.merge(room),
            none => *none = Some(room),
        }
        Ok(())
    }
}

/// The room for all long bodies together, in units: sixteen of the greatest length.
pub(crate) fn room(max_body: usize) -> usize {
    max_body.saturating_mul(16).div_ceil(UNIT).min(tokio::sync::Semaphore::MAX_PERMITS)
}

fn too_large(limit: usize) -> Error {
    Error::new(ErrorCode::PayloadTooLarge, format!("the body is longer than {limit} bytes"))
        .with("limit", limit)
        .suggest("Send it in several requests.")
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
