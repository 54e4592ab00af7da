//! The text guard: what is taken out of text, and said to be.
//!
//! Control characters and terminal escapes have no place in text: a terminal acts on them, and
//! most programs choke on NUL. They are removed wherever text enters, and each removal is
//! reported with enough to put it back. Everything else comes back byte for byte.

mod policy;

use std::sync::LazyLock;

use regex::Regex;
use serde_json::Value;
use shared_types::{
    Error,
    guarded::{GuardFinding, GuardReport},
};

pub use policy::{Policy, UnknownPolicy};

/// At most this many findings are listed in a report; the count is exact.
const LISTED: usize = 20;
/// At most this many characters of what was found are repeated in a finding.
const SHOWN: usize = 200;

/// Terminal escape sequences, then single control characters but tab, newline and carriage
/// return. No alternative can run into another, so matching is linear.
static CONTROLS: LazyLock<Option<Regex>> = LazyLock::new(|| {
    Regex::new(concat!(
        r"(?P<escape>(?:\x1b\[|\u{9b})[0-?]*[ -/]*[@-~]|\x1b\][^\x07\x1b]*(?:\x07|\x1b\\)|\x1b[@-_])",
        r"|[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\u{80}-\u{9f}]",
    ))
    .ok()
});

/// Guards every text in `value` by `policy`, and says what it did.
///
/// # Errors
/// `refused` for text that the policy does not let in.
pub fn guard(value: &mut Value, _policy: Policy) -> Result<Option<GuardReport>, Error> {
    let mut report = GuardReport { count: 0, findings: Vec::new() };
    walk(value, &mut String::new(), &mut report);
    Ok((report.count > 0).then_some(report))
}

fn walk(value: &mut Value, path: &mut String, report: &mut GuardReport) {
    let length = path.len();
    match value {
        Value::String(text) => {
            if let Some(clean) = remove_controls(text, path, report) {
                *text = clean;
            }
        }
        Value::Array(items) => {
            for (index, item) in items.iter_mut().enumerate() {
                path.push_str(&format!("[{index}]"));
                walk(item, path, report);
                path.truncate(length);
            }
        }
        Value::Object(entries) => {
            for (key, entry) in entries.iter_mut() {
                if length > 0 {
                    path.push('.');
                }
                path.push_str(key);
                walk(entry, path, report);
                path.truncate(length);
            }
        }
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

fn remove_controls(text: &str, path: &str, report: &mut GuardReport) -> Option<String> {
    if !text.bytes().any(may_be_control) {
        return None;
    }
    let mut clean = String::with_capacity(text.len());
    let mut kept = 0;
    for found in CONTROLS.as_ref()?.captures_iter(text) {
        let whole = found.get_match();
        clean.push_str(&text[kept..whole.start()]);
        kept = whole.end();
        let rule = if found.name("escape").is_some() { "terminal_escape" } else { "control_character" };
        note(report, path, rule, whole);
    }
    if kept == 0 {
        return None;
    }
    clean.push_str(&text[kept..]);
    Some(clean)
}

/// C0 and DEL are single bytes; C1 is 0xC2 followed by 0x80 to 0x9F.
fn may_be_control(byte: u8) -> bool {
    matches!(byte, 0..=8 | 11 | 12 | 14..=31 | 127 | 0xC2)
}

fn note(report: &mut GuardReport, path: &str, rule: &str, found: regex::Match<'_>) {
    report.count += 1;
    if report.findings.len() < LISTED {
        let offset = |byte: usize| i64::try_from(byte).unwrap_or(i64::MAX);
        report.findings.push(GuardFinding {
            field: path.to_owned(),
            rule: rule.to_owned(),
            start: offset(found.start()),
            end: offset(found.end()),
            found: found.as_str().chars().take(SHOWN).collect(),
            replaced_by: Some(String::new()),
        });
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    #[test]
    fn controls_and_escapes_are_removed_and_reported() {
        let mut value =
            json!({"tasks": [{"title": "a\u{0}b\tc\n"}, {"title": "\u{1b}[31mred\u{1b}[0m\u{9b}1m"}]});
        let report = guard(&mut value, Policy::default()).unwrap().unwrap();
        assert_eq!(value, json!({"tasks": [{"title": "ab\tc\n"}, {"title": "red"}]}));
        assert_eq!(report.count, 4);
        let first = &report.findings[0];
        assert_eq!((first.field.as_str(), first.rule.as_str()), ("tasks[0].title", "control_character"));
        assert_eq!((first.start, first.end, first.found.as_str()), (1, 2, "\u{0}"));
        assert_eq!(report.findings[1].rule, "terminal_escape");
    }

    #[test]
    fn code_and_markup_come_back_byte_for_byte() {
        for text in ["Vec<String>", "{{ template }}", "https://a.b/c?d=e&f", "é ñ 中 👩‍👩‍👧", "a\r\n\tb", "<b>"]
        {
            let mut value = json!(text);
            assert_eq!(guard(&mut value, Policy::default()).unwrap(), None);
            assert_eq!(value, json!(text));
        }
    }

    #[test]
    fn a_report_lists_twenty_and_counts_all() {
        let report = guard(&mut json!("\u{1}".repeat(1000)), Policy::default()).unwrap().unwrap();
        assert_eq!((report.count, report.findings.len()), (1000, 20));
    }

    proptest! {
        #[test]
        fn guarding_twice_is_guarding_once(text in "(?s).{0,200}") {
            let mut once = json!(text);
            guard(&mut once, Policy::default()).unwrap();
            let mut twice = once.clone();
            prop_assert_eq!(guard(&mut twice, Policy::default()).unwrap(), None);
            prop_assert_eq!(once, twice);
        }
    }
}
