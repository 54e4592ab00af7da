//! The strict way: all of HTML is escaped, and what looks like an injection is removed.
//!
//! A character that is escaped already is taken for what it stands for, so that guarding again
//! changes nothing.

use std::{collections::BTreeSet, ops::Range};

use super::{
    controls,
    inspection::{Change, Inspection},
    invisible, patterns,
};

/// Removing a pattern can make another of what lay around it; honest text needs one round.
const ROUNDS: usize = 32;

const ESCAPES: [(&str, char); 5] =
    [("&amp;", '&'), ("&lt;", '<'), ("&gt;", '>'), ("&quot;", '"'), ("&#39;", '\'')];

/// What a character of the text is, and where it stands there.
#[derive(Debug, Clone)]
struct Unit {
    character: char,
    range: Range<usize>,
}

/// What is to be changed in `text`; nothing if patterns are nested too deeply to be removed.
pub(super) fn inspect(text: &str) -> Option<Inspection> {
    let mut units = units(text);
    let mut removed = Vec::new();
    for _ in 0..ROUNDS {
        let found = injections(&units);
        if found.is_empty() {
            let mut changes = removed;
            changes.extend(escapes(&units, text));
            changes.sort_by_key(|change: &Change| change.range.start);
            return Some(Inspection { changes, flags: Vec::new() });
        }
        removed.extend(remove(&mut units, &found));
    }
    None
}

/// The characters of `text`, with those that are escaped read.
fn units(text: &str) -> Vec<Unit> {
    let mut units = Vec::with_capacity(text.len());
    let mut at = 0;
    while let Some(next) = text[at..].chars().next() {
        let escape = ESCAPES.iter().find(|(escape, _)| text[at..].starts_with(escape));
        let (character, length) =
            escape.map_or((next, next.len_utf8()), |(escape, character)| (*character, escape.len()));
        units.push(Unit { character, range: at..at + length });
        at += length;
    }
    units
}

/// The units that belong to a pattern, with the rule that says so, in their order.
fn injections(units: &[Unit]) -> Vec<(Range<usize>, &'static str)> {
    let mut starts = Vec::with_capacity(units.len() + 1);
    let mut text = String::with_capacity(units.len());
    for unit in units {
        starts.push(text.len());
        text.push(unit.character);
    }
    let unit_at = |byte: usize| starts.partition_point(|start| *start < byte);
    let of_bytes = |bytes: Range<usize>| unit_at(bytes.start)..unit_at(bytes.end);
    let mut found: Vec<_> =
        controls::removals(&text).into_iter().map(|change| (of_bytes(change.range), change.rule)).collect();
    found.extend(invisible::runs(&text).map(|(range, rule)| (of_bytes(range), rule)));
    found.extend(patterns::matches(&text).map(|(range, rule)| (of_bytes(range), rule)));
    found.sort_by_key(|(range, _)| range.start);
    found
}

/// Takes the units of `found` out, one change for each run of them in the text.
fn remove(units: &mut Vec<Unit>, found: &[(Range<usize>, &'static str)]) -> Vec<Change> {
    let mut changes: Vec<Change> = Vec::new();
    let mut taken = BTreeSet::new();
    for (range, rule) in found {
        for (index, unit) in range.clone().zip(&units[range.clone()]) {
            if !taken.insert(index) {
                continue;
            }
            match changes.last_mut() {
                Some(last) if last.rule == *rule && last.range.end == unit.range.start => {
                    last.range.end = unit.range.end;
                }
                _ => changes.push(Change { range: unit.range.clone(), rule, with: "" }),
            }
        }
    }
    let mut index = 0;
    units.retain(|_| {
        index += 1;
        !taken.contains(&(index - 1))
    });
    changes
}

/// The escape of every character of HTML that is not written as one.
fn escapes<'a>(units: &'a [Unit], text: &'a str) -> impl Iterator<Item = Change> + 'a {
    units.iter().filter_map(|unit| {
        let (escape, _) = ESCAPES.iter().find(|(_, character)| *character == unit.character)?;
        let written = text[unit.range.clone()] == **escape;
        (!written).then(|| Change { range: unit.range.clone(), rule: "html", with: escape })
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::{super::inspection::apply, *};

    fn stripped(text: &str) -> Option<String> {
        Some(apply(text, &inspect(text)?.changes).into_owned())
    }

    #[test]
    fn all_html_is_escaped_and_injections_are_removed() {
        for (text, expected) in [
            ("<b>\"a\" & 'b'</b>", "&lt;b&gt;&quot;a&quot; &amp; &#39;b&#39;&lt;/b&gt;"),
            ("&lt;b&gt; &amp;lt; &copy;", "&lt;b&gt; &amp;lt; &amp;copy;"),
            ("x {{ y }}", "x  y }}"),
            ("ev{{al(x)", "x)"),
            ("a' or '1'='1", "a&#39;1"),
            ("a\0b\u{202E}c\u{200B}d\x1b[1m", "abcd"),
            ("plain text", "plain text"),
        ] {
            assert_eq!(stripped(text).as_deref(), Some(expected), "{text}");
        }
    }

    #[test]
    fn what_is_removed_is_one_change_a_run_and_a_rule() {
        let changes = inspect("a{{b\0\u{200B}").unwrap().changes;
        let removed: Vec<_> = changes.into_iter().map(|change| (change.range, change.rule)).collect();
        assert_eq!(removed, [(1..3, "template"), (4..5, "control_character"), (5..8, "invisible_character")]);
    }

    #[test]
    fn patterns_within_patterns_are_removed_or_the_text_is_given_up() {
        let nested = |depth: usize| format!("{}{}", "__pro".repeat(depth), "to__".repeat(depth));
        assert_eq!(stripped(&nested(5)).as_deref(), Some(""));
        assert_eq!(stripped(&nested(100)), None);
    }

    proptest! {
        #[test]
        fn stripping_twice_is_stripping_once(text in r#"(?:[a-z&;<>"' {$%\x00]|&amp;|&lt;|&#39;|\{\{|eval\(|__proto__|' or '|; drop x){0,30}"#) {
            let once = stripped(&text).unwrap();
            prop_assert_eq!(stripped(&once), Some(once.clone()));
            prop_assert!(!once.contains(['<', '>', '"', '\'']));
        }
    }
}
