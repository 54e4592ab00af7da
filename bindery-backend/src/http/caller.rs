//! Who asks, as the headers say.
//!
//! `Bindery-Actor` names the assistant or program, percent-encoded; `Bindery-Guard` carries what
//! the client's guard found, as JSON or as percent-encoded JSON. Both only end in the history:
//! nothing is allowed or refused on their word.

use std::borrow::Cow;

use axum::http::{HeaderMap, HeaderValue};
use percent_encoding::percent_decode;
use shared_types::{Error, ErrorCode, guarded::GuardReport};

use crate::handle::Caller;

/// The header that names who asks.
pub(super) const ACTOR: &str = "bindery-actor";
/// The header that carries the client's guard report.
pub(super) const GUARD: &str = "bindery-guard";

/// More characters than this are no name.
const ACTOR_LIMIT: usize = 200;
/// A report lists at most 20 findings, each with a short excerpt.
const GUARD_LIMIT: usize = 32 * 1024;

/// Reads the caller from the headers.
///
/// # Errors
/// `invalid_value` when the guard report cannot be read: losing it would falsify the history.
pub(super) fn read(headers: &HeaderMap) -> Result<Caller, Error> {
    let actor = headers.get(ACTOR).and_then(actor);
    let guard = headers.get(GUARD).map(guard).transpose()?;
    Ok(Caller { actor, guard })
}

/// The name without control characters; `None` when nothing is left of it.
fn actor(value: &HeaderValue) -> Option<String> {
    let decoded = percent_decode(value.as_bytes()).decode_utf8_lossy();
    let name: String = decoded.chars().filter(|c| !c.is_control()).take(ACTOR_LIMIT).collect();
    let name = name.trim();
    (!name.is_empty()).then(|| name.to_owned())
}

fn guard(value: &HeaderValue) -> Result<GuardReport, Error> {
    let unreadable = |why: String| Error::new(ErrorCode::InvalidValue, why).at("Bindery-Guard");
    let bytes = value.as_bytes();
    if bytes.len() > GUARD_LIMIT {
        return Err(unreadable(format!("the guard report is longer than {GUARD_LIMIT} bytes")));
    }
    let plain = bytes.starts_with(b"{");
    let json = if plain { Cow::Borrowed(bytes) } else { Cow::from(percent_decode(bytes)) };
    let report: GuardReport = serde_json::from_slice(&json)
        .map_err(|error| unreadable(format!("the guard report cannot be read: {error}")))?;
    if report.count < 0 || report.findings.len() > 20 {
        return Err(unreadable("the guard report lists at most 20 findings".to_owned()));
    }
    Ok(report)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn named(value: &[u8]) -> Option<String> {
        actor(&HeaderValue::from_bytes(value).unwrap())
    }

    #[test]
    fn names_are_decoded_cleaned_and_bounded() {
        assert_eq!(named(b"Zo%C3%AB").as_deref(), Some("Zoë"));
        assert_eq!(named(b"a%0Ab%1B[31m").as_deref(), Some("ab[31m"));
        assert_eq!(named(b"%20%00"), None);
        assert_eq!(named("x".repeat(500).as_bytes()).map(|name| name.len()), Some(ACTOR_LIMIT));
    }

    #[test]
    fn reports_are_read_plain_or_encoded_and_never_dropped() {
        let read = |text: &str| guard(&HeaderValue::from_bytes(text.as_bytes()).unwrap());
        let empty = GuardReport { count: 0, findings: Vec::new() };
        assert_eq!(read(r#"{"count":0,"findings":[]}"#), Ok(empty.clone()));
        assert_eq!(read("%7B%22count%22:0,%22findings%22:[]%7D"), Ok(empty));
        assert_eq!(read("nonsense").unwrap_err().field.as_deref(), Some("Bindery-Guard"));
    }
}
