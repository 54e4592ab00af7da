//! `/api/openapi.json`: the routes as an OpenAPI 3.1 document, made from what is served.
//!
//! The frame is written with utoipa's types. The schemas are put in afterwards as the JSON they
//! are: utoipa's own schema type knows fewer keywords and would drop the rest.

mod fixed;
mod operations;
mod schemas;

use std::sync::LazyLock;

use axum::{
    http::header,
    response::{IntoResponse, Response},
};
use serde_json::Value;
use shared_types::{Error, ErrorCode};
use utoipa::openapi::{
    ContentBuilder, InfoBuilder, LicenseBuilder, OpenApiBuilder, PathsBuilder, Ref, ResponseBuilder,
    schema::ComponentsBuilder,
};

pub(super) use self::fixed::PATHS as FIXED_PATHS;
use super::problem::{self, Problem};
use crate::catalogue::CATALOGUE;

/// The name under which every error response is described.
const PROBLEM: &str = "Problem";

static DOCUMENT: LazyLock<Result<String, String>> =
    LazyLock::new(|| document().map(|document| document.to_string()).map_err(|error| error.to_string()));

/// Serves the document, which is made once.
pub(super) async fn serve() -> Result<Response, Problem> {
    let text = DOCUMENT.as_deref().map_err(|error| Error::new(ErrorCode::Internal, error))?;
    Ok(([(header::CONTENT_TYPE, "application/json")], text).into_response())
}

/// The document.
///
/// # Errors
/// When the frame cannot be written as JSON, which no input can bring about.
pub fn document() -> Result<Value, serde_json::Error> {
    let mut document = serde_json::to_value(frame())?;
    for entry in CATALOGUE.iter() {
        for route in entry.spec.routes {
            operations::fill_parameters(&mut document, entry, route);
        }
    }
    document["components"]["schemas"] = Value::Object(schemas::components());
    Ok(document)
}

fn frame() -> utoipa::openapi::OpenApi {
    let info = InfoBuilder::new()
        .title("Bindery")
        .version(env!("CARGO_PKG_VERSION"))
        .description(Some(
            "A task store for AI assistants. Every operation is also a method of `POST /rpc` and, \
             most of them, an MCP tool. Success is always 200: whether a call changed something, \
             repeated something or found nothing to do stands in its result. Any field of a body \
             may be given in the query string instead.",
        ))
        .license(Some(LicenseBuilder::new().name(env!("CARGO_PKG_LICENSE")).build()))
        .build();
    let problem = ResponseBuilder::new()
        .description("What went wrong (RFC 9457); `code` is the stable word for it.")
        .content(problem::MEDIA_TYPE, ContentBuilder::new().schema(Some(schema_ref(PROBLEM))).build())
        .build();
    let paths = operations::paths(fixed::paths(PathsBuilder::new()));
    OpenApiBuilder::new()
        .info(info)
        .paths(paths.build())
        .components(Some(ComponentsBuilder::new().response(PROBLEM, problem).build()))
        .build()
}

fn schema_ref(name: &str) -> Ref {
    Ref::from_schema_name(name)
}

fn problem_ref() -> Ref {
    Ref::from_response_name(PROBLEM)
}
