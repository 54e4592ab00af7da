//! The data in an SQL statement that an error quotes.

use std::ops::Range;

use super::rule::{Found, Rule, first_group, rule};

pub(super) static RULES: [Rule; 3] = [
    rule!(
        b"(",
        r"(?i)(?-u:\b)values\s*(\((?:[^'()]|'(?:[^']|'')*'|\([^'()]*\))*\)?(?:\s*,\s*\((?:[^'()]|'(?:[^']|'')*'|\([^'()]*\))*\)?)*)",
        quoted_list,
        "([values])"
    ),
    rule!(
        b"(",
        r"(?i)(?-u:\b)in\s*(\(\s*'(?:[^']|'')*'(?:\s*,\s*'(?:[^']|'')*')*\s*\)?)",
        first_group,
        "([values])"
    ),
    rule!(
        b"'",
        r"(?i)(?-u:\b)(?:set|where|and|or|,)\s+[a-z0-9_.]+\s*(?:[<>=!]{1,2}|like)\s*('(?:[^']|'')*')",
        first_group,
        "'[value]'"
    ),
];

/// Values without a literal among them are a statement's placeholders, or no statement at all.
fn quoted_list(found: &Found<'_>) -> Option<Range<usize>> {
    found.text(1).contains('\'').then(|| found.group(1))?
}

#[cfg(test)]
mod tests {
    use crate::redact::tests::{becomes, stays};

    #[test]
    fn literals_go_and_the_statement_stays() {
        becomes(&[
            (
                "failed: INSERT INTO t (a, b) VALUES ('ann', 'x (y', 3)",
                "failed: INSERT INTO t (a, b) VALUES ([values])",
            ),
            ("SELECT a FROM t WHERE b IN ('x', 'y')", "SELECT a FROM t WHERE b IN ([values])"),
            ("INSERT INTO t VALUES (1, 'x'), (2, 'y')", "INSERT INTO t VALUES ([values])"),
            ("UPDATE t SET a = 'x' WHERE b = 'it''s'", "UPDATE t SET a = '[value]' WHERE b = '[value]'"),
        ]);
        stays(&[
            "no such column 'title' in 'tasks'",
            "UNIQUE constraint failed: tasks.id",
            "allowed values (1, 2)",
        ]);
    }
}
