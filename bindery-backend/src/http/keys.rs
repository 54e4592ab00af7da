//! API keys: who has none is not let in, and who has one not too often.
//!
//! A key comes in a header. One in the URL is not taken: URLs end in logs and histories.

use std::time::Instant;

use axum::{
    extract::Request,
    http::{HeaderMap, HeaderValue, header},
    response::{IntoResponse, Response},
};
use shared_types::{Error, ErrorCode};

use super::{caller, probes, problem::Problem};
use crate::{
    app::App,
    keys::{self, Denial},
};

/// The header for clients that cannot set `Authorization`.
const API_KEY: &str = "x-api-key";

/// Refuses a request that has no key, where keys are in force. The key's name is the actor of one that
/// names none.
pub(super) fn refusal<B>(app: &App, request: &mut Request<B>) -> Option<Response> {
    if !app.access().needs_key() || request.uri().path() == probes::LIVE {
        return None;
    }
    let in_url = request.uri().query().is_some_and(keys::holds_key);
    let given = given(request.headers()).filter(|_| !in_url).unwrap_or_default();
    let name = match app.access().admit(given, Instant::now()) {
        Ok(name) => HeaderValue::from_str(name),
        Err(Denial::Unknown) => return Some(unauthorized(in_url)),
        Err(Denial::TooOften) => return Some(Problem(too_often()).into_response()),
    };
    if let Ok(name) = name {
        request.headers_mut().entry(caller::ACTOR).or_insert(name);
    }
    None
}

/// The text of the key, from the one header or the other.
fn given(headers: &HeaderMap) -> Option<&str> {
    let bearer = || {
        let (scheme, key) = headers.get(header::AUTHORIZATION)?.to_str().ok()?.split_once(' ')?;
        scheme.eq_ignore_ascii_case("bearer").then(|| key.trim())
    };
    bearer().or_else(|| headers.get(API_KEY)?.to_str().ok())
}

fn unauthorized(in_url: bool) -> Response {
    let cause =
        if in_url { "a key in a URL is not taken" } else { "an API key is needed, and none was known" };
    let error = Error::new(ErrorCode::Unauthorized, cause)
        .suggest("Send Authorization: Bearer KEY. `bindery-backend key NAME --add` makes a key.");
    let mut response = Problem(error).into_response();
    response.headers_mut().insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
    response
}

fn too_often() -> Error {
    Error::new(ErrorCode::RateLimited, "this key has asked too often")
        .suggest("Wait a second; BINDERY_RATE_LIMIT sets how often a key may ask.")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_stands_in_one_of_two_headers() {
        let read = |name, value| {
            let headers = HeaderMap::from_iter([(name, HeaderValue::from_static(value))]);
            given(&headers).map(str::to_owned)
        };
        let x_api_key = || header::HeaderName::from_static(API_KEY);
        assert_eq!(read(header::AUTHORIZATION, "bearer  k").as_deref(), Some("k"));
        assert_eq!(read(x_api_key(), "k").as_deref(), Some("k"));
        for value in ["k", "Basic k", ""] {
            assert_eq!(read(header::AUTHORIZATION, value), None, "{value}");
        }
        assert_eq!(read(header::COOKIE, "Bearer k"), None);
    }
}
