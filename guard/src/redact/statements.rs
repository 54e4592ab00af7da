//! The data in an SQL statement that an error quotes.

use super::rule::{Rule, first_group, rule};

pub(super) static RULES: [Rule; 2] = [
    rule!(
        b"(",
        r"(?i)(?-u:\b)values\s*(\((?:[^'()]|'(?:[^']|'')*'|\([^'()]*\))*\)?)",
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
            ("UPDATE t SET a = 'x' WHERE b = 'it''s'", "UPDATE t SET a = '[value]' WHERE b = '[value]'"),
        ]);
        stays(&["no such column 'title' in 'tasks'", "UNIQUE constraint failed: tasks.id"]);
    }
}
