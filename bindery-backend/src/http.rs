//! The HTTP face: the routes, and what surrounds all of them.

mod at_hand;
pub(crate) mod body;
mod caller;
mod disclosure;
mod docs;
mod events;
mod face;
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
    routing::{get, post},
};

use self::face::Door;
pub use self::{face::Face, openapi::document as openapi_document};
use crate::app::App;

/// The route of JSON-RPC.
const RPC: &str = "/rpc";

/// The routes as they are served over TCP.
pub fn app(state: App) -> Face {
    let routes = routes(&state);
    Face::new(state, routes, Door::Tcp)
}

/// The routes as they are served on the Unix socket.
pub fn socket_app(state: App) -> Face {
    let handover = post(handover::accept).with_state(state.clone());
    let routes = routes(&state).route("/api/handover", handover);
    Face::new(state, routes, Door::Socket)
}

/// What a connection meets that is one too many.
pub fn too_many_connections() -> Router {
    Router::new().fallback(problem::too_many_connections)
}

fn routes(state: &App) -> Router {
    rest::routes()
        .route(RPC, post(rpc::answer))
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
