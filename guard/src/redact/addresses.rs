//! Which machines and people there are: addresses, ports, internal host names, mailboxes.

use std::{
    net::{Ipv4Addr, Ipv6Addr},
    ops::Range,
};

use super::rule::{Found, Rule, first_group, rule, whole};

const ADDRESS: &str = "[address]";
const HOST: &str = "[host]";
const PORT: &str = "[port]";

pub(super) static RULES: [Rule; 9] = [
    rule!(
        b"@",
        r#"[^\s@:;,"'<>()\[\]{}/\\=|`&?]+@[A-Za-z0-9-]+(?:\.[A-Za-z0-9-]+)*\.[A-Za-z]{2,24}(?-u:\b)"#,
        whole,
        "[email]"
    ),
    rule!(b":", r"[0-9A-Fa-f:.]{2,64}(?:%[A-Za-z0-9_.-]{1,16})?(?:/[0-9]{1,3})?", ipv6, ADDRESS),
    rule!(b".", r"[0-9]{1,3}(?:\.[0-9]{1,3}){3}(?:/[0-9]{1,2}(?-u:\b))?", ipv4, ADDRESS),
    rule!(b".", INTERNAL, internal_host, HOST),
    // The port of a URL.
    rule!(b":", r#"(?i)[a-z][a-z0-9+.-]*:\\?/\\?/[^\s/\\"'<>`]*?:([0-9]{1,5})(?-u:\b)"#, first_group, PORT),
    // The port of what was named already, of this machine and of a host with a domain.
    rule!(
        b":",
        r"(?i)(?:\[address\]\]?|\[host\]|(?-u:\b)localhost|tcp\([^)\s:]+|\*):([0-9]{1,5})(?-u:\b)",
        first_group,
        PORT
    ),
    rule!(b":,", r"(?i)(?-u:\b)((?:[a-z0-9-]+\.)+[a-z]{2,24})[:,]([0-9]{2,5})(?-u:\b)", domain_port, PORT),
    // A single word is a host where something connects to it.
    rule!(
        b":",
        r"(?i)(?-u:\b)(?:connect(?:ing|ion|ed)?(?: error)?|tcp|udp|dial(?:ing)?|listen(?:ing)?|bind(?:ing)?|bound|host|server|upstream|peer|addr(?:ess)?|resolve)(?-u:\b)[:=\s]{0,3}(?:(?:tcp|to|on|at|with|for|from) ){0,2}[a-z0-9_-]*:([0-9]{2,5})(?-u:\b)",
        first_group,
        PORT
    ),
    rule!(
        b"pP",
        r#"(?i)(?:^|[^A-Za-z])ports?(?: number| no\.?)?["']?\s*[:=#]?\s*["']?([0-9]{2,5}(?:\s*(?:-|,|to|and)\s*[0-9]{2,5})*)(?-u:\b)"#,
        first_group,
        PORT
    ),
];

/// Names in zones that only an own network resolves. Some of their words stand in the middle of
/// public names too, and mean the same there.
const INTERNAL: &str = concat!(
    r"(?i)(?-u:\b)((?:[a-z0-9_][a-z0-9_-]*\.)+",
    r"(?:(?:internal|corp|intranet|intra|lan)(?:\.[a-z0-9-]+){0,4}",
    r"|local|localdomain|localhost|home\.arpa|in-addr\.arpa|ip6\.arpa|svc|cluster\.local|consul|ts\.net|test|invalid))(?-u:\b)",
);

fn ipv4(found: &Found<'_>) -> Option<Range<usize>> {
    let place = found.place();
    let (before, after) = (found.before(place.start), found.after(place.end));
    let address = found.text(0).split('/').next()?;
    address.parse::<Ipv4Addr>().ok()?;
    // A version or an object id may have four parts, too.
    let is_in_a_word = before.ends_with(|c: char| c.is_ascii_alphanumeric() || c == '_' || c == '.')
        || after.starts_with(|c: char| c.is_ascii_alphanumeric() || c == '_')
        || (after.starts_with('.') && after[1..].starts_with(|c: char| c.is_ascii_digit()));
    let words = before.trim_end();
    let is_version = ["version", "release", "v"].iter().any(|word| {
        words.len() >= word.len()
            && words.get(words.len() - word.len()..).is_some_and(|end| end.eq_ignore_ascii_case(word))
    });
    (!is_in_a_word && !is_version).then_some(place)
}

fn ipv6(found: &Found<'_>) -> Option<Range<usize>> {
    let place = found.place();
    let text = found.text(0);
    let digits = text.find(['%', '/']).unwrap_or(text.len());
    let (address, zone) = text.split_at(digits);
    let bare = address.trim_end_matches(['.', ':']);
    let parses = |text: &str| text.parse::<Ipv6Addr>().is_ok();
    // A sentence may go on after the address with a colon or end with a full stop.
    let end = [address, address.get(..address.len().saturating_sub(1))?, bare]
        .into_iter()
        .find(|text| parses(text))?;
    // `a::b` names something in a program.
    let is_name = !end.bytes().any(|byte| byte.is_ascii_digit());
    let before = found.before(place.start);
    let after = found.after(place.start + end.len());
    let inside_a_word = before.ends_with(|c: char| c.is_alphanumeric() || c == '_')
        || after.starts_with(|c: char| c.is_alphanumeric() || c == '_');
    if is_name || inside_a_word {
        return None;
    }
    let length = if end.len() == address.len() { end.len() + zone.len() } else { end.len() };
    Some(place.start..place.start + length)
}

fn internal_host(found: &Found<'_>) -> Option<Range<usize>> {
    let host = found.group(1)?;
    let after = found.after(host.end);
    // A method, a path of modules, a file name or a longer domain.
    let goes_on = after.starts_with(['(', '_', '-'])
        || after.starts_with("::")
        || (after.starts_with('.') && after[1..].starts_with(|c: char| c.is_ascii_alphanumeric()));
    let first = found.text(1).split('.').next()?;
    (!goes_on && !["self", "this", "super"].contains(&first)).then_some(host)
}

/// Ends of file names: what follows their colon is a line.
const SOURCES: [&str; 30] = [
    "rs", "py", "js", "ts", "tsx", "jsx", "mjs", "cjs", "go", "c", "h", "cc", "cpp", "hpp", "java", "kt",
    "rb", "php", "cs", "swift", "sh", "md", "toml", "json", "jsonl", "yaml", "yml", "sql", "html", "txt",
];

fn domain_port(found: &Found<'_>) -> Option<Range<usize>> {
    let end = found.text(1).rsplit('.').next()?;
    let port = found.group(2)?;
    let is_source = SOURCES.iter().any(|source| end.eq_ignore_ascii_case(source));
    let is_list = found.after(found.group(1)?.end).starts_with(',')
        && !found.before(found.place().start).ends_with(['=', ':']);
    (!is_source && !is_list && !found.after(port.end).starts_with([':', '.'])).then_some(port)
}

#[cfg(test)]
mod tests {
    use crate::redact::tests::{becomes, stays};

    #[test]
    fn addresses_go() {
        for address in [
            "10.1.2.3",
            "255.255.255.255",
            "10.0.0.0/8",
            "fe80::1%eth0",
            "2001:db8::ff00:42:8329",
            "::1",
            "::ffff:192.0.2.128",
            "64:ff9b::192.0.2.33",
            "1:2:3:4:5:6:7:8",
            "fd00::/8",
        ] {
            becomes(&[
                (&format!("refused by {address}"), "refused by [address]"),
                (&format!("refused by {address}, again"), "refused by [address], again"),
                (&format!("({address})."), "([address])."),
            ]);
        }
        becomes(&[("owner ann@example.com.", "owner [email].")]);
    }

    #[test]
    fn ports_go() {
        becomes(&[
            ("connect 10.1.2.3:5432", "connect [address]:[port]"),
            ("http://[::1]:80/x", "http://[[address]]:[port]/x"),
            ("localhost:5432 timed out", "localhost:[port] timed out"),
            ("https://h.example:8443/x", "https://h.example:[port]/x"),
            ("Server=tcp:sql.example.net,1433", "Server=tcp:sql.example.net,[port]"),
            ("connect to redis:6379 failed", "connect to redis:[port] failed"),
            ("listening on :8080", "listening on :[port]"),
            ("cannot bind PORT: 8443", "cannot bind PORT: [port]"),
            (r#"{"port":8080}"#, r#"{"port":[port]}"#),
            ("BINDERY_PORT=3000", "BINDERY_PORT=[port]"),
        ]);
    }

    #[test]
    fn internal_hosts_go() {
        for host in [
            "db.internal",
            "a.b.corp",
            "nas.local",
            "x.lan",
            "x.home.arpa",
            "db.prod.svc.cluster.local",
            "db.prod.svc",
            "git.corp.example.com",
        ] {
            becomes(&[(&format!("resolve {host}: failed"), "resolve [host]: failed")]);
            becomes(&[(&format!("https://{host}:443/x"), "https://[host]:[port]/x")]);
            becomes(&[(&format!("resolve {host}."), "resolve [host].")]);
        }
    }

    #[test]
    fn versions_times_and_names_stay() {
        stays(&[
            "version 1.2.3.4",
            "v1.2.3.4-rc.1",
            "oid 1.3.6.1.4.1.311",
            "256.256.256.256",
            "build_10.1.2.3 img.10.1.2.3 10.1.2.3rc1 10.1.2.3_x",
            "zfe80::1 fe80::1z x_fe80::1 fe80::1_x",
            "at 12:30:45.123",
            "2026-11-21T09:32:36",
            "std::fs::File and a::b and Vec::<u8>::new",
            "src/lib.rs:42:13, main.py:120",
            "an internal error in the local store",
            "self.local and cache.local()",
            "cache.local::get",
            "docs.example.com",
            "support 24 imports of 2026 reports",
            "https://docs.rs/axum/0.8.9/axum/",
        ]);
    }
}
