//! What other programs may act on: templates, code that is evaluated, prototypes, SQL.
//!
//! None of it does anything in a store, and developers write it every day, so it is flagged and
//! not touched.

use std::{ops::Range, sync::LazyLock};

use regex::Regex;

use super::inspection::Flag;

/// The rules, in the order of the groups of [`PATTERN`].
const RULES: [&str; 4] = ["template", "evaluation", "prototype", "sql"];

/// Of a template only its beginning is matched: a search for an end that never comes would be
/// made again from every beginning.
static PATTERN: LazyLock<Option<Regex>> = LazyLock::new(|| {
    Regex::new(concat!(
        r"(?-u)(\{\{|\$\{|<%)",
        r"|(\b(?:eval|Function)[ \t]*\()",
        r"|(__proto__|\bconstructor[ \t]*(?:\.[ \t]*prototype|\[)|\bprototype[ \t]*[.\[])",
        r"|((?i)\bunion\s+(?:all\s+)?select\b|\bor\s+'?1'?\s*=\s*'?1\b|'\s*(?:or|and)\s+'",
        r"|[';]\s*(?:(?:drop|alter|truncate)\s+(?:table|database|schema|index|view)|delete\s+from",
        r"|insert\s+into|update\s+\w+\s+set|exec(?:ute)?\s+\w)\b|';\s*--)",
    ))
    .ok()
});

/// Every place that looks like one of them.
pub(super) fn flags(text: &str) -> Vec<Flag> {
    matches(text).map(|(range, rule)| Flag { range, rule }).collect()
}

/// As [`flags`], without a list.
pub(super) fn matches(text: &str) -> impl Iterator<Item = (Range<usize>, &'static str)> {
    PATTERN.iter().flat_map(|pattern| pattern.captures_iter(text)).map(|found| {
        let rule = RULES.iter().zip(1..).find(|(_, group)| found.get(*group).is_some());
        (found.get_match().range(), rule.map_or(RULES[0], |(rule, _)| rule))
    })
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
        ] {
            let rules: Vec<_> = flags(text).into_iter().map(|flag| flag.rule).collect();
            assert_eq!(rules, expected, "{text}");
        }
    }

    #[test]
    fn ordinary_words_are_not() {
        for text in [
            "evaluate (this) and function (x) {}, medieval(",
            "a prototype, a constructor of the union; select one or 11",
            "{ a: { b } } $x 5% <5",
            "it's done; update the drop-down",
            "fn f() -> Vec<String> { \"a\".into() }",
        ] {
            assert_eq!(flags(text), [], "{text}");
        }
    }
}
