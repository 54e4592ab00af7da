//! Hits from the full-text index.

use std::collections::HashMap;

use rusqlite::Connection;
use shared_types::search::EntityKind;

use super::{Found, Search, ShownRow, newest_page, query::all_of, statements};
use crate::store::{fault::Fault, sql::Sql};

/// A word that so many texts of a kind have tells nothing about one of them. To score a match, FTS5 counts all
/// texts that have its words, so this also bounds what a search costs.
const COMMON: i64 = 5_000;

/// A match before it is shown.
struct Candidate {
    kind: EntityKind,
    row_id: i64,
    score: f64,
}

/// The best hits after the first `shown`, and how many have been shown then, if there are more.
pub(super) fn ranked(
    connection: &Connection,
    search: &Search,
    expression: &str,
    shown: i64,
) -> Result<(Vec<Found>, Option<i64>), Fault> {
    // One more than is shown tells whether there are others. Of what nothing ranks, no more than this is gone through.
    let most = shown.saturating_add(search.limit as i64 + 1).clamp(1, COMMON);
    let mut candidates = Vec::new();
    for kind in &search.kinds {
        candidates.extend(scored(connection, search, *kind, expression, most)?);
    }
    // Ids settle ties, so that two pages never show the same hit.
    candidates.sort_unstable_by(|a, b| a.score.total_cmp(&b.score).then(b.row_id.cmp(&a.row_id)));
    let shown = usize::try_from(shown).unwrap_or(0).min(candidates.len());
    let end = (shown + search.limit).min(candidates.len());
    let next = (end < candidates.len()).then_some(end as i64);
    let page = &candidates[shown..end];
    let mut rows = show(connection, expression, page)?;
    let found = page.iter().filter_map(|candidate| {
        let row = rows.remove(&(candidate.kind, candidate.row_id))?;
        Some(Found::new(candidate.kind, row, Some(candidate.score)))
    });
    Ok((found.collect(), next))
}

/// The matches of a kind with their scores, to which only words add that tell something. Where none does, the
/// newest `most` matches, all alike.
fn scored(
    connection: &Connection,
    search: &Search,
    kind: EntityKind,
    expression: &str,
    most: i64,
) -> Result<Vec<Candidate>, Fault> {
    let statements = statements::of(kind);
    let mut telling = Vec::with_capacity(search.query.words.len());
    for word in &search.query.words {
        let texts: i64 = connection.one(statements.count, (word, COMMON))?;
        telling.extend((texts < COMMON).then(|| word.clone()));
    }
    if telling.is_empty() {
        return newest_of(connection, search, kind, expression, i64::MAX, most);
    }
    let all = (telling.len() < search.query.words.len()).then_some(expression);
    let rows: Vec<(i64, f64)> = connection.all(statements.ranked, (all_of(&telling), search.project, all))?;
    Ok(rows.into_iter().map(|(row_id, score)| Candidate { kind, row_id, score }).collect())
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
        candidates.extend(newest_of(connection, search, *kind, expression, before, limit)?);
    }
    candidates.sort_unstable_by_key(|candidate| std::cmp::Reverse(candidate.row_id));
    candidates.truncate(search.limit + 1);
    let rows = show(connection, expression, &candidates)?;
    let found = rows.into_iter().map(|((kind, _), row)| Found::new(kind, row, None));
    Ok(newest_page(found.collect(), search.limit))
}

/// The newest `limit` matches of a kind before the row `before`.
fn newest_of(
    connection: &Connection,
    search: &Search,
    kind: EntityKind,
    expression: &str,
    before: i64,
    limit: i64,
) -> Result<Vec<Candidate>, Fault> {
    let rows: Vec<i64> =
        connection.all(statements::of(kind).newest, (expression, search.project, before, limit))?;
    Ok(rows.into_iter().map(|row_id| Candidate { kind, row_id, score: 0.0 }).collect())
}

/// Reads titles and snippets of the candidates that are on the page.
fn show(
    connection: &Connection,
    expression: &str,
    page: &[Candidate],
) -> Result<HashMap<(EntityKind, i64), ShownRow>, Fault> {
    let mut shown = HashMap::with_capacity(page.len());
    for kind in EntityKind::ALL {
        let of_kind = page.iter().filter(|candidate| candidate.kind == kind);
        let rows: Vec<i64> = of_kind.map(|candidate| candidate.row_id).collect();
        let (Some(first), Some(last)) = (rows.iter().min(), rows.iter().max()) else { continue };
        let read: Vec<ShownRow> = connection
            .all(statements::of(kind).show, (expression, serde_json::to_string(&rows)?, first, last))?;
        shown.extend(read.into_iter().map(|row| ((kind, row.0), row)));
    }
    Ok(shown)
}
