//! Hits found letter by letter, for what the index does not know.

use rusqlite::Connection;

use super::{Found, Search, ShownRow, newest_page, statements};
use crate::store::{fault::Fault, sql::Sql};

/// How many of the newest rows of a kind are looked at for one page.
const SCANNED: i64 = 5000;

/// How much is shown before the first match, in characters.
const LEAD: usize = 60;

/// How much of a text a snippet takes in, in characters.
const WIDTH: usize = 160;

/// The newest hits before the row `before`, and the last of them, if there are more.
pub(super) fn scan(
    connection: &Connection,
    search: &Search,
    before: i64,
) -> Result<(Vec<Found>, Option<i64>), Fault> {
    // ASCII only, as SQLite's lower() does it: both sides have to agree.
    let terms: Vec<String> = search.query.terms.iter().map(|term| term.to_ascii_lowercase()).collect();
    let terms_json = serde_json::to_string(&terms)?;
    let mut found = Vec::new();
    for kind in &search.kinds {
        let rows: Vec<ShownRow> = connection.all(
            statements::of(*kind).scan,
            (&terms_json, search.project, before, search.limit as i64 + 1, SCANNED),
        )?;
        found.extend(rows.into_iter().map(|mut row| {
            row.3 = snippet(&row.3, &terms);
            Found::new(*kind, row, None)
        }));
    }
    Ok(newest_page(found, search.limit))
}

/// The part of `text` around the first match, with every match in it marked.
fn snippet(text: &str, terms: &[String]) -> String {
    let lower = text.to_ascii_lowercase();
    let first = terms.iter().filter_map(|term| lower.find(term)).min().unwrap_or(0);
    let start = text[..first].char_indices().rev().nth(LEAD - 1).map_or(0, |(at, _)| at);
    let end = text[start..].char_indices().nth(WIDTH).map_or(text.len(), |(at, _)| start + at);
    let mut snippet = String::from(if start > 0 { "…" } else { "" });
    let mut at = start;
    while at < end {
        match terms.iter().find(|term| lower[at..end].starts_with(term.as_str())) {
            Some(term) => {
                snippet.extend(["**", &text[at..at + term.len()], "**"]);
                at += term.len();
            }
            None => {
                let next = text.ceil_char_boundary(at + 1);
                snippet.push_str(&text[at..next]);
                at = next;
            }
        }
    }
    snippet.push_str(if end < text.len() { "…" } else { "" });
    snippet
}

#[cfg(test)]
mod tests {
    use super::*;

    fn terms(words: &[&str]) -> Vec<String> {
        words.iter().map(|word| (*word).to_owned()).collect()
    }

    #[test]
    fn every_match_in_the_snippet_is_marked() {
        assert_eq!(snippet("use {{ name }} here", &terms(&["{{", "}}"])), "use **{{** name **}}** here");
    }

    #[test]
    fn a_match_far_inside_is_shown_with_what_surrounds_it() {
        let text = format!("{}登录{}", "é".repeat(500), "é".repeat(500));
        let shown = snippet(&text, &terms(&["登录"]));
        assert!(shown.starts_with('…') && shown.ends_with('…') && shown.contains("**登录**"));
        assert!(shown.chars().count() < 200);
    }
}
