//! The routes that are no operations: JSON-RPC, the feed, the probes, the figures.

use utoipa::openapi::{
    ContentBuilder, HttpMethod, PathItem, PathsBuilder, Required,
    path::{OperationBuilder, ParameterBuilder, ParameterIn},
    request_body::RequestBodyBuilder,
    response::{ResponseBuilder, ResponsesBuilder},
    schema::{KnownFormat, ObjectBuilder, SchemaFormat, SchemaType, Type},
};

use super::{problem_ref, schema_ref};

/// The paths of these routes.
pub(in crate::http) const PATHS: [&str; 6] =
    ["/rpc", "/api/events", "/api/openapi.json", "/health/live", "/health/ready", "/metrics"];

/// Adds these routes.
pub(super) fn paths(paths: PathsBuilder) -> PathsBuilder {
    let get = |operation: OperationBuilder| PathItem::new(HttpMethod::Get, operation);
    paths
        .path("/rpc", PathItem::new(HttpMethod::Post, rpc()))
        .path("/api/events", get(events()))
        .path("/api/openapi.json", get(plain("openapi", "This document", "application/json", Type::Object)))
        .path(
            "/health/live",
            get(plain("live", "Whether the process runs", "application/json", Type::Object)),
        )
        .path(
            "/health/ready",
            get(plain("ready", "Whether the store answers", "application/json", Type::Object)),
        )
        .path("/metrics", get(plain("metrics", "Figures for Prometheus", "text/plain", Type::String)))
}

fn plain(id: &str, summary: &str, media_type: &str, kind: Type) -> OperationBuilder {
    let schema = ObjectBuilder::new().schema_type(SchemaType::new(kind)).build();
    let content = ContentBuilder::new().schema(Some(schema)).build();
    let success = ResponseBuilder::new().description(summary).content(media_type, content).build();
    OperationBuilder::new()
        .operation_id(Some(id))
        .summary(Some(summary))
        .tag("operation")
        .responses(with_problems(ResponsesBuilder::new().response("200", success)))
}

fn with_problems(responses: ResponsesBuilder) -> ResponsesBuilder {
    let statuses = ["401", "403", "429", "500", "503", "504", "default"];
    statuses.into_iter().fold(responses, |responses, status| responses.response(status, problem_ref()))
}

fn rpc() -> OperationBuilder {
    let content = |name| ContentBuilder::new().schema(Some(schema_ref(name))).build();
    let answer = ResponseBuilder::new()
        .description("The answer, or an array of answers to a batch; errors too.")
        .content("application/json", content("RpcResponse"));
    let none = ResponseBuilder::new().description("There were only notifications.");
    let mut responses = ResponsesBuilder::new().response("200", answer.build()).response("204", none.build());
    for status in ["413", "415", "422"] {
        responses = responses.response(status, problem_ref());
    }
    let body = RequestBodyBuilder::new()
        .content("application/json", content("RpcRequest"))
        .required(Some(Required::True));
    OperationBuilder::new()
        .operation_id(Some("rpc"))
        .summary(Some("JSON-RPC 2.0"))
        .description(Some("The methods are the operations, by name. A batch has at most 100 calls."))
        .tag("rpc")
        .request_body(Some(body.build()))
        .responses(with_problems(responses))
}

fn events() -> OperationBuilder {
    let description = "An event `change` for every committed change, with its number as id. An event \
        `ready` says that everything up to its `seq` has been sent. A comment every 15 s keeps the \
        connection open. The response does not end by itself.";
    let parameter = |name: &str, place, description: &str, schema: ObjectBuilder| {
        ParameterBuilder::new()
            .name(name)
            .parameter_in(place)
            .required(Required::False)
            .description(Some(description))
            .schema(Some(schema.build()))
            .build()
    };
    let number = || {
        let format = SchemaFormat::KnownFormat(KnownFormat::Int64);
        ObjectBuilder::new().schema_type(SchemaType::new(Type::Integer)).format(Some(format)).minimum(Some(0))
    };
    let words = ObjectBuilder::new().schema_type(SchemaType::new(Type::String));
    plain("events", "Change feed", "text/event-stream", Type::String)
        .description(Some(description))
        .response("422", problem_ref())
        .parameter(parameter(
            "after",
            ParameterIn::Query,
            "Changes after this one; else those to come.",
            number(),
        ))
        .parameter(parameter(
            "entity",
            ParameterIn::Query,
            "Only these kinds, such as `task,project`.",
            words,
        ))
        .parameter(parameter("Last-Event-ID", ParameterIn::Header, "As `after`; wins over it.", number()))
}
