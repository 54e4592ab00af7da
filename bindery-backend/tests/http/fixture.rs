//! A router on a fresh store, and what comes back from it.

use axum::{
    body::{Body, Bytes},
    http::{HeaderMap, Request, StatusCode, request},
};
use bindery_backend::{
    app::{App, AppOptions},
    http::{self, Face},
    roles::Roles,
    store::{Store, StoreOptions},
};
use guard::Intake;
use serde_json::Value;
use tempfile::TempDir;
use tokio_util::sync::CancellationToken;
use tower::ServiceExt;

/// A router on a store in a folder of its own.
pub(crate) struct Fixture {
    pub(crate) app: App,
    pub(crate) router: Face,
    pub(crate) stop: CancellationToken,
    folder: TempDir,
}

impl Fixture {
    pub(crate) async fn new() -> Self {
        Self::with(|_| {}).await
    }

    pub(crate) async fn with(set: impl FnOnce(&mut AppOptions)) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let database = folder.path().join("tasks.db");
        let store = Store::open(StoreOptions::new(&database), Roles::load(None).unwrap()).await.unwrap();
        let mut options = AppOptions::new(folder.path(), database);
        set(&mut options);
        let stop = options.stop.clone();
        let app = App::new(store, Intake::default(), options);
        Self { router: http::app(app.clone()), app, stop, folder }
    }

    pub(crate) fn folder(&self) -> &std::path::Path {
        self.folder.path()
    }

    pub(crate) async fn send(&self, request: Request<Body>) -> Reply {
        let response = self.router.clone().oneshot(request).await.unwrap();
        let (parts, body) = response.into_parts();
        let body = axum::body::to_bytes(body, usize::MAX).await.unwrap();
        Reply { status: parts.status, headers: parts.headers, body }
    }

    pub(crate) async fn get(&self, path: &str) -> Reply {
        self.send(to("GET", path).body(Body::empty()).unwrap()).await
    }

    pub(crate) async fn json(&self, method: &str, path: &str, body: Value) -> Reply {
        let request = to(method, path).header("content-type", "application/json");
        self.send(request.body(body.to_string().into()).unwrap()).await
    }

    pub(crate) async fn rpc(&self, body: impl Into<Body>) -> Reply {
        let request = to("POST", "/rpc").header("content-type", "application/json");
        self.send(request.body(body.into()).unwrap()).await
    }

    /// Creates a task and returns it.
    pub(crate) async fn task(&self, title: &str) -> Value {
        let reply = self.json("POST", "/api/tasks", serde_json::json!({ "title": title })).await;
        assert_eq!(reply.status, StatusCode::OK, "{:?}", reply.body);
        reply.value()["task"].clone()
    }
}

/// A request as a local client sends it.
pub(crate) fn to(method: &str, path: &str) -> request::Builder {
    Request::builder().method(method).uri(path).header("host", "localhost:3000")
}

pub(crate) struct Reply {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
}

impl Reply {
    pub(crate) fn value(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|_| panic!("not JSON: {:?}", self.body))
    }

    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().unwrap())
    }

    /// Checks that this is the problem with this code, and returns it.
    pub(crate) fn problem(&self, status: u16, code: &str) -> Value {
        let problem = self.value();
        assert_eq!((self.status.as_u16(), problem["code"].as_str()), (status, Some(code)), "{problem}");
        assert_eq!(self.header("content-type"), "application/problem+json");
        assert_eq!(problem["status"], status);
        problem
    }
}
