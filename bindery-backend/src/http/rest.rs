//! The REST face: every route of the list of operations, answered by one handler.

use axum::{
    Router,
    extract::{Request, State},
    http::{StatusCode, header},
    response::{IntoResponse, Response},
    routing::{MethodFilter, on},
};
use serde::Deserialize;
use shared_types::{
    Method, Operation,
    health::HealthStatus,
    operation::{GetPoolHealth, GetPoolMetrics, HealthCheck, OPERATIONS, Route},
};

use super::{body, caller, input, problem::Problem};
use crate::{app::App, handle::Json};

/// The routes of all operations.
pub(super) fn routes() -> Router<App> {
    let routes = OPERATIONS.iter().flat_map(|spec| spec.routes.iter().map(move |route| (spec.name, route)));
    routes.fold(Router::new(), |router, (name, route)| {
        let handler = move |State(app): State<App>, request: Request| answer(app, name, route, request);
        router.route(route.path, on(filter(route.method), handler))
    })
}

const fn filter(method: Method) -> MethodFilter {
    match method {
        Method::Get => MethodFilter::GET,
        Method::Post => MethodFilter::POST,
        Method::Patch => MethodFilter::PATCH,
        Method::Delete => MethodFilter::DELETE,
    }
}

/// Every success is a 200, a created row too: the same route can change, replay or find nothing
/// to do, and which of these it was stands in the result.
async fn answer(
    app: App,
    name: &'static str,
    route: &'static Route,
    request: Request,
) -> Result<Response, Problem> {
    let disclose = |error| app.disclose(name, error);
    let admission = Some(app.admission()).filter(|_| !is_about_process(name));
    let (mut parts, body) = body::receive(&app, request).await.map_err(disclose)?;
    // Only now: a slow sender holds no place.
    let _place = match admission {
        Some(admission) => Some(admission.enter().await?),
        None => None,
    };
    let input = input::gather(&app, route.path, &mut parts, &body).await.map_err(disclose)?;
    let caller = caller::read(&parts.headers)?;
    let output = app.call(name, input, caller).await?;
    Ok((status(name, &output), json(output)).into_response())
}

/// Whether it asks about this process: that must be possible also when it is busy.
pub(super) fn is_about_process(name: &str) -> bool {
    [HealthCheck::SPEC.name, GetPoolHealth::SPEC.name, GetPoolMetrics::SPEC.name].contains(&name)
}

/// Probes look at the status alone, so an unhealthy backend says so there as well.
fn status(name: &str, output: &Json) -> StatusCode {
    #[derive(Deserialize)]
    struct Verdict {
        status: HealthStatus,
    }
    let unhealthy = |verdict: Verdict| verdict.status == HealthStatus::Unhealthy;
    if name == HealthCheck::SPEC.name && serde_json::from_slice(output.as_bytes()).is_ok_and(unhealthy) {
        return StatusCode::SERVICE_UNAVAILABLE;
    }
    StatusCode::OK
}

/// The answer with this JSON.
pub(super) fn json(output: Json) -> impl IntoResponse {
    ([(header::CONTENT_TYPE, "application/json")], output.into_bytes())
}
