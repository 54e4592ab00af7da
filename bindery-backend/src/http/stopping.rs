//! What a request meets that comes while the backend stops.

use axum::{
    http::{HeaderValue, Uri, header},
    response::{IntoResponse, Response},
};
use shared_types::{Error, ErrorCode};

use super::{probes, problem::Problem};
use crate::app::App;

/// Refuses the request when the backend stops. It is alive until its end.
pub(super) fn refusal(app: &App, uri: &Uri) -> Option<Response> {
    if !app.options().stop.is_cancelled() || uri.path() == probes::LIVE {
        return None;
    }
    let error = Error::new(ErrorCode::BackendUnavailable, "the backend stops")
        .suggest("Try again when it has been started again.");
    let mut response = Problem(error).into_response();
    response.headers_mut().insert(header::CONNECTION, HeaderValue::from_static("close"));
    Some(response)
}
