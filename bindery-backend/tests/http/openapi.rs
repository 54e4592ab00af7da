use std::collections::BTreeSet;

use bindery_backend::http::openapi_document;
use serde_json::Value;
use shared_types::{Method, operation::OPERATIONS};

use crate::fixture::Fixture;

/// Routes that are no operations.
const FIXED: [(&str, &str); 6] = [
    ("post", "/rpc"),
    ("get", "/api/events"),
    ("get", "/api/openapi.json"),
    ("get", "/health/live"),
    ("get", "/health/ready"),
    ("get", "/metrics"),
];

fn described(document: &Value) -> BTreeSet<(String, String)> {
    let paths = document["paths"].as_object().unwrap().iter();
    let routes = paths.flat_map(|(path, item)| {
        item.as_object().unwrap().keys().map(move |method| (method.clone(), path.clone()))
    });
    routes.collect()
}

#[test]
fn the_document_has_every_route_and_no_other() {
    let method = |method| match method {
        Method::Get => "get",
        Method::Post => "post",
        Method::Patch => "patch",
        Method::Delete => "delete",
    };
    let operations =
        OPERATIONS.iter().flat_map(|spec| spec.routes).map(|route| (method(route.method), route.path));
    let served = operations.chain(FIXED).map(|(method, path)| (method.to_owned(), path.to_owned()));
    assert_eq!(described(&openapi_document().unwrap()), served.collect());
}

#[tokio::test]
async fn every_route_of_the_document_is_served_and_documents_its_status() {
    let at = Fixture::new().await;
    let document = at.get("/api/openapi.json").await.value();
    for (method, path) in described(&document).into_iter().filter(|(_, path)| path != "/api/events") {
        let filled = path.replace(['{', '}'], "x");
        let reply = at.json(&method.to_uppercase(), &filled, serde_json::json!({})).await;
        let status = reply.status.as_u16().to_string();
        let responses = &document["paths"][&path][&method]["responses"];
        assert!(responses.get(&status).is_some(), "{method} {path}: {status}");
        let code = serde_json::from_slice(&reply.body).ok().and_then(|body: Value| body.get("code").cloned());
        assert_ne!(code, Some("unknown_operation".into()), "{method} {path}");
    }
}

#[test]
fn every_reference_leads_somewhere() {
    let document = openapi_document().unwrap();
    let mut open = vec![&document];
    let mut references = 0;
    while let Some(value) = open.pop() {
        match value {
            Value::Object(object) => {
                if let Some(target) = object.get("$ref").and_then(Value::as_str) {
                    references += 1;
                    let target = target.strip_prefix('#').expect("references stay inside the document");
                    assert!(document.pointer(target).is_some(), "{target}");
                }
                open.extend(object.values());
            }
            Value::Array(items) => open.extend(items),
            _ => {}
        }
    }
    assert!(references > 100, "{references}");
}

#[test]
fn operation_ids_are_unique_and_path_parameters_are_declared() {
    let document = openapi_document().unwrap();
    let mut ids = BTreeSet::new();
    for (method, path) in described(&document) {
        let operation = &document["paths"][&path][&method];
        assert!(ids.insert(operation["operationId"].to_string()), "{method} {path}");
        let declared: BTreeSet<_> = operation["parameters"]
            .as_array()
            .into_iter()
            .flatten()
            .filter(|parameter| parameter["in"] == "path")
            .map(|parameter| parameter["name"].as_str().unwrap())
            .collect();
        let in_path: BTreeSet<_> = path.split(['{', '}']).skip(1).step_by(2).collect();
        assert_eq!(declared, in_path, "{method} {path}");
    }
}

#[tokio::test]
async fn the_reference_works_without_a_network() {
    let at = Fixture::new().await;
    assert_eq!(at.get("/").await.header("location"), "/docs/");
    let page = at.get("/docs/").await;
    let page = String::from_utf8(page.body.to_vec()).unwrap();
    let sources = page.split(['"', '\'']).filter(|part| part.ends_with(".js") || part.ends_with(".css"));
    let mut count = 0;
    for source in sources {
        count += 1;
        let path = format!("/docs/{}", source.trim_start_matches("./"));
        assert_eq!(at.get(&path).await.status, 200, "{source}");
    }
    assert!(count >= 3, "{page}");
    let start = at.get("/docs/swagger-initializer.js").await;
    assert!(String::from_utf8_lossy(&start.body).contains("/api/openapi.json"));
    at.get("/docs/nothing.js").await.problem(404, "unknown_operation");
}
