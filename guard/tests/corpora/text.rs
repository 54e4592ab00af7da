//! What the text guard changes and flags.

use guard::{Policy, text};
use serde::Deserialize;
use serde_json::json;
use shared_types::guarded::GuardReport;

use crate::{assert_none, rows};

/// The text after the default policy, and what was said about it.
fn guarded(text: &str) -> (String, GuardReport) {
    let mut value = json!(text);
    let report = text::guard(&mut value, Policy::default());
    let now = value.as_str().unwrap_or_default().to_owned();
    (now, report.unwrap_or_default().unwrap_or(GuardReport { count: 0, findings: Vec::new() }))
}

/// What Chromium makes of a text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Tree {
    Inert,
    Markup,
    Active,
}

/// At most this share of real texts may be changed: what a browser would act on.
const CHANGED: f64 = 0.022;

#[test]
fn honest_text_comes_back_byte_for_byte() {
    #[derive(Deserialize)]
    struct Row {
        id: String,
        text: String,
        chromium_static: Tree,
    }

    let rows: Vec<Row> = rows("benign_code_text.jsonl");
    let changed: Vec<&Row> = rows.iter().filter(|row| guarded(&row.text).0 != row.text).collect();
    let harmed = changed.iter().filter(|row| row.chromium_static == Tree::Inert);
    assert_none(&harmed.map(|row| format!("{}: {}", row.id, guarded(&row.text).0)).collect::<Vec<_>>());
    println!("{} of {} texts are changed", changed.len(), rows.len());
    #[expect(clippy::cast_precision_loss, reason = "there are some thousand rows")]
    let allowed = changed.len() as f64 <= CHANGED * rows.len() as f64;
    assert!(allowed, "{} of {} texts are changed", changed.len(), rows.len());
}

#[test]
fn payloads_do_not_come_through_as_they_are() {
    #[derive(Deserialize)]
    struct Row {
        id: String,
        payload: String,
        chromium_static: Tree,
    }

    let unchanged = rows::<Row>("xss_payloads.jsonl")
        .into_iter()
        .filter(|row| row.chromium_static != Tree::Inert && guarded(&row.payload).0 == row.payload);
    assert_none(&unchanged.map(|row| format!("{}: {}", row.id, row.payload)).collect::<Vec<_>>());
}

#[test]
fn what_hides_is_flagged_and_what_a_script_needs_is_not() {
    #[derive(Deserialize)]
    struct Row {
        id: String,
        text: String,
        class: String,
        expect: String,
    }

    let mut failures = Vec::new();
    for row in rows::<Row>("invisible_unicode.jsonl") {
        let (now, report) = guarded(&row.text);
        let removed = matches!(row.class.as_str(), "control" | "terminal-log");
        let holds = match row.expect.as_str() {
            "policy" => true,
            "keep" => now == row.text && report.count == 0,
            _ if removed => now != row.text && report.count > 0,
            _ => now == row.text && report.count > 0,
        };
        if !holds {
            failures.push(format!("{} ({}): {:?} became {now:?}, {report:?}", row.id, row.class, row.text));
        }
    }
    assert_none(&failures);
}
