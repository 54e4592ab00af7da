//! The routes of the operations.

use serde_json::Value;
use shared_types::{
    Method, Operation,
    operation::{HealthCheck, Route},
};
use utoipa::openapi::{
    ContentBuilder, HttpMethod, PathItem, PathsBuilder, Required,
    path::{self, OperationBuilder, ParameterBuilder, ParameterIn},
    request_body::RequestBodyBuilder,
    response::{ResponseBuilder, ResponsesBuilder},
};

use super::{problem_ref, schema_ref, schemas};
use crate::{
    catalogue::{CATALOGUE, Entry},
    http::caller,
};

/// The statuses of problems on any route; `default` stands for what a proxy may add.
const PROBLEMS: [&str; 12] =
    ["400", "401", "403", "404", "413", "415", "422", "429", "500", "503", "504", "default"];
/// And those that only a write can meet: conflicts, and a full disk.
const WRITE_PROBLEMS: [&str; 2] = ["409", "507"];

/// Adds the routes of all operations.
pub(super) fn paths(paths: PathsBuilder) -> PathsBuilder {
    let routes = CATALOGUE.iter().flat_map(|entry| entry.spec.routes.iter().map(move |route| (entry, route)));
    routes.fold(paths, |paths, (entry, route)| {
        paths.path(route.path, PathItem::new(http_method(route.method), operation(entry, route)))
    })
}

/// The fields of the input that stand in the path.
pub(super) fn path_fields(route: &Route) -> Vec<&'static str> {
    route.path.split(['{', '}']).skip(1).step_by(2).collect()
}

/// Puts the schemas of the parameters in, which the frame leaves open.
pub(super) fn fill_parameters(document: &mut Value, entry: &Entry, route: &Route) {
    let operation = &mut document["paths"][route.path][method_name(route.method)];
    let Some(parameters) = operation.get_mut("parameters").and_then(Value::as_array_mut) else { return };
    for parameter in parameters {
        let name = parameter["name"].as_str().unwrap_or_default();
        if let Some(schema) = entry.input["properties"].get(name) {
            parameter["schema"] = schemas::of_parameter(schema);
        } else {
            parameter["schema"] = serde_json::json!({ "type": "string" });
        }
    }
}

fn operation(entry: &Entry, route: &Route) -> path::Operation {
    let spec = &entry.spec;
    let mut operation = OperationBuilder::new()
        .operation_id(Some(operation_id(entry, route)))
        .summary(Some(spec.title))
        .description(Some(spec.description))
        .tag(tag(route))
        .responses(responses(entry));
    for name in path_fields(route) {
        operation = operation.parameter(parameter(entry, name, ParameterIn::Path));
    }
    if route.method == Method::Get {
        let properties = entry.input["properties"].as_object().into_iter().flatten();
        for (name, _) in properties.filter(|(name, _)| !path_fields(route).contains(&name.as_str())) {
            operation = operation.parameter(parameter(entry, name, ParameterIn::Query));
        }
    } else {
        let content =
            ContentBuilder::new().schema(Some(schema_ref(&schemas::body_name(entry, route)))).build();
        let required = if schemas::requires_body(entry, route) { Required::True } else { Required::False };
        let body = RequestBodyBuilder::new().content("application/json", content).required(Some(required));
        operation = operation.request_body(Some(body.build())).parameter(actor());
    }
    operation.build()
}

/// The main route bears the operation's own name.
fn operation_id(entry: &Entry, route: &Route) -> String {
    let name = entry.spec.name;
    match (entry.spec.routes.first() == Some(route), path_fields(route).is_empty()) {
        (true, _) => name.to_owned(),
        (false, true) => format!("{name}_in_body"),
        (false, false) => format!("{name}_by_id"),
    }
}

/// What the route is about: `tasks` in `/api/tasks/{task_id}`.
fn tag(route: &Route) -> &'static str {
    route.path.trim_start_matches("/api").split('/').nth(1).unwrap_or_default()
}

fn parameter(entry: &Entry, name: &str, place: ParameterIn) -> path::Parameter {
    let required =
        entry.input["required"].as_array().is_some_and(|names| names.iter().any(|one| one == name));
    let required = required || matches!(place, ParameterIn::Path);
    let description = entry.input["properties"][name]["description"].as_str();
    ParameterBuilder::new()
        .name(name)
        .parameter_in(place)
        .required(if required { Required::True } else { Required::False })
        .description(description)
        .build()
}

fn actor() -> path::Parameter {
    ParameterBuilder::new()
        .name(caller::ACTOR)
        .parameter_in(ParameterIn::Header)
        .required(Required::False)
        .description(Some("Who asks, for the history: at most 200 characters, percent-encoded."))
        .build()
}

fn responses(entry: &Entry) -> ResponsesBuilder {
    let content = || ContentBuilder::new().schema(Some(schema_ref(&schemas::output_name(entry)))).build();
    let success = ResponseBuilder::new().description("The result.").content("application/json", content());
    let mut responses = ResponsesBuilder::new().response("200", success.build());
    for status in PROBLEMS {
        responses = responses.response(status, problem_ref());
    }
    if !entry.spec.is_read() {
        for status in WRITE_PROBLEMS {
            responses = responses.response(status, problem_ref());
        }
    }
    if entry.spec.name == HealthCheck::SPEC.name {
        let unhealthy = ResponseBuilder::new().description("The store does not work.");
        responses = responses.response("503", unhealthy.content("application/json", content()).build());
    }
    responses
}

const fn http_method(method: Method) -> HttpMethod {
    match method {
        Method::Get => HttpMethod::Get,
        Method::Post => HttpMethod::Post,
        Method::Patch => HttpMethod::Patch,
        Method::Delete => HttpMethod::Delete,
    }
}

const fn method_name(method: Method) -> &'static str {
    match method {
        Method::Get => "get",
        Method::Post => "post",
        Method::Patch => "patch",
        Method::Delete => "delete",
    }
}
