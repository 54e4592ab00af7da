use std::time::Duration;

use axum::body::{Body, BodyDataStream};
use bindery_backend::{
    roles::Roles,
    store::{Store, StoreOptions},
};
use futures::StreamExt;
use serde_json::{Value, json};
use tower::ServiceExt;

use crate::fixture::{Fixture, to};

const LONG: Duration = Duration::from_secs(30);

/// An open feed and what of it is still unread.
struct Feed {
    body: BodyDataStream,
    text: String,
}

#[derive(Debug, PartialEq)]
struct Event {
    name: String,
    id: i64,
    data: Value,
}

impl Feed {
    async fn open(at: &Fixture, query: &str, last_event_id: Option<i64>) -> Self {
        let mut request = to("GET", &format!("/api/events{query}"));
        if let Some(id) = last_event_id {
            request = request.header("last-event-id", id.to_string());
        }
        let response = at.router.clone().oneshot(request.body(Body::empty()).unwrap()).await.unwrap();
        assert_eq!(response.status(), 200);
        assert_eq!(response.headers()["content-type"], "text/event-stream");
        Self { body: response.into_body().into_data_stream(), text: String::new() }
    }

    /// The next event; `None` when the feed ended.
    async fn next(&mut self) -> Option<Event> {
        loop {
            if let Some((event, rest)) = self.text.split_once("\n\n") {
                let event = parse(event);
                self.text = rest.to_owned();
                return Some(event);
            }
            let chunk = tokio::time::timeout(LONG, self.body.next()).await.expect("an event in time")?;
            self.text.push_str(std::str::from_utf8(&chunk.unwrap()).unwrap());
        }
    }

    async fn change(&mut self) -> Event {
        let event = self.next().await.expect("an open feed");
        assert_eq!(event.name, "change");
        assert_eq!(event.data["seq"], event.id);
        event
    }

    async fn ready(&mut self) -> i64 {
        let event = self.next().await.expect("an open feed");
        assert_eq!(event, Event { name: "ready".to_owned(), id: event.id, data: json!({ "seq": event.id }) });
        event.id
    }
}

fn parse(text: &str) -> Event {
    let field = |name: &str| text.lines().find_map(|line| line.strip_prefix(name)).unwrap_or_default().trim();
    Event {
        name: field("event:").to_owned(),
        id: field("id:").parse().unwrap(),
        data: serde_json::from_str(field("data:")).unwrap(),
    }
}

#[tokio::test]
async fn a_feed_begins_now_and_brings_what_comes() {
    let at = Fixture::new().await;
    at.task("before").await;
    let mut feed = Feed::open(&at, "", None).await;
    let now = feed.ready().await;
    let task = at.task("after").await;
    let event = feed.change().await;
    assert!(event.id > now);
    assert_eq!((&event.data["entity"], &event.data["entity_id"]), (&json!("task"), &task["id"]));
    assert_eq!(event.data["action"], "created");
}

#[tokio::test]
async fn a_feed_that_broke_off_resumes_where_it_was() {
    let at = Fixture::new().await;
    let mut feed = Feed::open(&at, "?after=0", None).await;
    feed.ready().await;
    at.task("one").await;
    let seen = feed.change().await.id;
    drop(feed);
    let ids = [at.task("two").await["id"].clone(), at.task("three").await["id"].clone()];

    // As a browser does: the address of the first time, and how far it came.
    let mut feed = Feed::open(&at, "?after=0", Some(seen)).await;
    for id in &ids {
        assert_eq!(feed.change().await.data["entity_id"], *id);
    }
    let ready = feed.ready().await;
    let last = at.task("four").await;
    let event = feed.change().await;
    assert_eq!(event.data["entity_id"], last["id"]);
    assert!(event.id > ready);
}

#[tokio::test]
async fn a_filter_keeps_only_the_kinds_asked_for() {
    let at = Fixture::new().await;
    let mut feed = Feed::open(&at, "?entity=project", None).await;
    feed.ready().await;
    at.task("not for this feed").await;
    let written = at.json("POST", "/api/projects", json!({ "name": "Roof" })).await.value();
    let event = feed.change().await;
    assert_eq!(event.data["entity_id"], written["project"]["id"]);
}

#[tokio::test]
async fn a_position_from_another_database_is_answered_with_ours() {
    let at = Fixture::new().await;
    let mut feed = Feed::open(&at, "?after=999999", None).await;
    assert!(feed.ready().await < 999_999);
    at.task("seen all the same").await;
    feed.change().await;
}

#[tokio::test]
async fn a_reader_that_falls_behind_is_caught_up_in_order() {
    let at = Fixture::new().await;
    let mut feed = Feed::open(&at, "", None).await;
    feed.ready().await;
    // More than the 4096 that are kept for a reader that does not read.
    let tasks: Vec<_> = (0..1000).map(|i| json!({ "title": format!("task {i}") })).collect();
    for _ in 0..5 {
        let reply = at.json("POST", "/api/tasks", json!({ "tasks": tasks })).await;
        assert_eq!(reply.status, 200, "{:?}", reply.body);
    }
    let mut last = 0;
    for _ in 0..5 * tasks.len() {
        let id = feed.change().await.id;
        assert!(id > last, "{id} after {last}");
        last = id;
    }
}

#[tokio::test]
async fn an_open_feed_is_a_lease_until_it_is_dropped() {
    let at = Fixture::new().await;
    let mut feed = Feed::open(&at, "", None).await;
    feed.ready().await;
    assert_eq!(at.get("/health/live").await.value()["leases"], 1);
    drop(feed);
    assert_eq!(at.get("/health/live").await.value()["leases"], 0);
}

#[tokio::test]
async fn the_position_is_that_of_the_last_answered_write_and_survives_a_restart() {
    let at = Fixture::new().await;
    let position = async || at.get("/health/live").await.value()["seq"].as_i64().unwrap();
    let mut last = position().await;
    for title in ["one", "two"] {
        at.task(title).await;
        let before = std::mem::replace(&mut last, position().await);
        assert!(last > before, "{title}: {last} after {before}");
    }
    assert_eq!(at.app.store().last_seq().await, Ok(last));
    let options = StoreOptions::new(at.folder().join("tasks.db"));
    assert_eq!(Store::open(options, Roles::builtin()).await.unwrap().position(), last);
}

#[tokio::test]
async fn a_backend_that_stops_ends_its_feeds() {
    let stop = tokio_util::sync::CancellationToken::new();
    let at = Fixture::with(|options| options.stop = stop.clone()).await;
    let mut feed = Feed::open(&at, "", None).await;
    feed.ready().await;
    stop.cancel();
    assert_eq!(feed.next().await, None);
}

#[tokio::test]
async fn what_cannot_be_asked_of_the_feed_is_a_problem() {
    let at = Fixture::new().await;
    at.get("/api/events?after=soon").await.problem(422, "invalid_value");
    at.get("/api/events?entity=tusk").await.problem(422, "invalid_value");
}
