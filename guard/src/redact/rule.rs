//! What a rule is, and how it is applied to a text.

use std::{ops::Range, sync::LazyLock};

use regex::{Captures, Regex};

/// The rules of one category.
pub(super) type Rules = [Rule];

/// What is looked for, and what is put in its place.
pub(super) struct Rule {
    /// A text without any of these ASCII bytes cannot match. None named: the rule is always tried.
    pub(super) needs: &'static [u8],
    /// Which part of a found place goes; none if it may stay.
    pub(super) part: fn(&Found<'_>) -> Option<Range<usize>>,
    /// What is put there.
    pub(super) put: &'static str,
    /// Finds the places that may have to go. Compiled when a text first needs it. A pattern that does not compile finds nothing; a test
    /// compiles them all.
    pub(super) regex: LazyLock<Option<Regex>>,
}

/// Declares one rule, so that a pattern is written once and compiled on its own.
macro_rules! rule {
    ($needs:literal, $pattern:expr, $part:expr, $put:expr) => {
        $crate::redact::rule::Rule {
            needs: $needs,
            part: $part,
            put: $put,
            regex: std::sync::LazyLock::new(|| regex::Regex::new($pattern).ok()),
        }
    };
}
pub(super) use rule;

impl Rule {
    /// The text without what the rule takes, or nothing if it takes nothing.
    pub(super) fn apply(&self, text: &str) -> Option<String> {
        let regex = self.regex.as_ref()?;
        let mut clean = String::new();
        let mut kept = 0;
        let mut at = 0;
        while let Some(captures) = regex.captures_at(text, at) {
            let found = Found { text, captures };
            let place = found.place();
            at = match (self.part)(&found) {
                // A part that is named already stays, or the text would never come to rest.
                Some(part) if part.start >= kept && &text[part.clone()] != self.put => {
                    clean.push_str(&text[kept..part.start]);
                    clean.push_str(self.put);
                    kept = part.end;
                    part.end.max(place.end)
                }
                _ => place.end,
            };
            // An empty match would be found again for ever.
            if at == place.start {
                at += text[at..].chars().next().map_or(1, char::len_utf8);
            }
            if at >= text.len() {
                break;
            }
        }
        if kept == 0 {
            return None;
        }
        clean.push_str(&text[kept..]);
        Some(clean)
    }

    #[cfg(test)]
    pub(super) fn compiles(&self) -> bool {
        self.regex.is_some()
    }
}

/// A place that a rule's pattern found.
pub(super) struct Found<'t> {
    text: &'t str,
    captures: Captures<'t>,
}

impl<'t> Found<'t> {
    /// Where the pattern matched.
    pub(super) fn place(&self) -> Range<usize> {
        self.group(0).unwrap_or(0..0)
    }

    /// Where a group matched.
    pub(super) fn group(&self, index: usize) -> Option<Range<usize>> {
        self.captures.get(index).map(|group| group.range())
    }

    /// What a group matched; empty if it took no part.
    pub(super) fn text(&self, index: usize) -> &'t str {
        self.captures.get(index).map_or("", |group| group.as_str())
    }

    /// What stands before the byte `at`.
    pub(super) fn before(&self, at: usize) -> &'t str {
        &self.text[..at]
    }

    /// What stands from the byte `at` on.
    pub(super) fn after(&self, at: usize) -> &'t str {
        &self.text[at..]
    }
}

/// All that the pattern matched goes.
pub(super) fn whole(found: &Found<'_>) -> Option<Range<usize>> {
    Some(found.place())
}

/// The first group goes; what the pattern needs around it stays.
pub(super) fn first_group(found: &Found<'_>) -> Option<Range<usize>> {
    found.group(1)
}

/// Which ASCII bytes a text has.
pub(super) struct Presence(u128);

impl Presence {
    pub(super) fn of(text: &str) -> Self {
        Self(text.bytes().filter(u8::is_ascii).fold(0, |bits, byte| bits | 1 << byte))
    }

    /// Whether `rule` may find something.
    pub(super) fn allows(&self, rule: &Rule) -> bool {
        rule.needs.is_empty() || rule.needs.iter().any(|byte| self.0 & 1 << byte != 0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pattern_that_matches_nothing_at_all_comes_to_an_end() {
        let rule = rule!(b"", "x*", whole, "-");
        assert_eq!(rule.apply("aéxb").as_deref(), Some("-a-é--b"));
    }

    #[test]
    fn a_rule_is_tried_where_the_text_has_one_of_its_bytes() {
        let rule = rule!(b"=:", "x", whole, "-");
        for (text, allowed) in [("a=b", true), ("a:b", true), ("ab", false), ("", false), ("é", false)] {
            assert_eq!(Presence::of(text).allows(&rule), allowed, "{text}");
        }
        assert!(Presence::of("").allows(&rule!(b"", "x", whole, "-")));
    }
}
