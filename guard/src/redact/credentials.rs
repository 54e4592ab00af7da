//! Secrets that are known by the name they are given: settings, options, headers.

use std::ops::Range;

use super::{
    random::is_opaque,
    rule::{Found, Rule, rule},
};

const CREDENTIAL: &str = "[credential]";

pub(super) static RULES: [Rule; 6] = [
    rule!(b":", HEADER, header_value, CREDENTIAL),
    rule!(b":=>|,(", NAMED, named_value, CREDENTIAL),
    rule!(b":=>|,", KEYED, keyed_value, CREDENTIAL),
    // An option and its value as two words.
    rule!(
        b"-",
        r"(?i)(?:^|[\s\x22'`])--?(?:[a-z0-9]+[_-])*(?:password|passwd|passphrase|pass|pwd|secret|token|auth|credentials?|(?:api|access|private|secret)[_-]?key)(?:\s+|[\x22'],\s*)(\S+)",
        option_value,
        CREDENTIAL
    ),
    rule!(
        b" ",
        r"(?i)(?-u:\b)(?:bearer|basic|digest|negotiate)\s+([A-Za-z0-9._~+/=-]{6,})",
        scheme_value,
        CREDENTIAL
    ),
    rule!(b"-", r"(?:^|\s)(?:-u|--user)[\s=]+([^\s:]+:\S+)", quoted_or_run, CREDENTIAL),
];

/// Headers whose whole value is a secret.
const HEADER: &str = concat!(
    r"(?i)(?-u:\b)(?:(?:proxy-)?authorization|(?:set-)?cookie2?|(?:x-)?[a-z]+-(?:api|auth|access)-(?:key|token)",
    r#"|(?:mcp-)?session-id|www-authenticate)["']?\s*[:=]\s*"#,
);

/// Names that say by themselves that their value is a secret, with whatever stands before them
/// (`DB_PASSWORD`, `accessToken`) or after (`password_new`), and what may join name and value.
const NAMED: &str = concat!(
    r"(?i)(passwords?|passwd|passphrase|passcode|pwd|pass|secrete?s?|token|credentials?|cookie|jwt|otp|auth|sid|sig|signature",
    r"|(?:api|app|access|account|private|secret|signing|encryption|shared|master|license|auth|service|client|ssh|root)[ _.-]?(?:access[ _.-]?)?key",
    r"|session(?:[ _.-]?id)?|authorization|(?:connection|conn)[ _.-]?str(?:ing)?)",
    r"((?:[_-][a-z0-9]+){0,4}|(?-i:[A-Z])[A-Za-z0-9]{0,24})",
    r#"(\\?["'`]|\[[0-9]*\])?\s*"#,
    r#"(\((?:\\?["'])|\.assign\(|[=!]={1,2}|:?=>?|:{1,3}=|\?=|:|>=?|\|\||,|\s@?["'])\s*@?"#,
);

/// Keys of some service, which are secret if they look it.
const KEYED: &str = r#"(?i)([a-z0-9]+(?:,?[_.-][a-z0-9]+){0,6},?[_.-]key)["'`\s]{0,8}(?:=>|:{1,3}=|:+|\?=|=|>|\|\||,)(["'`\s=>:?|,]{0,8})"#;

/// What describes a secret and is none.
const DESCRIPTIONS: [&str; 17] = [
    "count", "type", "limit", "length", "len", "size", "budget", "policy", "expires", "expiry", "ttl", "in",
    "at", "required", "name", "id", "kind",
];

/// What a sentence says about a secret after naming it, as in `password: must not be empty`.
const REMARKS: [&str; 22] = [
    "must",
    "not",
    "is",
    "are",
    "was",
    "has",
    "should",
    "cannot",
    "may",
    "too",
    "expected",
    "unexpected",
    "missing",
    "required",
    "invalid",
    "unknown",
    "expired",
    "empty",
    "no",
    "none",
    "null",
    "string",
];

/// Keys that tell rows, entries and calls apart.
const PLAIN_KEYS: [&str; 8] =
    ["primary", "foreign", "unique", "sort", "partition", "cache", "idempotency", "composite"];

fn header_value(found: &Found<'_>) -> Option<Range<usize>> {
    let start = found.place().end;
    let rest = found.after(start);
    if rest.starts_with(CREDENTIAL) {
        return None;
    }
    if let Some(part) = quoted(rest, start) {
        return Some(part);
    }
    let mut end = 0;
    for word in rest.split_inclusive(' ') {
        end += word.len();
        let word = word.trim_end();
        // The value goes on after a list's separator and after the name of a scheme.
        let goes_on = word.ends_with([',', ';']) || (end == word.len() + 1 && is_scheme(word));
        if !goes_on {
            break;
        }
    }
    let value = rest[..end].trim_end().trim_end_matches(['"', '\'']);
    has_content(value).then(|| start..start + value.len())
}

fn is_scheme(word: &str) -> bool {
    ["bearer", "basic", "digest", "token", "negotiate", "apikey", "aws4-hmac-sha256", "hawk", "ntlm"]
        .iter()
        .any(|scheme| word.eq_ignore_ascii_case(scheme))
}

fn named_value(found: &Found<'_>) -> Option<Range<usize>> {
    let name = found.group(1)?;
    let (word, suffix, joint) = (found.text(1), found.text(2), found.text(4));
    let before = found.before(name.start);
    let starts_a_word = !before.ends_with(|c: char| c.is_alphanumeric())
        || (word.starts_with(|c: char| c.is_ascii_uppercase())
            && before.ends_with(|c: char| c.is_lowercase()));
    let is_short = word.len() < 5 && !word.eq_ignore_ascii_case("pwd");
    if is_short && !starts_a_word {
        return None;
    }
    let last = suffix.rsplit(['_', '-']).next().unwrap_or(suffix);
    if DESCRIPTIONS.iter().any(|description| last.eq_ignore_ascii_case(description)) {
        return None;
    }
    // A parser's token is a piece of syntax.
    if word.eq_ignore_ascii_case("token") && before.trim_end().ends_with("xpected") {
        return None;
    }
    // A quote that opens the value may be part of the joint.
    let opens = joint.ends_with(['"', '\'']);
    let start = if opens { found.group(4)?.end - 1 } else { found.place().end };
    let rest = found.after(start);
    if rest.trim_start_matches(['"', '\'', '`', '\\']).starts_with(CREDENTIAL) {
        return None;
    }
    let value = value(rest, start)?;
    let text = &found.after(value.start)[..value.len()];
    if joint == ":" && is_remark(text) {
        return None;
    }
    let joined_loosely = matches!(joint, ">" | "," | "||") || joint.starts_with(char::is_whitespace);
    // `password, which` says something about a secret, too.
    let is_secret = if joined_loosely { opens || is_opaque(text) } else { has_content(text) };
    is_secret.then_some(value)
}

fn is_remark(value: &str) -> bool {
    let is_count = value.len() < 4 && value.bytes().all(|byte| byte.is_ascii_digit());
    is_count || REMARKS.iter().any(|word| value.eq_ignore_ascii_case(word))
}

fn keyed_value(found: &Found<'_>) -> Option<Range<usize>> {
    let owner = found.text(1);
    if PLAIN_KEYS.iter().any(|plain| {
        owner.len() >= plain.len() + 4
            && owner
                .get(owner.len() - plain.len() - 4..owner.len() - 4)
                .is_some_and(|o| o.eq_ignore_ascii_case(plain))
    }) {
        return None;
    }
    let start = found.place().end;
    let value = run(found.after(start), start)?;
    is_opaque(&found.after(value.start)[..value.len()]).then_some(value)
}

fn option_value(found: &Found<'_>) -> Option<Range<usize>> {
    let value = found.group(1)?;
    let is_option = {
        let name = found.text(1).trim_start_matches('-');
        let dashes = value.len() - name.len();
        (1..=2).contains(&dashes) && name.starts_with(|c: char| c.is_ascii_alphabetic())
    };
    if is_option || found.text(1).contains(CREDENTIAL) {
        return None;
    }
    quoted_or_run(found)
}

fn quoted_or_run(found: &Found<'_>) -> Option<Range<usize>> {
    let start = found.group(1)?.start;
    let rest = found.after(start);
    if rest.starts_with(CREDENTIAL) {
        return None;
    }
    quoted(rest, start).or_else(|| found.group(1))
}

fn scheme_value(found: &Found<'_>) -> Option<Range<usize>> {
    let value = found.text(1).trim_end_matches(['.', '-']);
    let start = found.group(1)?.start;
    // `bearer tokens` and `basic authentication` are words.
    let is_word = value.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'-' || byte == b'/');
    (!is_word).then(|| start..start + value.len())
}

/// The value at the start of `rest`, which stands at the byte `at`: quoted, or a run.
fn value(rest: &str, at: usize) -> Option<Range<usize>> {
    quoted(rest, at).or_else(|| run(rest, at))
}

/// A quoted value is looked for this far; what is longer is taken up to the first blank.
const LONGEST_QUOTED: usize = 1024;

/// What is in quotes at the start of `rest`, without the quotes. A quote closes where something
/// other than the value could follow, so that `'a"b'c'` is one value.
fn quoted(rest: &str, at: usize) -> Option<Range<usize>> {
    let escaped = rest.starts_with('\\');
    let opened = usize::from(escaped) + 1;
    let quote = rest[usize::from(escaped)..].chars().next().filter(|c| matches!(c, '"' | '\'' | '`'))?;
    let body = &rest[opened..];
    let mut previous = ' ';
    for (index, c) in body.char_indices().take(LONGEST_QUOTED) {
        if c == quote && (previous == '\\') == escaped {
            let end = if escaped { index - 1 } else { index };
            let next = body[index + 1..].chars().next();
            if next.is_none_or(|c| !c.is_alphanumeric() && c != '_') {
                return (end > 0).then_some(at + opened..at + opened + end);
            }
        }
        previous = c;
    }
    None
}

/// Everything up to a blank, to a quote that is followed by one, or to the next pair of a
/// connection string, a query or a list.
fn run(rest: &str, at: usize) -> Option<Range<usize>> {
    let opened = rest.len() - rest.trim_start_matches(['"', '\'', '`']).len();
    let body = &rest[opened..];
    let word = &body[..body.find(char::is_whitespace).unwrap_or(body.len())];
    let mut end = word.len();
    for (index, _) in word.match_indices([';', '&', ',']) {
        let next = word[index + 1..].trim_start_matches(['"', '\'']);
        let name = next
            .bytes()
            .take_while(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-'))
            .count();
        if name == next.len()
            && !next.is_empty()
            && word.as_bytes()[index] == b';'
            && body[end..].starts_with(' ')
        {
            // `…;User ID=sa`: the name of the next pair has a blank in it.
            let following = body[end..].trim_start();
            let second = following.bytes().take_while(u8::is_ascii_alphanumeric).count();
            if following[second..].starts_with('=') {
                end = index;
                break;
            }
        }
        if name > 0 && next[name..].trim_start_matches(['"', '\'']).starts_with(['=', ':']) {
            end = index;
            break;
        }
    }
    let value = word[..end].trim_end_matches(['"', '\'', '`', ',', ';', ')', '}', ']', '\\']);
    let value = if value.is_empty() { &word[..end] } else { value };
    (!value.is_empty()).then(|| at + opened..at + opened + value.len())
}

fn has_content(value: &str) -> bool {
    value.chars().any(char::is_alphanumeric)
}

#[cfg(test)]
mod tests {
    use crate::redact::tests::{becomes, stays};

    #[test]
    fn settings_are_known_in_many_spellings() {
        becomes(&[
            ("password=hunter2 tried", "password=[credential] tried"),
            ("DB_PASSWORD: 'a b'", "DB_PASSWORD: '[credential]'"),
            (r#"{"password":"a b","user":"ann"}"#, r#"{"password":"[credential]","user":"ann"}"#),
            (r#"{\"password\":\"a b\"}"#, r#"{\"password\":\"[credential]\"}"#),
            ("accessToken = abc", "accessToken = [credential]"),
            ("client-secret := x1", "client-secret := [credential]"),
            ("dbPass => 'x'", "dbPass => '[credential]'"),
            ("PGPASSWORD=x psql", "PGPASSWORD=[credential] psql"),
            ("pass='it's' done", "pass='[credential]' done"),
            ("(token=abc)", "(token=[credential])"),
            ("if (apiKey === \"x y\") {", "if (apiKey === \"[credential]\") {"),
            ("secret(\"x y\")", "secret(\"[credential]\")"),
            ("acme_key || a1b2c3d4e5f6", "acme_key || [credential]"),
            ("mytoken=abc", "mytoken=[credential]"),
            ("refused: secret \"hunter2\"", "refused: secret \"[credential]\""),
            ("secret: 1234", "secret: [credential]"),
            ("password='abc def", "password='[credential] def"),
        ]);
    }

    #[test]
    fn pairs_of_a_list_are_told_apart() {
        becomes(&[
            ("Server=db;Password=x;y;Encrypt=True", "Server=db;Password=[credential];Encrypt=True"),
            ("Pwd=x;User ID=sa;", "Pwd=[credential];User ID=sa;"),
            ("Pwd=x;y.z user=sa", "Pwd=[credential] user=sa"),
            ("/ws?token=abc&a=1", "/ws?token=[credential]&a=1"),
            ("token=a,b", "token=[credential]"),
            ("token=a,b user=x", "token=[credential] user=x"),
            ("token=a;=b", "token=[credential]"),
        ]);
    }

    #[test]
    fn options_and_headers_lose_their_values() {
        becomes(&[
            ("run --password hunter2 --quiet", "run --password [credential] --quiet"),
            ("run --api-key=x --quiet", "run --api-key=[credential] --quiet"),
            ("run --db-token 'a b' x", "run --db-token '[credential]' x"),
            (r#"["--token", "a b"]"#, r#"["--token", "[credential]"]"#),
            ("curl -u ann:pw https://h.example", "curl -u [credential] https://h.example"),
            ("Authorization: Bearer abcdef123456 was refused", "Authorization: [credential] was refused"),
            ("-H \"Authorization: Bearer abc\" -v", "-H \"Authorization: [credential]\" -v"),
            ("sent Bearer abcdef123456", "sent Bearer [credential]"),
            ("Cookie: a=b; c=d", "Cookie: [credential]"),
            ("X-Api-Key: abc", "X-Api-Key: [credential]"),
            ("Mcp-Session-Id: 1868a90c not found", "Mcp-Session-Id: [credential] not found"),
        ]);
    }

    #[test]
    fn words_about_secrets_stay() {
        stays(&[
            "no secret configured",
            "the token bucket is empty",
            "missing key `title`",
            "primary key constraint failed",
            "primary_key=550e8400-e29b-41d4-a716-446655440000",
            "idempotency-key: 550e8400-e29b-41d4-a716-446655440000",
            "token_count: 12",
            "basic authentication failed",
            "bearer tokens are refused",
            "basic read-only access, digest read/write access",
            "X-Api-Key: \"\" was sent",
            "password=*** was sent",
            "run --no-password --quiet",
            "author: ann, bypass: yes, compass: north",
            "password: must not be empty",
            "token: expected string",
            "secrets: 3 found",
            "password, which is required, is missing",
            "Authorization is required",
        ]);
    }
}
