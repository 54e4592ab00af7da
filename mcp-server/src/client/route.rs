//! From an operation and its input to an HTTP request.

use reqwest::{Method as HttpMethod, Url};
use serde_json::Value;
use shared_types::{
    Error, ErrorCode, JsonObject, Method, Operation, Spec,
    operation::{HealthCheck, Route},
};

/// The most bytes a request body may have.
const REQUEST_LIMIT: usize = 16 * 1024 * 1024;

/// A request, ready to be sent any number of times.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Prepared {
    pub(super) method: HttpMethod,
    pub(super) path: Vec<String>,
    pub(super) query: Vec<(String, String)>,
    pub(super) body: Option<Vec<u8>>,
    /// Whether it asks how the backend is.
    pub(super) is_probe: bool,
}

impl Prepared {
    /// The request for `spec` with `input`: the route that takes most of its fields, those in the
    /// path, the others in the query of a `GET` and else in the body.
    pub(super) fn new(spec: &Spec, input: Value) -> Result<Self, Error> {
        let mut input = match input {
            Value::Object(input) => input,
            Value::Null => JsonObject::new(),
            _ => return Err(Error::new(ErrorCode::InvalidValue, "the input must be a JSON object")),
        };
        let route = choose(spec, &input)?;
        let path = segments(route, &input)?;
        for name in fields(route) {
            input.shift_remove(name);
        }
        let (query, body) = match route.method {
            Method::Get => (query(input), None),
            _ => (Vec::new(), Some(body(&input)?)),
        };
        let is_probe = spec.name == HealthCheck::SPEC.name;
        Ok(Self { method: method(route.method), path, query, body, is_probe })
    }

    /// Its URL below `base`.
    pub(super) fn url(&self, base: &Url) -> Url {
        let mut url = base.clone();
        if let Ok(mut segments) = url.path_segments_mut() {
            segments.clear().extend(&self.path);
        }
        if !self.query.is_empty() {
            url.query_pairs_mut().extend_pairs(&self.query);
        }
        url
    }
}

fn method(method: Method) -> HttpMethod {
    match method {
        Method::Get => HttpMethod::GET,
        Method::Post => HttpMethod::POST,
        Method::Patch => HttpMethod::PATCH,
        Method::Delete => HttpMethod::DELETE,
    }
}

/// The names in braces in a route's path.
fn fields(route: &Route) -> impl Iterator<Item = &'static str> {
    route.path.split(['{', '}']).skip(1).step_by(2)
}

fn choose<'a>(spec: &'a Spec, input: &JsonObject) -> Result<&'a Route, Error> {
    let is_given = |name| input.get(name).is_some_and(|value| !value.is_null());
    spec.routes
        .iter()
        .filter(|route| fields(route).all(is_given))
        .max_by_key(|route| fields(route).count())
        .ok_or_else(|| {
            let missing = spec.routes.iter().flat_map(fields).next().unwrap_or_default();
            Error::new(ErrorCode::MissingField, format!("{missing} is required")).at(missing)
        })
}

fn segments(route: &Route, input: &JsonObject) -> Result<Vec<String>, Error> {
    let segment = |part: &str| match part.strip_prefix('{').and_then(|part| part.strip_suffix('}')) {
        None => Ok(part.to_owned()),
        Some(name) => {
            let value = plain(&input[name]);
            // URLs take these for steps in the path, so they would reach another route.
            if matches!(value.as_str(), "" | "." | "..") {
                return Err(
                    Error::new(ErrorCode::InvalidValue, format!("{value:?} is no id or name")).at(name)
                );
            }
            Ok(value)
        }
    };
    route.path.split('/').filter(|part| !part.is_empty()).map(segment).collect()
}

/// Text as it is, everything else as JSON: the backend reads both leniently.
fn plain(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

fn query(rest: JsonObject) -> Vec<(String, String)> {
    rest.into_iter()
        .filter(|(_, value)| !value.is_null())
        .map(|(name, value)| (name, plain(&value)))
        .collect()
}

fn body(rest: &JsonObject) -> Result<Vec<u8>, Error> {
    let body = serde_json::to_vec(rest)
        .map_err(|error| Error::new(ErrorCode::InvalidJson, format!("the input cannot be sent: {error}")))?;
    if body.len() > REQUEST_LIMIT {
        return Err(Error::new(
            ErrorCode::PayloadTooLarge,
            format!("the input has {} bytes; {REQUEST_LIMIT} are the limit", body.len()),
        )
        .suggest("Send it in several calls."));
    }
    Ok(body)
}

#[cfg(test)]
mod tests {
    use serde_json::json;
    use shared_types::operation::find;

    use super::*;

    fn shown(name: &str, input: Value) -> (String, String, Option<Value>) {
        let prepared = Prepared::new(find(name).unwrap(), input).unwrap();
        let url = prepared.url(&Url::parse("http://localhost/").unwrap());
        let body = prepared.body.map(|body| serde_json::from_slice(&body).unwrap());
        let target = url.as_str().strip_prefix("http://localhost").unwrap().to_owned();
        (prepared.method.to_string(), target, body)
    }

    #[test]
    fn a_read_travels_in_path_and_query() {
        assert_eq!(
            shown("get_task", json!({ "task_id": "a/b", "include": ["notes"] })),
            ("GET".into(), "/api/tasks/a%2Fb?include=%5B%22notes%22%5D".into(), None)
        );
        assert_eq!(
            shown("list_tasks", json!({ "ready": true, "limit": 5, "role": null, "assignee": "a b" })),
            ("GET".into(), "/api/tasks?ready=true&limit=5&assignee=a+b".into(), None)
        );
        assert_eq!(shown("list_roles", Value::Null), ("GET".into(), "/api/roles".into(), None));
    }

    #[test]
    fn a_write_travels_in_the_most_specific_path_and_the_body() {
        assert_eq!(
            shown("update_task", json!({ "task_id": "X", "description": null })),
            ("PATCH".into(), "/api/tasks/X".into(), Some(json!({ "description": null })))
        );
        assert_eq!(
            shown("update_task", json!({ "tasks": [{ "task_id": "X" }] })),
            ("PATCH".into(), "/api/tasks".into(), Some(json!({ "tasks": [{ "task_id": "X" }] })))
        );
        assert_eq!(shown("create_project", json!({ "project_id": "P" })).1, "/api/projects/P");
        assert_eq!(shown("execute_task", json!({ "next": true })).1, "/api/tasks/execute");
    }

    #[test]
    fn an_input_that_fits_no_route_is_refused() {
        let refused = |name, input| Prepared::new(find(name).unwrap(), input).unwrap_err();
        assert_eq!(refused("get_task", json!({})).field.as_deref(), Some("task_id"));
        for id in ["", ".", ".."] {
            assert_eq!(refused("get_task", json!({ "task_id": id })).code, ErrorCode::InvalidValue);
        }
        assert_eq!(refused("get_task", json!([1])).code, ErrorCode::InvalidValue);
    }

    #[test]
    fn a_body_has_a_limit() {
        let input = json!({ "title": "x".repeat(REQUEST_LIMIT) });
        let error = Prepared::new(find("create_task").unwrap(), input).unwrap_err();
        assert_eq!(error.code, ErrorCode::PayloadTooLarge);
    }
}
