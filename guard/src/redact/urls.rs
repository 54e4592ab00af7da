//! Who signs in to what: the user and the password before a host.

use std::ops::Range;

use super::rule::{Found, Rule, first_group, rule};

const CREDENTIAL: &str = "[credential]";

pub(super) static RULES: [Rule; 4] = [
    // JSON may write `://` as `:\/\/`.
    rule!(b"@", r#"(?i)[a-z][a-z0-9+.-]*:\\?/\\?/([^\s"'<>`@]*@[^\s"'<>`]*)"#, userinfo, CREDENTIAL),
    // Oracle writes `user/password@//host` after its driver's name.
    rule!(b"@", r#"(?i)jdbc:oracle:[a-z0-9]+:([^\s"'<>`@]+)@"#, first_group, CREDENTIAL),
    // Drivers that want no scheme: `user:password@tcp(host)`, `user:password@host`.
    rule!(
        b"@",
        r#"(?-u:\b)([A-Za-z0-9._%+-]+:[^\s@/\\"'<>:,;()\[\]]+)@[A-Za-z0-9(\[]"#,
        first_group,
        CREDENTIAL
    ),
    // What a sign-in hands back through the browser.
    rule!(b"=", r#"[?&](?:code|state|ticket|nonce|key)=([^\s&#"'<>`\[\]]{8,})"#, first_group, CREDENTIAL),
];

/// A password may hold `/` and `@` although it should not, so a slash ends the authority only
/// where what stands before it is a host and a port.
fn userinfo(found: &Found<'_>) -> Option<Range<usize>> {
    let rest = found.group(1)?;
    let run = found.text(1);
    let (authority, _) = run.split_once('/').unwrap_or((run, ""));
    let names_a_port = authority
        .split_once(':')
        .is_none_or(|(_, port)| port.trim_end_matches('\\').bytes().all(|byte| byte.is_ascii_digit()));
    let end = match authority.rfind('@') {
        Some(end) => end,
        None if names_a_port => return None,
        None => run.split(['?', '#']).next()?.rfind('@')?,
    };
    Some(rest.start..rest.start + end)
}

#[cfg(test)]
mod tests {
    use crate::redact::tests::{becomes, stays};

    #[test]
    fn users_and_passwords_go_and_the_address_stays() {
        becomes(&[
            ("postgres://u:p@db/x", "postgres://[credential]@db/x"),
            ("https://ann:p@ss@git.example.com/r.git", "https://[credential]@git.example.com/r.git"),
            ("redis://:pw@cache.example.com/0", "redis://[credential]@cache.example.com/0"),
            ("https://ghost@example.com", "https://[credential]@example.com"),
            (r"https:\/\/u:p\/w@h.example\/", r"https:\/\/[credential]@h.example\/"),
            ("https://h.example/cb?code=deadbeef&a=1", "https://h.example/cb?code=[credential]&a=1"),
            ("root:pw@tcp(db)/x", "[credential]@tcp(db)/x"),
            ("jdbc:oracle:thin:scott/tiger@//db/x", "jdbc:oracle:thin:[credential]@//db/x"),
        ]);
    }

    #[test]
    fn an_at_sign_in_a_path_signs_nobody_in() {
        stays(&[
            "https://www.npmjs.com/package/@scope/name",
            "https://social.example/@ann",
            "npm install @types/node@22.1.0",
            "https://docs.rs/axum/latest/axum/",
        ]);
    }
}
