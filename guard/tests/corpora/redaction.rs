//! What must not be told, and what must still be.

use guard::redact::redact;
use serde::Deserialize;

use crate::{assert_none, rows};

#[derive(Deserialize)]
struct Case {
    id: String,
    text: String,
    #[serde(default)]
    must_not_contain: Vec<String>,
    #[serde(default)]
    must_contain: Vec<String>,
    must_equal: Option<String>,
}

impl Case {
    fn failure(&self) -> Option<String> {
        let clean = redact(&self.text);
        let leaks = self.must_not_contain.iter().any(|secret| clean.contains(secret));
        let lacks = !self.must_contain.iter().all(|kept| clean.contains(kept))
            || self.must_equal.as_ref().is_some_and(|kept| *kept != clean);
        let what = match (leaks, lacks, redact(&clean) == clean) {
            (false, false, true) => return None,
            (true, ..) => "leaks",
            (_, true, _) => "says too little",
            (.., false) => "changes when redacted again",
        };
        Some(format!("{} {what}: {:?} became {clean:?}", self.id, self.text))
    }
}

fn check(corpus: &str) {
    let failures: Vec<_> = rows::<Case>(corpus).iter().filter_map(Case::failure).collect();
    assert_none(&failures);
}

#[test]
fn errors_tell_neither_too_much_nor_too_little() {
    check("redaction_cases.jsonl");
}

#[test]
fn vendors_secrets_are_taken_out() {
    check("secrets_generated.jsonl");
}

/// A report and no gate: what counts as a secret there is one scanner's policy.
#[test]
fn agreement_with_a_scanner_is_reported() {
    #[derive(Deserialize)]
    struct Labelled {
        plugin: String,
        text: String,
        is_secret: bool,
    }

    let rows: Vec<Labelled> = rows("secrets_detect_secrets_cases.jsonl");
    let (mut taken, mut kept) = (0, 0);
    for row in &rows {
        match (row.is_secret, redact(&row.text) != row.text) {
            (true, true) => taken += 1,
            (false, false) => kept += 1,
            (true, false) => println!("kept a secret ({}): {:?}", row.plugin, row.text),
            (false, true) => {}
        }
    }
    let secrets = rows.iter().filter(|row| row.is_secret).count();
    println!("{taken} of {secrets} secrets taken, {kept} of {} other texts kept", rows.len() - secrets);
}
