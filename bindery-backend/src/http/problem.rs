//! Errors as `application/problem+json` (RFC 9457), and the answers outside all routes.

use std::{any::Any, sync::LazyLock};

use axum::{
    body::Bytes,
    http::{Method, StatusCode, Uri, header},
    response::{IntoResponse, Response},
};
use guard::suggest;
use shared_types::{Error, ErrorCode, operation::OPERATIONS};

use super::openapi;
use crate::{admission, app::App};

/// The media type of every error on the REST face.
pub(super) const MEDIA_TYPE: &str = "application/problem+json";

/// An error on its way to a REST caller.
#[derive(Debug)]
pub(super) struct Problem(pub(super) Error);

impl From<Error> for Problem {
    fn from(error: Error) -> Self {
        Self(error)
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let Self(error) = self;
        let status =
            StatusCode::from_u16(error.code.http_status()).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        respond(status, error.to_problem().to_string().into())
    }
}

fn respond(status: StatusCode, problem: Bytes) -> Response {
    let mut response = (status, [(header::CONTENT_TYPE, MEDIA_TYPE)], problem).into_response();
    if matches!(status, StatusCode::SERVICE_UNAVAILABLE | StatusCode::TOO_MANY_REQUESTS) {
        response.headers_mut().insert(header::RETRY_AFTER, header::HeaderValue::from_static("1"));
    }
    response
}

/// The answer to a request that is one too many; always the same, and written once.
pub(super) fn overloaded() -> Response {
    static PROBLEM: LazyLock<Bytes> =
        LazyLock::new(|| admission::overloaded().to_problem().to_string().into());
    respond(StatusCode::SERVICE_UNAVAILABLE, PROBLEM.clone())
}

/// The answer where there is no route; names the one that was probably meant.
pub(super) async fn no_such_route(method: Method, uri: Uri) -> Problem {
    let path: String = uri.path().chars().take(200).collect();
    let error = Error::new(ErrorCode::UnknownOperation, format!("there is no route {method} {path}"));
    Problem(match nearest_path(&path) {
        Some(known) => error.suggest(format!("Did you mean {known}?")),
        None => error.suggest("GET /api/openapi.json lists the routes."),
    })
}

/// The known path nearest to `path`, with the caller's own words in the places of parameters.
fn nearest_path(path: &str) -> Option<String> {
    let given: Vec<&str> = path.trim_end_matches('/').split('/').collect();
    let fill = |known: &str| {
        let segments: Vec<&str> = known.split('/').collect();
        let pairs = segments.iter().zip(&given);
        let filled = pairs.map(|(known, given)| if known.starts_with('{') { *given } else { *known });
        (segments.len() == given.len()).then(|| filled.collect::<Vec<_>>().join("/"))
    };
    let operations = OPERATIONS.iter().flat_map(|spec| spec.routes).map(|route| route.path);
    let known: Vec<String> =
        operations.chain(openapi::FIXED_PATHS.iter().copied()).filter_map(fill).collect();
    suggest::nearest(path, known.iter().map(String::as_str)).map(str::to_owned)
}

/// The answer where the route exists, but not with this method. The router adds `Allow`.
pub(super) async fn method_not_allowed(method: Method, uri: Uri) -> Problem {
    let message = format!("{} does not take {method}", uri.path());
    Problem(
        Error::new(ErrorCode::MethodNotAllowed, message)
            .suggest("The Allow header names the methods it takes."),
    )
}

/// The answer to every request of a connection that is one too many.
pub(super) async fn too_many_connections() -> Problem {
    let error = Error::new(ErrorCode::Overloaded, "too many connections are open");
    Problem(error.suggest("Close those that are not used, or try again in a moment."))
}

/// The answer after a panic: a fault of ours, told like any other.
pub(super) fn from_panic(app: &App, panic: Box<dyn Any + Send>) -> Response {
    let error = Error::of_panic(&*panic);
    Problem(app.disclose("request", error)).into_response()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mistyped_path_names_the_one_that_was_meant() {
        assert_eq!(nearest_path("/api/task").as_deref(), Some("/api/tasks"));
        assert_eq!(nearest_path("/api/tasks/7/complet/").as_deref(), Some("/api/tasks/7/complete"));
        assert_eq!(nearest_path("/metric").as_deref(), Some("/metrics"));
        assert_eq!(nearest_path("/wp-admin/setup.php"), None);
    }
}
