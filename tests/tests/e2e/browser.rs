//! Guarded text in a real Chromium: none of it runs, and none of it is markup.

mod breakouts;
mod foreign;
mod pages;

use std::{
    io::Write,
    path::PathBuf,
    process::{Command, Stdio},
};

use guard::Policy;
use serde_json::{Value, json};
use tests::{binaries::root, extras};

/// The ways into a page that `tests/browser/sinks.mjs` knows.
const SINKS: [&str; 3] = ["innerHTML", "marked", "markdown-it"];

/// A text under test; `verdict` is the corpus's own, where it has one.
struct Row {
    id: String,
    text: String,
    verdict: Option<String>,
}

/// What the browser made of a text, and the first thing it found.
struct Judged {
    id: String,
    verdict: String,
    found: String,
}

/// The first few of them, a line each.
fn shown<'a>(judged: impl IntoIterator<Item = &'a Judged>) -> String {
    let line = |row: &Judged| format!("  {}: {} {}\n", row.id, row.verdict, row.found);
    judged.into_iter().take(10).map(line).collect()
}

/// The folder with the packages of `tests/browser/package.json`.
fn harness() -> Option<PathBuf> {
    let folder = root().join("tests/browser");
    let found =
        folder.join("node_modules/playwright-core").is_dir() && PathBuf::from("/usr/bin/chromium").exists();
    extras::available("Chromium with its driver", found).then_some(folder)
}

fn corpus(file: &str, field: &str) -> Option<Vec<Row>> {
    let lines = std::fs::read_to_string(extras::corpus(file)?).unwrap();
    let row = |line: &str| {
        let row: Value = serde_json::from_str(line).unwrap();
        let text = |key: &str| row[key].as_str().map(str::to_owned);
        Row { id: text("id").unwrap(), text: text(field).unwrap(), verdict: text("chromium_static") }
    };
    Some(lines.lines().map(row).collect())
}

fn handwritten(texts: &[&str]) -> Vec<Row> {
    let row = |text: &&str| Row { id: format!("{text:?}"), text: (*text).to_owned(), verdict: None };
    texts.iter().map(row).collect()
}

fn guarded(mut rows: Vec<Row>) -> Vec<Row> {
    for row in &mut rows {
        let mut value = json!(row.text);
        guard::text::guard(&mut value, Policy::default()).unwrap();
        row.text = value.as_str().unwrap().to_owned();
    }
    rows
}

/// Asks `judge.mjs` for a verdict on each row, in order.
fn judge(harness: &PathBuf, arguments: &[&str], rows: &[Row]) -> Vec<Judged> {
    let mut child = Command::new("node")
        .current_dir(harness)
        .arg("judge.mjs")
        .args(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let lines: String =
        rows.iter().map(|row| format!("{}\n", json!({"id": row.id, "text": row.text}))).collect();
    child.stdin.take().unwrap().write_all(lines.as_bytes()).unwrap();
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success(), "judge.mjs fails");
    let judged = |line: &str| {
        let answer: Value = serde_json::from_str(line).unwrap();
        let text = |key: &str| answer[key].as_str().unwrap_or_default().to_owned();
        Judged { id: text("id"), verdict: text("verdict"), found: text("found") }
    };
    let judged: Vec<_> = String::from_utf8(output.stdout).unwrap().lines().map(judged).collect();
    assert_eq!(judged.len(), rows.len());
    judged
}

/// Fails unless every sink finds every row harmless: inert, or else as `tolerated` says.
fn assert_harmless(harness: &PathBuf, sinks: &[&str], rows: &[Row], tolerated: &str) {
    let mut failures = Vec::new();
    for sink in sinks {
        let mut judged = judge(harness, &[sink], rows);
        let count = |verdict: &str| judged.iter().filter(|row| row.verdict == verdict).count();
        let summary =
            format!("{sink}: {} active and {} markup of {}", count("active"), count("markup"), rows.len());
        eprintln!("{summary}");
        judged.retain(|row| row.verdict != "inert" && row.verdict != tolerated);
        if !judged.is_empty() {
            failures.push(format!("{summary}, such as\n{}", shown(&judged)));
        }
    }
    assert!(failures.is_empty(), "{}", failures.join("\n"));
}

#[test]
fn guarded_breakouts_are_inert() {
    let Some(harness) = harness() else { return };
    let rows = [breakouts::HTML, breakouts::MARKDOWN].concat();
    assert_harmless(&harness, &SINKS, &guarded(handwritten(&rows)), "inert");
}

#[test]
fn guarded_payloads_are_inert() {
    let Some(harness) = harness() else { return };
    let Some(mut rows) = corpus("xss_payloads.jsonl", "payload") else { return };
    let Some(more) = corpus("xss_dompurify_expect.jsonl", "payload") else { return };
    rows.extend(more);
    assert_harmless(&harness, &SINKS, &guarded(rows), "inert");
}

/// Text that is no attack may be markup, such as a stray `<title>`, but nothing in it runs.
#[test]
fn nothing_in_guarded_ordinary_text_runs() {
    let Some(harness) = harness() else { return };
    let Some(mut rows) = corpus("benign_code_text.jsonl", "text") else { return };
    let Some(more) = corpus("naughty_strings.jsonl", "text") else { return };
    rows.extend(more);
    assert_harmless(&harness, &["innerHTML", "marked"], &guarded(rows), "markup");
}

/// The controls: without the guard, the same harness finds what the tests above must not.
#[test]
fn the_judge_catches_breakouts_that_nobody_guarded() {
    let Some(harness) = harness() else { return };
    for (arguments, texts) in [
        (&["innerHTML"][..], breakouts::HTML),
        (&["marked"], breakouts::MARKDOWN),
        (&["innerHTML", "watch"], breakouts::RUN),
    ] {
        let judged = judge(&harness, arguments, &handwritten(texts));
        let missed: Vec<_> = judged.iter().filter(|row| row.verdict == "inert").collect();
        assert!(missed.is_empty(), "{arguments:?} misses {}:\n{}", missed.len(), shown(missed));
    }
}

#[test]
fn the_judge_agrees_with_the_corpus() {
    let Some(harness) = harness() else { return };
    let Some(mut rows) = corpus("xss_payloads.jsonl", "payload") else { return };
    let Some(more) = corpus("benign_code_text.jsonl", "text") else { return };
    rows.extend(more);
    let judged = judge(&harness, &["innerHTML", "audit"], &rows);
    let is_inert = |verdict: &str| verdict == "inert";
    let differing: Vec<_> = rows
        .iter()
        .zip(&judged)
        .filter(|(row, judged)| is_inert(row.verdict.as_ref().unwrap()) != is_inert(&judged.verdict))
        .map(|(_, judged)| judged)
        .collect();
    eprintln!("the judge differs on {} of {}", differing.len(), rows.len());
    let count = differing.len();
    assert!(count * 200 <= rows.len(), "{count} differ, such as\n{}", shown(differing));
}
