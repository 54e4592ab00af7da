//! The way out: what an error or a log line must not give away.

use std::{borrow::Cow, sync::LazyLock};

use regex::Regex;

/// What is looked for, and what is put in its place. The order matters: credentials before the
/// addresses that may contain them, URLs before paths.
const RULES: &[(&str, &str)] = &[
    (r"-----BEGIN [A-Z ]*PRIVATE KEY-----[\s\S]*?(?:-----END [A-Z ]*PRIVATE KEY-----|$)", "[private key]"),
    (r"\beyJ[A-Za-z0-9_-]{5,}\.[A-Za-z0-9_-]{5,}\.[A-Za-z0-9_-]*", "[token]"),
    (r"(?i)\b(bearer|basic)\s+[A-Za-z0-9._~+/=-]{6,}", "$1 [credential]"),
    (
        r"\b(?:AKIA[0-9A-Z]{16}|gh[pousr]_[A-Za-z0-9]{20,}|sk-[A-Za-z0-9_-]{16,}|xox[abprs]-[A-Za-z0-9-]{10,}|glpat-[A-Za-z0-9_-]{16,})",
        "[token]",
    ),
    (
        r#"(?i)\b((?:[a-z0-9]+[_-])*(?:password|passwd|pwd|secret|token|api[_-]?key|access[_-]?key|authorization|credential)s?)(["']?\s*[=:]\s*)(?:"[^"]*"|'[^']*'|[^\s,;&"']+)"#,
        "$1$2[credential]",
    ),
    (r"\b([a-z][a-z0-9+.-]*://)[^\s/@]+@", "$1[credential]@"),
    (r#"(?i)\bfile:(?://)?[^\s"'<>|]+"#, "[path]"),
    (r#"\\\\[\w.$-]+\\[^\s"'<>|]*"#, "[path]"),
    (r#"\b[A-Za-z]:[\\/][^\s"'<>|:]*"#, "[path]"),
    (r#"(^|[\s"'`(=\[,:])(?:~|\.{1,2})?/(?:[^\s"'`<>|:,;()\[\]/]+/)*[^\s"'`<>|:,;()\[\]/]+/?"#, "$1[path]"),
    (r"\b(?:(?:25[0-5]|2[0-4]\d|1?\d?\d)\.){3}(?:25[0-5]|2[0-4]\d|1?\d?\d)(?::\d{1,5})?\b", "[address]"),
    (r"\[(?:[0-9A-Fa-f]{0,4}:){2,7}[0-9A-Fa-f]{0,4}\](?::\d{1,5})?", "[address]"),
    (r"\b(?:[0-9A-Fa-f]{1,4}:){7}[0-9A-Fa-f]{1,4}\b", "[address]"),
    (r"(?i)\blocalhost:\d{1,5}\b", "[address]"),
    (r"(?i)\bport (\d{2,5})\b", "port [port]"),
];

static COMPILED: LazyLock<Vec<(Regex, &'static str)>> = LazyLock::new(|| {
    RULES.iter().filter_map(|(pattern, put)| Regex::new(pattern).ok().map(|regex| (regex, *put))).collect()
});

/// `text` without paths, credentials and addresses, and on one line.
pub fn redact(text: &str) -> Cow<'_, str> {
    let mut clean = Cow::Borrowed(text);
    for (regex, put) in COMPILED.iter() {
        if let Cow::Owned(changed) = regex.replace_all(&clean, *put) {
            clean = Cow::Owned(changed);
        }
    }
    if clean.chars().any(char::is_control) {
        clean = Cow::Owned(clean.chars().map(|c| if c.is_control() { ' ' } else { c }).collect());
    }
    clean
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_rule_compiles() {
        assert_eq!(COMPILED.len(), RULES.len());
    }

    #[test]
    fn secrets_paths_and_addresses_are_taken_out() {
        for (text, clean) in [
            ("open /home/ann/.ssh/id_rsa: denied", "open [path]: denied"),
            (r"read C:\Users\ann\x.txt failed", "read [path] failed"),
            (r"\\srv01\share\x", "[path]"),
            ("password=hunter2 tried", "password=[credential] tried"),
            ("DB_PASSWORD: 'a b'", "DB_PASSWORD: [credential]"),
            ("postgres://u:p@db/x", "postgres://[credential]@db/x"),
            ("Authorization: Bearer abcdef123456", "Authorization: [credential] [credential]"),
            ("connect 10.1.2.3:5432", "connect [address]"),
            ("a\nb\u{1b}[1m", "a b [1m"),
        ] {
            assert_eq!(redact(text), clean);
        }
    }

    #[test]
    fn ordinary_words_stay() {
        for text in ["std::fs::File", "version 1.2.3", "12:30:45", "3/4 done", "and/or", "a ratio of 1:2"] {
            assert_eq!(redact(text), text);
        }
    }
}
