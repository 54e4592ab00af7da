//! `search_entities`: full text over tasks, projects, notes and documents.
//!
//! Ranking is bounded: BM25 scores by words that few texts of a kind have, and a word that very many have only
//! finds, so that it costs no more than one that is rare. What the index cannot know (punctuation, parts of
//! words in scripts without spaces) is looked for letter by letter in the newest rows.

mod index;
mod query;
mod scan;
mod statements;

use rusqlite::Connection;
use sha2::{Digest, Sha256};
use shared_types::{
    Error, ErrorCode, operation,
    search::{EntityKind, SearchEntities, SearchHit, SearchPage, SearchSort},
};

use self::query::Query;
use super::{
    Store,
    cursor::{self, Cursor, Order},
    fault::Fault,
    feed::shown_id,
    resolve,
};
use crate::handle::{Caller, Handle};

/// Hits on a page when the caller does not say.
const LIMIT: i64 = 20;

/// The most hits on a page.
const MOST: i64 = 100;

/// How long a snippet can be, in characters.
const SNIPPET_CHARS: usize = 200;

/// How much of a snippet that is cut stays before the first mark, in characters.
const SNIPPET_LEAD: usize = 80;

/// How the hits of a search are found and ordered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Mode {
    /// By the index, best first; a cursor holds how many were shown.
    Ranked,
    /// By the index, newest first; a cursor holds the last row.
    Newest,
    /// Letter by letter, newest first; a cursor holds the last row.
    Scan,
}

/// A search with everything resolved.
struct Search {
    query: Query,
    kinds: Vec<EntityKind>,
    project: Option<i64>,
    limit: usize,
}

/// A hit, and what its place in the order is.
struct Found {
    row_id: i64,
    hit: SearchHit,
}

/// A row of any kind as the statements of this module return it for showing.
type ShownRow = (i64, i64, String, String, Option<String>);

impl Found {
    fn new(kind: EntityKind, row: ShownRow, rank: Option<f64>) -> Self {
        let (row_id, entity_id, title, snippet, status) = row;
        // A note is reached through its task.
        let owner = if kind == EntityKind::Note { EntityKind::Task } else { kind };
        let id = shown_id(owner, entity_id);
        Self { row_id, hit: SearchHit { kind, id, title, snippet: shortened(snippet), rank, status } }
    }
}

/// Cuts a snippet of long words to size, around the first mark.
fn shortened(snippet: String) -> String {
    if snippet.chars().count() <= SNIPPET_CHARS {
        return snippet;
    }
    let mark = snippet.find("**").map_or(0, |at| snippet[..at].chars().count());
    let skipped = mark.saturating_sub(SNIPPET_LEAD);
    let lead = if skipped > 0 { "…" } else { "" };
    let kept: String = snippet.chars().skip(skipped).take(SNIPPET_CHARS - 2).collect();
    format!("{lead}{kept}…")
}

impl Handle<operation::SearchEntities> for Store {
    async fn handle(&self, input: SearchEntities, _: &Caller) -> Result<SearchPage, Error> {
        // What has been acknowledged is to be found.
        self.inner.writer.catch_up().await?;
        self.read_aside("search", move |connection| search(connection, &input)).await
    }
}

fn search(connection: &Connection, input: &SearchEntities) -> Result<SearchPage, Fault> {
    let query = Query::read(&input.query);
    if query.terms.is_empty() {
        return Err(Error::new(ErrorCode::InvalidValue, "query has nothing to look for")
            .at("query")
            .suggest("Give words that the text you look for contains.")
            .into());
    }
    let project = match &input.project_id {
        Some(reference) => Some(resolve::project(connection, reference, "project_id")?.row_id()),
        None => None,
    };
    let kinds = if input.types.is_empty() { EntityKind::ALL.to_vec() } else { input.types.clone() };
    let limit = input.limit.unwrap_or(LIMIT).clamp(1, MOST) as usize;
    let search = Search { query, kinds, project, limit };
    let (mode, start) = start(&search, input)?;
    let page = run(connection, &search, input, mode, start)?;
    if page.hits.is_empty() && search.query.spaceless && input.cursor.is_none() {
        return run(connection, &search, input, Mode::Scan, None);
    }
    Ok(page)
}

/// The mode, and where in it the page begins.
fn start(search: &Search, input: &SearchEntities) -> Result<(Mode, Option<i64>), Error> {
    let usual = match (search.query.expression(), input.sort.unwrap_or_default()) {
        (None, _) => Mode::Scan,
        (Some(_), SearchSort::Rank) => Mode::Ranked,
        (Some(_), SearchSort::Newest) => Mode::Newest,
    };
    let Some(text) = &input.cursor else { return Ok((usual, None)) };
    let cursor = Cursor::read(text, Order::Search)?;
    [usual, Mode::Scan]
        .into_iter()
        .find(|mode| fingerprint(input, *mode) == cursor.id)
        .map(|mode| (mode, Some(cursor.key)))
        .ok_or_else(|| {
            cursor::refused(
                "cursor belongs to another search",
                "Repeat the call that returned it, or leave cursor out to begin anew.",
            )
        })
}

/// Tells one search from another, so that a cursor is used only with its own.
fn fingerprint(input: &SearchEntities, mode: Mode) -> i64 {
    let project = input.project_id.as_ref().map(ToString::to_string);
    let text = format!("{mode:?}\0{}\0{:?}\0{project:?}", input.query, input.types);
    Sha256::digest(text).iter().take(8).fold(0, |value, byte| value << 8 | i64::from(*byte))
}

fn run(
    connection: &Connection,
    search: &Search,
    input: &SearchEntities,
    mode: Mode,
    start: Option<i64>,
) -> Result<SearchPage, Fault> {
    let (found, next) = match (mode, &search.query.expression()) {
        (Mode::Ranked, Some(expression)) => {
            index::ranked(connection, search, expression, start.unwrap_or(0))?
        }
        (Mode::Newest, Some(expression)) => {
            index::newest(connection, search, expression, start.unwrap_or(i64::MAX))?
        }
        _ => scan::scan(connection, search, start.unwrap_or(i64::MAX))?,
    };
    let next_cursor = next.map(|key| Cursor { key, id: fingerprint(input, mode) }.write(Order::Search));
    Ok(SearchPage { hits: found.into_iter().map(|found| found.hit).collect(), next_cursor, guard: None })
}

/// The newest `limit` of what was found in several kinds, and where the next page begins.
fn newest_page(mut found: Vec<Found>, limit: usize) -> (Vec<Found>, Option<i64>) {
    found.sort_unstable_by_key(|found| std::cmp::Reverse(found.row_id));
    let more = found.len() > limit;
    found.truncate(limit);
    let next = found.last().filter(|_| more).map(|found| found.row_id);
    (found, next)
}
