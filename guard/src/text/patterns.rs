//! What other programs may act on: templates, code that is evaluated, prototypes, SQL.
//!
//! None of it does anything in a store, and developers write it every day, so it is flagged and
//! not touched. Each pattern is looked for around one byte that it must have, within a few bytes
//! of it: the work is linear whatever the text.

use std::{iter, ops::Range};

use crate::scan;

/// A pattern is given up that is longer behind its byte: between words there may be any number
/// of spaces.
const REACH: usize = 64;

/// Every place that looks like one of them, with its rule.
pub(super) fn matches(text: &str) -> impl Iterator<Item = (Range<usize>, &'static str)> {
    let bytes = text.as_bytes();
    let mut places = scan::places(bytes, may_be_one);
    let mut end = 0;
    iter::from_fn(move || {
        // Templates stand in rows, and only the first of a row is looked for.
        let (range, rule) = if bytes[end..].starts_with(b"{{") {
            (end..end + 2, "template")
        } else {
            let free =
                |at| (at >= end).then(|| pattern_at(bytes, at))?.filter(|(range, _)| range.start >= end);
            places.find_map(free)?
        };
        end = range.end;
        Some((range, rule))
    })
}

/// Whether a pattern may be found around `byte`, by what stands beside it.
const fn may_be_one(before: u8, byte: u8, behind: u8) -> bool {
    let blank = (before == b' ') | (before == b'\t');
    (byte == b'{') & ((behind == b'{') & (before != b'{') | (before == b'$'))
        | (byte == b'%') & (before == b'<')
        | (byte == b'(') & ((before == b'l') | (before == b'n') | blank)
        | (byte == b'_') & (behind == b'_')
        | ((byte == b'.') | (byte == b'[')) & ((before == b'e') | (before == b'r') | blank)
        | (byte == b'\'')
        | (byte == b';')
        | (byte == b'=')
        | (byte | 0x20 == b'u') & (behind | 0x20 == b'n')
}

/// The pattern around a place that [`may_be_one`].
fn pattern_at(bytes: &[u8], at: usize) -> Option<(Range<usize>, &'static str)> {
    let (before, behind) = (&bytes[..at], &bytes[at + 1..bytes.len().min(at + 1 + REACH)]);
    let sql = |length| (at..at + 1 + length, "sql");
    match bytes[at] {
        // Of a template only its beginning is matched: its end may never come.
        b'{' if behind.first() == Some(&b'{') => Some((at..at + 2, "template")),
        b'{' | b'%' => Some((at - 1..at + 1, "template")),
        b'(' => {
            let word = word_before(before);
            let evaluates = matches!(&bytes[word.clone()], b"eval" | b"Function");
            evaluates.then_some((word.start..at + 1, "evaluation"))
        }
        b'_' if behind.starts_with(b"_proto__") => Some((at..at + b"__proto__".len(), "prototype")),
        b'.' | b'[' => {
            let word = word_before(before);
            let reaches = match &bytes[word.clone()] {
                b"prototype" => true,
                b"constructor" => bytes[at] == b'[' || Rest(behind).is_word(&["prototype"]),
                _ => false,
            };
            reaches.then_some((word.start..at + 1, "prototype"))
        }
        b'\'' => quoted_condition(behind).or_else(|| statement(behind)).map(sql),
        b';' => statement(behind).map(sql),
        b'=' => tautology(before, behind).map(|start| (start..at + 1, "sql")),
        b'u' | b'U' if !before.last().is_some_and(|byte| is_word(*byte)) => union(behind).map(sql),
        _ => None,
    }
}

const fn is_word(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'_'
}

fn is_one(word: &[u8], words: &[&str]) -> bool {
    words.iter().any(|known| word.eq_ignore_ascii_case(known.as_bytes()))
}

/// The word that `bytes` end with, but for spaces. A long one is none that is looked for.
fn word_before(bytes: &[u8]) -> Range<usize> {
    const LONGEST: usize = 12;
    let end = bytes.len() - bytes.iter().rev().take_while(|byte| matches!(byte, b' ' | b'\t')).count();
    let length = bytes[..end].iter().rev().take(LONGEST).take_while(|byte| is_word(**byte)).count();
    end - length..end
}

/// The few bytes behind a trigger, read from their beginning.
struct Rest<'a>(&'a [u8]);

impl<'a> Rest<'a> {
    fn spaces(&mut self) -> bool {
        let rest = self.0.trim_ascii_start();
        let some = rest.len() < self.0.len();
        self.0 = rest;
        some
    }

    fn word(&mut self) -> &'a [u8] {
        self.spaces();
        let length = self.0.iter().take_while(|byte| is_word(**byte)).count();
        let (word, rest) = self.0.split_at(length);
        self.0 = rest;
        word
    }

    fn eat(&mut self, text: &[u8]) -> bool {
        let rest = self.0.strip_prefix(text);
        self.0 = rest.unwrap_or(self.0);
        rest.is_some()
    }

    fn is_word(&mut self, words: &[&str]) -> bool {
        is_one(self.word(), words)
    }

    /// How much was read of what there was.
    fn read_of(&self, all: &[u8]) -> usize {
        all.len() - self.0.len()
    }
}

/// Behind a quote: `or '1' =`, `and 'a' like`, `; --`.
fn quoted_condition(behind: &[u8]) -> Option<usize> {
    let mut rest = Rest(behind);
    rest.spaces();
    if rest.eat(b";") {
        rest.spaces();
        return rest.eat(b"--").then(|| rest.read_of(behind));
    }
    if !(rest.is_word(&["or", "and"]) && rest.spaces() && rest.eat(b"'")) {
        return None;
    }
    let value = rest.0.iter().position(|byte| *byte == b'\'')?;
    rest.0 = &rest.0[value + 1..];
    rest.spaces();
    (rest.eat(b"=") || rest.is_word(&["like"])).then(|| rest.read_of(behind))
}

/// Behind a quote or a semicolon: a statement that changes something.
fn statement(behind: &[u8]) -> Option<usize> {
    const THINGS: &[&str] = &["table", "database", "schema", "index", "view"];
    let mut rest = Rest(behind);
    let goes_on = match rest.word() {
        verb if is_one(verb, &["drop", "alter", "truncate"]) => rest.is_word(THINGS),
        verb if is_one(verb, &["delete"]) => rest.is_word(&["from"]),
        verb if is_one(verb, &["insert"]) => rest.is_word(&["into"]),
        verb if is_one(verb, &["update"]) => !rest.word().is_empty() && rest.is_word(&["set"]),
        verb if is_one(verb, &["exec", "execute"]) => rest.spaces() && !rest.word().is_empty(),
        _ => false,
    };
    goes_on.then(|| rest.read_of(behind))
}

/// Around an equals sign: `or 1=1`, quoted or not. Gives where it begins.
fn tautology(before: &[u8], behind: &[u8]) -> Option<usize> {
    let mut rest = Rest(behind);
    rest.spaces();
    rest.eat(b"'");
    let one = before.trim_ascii_end();
    let one = one.strip_suffix(b"'").unwrap_or(one);
    let or = one.strip_suffix(b"1")?;
    let or = word_before(or.strip_suffix(b"'").unwrap_or(or));
    let is_or = before[or.clone()].eq_ignore_ascii_case(b"or");
    (is_or && rest.word() == b"1").then_some(or.start)
}

/// Behind the first letter of `union select`.
fn union(behind: &[u8]) -> Option<usize> {
    let mut rest = Rest(behind);
    let is_union = rest.0.first().is_some_and(|byte| is_word(*byte)) && rest.is_word(&["nion"]);
    if !is_union || !rest.spaces() {
        return None;
    }
    let word = rest.word();
    let selects = word.eq_ignore_ascii_case(b"select")
        || (word.eq_ignore_ascii_case(b"all") && rest.is_word(&["select"]));
    selects.then(|| rest.read_of(behind))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_pattern_is_found_by_its_rule() {
        for (text, expected) in [
            ("Hello {{ name }} and ${HOME} <%= x %>", vec!["template", "template", "template"]),
            ("eval(x) Function (y) window.eval\t(", vec!["evaluation", "evaluation", "evaluation"]),
            ("{}.__proto__ a.prototype.b constructor['x']", vec!["prototype", "prototype", "prototype"]),
            ("constructor.prototype", vec!["prototype"]),
            ("1 UNION  ALL select 2", vec!["sql"]),
            ("' OR '1'='1", vec!["sql"]),
            ("x or 1=1", vec!["sql"]),
            ("Robert'); DROP TABLE students;--", vec!["sql"]),
            ("a';--", vec!["sql"]),
            ("x' and 'a' like 'a", vec!["sql"]),
            ("; update users set x", vec!["sql"]),
            ("; delete from users; INSERT INTO users", vec!["sql", "sql"]),
            ("';exec xp_cmdshell", vec!["sql"]),
            ("x or '1' = '1'", vec!["sql"]),
            ("{{eval(__proto__", vec!["template", "evaluation", "prototype"]),
        ] {
            let rules: Vec<_> = matches(text).map(|(_, rule)| rule).collect();
            assert_eq!(rules, expected, "{text}");
        }
    }

    #[test]
    fn a_pattern_reaches_from_its_first_byte_to_its_last() {
        for (text, expected) in [
            ("a {{b}}", "{{"),
            ("a ${b}", "${"),
            ("a <% b", "<%"),
            ("a eval (b", "eval ("),
            ("a.prototype.b", "prototype."),
            ("a.__proto__.b", "__proto__"),
            ("a or 1 = 1", "or 1 ="),
            ("a; drop table b", "; drop table"),
            ("a union select b", "union select"),
        ] {
            let found: Vec<_> = matches(text).map(|(range, _)| &text[range]).collect();
            assert_eq!(found, [expected], "{text}");
        }
    }

    #[test]
    fn a_pattern_is_given_up_beyond_its_reach() {
        let drop = |spaces: usize| format!(";drop{}table", " ".repeat(spaces));
        let longest = REACH - "drop".len() - "table".len();
        assert_eq!(matches(&drop(longest)).count(), 1);
        assert_eq!(matches(&drop(longest + 1)).count(), 0);
    }

    #[test]
    fn ordinary_words_are_not() {
        for text in [
            "evaluate (this) and function (x) {}, medieval(",
            "a prototype, a constructor of the union; select one or 11",
            "{ a: { b } } $x 5% <5",
            "for 11=1, or 1=2, color 1=1, or 12=1; reunion select, unions select",
            "'or so' and 'and' so on; delete it; insert; executes x; drop tables",
            "prototypes.x constructors[1] constructor.name",
            "a union of select clubs, a union all of them; exec (x)",
            "x 'or'a'='a",
            "it's done; update the drop-down",
            "fn f() -> Vec<String> { \"a\".into() }",
        ] {
            assert_eq!(matches(text).collect::<Vec<_>>(), [], "{text}");
        }
    }
}
