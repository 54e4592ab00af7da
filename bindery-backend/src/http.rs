//! The HTTP face: the routes, and what surrounds all of them.

pub(crate) mod body;
mod caller;
mod disclosure;
mod docs;
mod events;
mod handover;
mod input;
mod keys;
mod metrics;
mod openapi;
mod origin;
mod probes;
mod problem;
mod rest;
mod rpc;
mod stopping;

use axum::{
    Router,
    http::{HeaderName, HeaderValue, header},
    middleware,
    routing::{get, post},
};
use tower::ServiceBuilder;
use tower_http::{catch_panic::CatchPanicLayer, set_header::SetResponseHeaderLayer};

pub use openapi::document as openapi_document;

use crate::app::App;

/// The routes as they are served over TCP, where any web page can try its luck: `Host` and
/// `Origin` are checked before anything else.
pub fn app(state: App) -> Router {
    let checks = ServiceBuilder::new()
        .layer(middleware::from_fn_with_state(state.clone(), origin::check_host_and_origin))
        .layer(middleware::from_fn_with_state(state.clone(), stopping::refuse_when_stopping))
        .layer(middleware::from_fn_with_state(state.clone(), keys::require_key));
    surround(routes(&state).layer(checks), state)
}

/// The routes as they are served on the Unix socket. A client without a port has no host to
/// name, and no browser gets here; an `Origin` that is sent anyway is checked all the same. Who
/// gets here is the owner, and needs no key.
pub fn socket_app(state: App) -> Router {
    let checks = ServiceBuilder::new()
        .layer(middleware::from_fn_with_state(state.clone(), origin::check_origin))
        .layer(middleware::from_fn_with_state(state.clone(), stopping::refuse_when_stopping));
    let handover = post(handover::accept).with_state(state.clone());
    surround(routes(&state).route("/api/handover", handover).layer(checks), state)
}

/// What a connection meets that is one too many.
pub fn too_many_connections() -> Router {
    Router::new().fallback(problem::too_many_connections)
}

fn routes(state: &App) -> Router {
    rest::routes()
        .route("/rpc", post(rpc::answer))
        .route("/api/events", get(events::stream))
        .route("/api/openapi.json", get(openapi::serve))
        .route(probes::LIVE, get(probes::live))
        .route("/health/ready", get(probes::ready))
        .route("/metrics", get(metrics::serve))
        .route("/", get(docs::home))
        .route("/docs", get(docs::home))
        .route("/docs/", get(docs::index))
        .route("/docs/{*file}", get(docs::file))
        .fallback(problem::no_such_route)
        .method_not_allowed_fallback(problem::method_not_allowed)
        .with_state(state.clone())
}

/// Panics become problems, and every response tells browsers to take it for what it is.
fn surround(routes: Router, state: App) -> Router {
    let header = |name: HeaderName, value| {
        SetResponseHeaderLayer::if_not_present(name, HeaderValue::from_static(value))
    };
    let around = ServiceBuilder::new()
        .layer(header(header::X_CONTENT_TYPE_OPTIONS, "nosniff"))
        .layer(header(header::CACHE_CONTROL, "no-store"))
        .layer(header(header::REFERRER_POLICY, "no-referrer"))
        .layer(header(header::X_FRAME_OPTIONS, "DENY"))
        .layer(header(header::CONTENT_SECURITY_POLICY, "default-src 'none'; frame-ancestors 'none'"))
        .layer(CatchPanicLayer::custom(move |panic| problem::from_panic(&state, panic)));
    routes.layer(around)
}
