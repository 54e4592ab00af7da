//! Which JSON is let in.

use guard::{Limits, Policy, text};
use serde::Deserialize;
use serde_json::Value;
use shared_types::ErrorCode;

use crate::{assert_none, rows};

#[derive(Deserialize)]
struct Case {
    id: String,
    b64: String,
    expect: Expected,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum Expected {
    Accept,
    AcceptChanged,
    AcceptUnchanged,
    Reject,
    /// Ours to decide: it only has to be decided.
    #[serde(alias = "either")]
    Policy,
}

/// What became of a document.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Verdict {
    Accepted,
    /// Accepted, and the text guard took something out.
    Changed,
    /// Valid JSON that is not wanted: a key twice, a dangerous key, a control character in one.
    Refused,
    Invalid,
}

fn verdict(bytes: &[u8]) -> Verdict {
    if let Err(error) = Limits::default().check_bytes(bytes, 0) {
        return if error.code == ErrorCode::Refused { Verdict::Refused } else { Verdict::Invalid };
    }
    let Ok(mut value) = serde_json::from_slice::<Value>(bytes) else { return Verdict::Invalid };
    let report = text::guard(&mut value, Policy::default());
    if report.is_ok_and(|report| report.is_some()) { Verdict::Changed } else { Verdict::Accepted }
}

fn check(corpus: &str, accepts: impl Fn(Verdict) -> bool) {
    let mut failures = Vec::new();
    for case in rows::<Case>(corpus) {
        let verdict = verdict(&decode(&case.b64));
        let holds = match case.expect {
            Expected::Accept => accepts(verdict),
            Expected::AcceptChanged => verdict == Verdict::Changed,
            Expected::AcceptUnchanged => verdict == Verdict::Accepted,
            Expected::Reject => matches!(verdict, Verdict::Refused | Verdict::Invalid),
            Expected::Policy => true,
        };
        if !holds {
            failures.push(format!("{}: {verdict:?}, and {:?} was expected", case.id, case.expect));
        }
    }
    assert_none(&failures);
}

#[test]
fn each_limit_holds_exactly() {
    check("json_limits.jsonl", |verdict| matches!(verdict, Verdict::Accepted | Verdict::Changed));
}

/// The standard allows a key twice and a NUL in a key; the limits refuse both, and say that they
/// do instead of calling the JSON invalid.
#[test]
fn json_is_read_as_its_standard_says() {
    check("json_parsing_torture.jsonl", |verdict| verdict != Verdict::Invalid);
}

/// Base64 as RFC 4648 writes it.
fn decode(text: &str) -> Vec<u8> {
    const ALPHABET: &str = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let digits: Vec<usize> =
        text.trim_end_matches('=').chars().filter_map(|digit| ALPHABET.find(digit)).collect();
    digits
        .chunks(4)
        .flat_map(|four| {
            let bits = (0..4).fold(0, |bits, i| bits << 6 | four.get(i).copied().unwrap_or(0));
            [bits >> 16, bits >> 8, bits].into_iter().take(four.len() - 1).map(|byte| (byte & 0xff) as u8)
        })
        .collect()
}
