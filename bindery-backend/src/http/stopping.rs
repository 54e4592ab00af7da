//! What a request meets that comes while the backend stops.

use axum::{
    extract::{Request, State},
    http::{HeaderValue, header},
    middleware::Next,
    response::{IntoResponse, Response},
};
use shared_types::{Error, ErrorCode};

use super::{probes, problem::Problem};
use crate::app::App;

/// Refuses the request when the backend stops. It is alive until its end.
pub(super) async fn refuse_when_stopping(State(app): State<App>, request: Request, next: Next) -> Response {
    if !app.options().stop.is_cancelled() || request.uri().path() == probes::LIVE {
        return next.run(request).await;
    }
    let error = Error::new(ErrorCode::BackendUnavailable, "the backend stops")
        .suggest("Try again when it has been started again.");
    let mut response = Problem(error).into_response();
    response.headers_mut().insert(header::CONNECTION, HeaderValue::from_static("close"));
    response
}
