//! The way out: what an error or a log line must not give away.
//!
//! A text is searched one category at a time, in the order of [`CATEGORIES`]: a secret that shows
//! its form goes first, and a file goes before its name is taken for the name of a secret, as in
//! `/etc/passwd: denied`. Each category is a list of [`Rule`]s, and
//! a rule is skipped when the text lacks the bytes that the rule cannot do without, so that most
//! messages are only looked at once.
//!
//! What is taken out is named by its kind, as in `[path]` or `[credential]`: the reader sees what
//! stood there, and the words around it stay.

mod addresses;
mod credentials;
mod line;
mod log;
mod paths;
mod random;
mod rule;
mod statements;
mod tokens;
mod urls;

use std::borrow::Cow;

pub use log::write_field;
use rule::{Presence, Rules};

const CATEGORIES: [&Rules; 6] =
    [&tokens::RULES, &urls::RULES, &paths::RULES, &credentials::RULES, &statements::RULES, &addresses::RULES];

/// The categories of what lets somebody in.
const SECRETS: [&Rules; 3] = [&tokens::RULES, &urls::RULES, &credentials::RULES];

/// What one rule leaves, another may take: the text is searched again until nothing changes.
/// Two rounds are the usual case; the limit keeps the time linear whatever the text is.
const ROUNDS: usize = 8;

/// `text` without paths, credentials, addresses, ports and internal host names, and on one line.
///
/// Redacting a redacted text changes nothing. The time is linear in the length of the text.
pub fn redact(text: &str) -> Cow<'_, str> {
    without(&CATEGORIES, text)
}

/// `text` without credentials, and on one line; paths, addresses and ports stay. For an operator,
/// who set them.
///
/// Redacting a redacted text changes nothing. The time is linear in the length of the text.
pub fn redact_secrets(text: &str) -> Cow<'_, str> {
    without(&SECRETS, text)
}

fn without<'t>(categories: &[&Rules], text: &'t str) -> Cow<'t, str> {
    let mut clean = line::on_one_line(text);
    for _ in 0..ROUNDS {
        match round(categories, &clean) {
            Some(changed) => clean = Cow::Owned(changed),
            None => break,
        }
    }
    clean
}

/// The text after every rule was applied once, or nothing if no rule applies.
fn round(categories: &[&Rules], text: &str) -> Option<String> {
    let mut changed: Option<String> = None;
    let mut presence = Presence::of(text);
    for rule in categories.iter().flat_map(|rules| rules.iter()) {
        let current = changed.as_deref().unwrap_or(text);
        if !presence.allows(rule) {
            continue;
        }
        if let Some(next) = rule.apply(current) {
            presence = Presence::of(&next);
            changed = Some(next);
        }
    }
    changed
}

#[cfg(test)]
pub(crate) mod tests {
    use std::time::{Duration, Instant};

    use proptest::prelude::*;

    use super::*;

    /// Each text becomes what stands beside it.
    pub(crate) fn becomes(cases: &[(&str, &str)]) {
        for (text, clean) in cases {
            assert_eq!(redact(text), *clean, "of {text:?}");
        }
    }

    /// Each text comes back as it is.
    pub(crate) fn stays(texts: &[&str]) {
        for text in texts {
            assert_eq!(redact(text), *text);
        }
    }

    #[test]
    fn every_rule_compiles() {
        for (category, rules) in CATEGORIES.iter().enumerate() {
            for (index, rule) in rules.iter().enumerate() {
                assert!(rule.compiles(), "rule {index} of category {category}");
            }
        }
    }

    #[test]
    fn what_needs_no_redaction_is_not_copied() {
        for text in ["task not found", "depth 11 exceeds limit 10", "std::fs::File", "WHERE name = '[value]'"]
        {
            assert!(matches!(redact(text), Cow::Borrowed(_)), "{text}");
        }
    }

    #[test]
    fn several_kinds_in_one_line_are_each_named() {
        becomes(&[(
            "GET http://10.0.0.5:8080/x?token=abc failed: /home/ann/t.db (os error 5)\nuser=ann password=x",
            "GET http://[address]:[port]/x?token=[credential] failed: [path] (os error 5) user=ann password=[credential]",
        )]);
    }

    #[test]
    fn an_operator_sees_everything_but_secrets() {
        for (text, clean) in [
            ("/srv/tasks on 127.0.0.1:3000", "/srv/tasks on 127.0.0.1:3000"),
            ("http://ann:pw@localhost:3000/x", "http://[credential]@localhost:3000/x"),
            ("info,token=abc\n", "info,token=[credential] "),
        ] {
            assert_eq!(redact_secrets(text), clean);
        }
    }

    #[test]
    fn ordinary_words_stay() {
        stays(&[
            "version 1.2.3",
            "rustc 1.95.0-nightly (abc 2026-01-01)",
            "12:30:45",
            "2026-11-21T09:32:36.123Z",
            "3/4 done",
            "and/or",
            "a ratio of 1:2",
            "took 12.5 ms for 3 of 10 tasks",
            "expected `,` or `}` at line 1 column 42",
            "unexpected token: `}`",
            "max_tokens=4096",
            "50% of 3x4 = 12",
            "a -> b => c",
        ]);
    }

    fn fragment() -> impl Strategy<Value = String> {
        prop_oneof![
            prop::sample::select(vec![
                "password",
                "token",
                "api_key",
                "key",
                "=",
                ":",
                ": ",
                "=>",
                "||",
                "\"",
                "'",
                "`",
                "\\\"",
                " ",
                "\n",
                "/",
                "//",
                "\\",
                "\\\\",
                "C:",
                "~",
                "..",
                "home",
                "@",
                "://",
                "https",
                "file:",
                "postgres",
                "localhost",
                "db.internal",
                ".local",
                "10.0.0.1",
                "::1",
                "fe80::",
                ":8080",
                "port ",
                "Bearer ",
                "Authorization: ",
                "Cookie: ",
                "eyJhbGciOiJIUzI1NiJ9",
                ".",
                ",",
                ";",
                "&",
                "?",
                "(",
                ")",
                "[",
                "]",
                "[path]",
                "[credential]",
                "[token]",
                "[address]",
                "-----BEGIN PRIVATE KEY-----",
                "ghp_0123456789abcdefghij",
                "VALUES (",
                "INSERT INTO t ",
                "--token",
                "é",
                "中",
                "a1b2c3d4e5f6",
            ])
            .prop_map(str::to_owned),
            "[a-zA-Z0-9]{1,12}",
            "(?s).{1,4}",
        ]
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(512))]

        #[test]
        fn redacting_twice_is_redacting_once(parts in prop::collection::vec(fragment(), 0..24)) {
            let once = redact(&parts.concat()).into_owned();
            prop_assert_eq!(redact(&once), once.as_str());
            let once = redact_secrets(&parts.concat()).into_owned();
            prop_assert_eq!(redact_secrets(&once), once.as_str());
        }

        #[test]
        fn nothing_redacted_breaks_the_line(text in "(?s).{0,80}") {
            prop_assert!(!redact(&text).contains(|c: char| c.is_control()));
        }
    }

    fn time(text: &str) -> Duration {
        let start = Instant::now();
        std::hint::black_box(redact(text));
        start.elapsed()
    }

    #[test]
    fn hostile_texts_take_no_longer_than_plain_ones_by_a_constant() {
        const LENGTH: usize = 256 * 1024;
        let of = |unit: &str| unit.repeat(LENGTH.div_ceil(unit.len()));
        redact("/warm/up x=1 a:b@c 10.0.0.1 \\\\a\\b");
        let plain = time(&of("Task 12 of the plan was done: see version 1.2.3, `Vec<T>` and a/b. "));
        for unit in [
            "a:",
            "/",
            "=",
            "\\",
            "1",
            "1.",
            "a.",
            "::",
            "@",
            "a@",
            "a/",
            "a/ ",
            "token=",
            "token='",
            "token=\"x ",
            "password ",
            "key,",
            "https://",
            "https://a:",
            "-----BEGIN PRIVATE KEY",
            "eyJ",
            "sk-",
            "file:",
            "C:\\",
            "VALUES ('",
            "SELECT '",
            "Cookie: a=b; ",
            "\"",
            "a b/",
            "/a b",
            "/a b c d e",
            "Bearer ",
            "a-",
            "[",
            "port ",
            "x.internal",
            "é",
            "\u{1b}[",
            "'/",
        ] {
            let hostile = time(&of(unit));
            assert!(hostile < plain * 50, "{unit:?}: {hostile:?}, and plain text {plain:?}");
        }
    }
}
