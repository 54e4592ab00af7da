use axum::{
    body::Body,
    http::{Request, StatusCode},
};
use bindery_backend::http;
use tower::ServiceExt;

use crate::fixture::{Fixture, to};

async fn status(at: &Fixture, host: Option<&str>, origin: Option<&str>) -> StatusCode {
    let headers = [("host", host), ("origin", origin)];
    let request = headers
        .into_iter()
        .filter_map(|(name, value)| Some((name, value?)))
        .fold(Request::builder().uri("/api/roles"), |request, (name, value)| request.header(name, value));
    at.send(request.body(Body::empty()).unwrap()).await.status
}

#[tokio::test]
async fn hosts_that_are_not_ours_are_refused() {
    let at = Fixture::with(|options| options.allowed_hosts = vec!["desk.example".to_owned()]).await;
    for host in ["localhost", "localhost:3000", "127.0.0.1:1", "[::1]:3000", "desk.example:3000"] {
        assert_eq!(status(&at, Some(host), None).await, 200, "{host}");
    }
    for host in [Some("evil.example"), Some("localhost.evil.example"), Some(""), None] {
        assert_eq!(status(&at, host, None).await, 403, "{host:?}");
    }
}

#[tokio::test]
async fn origins_that_are_not_ours_are_refused() {
    let at = Fixture::with(|options| {
        options.allowed_hosts = vec!["desk.example".to_owned()];
        options.bind = [192, 168, 0, 2].into();
    });
    let at = at.await;
    for (host, origin) in [
        ("localhost:3000", "http://localhost:3000"),
        ("127.0.0.1", "https://127.0.0.1"),
        ("localhost:3000", "http://desk.example"),
        ("192.168.0.2:3000", "http://192.168.0.2:3000"),
    ] {
        assert_eq!(status(&at, Some(host), Some(origin)).await, 200, "{origin}");
    }
    let others = [
        "http://evil.example",
        "null",
        "localhost:3000",
        "",
        "http://127.0.0.1:3000",
        "http://localhost",
        "http://192.168.0.2:1",
    ];
    for origin in others {
        assert_eq!(status(&at, Some("localhost:3000"), Some(origin)).await, 403, "{origin}");
    }
}

#[tokio::test]
async fn what_a_browser_sends_for_another_site_is_refused_without_an_origin_too() {
    let at = Fixture::new().await;
    for (site, status) in [("none", 200), ("same-origin", 200), ("same-site", 403), ("cross-site", 403)] {
        let request = to("GET", "/api/roles").header("sec-fetch-site", site);
        assert_eq!(at.send(request.body(Body::empty()).unwrap()).await.status, status, "{site}");
    }
}

#[tokio::test]
async fn a_refusal_is_a_problem_and_comes_before_everything_else() {
    let at = Fixture::new().await;
    for (method, path) in [("GET", "/health"), ("GET", "/nowhere"), ("DELETE", "/rpc"), ("GET", "/docs/")] {
        let request = Request::builder().method(method).uri(path).header("host", "evil.example");
        at.send(request.body(Body::empty()).unwrap()).await.problem(403, "forbidden");
    }
}

#[tokio::test]
async fn a_target_in_absolute_form_cannot_name_another_host() {
    let at = Fixture::new().await;
    let reply = at.send(to("GET", "http://evil.example/health").body(Body::empty()).unwrap()).await;
    reply.problem(403, "forbidden");
}

#[tokio::test]
async fn on_the_unix_socket_any_host_will_do_but_no_foreign_origin() {
    let at = Fixture::new().await;
    let router = http::socket_app(at.app.clone());
    let send = |request: axum::http::request::Builder| {
        let request = request.uri("/api/roles").body(Body::empty()).unwrap();
        router.clone().oneshot(request)
    };
    assert_eq!(send(Request::builder()).await.unwrap().status(), 200);
    let foreign = Request::builder().header("origin", "http://evil.example");
    assert_eq!(send(foreign).await.unwrap().status(), 403);
}

#[tokio::test]
async fn a_backend_is_asked_to_hand_over_on_the_socket_only_and_only_when_it_is_managed() {
    for managed in [true, false] {
        let at = Fixture::with(|options| options.managed = managed).await;
        let ask = || to("POST", "/api/handover").body(Body::empty()).unwrap();
        at.send(ask()).await.problem(404, "unknown_operation");
        let answer = http::socket_app(at.app.clone()).oneshot(ask()).await.unwrap();
        assert_eq!(answer.status(), if managed { 200 } else { 403 });
        assert_eq!(at.stop.is_cancelled(), managed);
    }
}

#[tokio::test]
async fn every_response_tells_browsers_to_take_it_for_what_it_is() {
    let at = Fixture::new().await;
    for path in ["/health", "/nowhere", "/docs/"] {
        let reply = at.get(path).await;
        assert_eq!(reply.header("x-content-type-options"), "nosniff", "{path}");
        assert!(reply.header("content-security-policy").contains("default-src 'none'"), "{path}");
        assert_eq!(reply.headers.get("access-control-allow-origin"), None, "{path}");
    }
    assert_eq!(at.get("/health").await.header("cache-control"), "no-store");
}
