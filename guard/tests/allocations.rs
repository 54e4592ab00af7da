//! A hostile document costs no memory: it is refused before anything of its size is built.

use allocation_counter::measure;
use guard::Limits;
use shared_types::ErrorCode;

/// Far more than is allowed, and little enough for a debug build.
const LENGTH: usize = 2 * 1024 * 1024;
/// The error, its words, and the hashes of the keys of one object.
const ALLOWED_BYTES: u64 = 64 * 1024;

fn repeated(before: &str, unit: &str, after: &str) -> String {
    format!("{before}{}{after}", unit.repeat(LENGTH / unit.len()))
}

fn numbered_keys() -> String {
    let keys = (0..LENGTH / 16).map(|number| format!("\"{number:012}\":0"));
    format!("{{{}}}", keys.collect::<Vec<_>>().join(","))
}

#[test]
fn a_hostile_document_is_refused_with_next_to_no_memory() {
    use ErrorCode::{InvalidJson, LimitExceeded, Refused};
    for (what, document, code) in [
        ("deep arrays", repeated("", "[", ""), LimitExceeded),
        ("deep objects", repeated("", "{\"a\":", ""), LimitExceeded),
        ("deep subtasks", repeated("", "{\"subtasks\":[", ""), LimitExceeded),
        ("a wide array", repeated("[", "0,", "0]"), LimitExceeded),
        ("a wide object", numbered_keys(), LimitExceeded),
        ("a key many times", repeated("{", "\"a\":0,", "\"a\":0}"), Refused),
        ("a long text", repeated("\"", "a", "\""), LimitExceeded),
        ("a long text of escapes", repeated("\"", "\\n", "\""), LimitExceeded),
        ("a long text of escaped characters", repeated("\"", "\\ud83d\\ude00", "\""), LimitExceeded),
        ("a long text that may be JSON", repeated("\"\\n[", "\\\"a\\\",", "\""), LimitExceeded),
        ("a long key", repeated("{\"", "\\u0061", "\":0}"), LimitExceeded),
        ("a long number", repeated("", "1", ""), LimitExceeded),
        ("a text without an end", repeated("\"", "\\\"", ""), InvalidJson),
        ("space without a value", repeated("", " \n", ""), InvalidJson),
    ] {
        let mut verdict = None;
        let spent = measure(|| verdict = Some(Limits::default().check_bytes(document.as_bytes(), 0)));
        let error = verdict.and_then(Result::err);
        assert_eq!(error.map(|error| error.code), Some(code), "{what}");
        assert!(spent.bytes_total <= ALLOWED_BYTES, "{what}: {} bytes", spent.bytes_total);
    }
}

/// A document within the limits as well: what is kept while it is read depends on its depth.
#[test]
fn an_allowed_document_is_checked_without_a_copy() {
    let item = format!("{{\"content\":\"{}\"}}", "a\\n".repeat(8000));
    let document = format!("[{}]", vec![item; 500].join(","));
    let spent = measure(|| assert!(Limits::default().check_bytes(document.as_bytes(), 0).is_ok()));
    assert!(spent.bytes_total <= 1024, "{} bytes", spent.bytes_total);
}
