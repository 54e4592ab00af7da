//! Answers that are at hand: they cost less than the way to a route.

use std::sync::LazyLock;

use axum::{
    body::HttpBody,
    extract::Request,
    http::{Method, Uri},
    response::{IntoResponse, Response},
};
use shared_types::{TaskId, operation::OPERATIONS};

use super::{caller, problem, rest};
use crate::app::App;

/// The first segments of the paths under which requests need a place.
static QUEUED: LazyLock<Vec<&'static str>> = LazyLock::new(|| {
    let operations = OPERATIONS.iter().filter(|spec| !rest::is_about_process(spec.name));
    let mut paths: Vec<_> = operations.flat_map(|spec| spec.routes).map(|route| trunk(route.path)).collect();
    paths.push(super::RPC);
    paths.sort_unstable();
    paths.dedup();
    paths
});

/// `/api/tasks` of `/api/tasks/{task_id}/complete`.
fn trunk(path: &str) -> &str {
    path.match_indices('/').nth(2).and_then(|(end, _)| path.get(..end)).unwrap_or(path)
}

/// The task that is asked for by nothing but its id, if nobody has to wait for it. This takes no place: to
/// find one would take longer.
pub(super) fn answer<B: HttpBody>(app: &App, request: &Request<B>) -> Option<Response> {
    let asks_only = request.method() == Method::GET && request.body().is_end_stream();
    // A report that cannot be read is refused, where it is read.
    if !asks_only || request.headers().contains_key(caller::GUARD) {
        return None;
    }
    Some(rest::json(app.task_at_hand(task(request.uri())?)?).into_response())
}

fn task(uri: &Uri) -> Option<TaskId> {
    let id = uri.path().strip_prefix("/api/tasks/")?;
    if uri.query().is_some() { None } else { id.parse().ok() }
}

/// Turns a request away unread when as many wait as may. To refuse must cost little, for most of what
/// comes under load is refused.
pub(super) fn refusal(app: &App, path: &str) -> Option<Response> {
    let admission = app.admission();
    if !admission.is_full() || !is_queued(path) {
        return None;
    }
    admission.count_refusal();
    Some(problem::overloaded())
}

fn is_queued(path: &str) -> bool {
    let below =
        |trunk: &&str| path.strip_prefix(*trunk).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'));
    QUEUED.iter().any(below)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_works_on_the_store_is_queued_and_what_is_about_the_process_is_not() {
        for path in ["/rpc", "/api/tasks", "/api/tasks/0/complete", "/api/dashboard", "/api/search"] {
            assert!(is_queued(path), "{path}");
        }
        for path in ["/", "/health", "/metrics", "/api/pool/health", "/api/events", "/api/tasksy", "/rpcs"] {
            assert!(!is_queued(path), "{path}");
        }
    }

    #[test]
    fn a_task_is_asked_for_by_its_id_alone() {
        let asked = |target: &str| task(&target.parse().unwrap());
        assert_eq!(asked("/api/tasks/000000000000A"), Some(TaskId::from_row_id(10)));
        for other in ["/api/tasks/A", "/api/tasks/000000000000A?include=notes", "/api/tasks/000000000000A/"] {
            assert_eq!(asked(other), None, "{other}");
        }
        use shared_types::{Operation, operation::GetTask};
        assert!(GetTask::SPEC.routes.iter().any(|route| route.path.starts_with("/api/tasks/{")));
    }
}
