//! `/api/events`: the change feed as server-sent events.
//!
//! Each change is an event `change` whose id is its sequence number, so a reader that reconnects
//! with `Last-Event-ID`, as browsers do by themselves, misses nothing. `ready` says that the
//! reader has everything up to its number; what follows is live.
//!
//! The first event says when to come back after the connection ends. It ends when the backend
//! stops, and when the reader takes nothing for a while: nothing is kept for it here but a place in
//! the broadcast, and what it misses there is read from the store.

use std::{convert::Infallible, time::Duration};

use axum::{
    extract::{RawQuery, State},
    http::HeaderMap,
    response::{
        IntoResponse, Sse,
        sse::{Event, KeepAlive},
    },
};
use futures::{Stream, stream};
use guard::suggest;
use serde_json::json;
use shared_types::{Error, ErrorCode, search::EntityKind};

use super::problem::Problem;
use crate::{
    app::App,
    feed::{Delivery, Feed},
};

const HEARTBEAT: Duration = Duration::from_secs(15);
/// When a reader whose connection ended should come back.
const RETRY: Duration = Duration::from_secs(2);

/// Streams the changes that the request asks for.
pub(super) async fn stream(
    State(app): State<App>,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
) -> Result<impl IntoResponse, Problem> {
    let wanted = Wanted::read(query.as_deref().unwrap_or_default(), &headers)?;
    let feed = Feed::open(&app, wanted.after).await.map_err(|error| app.disclose("events", error))?;
    let keep_alive = KeepAlive::new().interval(HEARTBEAT);
    Ok(Sse::new(events(feed, wanted.entities)).keep_alive(keep_alive))
}

fn events(feed: Feed, entities: Vec<EntityKind>) -> impl Stream<Item = Result<Event, Infallible>> {
    stream::unfold((feed, entities, Some(RETRY)), async |(mut feed, entities, mut retry)| {
        let mut first = || retry.take().map_or_else(Event::default, |after| Event::default().retry(after));
        loop {
            let event = match feed.next().await? {
                Delivery::Change(change) if !entities.is_empty() && !entities.contains(&change.entity) => {
                    continue;
                }
                Delivery::Change(change) => {
                    let event = first().id(change.seq.to_string()).event("change");
                    event.json_data(&*change).ok()?
                }
                // The id moves a reader on past changes that its filter left out.
                Delivery::Ready(seq) => {
                    let event = first().id(seq.to_string()).event("ready");
                    event.json_data(json!({ "seq": seq })).ok()?
                }
            };
            return Some((Ok(event), (feed, entities, retry)));
        }
    })
}

/// What a reader asks for.
#[derive(Debug, PartialEq, Eq)]
struct Wanted {
    /// Changes after this one; those to come when absent.
    after: Option<i64>,
    /// Only these kinds; all when empty.
    entities: Vec<EntityKind>,
}

impl Wanted {
    /// `Last-Event-ID` wins over `after`: a browser that reconnects repeats the address it was
    /// first given, and adds how far it came.
    fn read(query: &str, headers: &HeaderMap) -> Result<Self, Error> {
        let mut wanted = Self { after: None, entities: Vec::new() };
        for (name, value) in form_urlencoded::parse(query.as_bytes()) {
            match &*name {
                "after" => wanted.after = Some(seq("after", &value)?),
                "entity" => {
                    let kinds = value.split(',').map(str::trim).filter(|kind| !kind.is_empty());
                    wanted.entities.extend(kinds.map(entity).collect::<Result<Vec<_>, _>>()?);
                }
                unknown => return Err(unknown_parameter(unknown)),
            }
        }
        if let Some(id) = headers.get("last-event-id").filter(|id| !id.is_empty()) {
            wanted.after = Some(seq("Last-Event-ID", id.to_str().unwrap_or_default())?);
        }
        Ok(wanted)
    }
}

fn seq(field: &str, text: &str) -> Result<i64, Error> {
    text.trim().parse().ok().filter(|seq| *seq >= 0).ok_or_else(|| {
        Error::new(ErrorCode::InvalidValue, format!("{field} is the number of a change, such as 42"))
            .at(field)
    })
}

fn entity(word: &str) -> Result<EntityKind, Error> {
    EntityKind::ALL.into_iter().find(|kind| kind.as_str() == word).ok_or_else(|| {
        let words = EntityKind::ALL.map(EntityKind::as_str);
        let error = Error::new(ErrorCode::InvalidValue, format!("expected some of {}", words.join(", ")));
        match suggest::nearest(word, words) {
            Some(known) => error.at("entity").suggest(format!("Did you mean {known:?}?")),
            None => error.at("entity"),
        }
    })
}

fn unknown_parameter(name: &str) -> Error {
    let shown: String = name.chars().take(60).collect();
    Error::new(ErrorCode::UnknownField, format!("unknown parameter {shown:?}"))
        .at(shown)
        .suggest("It takes after and entity.")
}

#[cfg(test)]
mod tests {
    use axum::http::HeaderValue;

    use super::*;

    #[test]
    fn the_last_event_id_wins_over_the_address() {
        let mut headers = HeaderMap::new();
        assert_eq!(Wanted::read("after=3", &headers).unwrap().after, Some(3));
        headers.insert("last-event-id", HeaderValue::from_static("7"));
        assert_eq!(Wanted::read("after=3", &headers).unwrap().after, Some(7));
    }

    #[test]
    fn kinds_are_listed_or_repeated_and_slips_are_named() {
        let read = |query| Wanted::read(query, &HeaderMap::new());
        let both = vec![EntityKind::Task, EntityKind::Project];
        assert_eq!(read("entity=task,project").unwrap().entities, both);
        assert_eq!(read("entity=task&entity=project").unwrap().entities, both);
        assert_eq!(read("entity=tusk").unwrap_err().suggestions, [r#"Did you mean "task"?"#]);
        assert_eq!(read("since=1").unwrap_err().code, ErrorCode::UnknownField);
        assert_eq!(read("after=-1").unwrap_err().field.as_deref(), Some("after"));
    }
}
