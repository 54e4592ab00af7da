//! The limits on a document's bytes, held to while they are read.
//!
//! A parser unescapes a string before anybody can say that it is too long, and notes each level
//! of nesting. This pass builds nothing: it looks at each byte once, and what it keeps is bounded
//! by the limits and not by the document.

use std::borrow::Cow;

use serde_json::Number;
use shared_types::{Error, ErrorCode};

use super::{
    Limits,
    level::{Key, Level},
    looks_like_json,
};
use crate::{path::Path, scan};

/// The most characters of a number. The parser copies a long one, and no double needs more than
/// 767 digits to be told from its neighbours.
const NUMBER: usize = 1000;

/// One pass over one document.
pub(super) struct Pass<'a, Marks> {
    limits: &'a Limits,
    /// Levels around the input, which do not count and are left out of paths.
    envelope: usize,
    text: &'a str,
    /// Where a string may end or go wrong, beginning at or before `at`.
    marks: Marks,
    /// The next byte of `text`.
    at: usize,
    /// The hashes of the keys read so far in the objects that are open, outermost first.
    keys: Vec<u64>,
}

/// Reads a document to its end. `envelope` is the number of levels around the input.
pub(super) fn check(limits: &Limits, envelope: usize, text: &str) -> Result<(), Error> {
    let is_mark = |_, byte, _| (byte == b'"') | (byte == b'\\') | (byte < b' ');
    let marks = scan::places(text.as_bytes(), is_mark);
    Pass { limits, envelope, text, marks, at: 0, keys: Vec::with_capacity(16) }.document()
}

impl<'a, Marks: Iterator<Item = usize>> Pass<'a, Marks> {
    fn document(mut self) -> Result<(), Error> {
        self.value(Key::Other, Level::default(), &Path::Root)?;
        match self.peek_after_space() {
            None => Ok(()),
            Some(_) => Err(self.expected("the end")),
        }
    }

    fn value(&mut self, key: Key, level: Level, path: &Path<'_>) -> Result<(), Error> {
        match self.peek_after_space() {
            Some(b'"') => {
                let literal = self.literal()?;
                let may_be_json = || literal.looks_like_json(self.limits.wrapped_bytes);
                self.limits.check_length(literal.raw().len(), || literal.characters(), key, may_be_json, path)
            }
            Some(b'{') => self.object(level, path),
            Some(b'[') => self.array(key, level, path),
            Some(b'-' | b'0'..=b'9') => self.number(path),
            Some(b't') => self.word("true"),
            Some(b'f') => self.word("false"),
            Some(b'n') => self.word("null"),
            _ => Err(self.expected("a value")),
        }
    }

    fn object(&mut self, level: Level, path: &Path<'_>) -> Result<(), Error> {
        let level = level.of_members(self.limits, self.envelope, path)?;
        let enclosing = self.keys.len();
        let mut closed = self.opens_and_closes(b'}');
        while !closed {
            let key = self.key(enclosing, path)?;
            if self.peek_after_space() != Some(b':') {
                return Err(self.expected("a colon"));
            }
            self.at += 1;
            self.value(Key::from(&*key), level, &self.inside(level, Path::Key(path, &key)))?;
            closed = self.closes(b'}', "a comma or a closing brace")?;
        }
        self.keys.truncate(enclosing);
        Ok(())
    }

    fn array(&mut self, key: Key, level: Level, path: &Path<'_>) -> Result<(), Error> {
        let level = level.of_items(self.limits, self.envelope, key, path)?;
        let mut closed = self.opens_and_closes(b']');
        let mut index = 0;
        while !closed {
            if index == self.limits.items {
                return Err(self.limits.exceeded(index, "items in an array", path));
            }
            self.value(Key::Other, level, &self.inside(level, Path::Index(path, index)))?;
            closed = self.closes(b']', "a comma or a closing bracket")?;
            index += 1;
        }
        Ok(())
    }

    /// `path`, unless it leads to a part of the envelope.
    fn inside<'p>(&self, level: Level, path: Path<'p>) -> Path<'p> {
        if level.around > self.envelope { path } else { Path::Root }
    }

    /// Takes the opening bracket, and the closing one if it follows; says whether it does.
    fn opens_and_closes(&mut self, closing: u8) -> bool {
        self.at += 1;
        let closes = self.peek_after_space() == Some(closing);
        self.at += usize::from(closes);
        closes
    }

    /// Takes what follows a member, and says whether it was the last one.
    fn closes(&mut self, closing: u8, expected: &str) -> Result<bool, Error> {
        match self.peek_after_space() {
            Some(byte) if byte == closing || byte == b',' => {
                self.at += 1;
                Ok(byte == closing)
            }
            _ => Err(self.expected(expected)),
        }
    }

    /// Takes a key that its object, whose keys begin at `enclosing`, does not have yet.
    fn key(&mut self, enclosing: usize, path: &Path<'_>) -> Result<Cow<'a, str>, Error> {
        if self.peek_after_space() != Some(b'"') {
            return Err(self.expected("a key"));
        }
        let literal = self.literal()?;
        self.limits.check_length(literal.raw().len(), || literal.characters(), Key::Other, || false, path)?;
        let key = literal.text();
        self.limits.check_key(&key, path)?;
        let hash = hash(key.as_bytes());
        if self.keys[enclosing..].contains(&hash) {
            let error = Error::new(ErrorCode::Refused, format!("the key {key:?} is given twice"));
            return Err(super::at(error, path));
        }
        if self.keys.len() - enclosing == self.limits.keys {
            return Err(self.limits.exceeded(self.limits.keys, "keys in an object", path));
        }
        self.keys.push(hash);
        Ok(key)
    }

    /// Takes a string. Whether its characters are too many is for the caller to say.
    fn literal(&mut self) -> Result<Literal<'a>, Error> {
        let start = self.at;
        let mut surplus = 0;
        self.at += 1;
        loop {
            let at = self.at;
            self.at = self.marks.find(|mark| *mark >= at).unwrap_or(self.text.len());
            match self.peek() {
                None => return Err(self.expected("a closing quote")),
                Some(b'"') => {
                    self.at += 1;
                    return Ok(Literal { quoted: &self.text[start..self.at], surplus });
                }
                Some(b'\\') => {
                    self.at += 1;
                    let escape = self.at;
                    self.escape()?;
                    surplus += self.at - escape;
                }
                Some(_) => return Err(self.expected("a control character to be escaped")),
            }
        }
    }

    /// Takes what follows a backslash.
    fn escape(&mut self) -> Result<(), Error> {
        match self.peek() {
            Some(b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't') => {
                self.at += 1;
                Ok(())
            }
            Some(b'u') => match self.code_unit()? {
                0xD800..=0xDBFF if self.text[self.at..].starts_with("\\u") => {
                    self.at += 1;
                    match self.code_unit()? {
                        0xDC00..=0xDFFF => Ok(()),
                        _ => Err(self.expected("the second half of a surrogate pair")),
                    }
                }
                0xD800..=0xDFFF => Err(self.expected("a whole surrogate pair")),
                _ => Ok(()),
            },
            _ => Err(self.expected("an escape")),
        }
    }

    /// Takes a `u` and the four digits after it.
    fn code_unit(&mut self) -> Result<u32, Error> {
        let digits = self.text.as_bytes().get(self.at + 1..self.at + 5).unwrap_or_default();
        let unit =
            digits.iter().try_fold(0, |unit, &digit| Some(unit * 16 + char::from(digit).to_digit(16)?));
        match unit {
            Some(unit) if digits.len() == 4 => {
                self.at += 5;
                Ok(unit)
            }
            _ => Err(self.expected("four hexadecimal digits")),
        }
    }

    /// Takes a number. Whether it is one, and can be held, is for the parser to say.
    fn number(&mut self, path: &Path<'_>) -> Result<(), Error> {
        let belongs = |byte: &u8| matches!(byte, b'0'..=b'9' | b'-' | b'+' | b'.' | b'e' | b'E');
        let rest = &self.text[self.at..];
        let length = rest.bytes().take_while(belongs).count();
        if length > NUMBER {
            return Err(self.limits.exceeded(NUMBER, "characters in a number", path));
        }
        if serde_json::from_str::<Number>(&rest[..length]).is_err() {
            return Err(self.expected("a number within range"));
        }
        self.at += length;
        Ok(())
    }

    fn word(&mut self, word: &str) -> Result<(), Error> {
        if !self.text[self.at..].starts_with(word) {
            return Err(self.expected("a value"));
        }
        self.at += word.len();
        Ok(())
    }

    fn peek(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    fn peek_after_space(&mut self) -> Option<u8> {
        while let Some(b' ' | b'\n' | b'\t' | b'\r') = self.peek() {
            self.at += 1;
        }
        self.peek()
    }

    fn expected(&self, what: &str) -> Error {
        let before = &self.text.as_bytes()[..self.at];
        let line = before.iter().filter(|byte| **byte == b'\n').count() + 1;
        let column = before.iter().rev().take_while(|byte| **byte != b'\n').count() + 1;
        super::not_json(format_args!("expected {what} at line {line} column {column}"))
    }
}

/// A number for a key, as good as the key itself: of honest keys no two have the same, and who
/// looks for two that do has only the second one refused.
fn hash(key: &[u8]) -> u64 {
    const ODD: u128 = 0x9e37_79b9_7f4a_7c15;
    let mix = |hash: u64, bytes: u64| {
        let product = u128::from(hash ^ bytes) * ODD;
        (product as u64) ^ ((product >> 64) as u64)
    };
    let (words, rest) = key.as_chunks();
    let last = rest.iter().fold(key.len() as u64, |last, byte| last << 8 | u64::from(*byte));
    mix(words.iter().fold(1, |hash, word| mix(hash, u64::from_le_bytes(*word))), last)
}

/// A string as it is written.
struct Literal<'a> {
    quoted: &'a str,
    /// How many more characters are written than it stands for, because of escapes.
    surplus: usize,
}

impl<'a> Literal<'a> {
    /// The string that it stands for. Only an escaped one is copied.
    fn text(&self) -> Cow<'a, str> {
        if self.surplus == 0 {
            return Cow::Borrowed(self.raw());
        }
        serde_json::from_str(self.quoted).map_or(Cow::Borrowed(self.raw()), Cow::Owned)
    }

    /// What stands between the quotes.
    fn raw(&self) -> &'a str {
        &self.quoted[1..self.quoted.len() - 1]
    }

    /// Unicode scalar values that it stands for.
    fn characters(&self) -> usize {
        self.raw().chars().count() - self.surplus
    }

    /// Whether it may be JSON. One of more than `limit` characters is refused in any case and not
    /// unescaped for that.
    fn looks_like_json(&self, limit: usize) -> bool {
        if self.characters() > limit { looks_like_json(self.raw()) } else { looks_like_json(&self.text()) }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use serde_json::Value;

    use super::*;

    fn refusal(json: &str) -> Option<Error> {
        Limits::default().check_bytes(json.as_bytes(), 0).err()
    }

    #[test]
    fn what_is_not_json_is_told_with_its_place() {
        for (json, why) in [
            ("", "a value at line 1 column 1"),
            ("\u{feff}1", "a value at line 1 column 1"),
            ("tru", "a value at line 1 column 1"),
            ("[1,\n\n  nul]", "a value at line 3 column 3"),
            ("[1,]", "a value at line 1 column 4"),
            ("[", "a value at line 1 column 2"),
            ("1 2", "the end at line 1 column 3"),
            ("{", "a key at line 1 column 2"),
            ("{a:1}", "a key at line 1 column 2"),
            ("{\"a\":1,}", "a key at line 1 column 8"),
            ("{\"a\" 1}", "a colon at line 1 column 6"),
            ("[1 2]", "a comma or a closing bracket at line 1 column 4"),
            ("[1}", "a comma or a closing bracket at line 1 column 3"),
            ("{\"a\":1 \"b\"", "a comma or a closing brace at line 1 column 8"),
            ("\"a\nb\"", "a control character to be escaped at line 1 column 3"),
            ("\"\u{1f}\"", "a control character to be escaped at line 1 column 2"),
            ("\"a", "a closing quote at line 1 column 3"),
            ("\"\\x\"", "an escape at line 1 column 3"),
            ("\"\\u12g4\"", "four hexadecimal digits at line 1 column 3"),
            ("\"\\u+123\"", "four hexadecimal digits at line 1 column 3"),
            ("\"\\u12", "four hexadecimal digits at line 1 column 3"),
            ("\"\\ud800\"", "a whole surrogate pair at line 1 column 8"),
            ("\"\\udbffx\"", "a whole surrogate pair at line 1 column 8"),
            ("\"\\udc00\\ud800\"", "a whole surrogate pair at line 1 column 8"),
            ("\"\\udfff\"", "a whole surrogate pair at line 1 column 8"),
            ("\"\\ud800\\u0041\"", "the second half of a surrogate pair at line 1 column 14"),
            ("\"\\ud800\\ue000\"", "the second half of a surrogate pair at line 1 column 14"),
            ("01", "a number within range at line 1 column 1"),
            ("[1.]", "a number within range at line 1 column 2"),
            ("-", "a number within range at line 1 column 1"),
            ("1e400", "a number within range at line 1 column 1"),
        ] {
            let error = refusal(json).unwrap();
            assert_eq!(error.code, ErrorCode::InvalidJson);
            assert_eq!(error.message, format!("not valid JSON: expected {why}"), "{json}");
            assert!(serde_json::from_str::<Value>(json).is_err(), "{json}");
        }
        let error = Limits::default().check_bytes(b"\"\xff\"", 0).unwrap_err();
        assert_eq!(error.code, ErrorCode::InvalidJson);
    }

    #[test]
    fn json_is_read_however_it_is_written() {
        for json in [
            " \t\r\n null \n",
            "true",
            "false",
            "[]",
            "{ }",
            "[ 1 , 2 ]",
            "{ \"a\" : [ ] , \"b\" : { } }",
            "-0",
            "1.5E+10",
            "1e-400",
            "\"\\\"\\\\\\/\\b\\f\\n\\r\\t\\u00e9\\uD83D\\uDE00\\ud7ff\\uE000\"",
            "\"\\udbff\\udfff\\ud800\\udc00\"",
            "\"\u{7f} é 中\"",
        ] {
            assert_eq!(refusal(json), None, "{json}");
            assert!(serde_json::from_str::<Value>(json).is_ok(), "{json}");
        }
    }

    #[test]
    fn an_escape_is_one_character_and_so_is_a_pair() {
        for unit in ["a", "é", "\\n", "\\u00e9", "\\ud83d\\ude00"] {
            assert_eq!(refusal(&format!("\"{}\"", unit.repeat(10_000))), None, "{unit}");
            let error = refusal(&format!("\"{}\"", unit.repeat(10_001))).unwrap();
            assert_eq!(error.code, ErrorCode::LimitExceeded, "{unit}");
            let key = |count| format!("{{\"{}\":1}}", unit.repeat(count));
            assert_eq!(refusal(&key(10_000)).is_some(), unit == "\\n", "{unit}");
            assert_eq!(refusal(&key(10_001)).unwrap().code, ErrorCode::LimitExceeded, "{unit}");
        }
    }

    #[test]
    fn a_number_has_at_most_a_thousand_characters() {
        let number = |length: usize| format!("{{\"a\":[0.{}]}}", "1".repeat(length - 2));
        assert_eq!(refusal(&number(1000)), None);
        let error = refusal(&number(1001)).unwrap();
        assert_eq!((error.code, error.field.as_deref()), (ErrorCode::LimitExceeded, Some("a[0]")));
    }

    #[test]
    fn each_object_has_keys_of_its_own() {
        assert_eq!(refusal(r#"{"a":{"b":1,"a":1},"c":{"b":1},"b":[{"b":1},{"b":1}]}"#), None);
        let error = refusal(r#"{"a":1,"b":{"c":1},"a":2}"#).unwrap();
        assert_eq!((error.code, error.field), (ErrorCode::Refused, None));
        let error = refusal(r#"{"a":1,"b":[{"c":1,"\u0063":1}]}"#).unwrap();
        assert_eq!((error.code, error.field.as_deref()), (ErrorCode::Refused, Some("b[0]")));
        let object = |count: usize, last: &str| {
            let keys: String = (1..count).map(|number| format!("\"k{number}\":0,")).collect();
            format!("{{{keys}\"last\":{last}}}")
        };
        assert_eq!(refusal(&object(100, &object(100, "1"))), None);
        let error = refusal(&object(100, &object(101, "1"))).unwrap();
        assert_eq!((error.code, error.field.as_deref()), (ErrorCode::LimitExceeded, Some("last")));
    }

    #[test]
    fn keys_that_are_alike_have_numbers_of_their_own() {
        let alike = |before: &'static str, behind: &'static str| {
            (0..3000).map(move |number| format!("{before}{number:04}{behind}"))
        };
        let short = (0..40).map(|length| "a".repeat(length));
        let keys =
            short.chain(alike("", "")).chain(alike("label-", "")).chain(alike("estimate_", "_of_a_task"));
        let (keys, numbers): (Vec<String>, HashSet<u64>) =
            keys.map(|key| (key.clone(), hash(key.as_bytes()))).unzip();
        assert_eq!(numbers.len(), keys.len());
    }

    #[test]
    fn text_that_may_be_json_is_known_however_it_is_written() {
        let limit = |before: &str, length: usize| {
            let error = refusal(&format!("\"{before}{}\"", "a".repeat(length)))?;
            error.context["limit"].as_u64()
        };
        for before in ["[", "{", " \\n[", "\\u007b", "\\u00a0\\u005b"] {
            assert_eq!(limit(before, 99_000), None, "{before}");
        }
        assert_eq!(limit("[", 100_000), Some(100_000));
        assert_eq!(limit("\\n[", 99_998), None);
        assert_eq!(limit("a[", 10_000), Some(10_000));
        assert_eq!(limit("\\n", 10_000), Some(10_000));
    }
}
