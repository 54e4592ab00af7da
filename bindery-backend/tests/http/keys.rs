//! API keys, with the real binary where it matters what is started, printed and logged.

use std::{fs, num::NonZeroU32, process::Stdio};

use axum::body::Body;
use bindery_backend::keys::{Key, Keys};
use serde_json::json;
use tempfile::TempDir;
use tokio::{io::AsyncWriteExt, net::UnixStream};

use crate::{
    backend::{Backend, command, exchange, reply},
    fixture::{Fixture, Reply, to},
};

/// A store that lets in one key, `laptop`, and that key.
async fn locked(rate: u32) -> (Fixture, String) {
    let (text, key) = Key::generate("laptop").unwrap().unwrap();
    let keys = Keys::from_list(&key.to_string().replace(' ', ":")).unwrap();
    let at = Fixture::with(|options| {
        options.keys = keys;
        options.rate_limit = NonZeroU32::new(rate).unwrap();
    });
    (at.await, text)
}

async fn get(at: &Fixture, path: &str, headers: &[(&str, &str)]) -> Reply {
    let request =
        headers.iter().fold(to("GET", path), |request, (name, value)| request.header(*name, *value));
    at.send(request.body(Body::empty()).unwrap()).await
}

#[tokio::test]
async fn a_key_is_needed_on_every_route_but_one() {
    let (at, key) = locked(1000).await;
    let (other, _) = Key::generate("laptop").unwrap().unwrap();
    let right = format!("Bearer {key}");
    for path in ["/api/tasks", "/health", "/health/ready", "/metrics", "/docs/", "/api/events", "/nowhere"] {
        let refused = get(&at, path, &[]).await;
        refused.problem(401, "unauthorized");
        assert_eq!(refused.header("www-authenticate"), "Bearer");
        get(&at, path, &[("authorization", &format!("Bearer {other}"))]).await.problem(401, "unauthorized");
        get(&at, path, &[("x-api-key", &key[..key.len() - 1])]).await.problem(401, "unauthorized");
    }
    for headers in [("authorization", right.as_str()), ("x-api-key", key.as_str())] {
        assert_eq!(get(&at, "/api/tasks", &[headers]).await.status, 200);
    }
    assert_eq!(get(&at, "/health/live", &[]).await.status, 200);
}

#[tokio::test]
async fn a_key_in_the_url_opens_nothing_even_beside_one_in_a_header() {
    let (at, key) = locked(1000).await;
    let path = format!("/api/tasks?api_key={key}");
    for headers in [&[][..], &[("x-api-key", key.as_str())]] {
        let problem = get(&at, &path, headers).await.problem(401, "unauthorized");
        assert!(!problem.to_string().contains(&key), "{problem}");
    }
}

#[tokio::test]
async fn a_foreign_page_learns_nothing_of_keys() {
    let (at, key) = locked(1000).await;
    let headers = [("origin", "http://evil.example"), ("x-api-key", key.as_str())];
    get(&at, "/api/tasks", &headers).await.problem(403, "forbidden");
    get(&at, "/api/tasks", &headers[..1]).await.problem(403, "forbidden");
}

#[tokio::test]
async fn a_key_that_asks_too_often_is_told_when_to_come_back() {
    let (at, key) = locked(1).await;
    let headers = [("x-api-key", key.as_str())];
    let mut last = get(&at, "/api/roles", &headers).await;
    // The bucket holds two; a machine that takes a second for each request would see no end.
    for _ in 0..10 {
        last = get(&at, "/api/roles", &headers).await;
        if last.status == 429 {
            break;
        }
    }
    last.problem(429, "rate_limited");
    assert_eq!(last.header("retry-after"), "1");
}

#[tokio::test]
async fn the_key_names_the_actor_where_the_request_does_not() {
    let (at, key) = locked(1000).await;
    for (actor, recorded) in [(None, "laptop"), (Some("Ann"), "Ann")] {
        let request = to("POST", "/api/tasks").header("x-api-key", &key);
        let request = request.header("content-type", "application/json");
        let request =
            actor.into_iter().fold(request, |request, actor| request.header("bindery-actor", actor));
        let written =
            at.send(request.body(json!({ "title": "x" }).to_string().into()).unwrap()).await.value();
        let path = format!("/api/tasks/{}?include=history", written["task"]["id"].as_str().unwrap());
        let read = get(&at, &path, &[("x-api-key", &key)]).await.value();
        assert_eq!(read["task"]["history"][0]["actor"], recorded);
    }
}

#[test]
fn an_address_that_others_can_reach_is_refused_without_keys() {
    let workspace = TempDir::new().unwrap();
    let output = command(workspace.path(), &["--bind", "0.0.0.0"]).stderr(Stdio::piped()).output().unwrap();
    assert_eq!(output.status.code(), Some(2));
    let said = String::from_utf8(output.stderr).unwrap();
    assert!(said.contains("API keys") && said.contains("bindery-backend key NAME --add"), "{said}");
    assert!(!workspace.path().join(".vespera").exists());
}

#[tokio::test]
async fn a_key_that_was_made_lets_in_and_is_written_nowhere() {
    let workspace = TempDir::new().unwrap();
    let made =
        command(workspace.path(), &["key", "laptop", "--add"]).stdout(Stdio::piped()).output().unwrap();
    assert!(made.status.success());
    let key = String::from_utf8(made.stdout).unwrap();
    let key = key.trim();

    let log = workspace.path().join("log");
    let mut command = command(workspace.path(), &["--bind", "0.0.0.0"]);
    command.stderr(fs::File::create(&log).unwrap()).env("RUST_LOG", "trace");
    let backend = Backend::run(workspace.path(), command);
    let ask = async |headers: &str| {
        let mut stream = backend.tcp().await;
        let head =
            format!("GET /api/roles HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n{headers}\r\n");
        stream.write_all(head.as_bytes()).await.unwrap();
        reply(&mut stream).await.0
    };
    assert!(ask("").await.starts_with("HTTP/1.1 401 "));
    assert!(ask(&format!("Authorization: Bearer {key}\r\n")).await.starts_with("HTTP/1.1 200 "));
    assert_eq!(exchange(backend.tcp().await, "GET", &format!("/api/roles?key={key}"), None).await.0, 401);
    let socket = UnixStream::connect(&backend.about.socket).await.unwrap();
    assert_eq!(exchange(socket, "GET", "/api/roles", None).await.0, 200);

    let log = fs::read_to_string(&log).unwrap();
    assert!(log.contains("reachable beyond this machine"), "{log}");
    assert!(!log.contains(key), "{log}");
    for file in fs::read_dir(workspace.path().join(".vespera")).unwrap() {
        let bytes = fs::read(file.unwrap().path()).unwrap_or_default();
        assert!(!bytes.windows(key.len()).any(|some| some == key.as_bytes()));
    }
}
