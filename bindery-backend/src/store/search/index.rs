//! Hits from the full-text index.

use std::collections::HashMap;

use rusqlite::Connection;
use shared_types::search::EntityKind;

use super::{Found, Search, ShownRow, newest_page, query::all_of, statements};
use crate::store::{fault::Fault, sql::Sql};

/// How many of the newest matches of a kind are ranked.
const RANKED: i64 = 5000;

/// A word that so many texts of a kind have tells nothing about one of them.
const COMMON: i64 = 10_000;

/// A match before it is shown.
struct Candidate {
    kind: EntityKind,
    row_id: i64,
    score: f64,
}

/// Matches of a kind.
struct Matches {
    candidates: Vec<Candidate>,
    /// Whether they are the newest ones, with none left out between them.
    newest: bool,
}

/// The best hits after the first `shown`, and how many have been shown then, if there are more.
pub(super) fn ranked(
    connection: &Connection,
    search: &Search,
    expression: &str,
    shown: i64,
) -> Result<(Vec<Found>, Option<i64>), Fault> {
    // One more than is shown tells whether there are others.
    let most = shown.saturating_add(search.limit as i64 + 1).clamp(1, RANKED);
    let (mut candidates, mut newest) = (Vec::new(), Vec::new());
    for kind in &search.kinds {
        let matches = scored(connection, search, *kind, expression, most)?;
        candidates.extend(matches.candidates);
        newest.extend(matches.newest.then_some(*kind));
    }
    // Ids settle ties, so that two pages never show the same hit.
    candidates.sort_unstable_by(|a, b| a.score.total_cmp(&b.score).then(b.row_id.cmp(&a.row_id)));
    let shown = usize::try_from(shown).unwrap_or(0).min(candidates.len());
    let end = (shown + search.limit).min(candidates.len());
    let next = (end < candidates.len()).then_some(end as i64);
    let page = &candidates[shown..end];
    let mut rows = show(connection, search, expression, page, &newest)?;
    let found = page.iter().filter_map(|candidate| {
        let row = rows.remove(&(candidate.kind, candidate.row_id))?;
        Some(Found::new(candidate.kind, row, Some(candidate.score)))
    });
    Ok((found.collect(), next))
}

/// The newest matches of a kind with their scores, at least the best `most`. To score, FTS5 counts all texts
/// that have a word; where these are very many, the word says little about any of them, and is left out of
/// the score.
fn scored(
    connection: &Connection,
    search: &Search,
    kind: EntityKind,
    expression: &str,
    most: i64,
) -> Result<Matches, Fault> {
    let statements = statements::of(kind);
    let mut telling = Vec::with_capacity(search.query.words.len());
    for word in &search.query.words {
        let texts: i64 = connection.one(statements.count, (word, COMMON))?;
        telling.extend((texts < COMMON).then(|| word.clone()));
    }
    let matches = |statement, expression: &str, most| {
        matches(connection, search, kind, statement, expression, i64::MAX, most)
    };
    if telling.len() == search.query.words.len() {
        return Ok(Matches { candidates: matches(statements.ranked, expression, RANKED)?, newest: false });
    }
    if telling.is_empty() {
        return Ok(Matches { candidates: matches(statements.newest, expression, most)?, newest: true });
    }
    let scored = matches(statements.ranked, &all_of(&telling), RANKED)?;
    let scores: HashMap<i64, f64> = scored.iter().map(|one| (one.row_id, one.score)).collect();
    let mut candidates = matches(statements.newest, expression, RANKED)?;
    for candidate in &mut candidates {
        candidate.score = scores.get(&candidate.row_id).copied().unwrap_or_default();
    }
    Ok(Matches { candidates, newest: false })
}

/// The newest hits before the row `before`, and the last of them, if there are more.
pub(super) fn newest(
    connection: &Connection,
    search: &Search,
    expression: &str,
    before: i64,
) -> Result<(Vec<Found>, Option<i64>), Fault> {
    let limit = search.limit as i64 + 1;
    let mut candidates = Vec::new();
    for kind in &search.kinds {
        let statement = statements::of(*kind).newest;
        candidates.extend(matches(connection, search, *kind, statement, expression, before, limit)?);
    }
    candidates.sort_unstable_by_key(|candidate| std::cmp::Reverse(candidate.row_id));
    candidates.truncate(search.limit + 1);
    let rows = show(connection, search, expression, &candidates, &search.kinds)?;
    let found = rows.into_iter().map(|((kind, _), row)| Found::new(kind, row, None));
    Ok(newest_page(found.collect(), search.limit))
}

fn matches(
    connection: &Connection,
    search: &Search,
    kind: EntityKind,
    statement: &'static str,
    expression: &str,
    before: i64,
    limit: i64,
) -> Result<Vec<Candidate>, Fault> {
    let rows: Vec<(i64, f64)> = connection.all(statement, (expression, before, limit, search.project))?;
    Ok(rows.into_iter().map(|(row_id, score)| Candidate { kind, row_id, score }).collect())
}

/// Reads titles and snippets of the candidates that are on the page. Of the kinds in `newest`, the page has
/// all matches from its last row of that kind to its first.
fn show(
    connection: &Connection,
    search: &Search,
    expression: &str,
    page: &[Candidate],
    newest: &[EntityKind],
) -> Result<HashMap<(EntityKind, i64), ShownRow>, Fault> {
    let mut shown = HashMap::with_capacity(page.len());
    for kind in EntityKind::ALL {
        let of_kind = page.iter().filter(|candidate| candidate.kind == kind);
        let rows: Vec<i64> = of_kind.map(|candidate| candidate.row_id).collect();
        let (Some(first), Some(last)) = (rows.iter().min(), rows.iter().max()) else { continue };
        let statements = statements::of(kind);
        let read: Vec<ShownRow> = if newest.contains(&kind) {
            connection.all(statements.show_between, (expression, first, last, search.project))?
        } else {
            connection.all(statements.show, (expression, serde_json::to_string(&rows)?))?
        };
        shown.extend(read.into_iter().map(|row| ((kind, row.0), row)));
    }
    Ok(shown)
}
