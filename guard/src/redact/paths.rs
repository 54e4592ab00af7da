//! Where files lie.

use std::ops::Range;

use super::rule::{Found, Rule, first_group, rule, whole};

const PATH: &str = "[path]";

pub(super) static RULES: [Rule; 9] = [
    rule!(
        b":",
        r#"(?i)(?-u:\b)(?:file|unix|sqlite3?):(?:[\\/~%](?:[^\s"'`<>|]*[^\s"'`<>|:;,.)\]])?|[^\s"'`<>|:]+\.(?:db|sqlite3?|sock)(?:\?[^\s"'`<>|]*[^\s"'`<>|:;,.)\]])?)"#,
        whole,
        PATH
    ),
    rule!(b"\\", r#"["'`]((?:[A-Za-z]:|\\{2,4}[\w.?$-]+)[\\/][^"'`]*)["'`]"#, first_group, PATH),
    rule!(b"\\", UNC, first_group, PATH),
    rule!(b"\\/", DRIVE, first_group, PATH),
    rule!(
        b"\\/",
        r#"(?:%[A-Za-z_()0-9]+%|\$\{?[A-Z_]+\}?|\$env:[A-Za-z]+)[\\/][^\s"'`<>|:;,)]+"#,
        whole,
        PATH
    ),
    rule!(b"\\", r#"(?:^|[^\w.\\/])(\.{1,2}\\[^\s"'`<>|:;,)]+)"#, first_group, PATH),
    rule!(
        b"/",
        r#"(?:^|[^A-Za-z0-9_./\\~\])%-])(["'`](?:~[\w.-]*|\.{1,2})?/[^"'`]+["'`])"#,
        quoted_path,
        PATH
    ),
    rule!(b"/", UNIX, unix_path, PATH),
    rule!(b"/%", RELATIVE, first_group, PATH),
];

/// A drive, then components; blanks belong to the path where a separator follows them.
const DRIVE: &str = r#"(?:^|[^A-Za-z0-9])([A-Za-z]:[\\/]+(?:[^\s\\/:*?"'`<>|,;]+(?: [^\s\\/:*?"'`<>|,;]+){0,3}[\\/]+)*[^\s\\/:*?"'`<>|,;)\]]*)"#;

/// A share, a device or a pipe, as it is or with each backslash doubled.
const UNC: &str = r#"(?:^|[^\w\\:]|[^A-Za-z]:|\w\w:)(\\{2,4}[\w.?$-]+\\+(?:[A-Za-z]:\\+)?(?:[^\s\\/:*?"'`<>|,;]+(?: [^\s\\/:*?"'`<>|,;]+){0,3}[\\/]+)*[^\s\\/:*?"'`<>|,;)\]]*)"#;

/// The components of a Unix path after its first slash; blanks belong to it where a slash follows.
macro_rules! components {
    () => {
        r#"(?:[^\s/"'`<>|:,;()\[\]{}]+(?: [^\s/"'`<>|:,;()\[\]{}]+){0,2}/+)*[^\s/"'`<>|:,;()\[\]{}]*"#
    };
}

/// From the root, from home, or from `.` or `..`. Two slashes after a colon are a URL's.
const UNIX: &str = concat!(
    r#"(?:^|[^A-Za-z0-9_./\\~\])}%:@-])((?:~[\w.-]*|\.{1,2})?/+"#,
    components!(),
    r#")|[:@]((?:~[\w.-]*|\.{1,2})?/[^\s/"'`<>|:,;()\[\]{}]"#,
    components!(),
    r")",
);

/// Relative to somewhere: a hidden folder, a file of data or settings, or separators in the
/// encoding of URLs.
const RELATIVE: &str = concat!(
    r"(?:^|[^A-Za-z0-9_./\\~\])%@-])(",
    r#"(?:[\w-]+/)*\.[a-z][\w-]+(?:/[^\s/"'`<>|:,;()\[\]{}]+)+"#,
    r"|(?:[\w.-]+/)+[\w.-]*\.(?:db|db-wal|db-shm|sqlite3?|env|pem|key|p12|pfx|crt|kdbx|log|conf|ini|sock|bak|sql)(?-u:\b)",
    r"|%2[fF][\w.-]+(?:%2[fF][\w.-]+)+",
    r")",
);

/// Folders at the root of a file system: what lies in one is a file, however it is reached.
const ROOTS: [&str; 33] = [
    "home",
    "root",
    "Users",
    "etc",
    "var",
    "tmp",
    "usr",
    "opt",
    "srv",
    "mnt",
    "media",
    "proc",
    "sys",
    "dev",
    "run",
    "bin",
    "sbin",
    "lib",
    "lib64",
    "boot",
    "nix",
    "snap",
    "private",
    "Library",
    "Applications",
    "Volumes",
    "System",
    "workspace",
    "workspaces",
    "data",
    "app",
    "build",
    "cygdrive",
];

/// First components of what servers answer to.
const ROUTES: [&str; 10] =
    ["api", "rpc", "mcp", "rest", "health", "healthz", "metrics", "docs", "graphql", "ws"];

fn unix_path(found: &Found<'_>) -> Option<Range<usize>> {
    let index = if found.group(1).is_some() { 1 } else { 2 };
    let path = found.group(index)?;
    is_path(found, found.text(index), path.start).then_some(path)
}

/// What stands in quotes may have blanks anywhere.
fn quoted_path(found: &Found<'_>) -> Option<Range<usize>> {
    let quotes = found.group(1)?;
    let inside = quotes.start + 1..quotes.end - 1;
    let text = &found.text(1)[1..found.text(1).len() - 1];
    is_path(found, text, inside.start).then_some(inside)
}

/// Whether `text`, which starts with `/`, `~/`, `./` or `../`, names a file: not a route of a
/// server, not the target of a request, not a unit as in `5 /s`.
fn is_path(found: &Found<'_>, text: &str, start: usize) -> bool {
    if !text.starts_with('/') {
        return text.len() > 2;
    }
    let mut components = text.split('/').filter(|component| !component.is_empty());
    let Some(first) = components.next() else { return false };
    if ROOTS.contains(&first) {
        return true;
    }
    if components.next().is_none() {
        return first.starts_with(char::is_alphanumeric) && first.trim_end_matches('.').contains('.');
    }
    let is_version =
        first.len() < 4 && first.starts_with('v') && first[1..].bytes().all(|b| b.is_ascii_digit());
    if is_version || ROUTES.contains(&first) {
        return false;
    }
    let before = found.before(start).trim_end_matches(['"', '\'', '`', ' ']);
    !["GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS"]
        .iter()
        .any(|method| before.ends_with(method))
}

#[cfg(test)]
mod tests {
    use crate::redact::tests::{becomes, stays};

    #[test]
    fn unix_paths_go() {
        for path in [
            "/home/ann/.ssh/id_rsa",
            "~/.config/x.toml",
            "~ann/x",
            "../../etc/shadow",
            "./data/x",
            "/tmp",
            "/x.db",
            "/opt/my app/with blanks/x.db",
            "/tmp/é/中.db",
            "//etc//passwd",
            "file:///etc/passwd",
            "sqlite:///x/y.db",
            "sqlite:tasks.db?mode=ro",
            "unix:/run/x.sock",
            ".vespera/tasks.db",
            "data/tasks.db",
            "$HOME/x",
            "%2Fhome%2Fann",
        ] {
            becomes(&[(&format!("open {path}: denied"), "open [path]: denied")]);
            becomes(&[(&format!("(at \"{path}\")"), "(at \"[path]\")")]);
        }
        becomes(&[
            ("copy /a/b to /c/d", "copy [path] to [path]"),
            ("GET /etc/passwd", "GET [path]"),
            ("'/home/ann/a b c' missing", "'[path]' missing"),
            ("path=/srv/x,mode=1", "path=[path],mode=1"),
            ("open /v123/x: denied", "open [path]: denied"),
        ]);
    }

    #[test]
    fn windows_paths_go() {
        for path in [
            r"C:\Users\ann\x.txt",
            r"C:\\Users\\ann\\x.txt",
            "D:/x/y",
            r"C:\Program Files (x86)\a b\c.db",
            r"\\srv01\share$\x",
            r"\\wsl$\Ubuntu\home",
            r"\\\\srv\\share\\x",
            r"\\?\C:\x",
            r"\\.\pipe\x",
            r"%APPDATA%\x\y",
            r"..\..\x.ini",
        ] {
            becomes(&[(&format!("read {path} (os error 5)"), "read [path] (os error 5)")]);
        }
    }

    #[test]
    fn slashes_that_lead_nowhere_stay() {
        stays(&[
            "and/or, yes/no, n/a, 1/2",
            "text/html; charset=utf-8",
            "HTTP/1.1 404 Not Found",
            "GET /tasks/12 took 3 ms",
            "no route /api/task/7, see /docs/",
            "no route /v1/task/7 or /v12/task/7",
            "run in ./ or in ~/ now",
            "https://docs.rs/axum/latest/axum/",
            "panicked at src/main.rs:10:5",
            "5 req /s",
            "{issuer}/.well-known/openid",
            "a // comment",
            r"the regex \d+\s",
            "C: is full",
        ]);
    }
}
