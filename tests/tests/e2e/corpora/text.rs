//! Text comes back byte for byte, or what was done to it is told, and alike by every face.

use serde::Deserialize;
use shared_types::guarded::GuardReport;
use tests::{Face, Faces, faces::Stored};

use super::{assert_none, rows};

#[derive(Deserialize)]
struct Row {
    id: String,
    text: String,
    /// What kind of invisible text it is.
    #[serde(default)]
    class: String,
    #[serde(default)]
    expect: String,
}

#[test]
fn naughty_strings_survive_or_are_told_of() {
    check("naughty_strings.jsonl", |_, _| None);
}

#[test]
fn invisible_text_is_told_from_text_that_only_looks_strange() {
    check("invisible_unicode.jsonl", |row, stored| {
        let (kept, told) = (stored.text == *row.text, stored.report.is_some());
        match row.class.as_str() {
            _ if row.expect == "keep" => (!kept).then_some("was changed"),
            _ if row.expect == "policy" => None,
            "control" | "terminal-log" if kept => Some("was kept"),
            "control" | "terminal-log" => (!told).then_some("was changed in silence"),
            // Whether what smuggles is wanted is for the reader to say, who must know of it.
            _ if !kept => Some("was changed"),
            _ => (!told).then_some("was not flagged"),
        }
    });
}

/// Stores every row by every face. `judge` says what is wrong with what became of it, besides what
/// is wrong for any text.
fn check(corpus: &str, judge: impl Fn(&Row, &Stored) -> Option<&'static str>) {
    let rows: Vec<Row> = rows(corpus);
    if rows.is_empty() {
        return;
    }
    let mut faces = Faces::new();
    let mut failures = Vec::new();
    for row in &rows {
        let [mcp, rest, rpc] = Face::ALL.map(|face| faces.store(face, &row.text));
        let wrong = match (mcp == rest, rest == rpc) {
            (true, true) if !accounts(&row.text, &rest) => Some("became something else than was told"),
            (true, true) => judge(row, &rest),
            _ => Some("depends on the face"),
        };
        failures.extend(wrong.map(|wrong| format!("{} {wrong}: {:?} became {rest:?}", row.id, row.text)));
    }
    faces.check_health();
    assert_none(&failures);
}

/// Whether the report turns what was sent into what was stored, so that it can be put back.
fn accounts(sent: &str, stored: &Stored) -> bool {
    let Some(GuardReport { count, findings }) = &stored.report else { return stored.text == sent };
    let replaced = findings.iter().filter_map(|finding| {
        let [start, end] = [finding.start, finding.end].map(|place| usize::try_from(place).unwrap());
        Some((start..end, finding.replaced_by.as_deref()?))
    });
    let mut told = sent.to_owned();
    // From the end, so that the places before stay where they are.
    for (place, replacement) in replaced.collect::<Vec<_>>().into_iter().rev() {
        told.replace_range(place, replacement);
    }
    let all_listed = usize::try_from(*count) == Ok(findings.len());
    stored.text == told || !all_listed
}
