//! Texts, numbers and flags, as they are declared.

use serde_json::Value;
use shared_types::{Error, ErrorCode, Timestamp};

use super::faults::{invalid, shown, wrong_type};
use crate::{
    path::Path,
    shape::{Shape, Text, TextKind},
    suggest::nearest,
};

/// Whether an empty string means "nothing": for ids, choices, times, numbers and flags, where no
/// empty string is valid, but never for free text.
pub(super) fn is_empty_word(shape: &Shape, value: &Value) -> bool {
    let empty = value.as_str().is_some_and(|text| text.trim().is_empty());
    empty && !matches!(shape, Shape::Text(Text { kind: TextKind::Free, .. }) | Shape::Any)
}

pub(super) fn text(text: &Text, value: &mut Value, path: &Path<'_>) -> Result<(), Error> {
    let Value::String(given) = value else {
        return Err(wrong_type("a string", value, path));
    };
    match &text.kind {
        TextKind::Free => {}
        TextKind::Reference if given.trim().len() == given.len() => {}
        TextKind::Reference => *given = given.trim().to_owned(),
        TextKind::Choice(words) => choice(words, given, path)?.clone_into(given),
        TextKind::Time => match given.trim().parse::<Timestamp>() {
            Ok(time) => *given = time.to_string(),
            Err(error) => return Err(invalid(format!("{error}, got {}", shown(given)), path)),
        },
    }
    check_length(text, given, path)
}

fn choice<'a>(words: &'a [String], given: &str, path: &Path<'_>) -> Result<&'a str, Error> {
    let word = given.trim();
    if let Some(known) = words.iter().find(|known| known.eq_ignore_ascii_case(word)) {
        return Ok(known);
    }
    let error = invalid(format!("expected one of {}, got {}", words.join(", "), shown(given)), path);
    Err(match nearest(word, words.iter().map(String::as_str)) {
        Some(known) => error.suggest(format!("Did you mean {known:?}?")),
        None => error,
    })
}

fn check_length(text: &Text, given: &str, path: &Path<'_>) -> Result<(), Error> {
    if given.len() < text.min {
        return Err(invalid("must not be empty".to_owned(), path));
    }
    // A text never has more characters than bytes, so most need no counting.
    if let Some(max) = text.max.filter(|max| given.len() > *max && given.chars().count() > *max) {
        return Err(Error::new(ErrorCode::LimitExceeded, format!("longer than {max} characters"))
            .at(path.to_string())
            .with("limit", max)
            .suggest("Shorten it, or move the detail into description, a note or a document."));
    }
    Ok(())
}

pub(super) fn integer(
    min: Option<i64>,
    max: Option<i64>,
    value: &mut Value,
    path: &Path<'_>,
) -> Result<(), Error> {
    let number = match value {
        Value::Number(number) => number.as_i64().or_else(|| whole(number.as_f64()?)),
        Value::String(text) => text.trim().parse().ok(),
        _ => None,
    };
    let Some(number) = number else {
        return Err(wrong_type("a whole number", value, path));
    };
    if min.is_some_and(|min| number < min) || max.is_some_and(|max| number > max) {
        let bound = |limit: Option<i64>| limit.map(|limit| limit.to_string()).unwrap_or_default();
        return Err(invalid(format!("must be in {}..={}, got {number}", bound(min), bound(max)), path));
    }
    *value = number.into();
    Ok(())
}

/// 3.0 is the whole number 3; beyond 2^53 a float no longer says which number is meant.
fn whole(number: f64) -> Option<i64> {
    #[expect(clippy::cast_possible_truncation, reason = "the range is checked")]
    (number.fract() == 0.0 && number.abs() <= 9_007_199_254_740_992.0).then_some(number as i64)
}

pub(super) fn boolean(value: &mut Value, path: &Path<'_>) -> Result<(), Error> {
    let flag = match value {
        Value::Bool(flag) => Some(*flag),
        Value::String(text) => text.trim().to_ascii_lowercase().parse().ok(),
        _ => None,
    };
    let Some(flag) = flag else {
        return Err(wrong_type("true or false", value, path));
    };
    *value = Value::Bool(flag);
    Ok(())
}
