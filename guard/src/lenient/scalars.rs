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

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn read(
        scalar: impl Fn(&mut Value, &Path<'_>) -> Result<(), Error>,
        value: Value,
    ) -> Result<Value, String> {
        let mut value = value;
        scalar(&mut value, &Path::Key(&Path::Root, "x")).map(|()| value).map_err(|error| {
            assert_eq!(error.field.as_deref(), Some("x"));
            error.message
        })
    }

    #[test]
    fn whole_numbers_are_read_and_held_to_their_bounds() {
        let number = |value| read(|value, path| integer(Some(-1), Some(10), value, path), value);
        for (given, expected) in [(json!(-1), -1), (json!(10), 10), (json!(3.0), 3), (json!(" 7 "), 7)] {
            assert_eq!(number(given), Ok(json!(expected)));
        }
        assert_eq!(number(json!(-2)), Err("must be in -1..=10, got -2".to_owned()));
        assert_eq!(number(json!(11)), Err("must be in -1..=10, got 11".to_owned()));
        for given in
            [json!(1.5), json!("1.5"), json!("ten"), json!(""), json!(true), json!([1]), json!(1e300)]
        {
            assert!(number(given.clone()).unwrap_err().starts_with("expected a whole number"), "{given}");
        }
        let any = |value| read(|value, path| integer(None, None, value, path), value);
        assert_eq!(any(json!(i64::MIN)), Ok(json!(i64::MIN)));
        assert_eq!(any(json!(9_007_199_254_740_992.0)), Ok(json!(9_007_199_254_740_992_i64)));
        assert_eq!(any(json!(-9_007_199_254_740_992.0)), Ok(json!(-9_007_199_254_740_992_i64)));
        assert!(any(json!(9_007_199_254_740_994.0)).is_err());
        assert!(any(json!(u64::MAX)).is_err());
    }

    #[test]
    fn flags_are_read() {
        for (given, flag) in [(json!(true), true), (json!(" TRUE "), true), (json!("false"), false)] {
            assert_eq!(read(boolean, given), Ok(json!(flag)));
        }
        assert_eq!(read(boolean, json!("yes")), Err("expected true or false, got \"yes\"".to_owned()));
        assert_eq!(read(boolean, json!(1)), Err("expected true or false, got 1".to_owned()));
    }

    fn text_of(kind: TextKind, given: Value) -> Result<Value, String> {
        let declared = Text { kind, min: 1, max: Some(25) };
        read(|value, path| text(&declared, value, path), given)
    }

    #[test]
    fn texts_are_read_as_what_they_stand_for() {
        let choice = || TextKind::Choice(vec!["low".to_owned(), "high".to_owned()]);
        for (kind, given, expected) in [
            (TextKind::Free, " a ", " a "),
            (TextKind::Reference, " a ", "a"),
            (TextKind::Reference, "a", "a"),
            (choice(), " HIGH ", "high"),
            (TextKind::Time, " 2026-01-02T03:04:05+01:00", "2026-01-02T02:04:05Z"),
        ] {
            let read = text_of(kind, json!(given)).unwrap();
            assert!(read.as_str().unwrap().starts_with(expected.trim_end_matches('Z')), "{read}");
            assert!(expected.ends_with('Z') || read == expected, "{read}");
        }
        assert_eq!(text_of(choice(), json!("x")), Err("expected one of low, high, got \"x\"".to_owned()));
        assert!(text_of(TextKind::Time, json!("soon")).is_err());
        assert_eq!(text_of(TextKind::Free, json!(2024)), Err("expected a string, got 2024".to_owned()));
    }

    #[test]
    fn texts_are_held_to_their_length_in_characters() {
        assert!(text_of(TextKind::Free, json!("é".repeat(25))).is_ok());
        let error = text_of(TextKind::Free, json!("é".repeat(26))).unwrap_err();
        assert_eq!(error, "longer than 25 characters");
        assert_eq!(text_of(TextKind::Reference, json!(" ")), Err("must not be empty".to_owned()));
    }

    #[test]
    fn an_empty_word_is_nothing_but_where_any_text_may_stand() {
        let shape = |kind| Shape::Text(Text { kind, min: 0, max: None });
        for blank in ["", " \n"] {
            assert!(is_empty_word(&shape(TextKind::Reference), &json!(blank)));
            assert!(is_empty_word(&Shape::Boolean, &json!(blank)));
            assert!(!is_empty_word(&shape(TextKind::Free), &json!(blank)));
            assert!(!is_empty_word(&Shape::Any, &json!(blank)));
        }
        assert!(!is_empty_word(&Shape::Boolean, &json!("x")));
        assert!(!is_empty_word(&Shape::Boolean, &json!(0)));
    }
}
