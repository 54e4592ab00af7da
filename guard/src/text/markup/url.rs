//! Addresses that run something when they are followed.

/// Schemes whose address is a program.
const PROGRAMS: [&str; 5] = ["javascript", "vbscript", "livescript", "jscript", "mocha"];
/// Kinds of `data:` that a browser shows as a page.
const PAGES: [&str; 4] = ["text/", "application/", "image/svg", "multipart/"];
const LONGEST: usize = 12;

/// Whether an address, its character references read, is dangerous. As browsers do, it skips
/// what is not printed before it, and tabs and line ends anywhere.
pub(super) fn is_dangerous(address: impl Iterator<Item = char>) -> bool {
    let mut address = address
        .skip_while(|c| *c <= ' ')
        .filter(|c| !matches!(c, '\t' | '\n' | '\r'))
        .map(|c| c.to_ascii_lowercase());
    let mut head = |stop: char| -> Option<String> {
        let mut word = String::new();
        for c in address.by_ref() {
            if c == stop {
                return Some(word);
            }
            if !c.is_ascii() || word.len() == LONGEST {
                break;
            }
            word.push(c);
        }
        (stop == '\0').then_some(word)
    };
    match head(':') {
        Some(scheme) if PROGRAMS.contains(&scheme.as_str()) => true,
        Some(scheme) if scheme == "data" => {
            let kind = head('\0').unwrap_or_default();
            PAGES.iter().any(|page| kind.trim_start().starts_with(page))
        }
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn programs_and_pages_are_dangerous_however_they_are_written() {
        for address in [
            "javascript:alert(1)",
            "JavaScript:x",
            "\u{1} java\tscr\nipt:x",
            "vbscript:x",
            "data:text/html,x",
            "data: text/html;base64,x",
            "data:image/svg+xml,x",
            "data:application/xhtml+xml,x",
        ] {
            assert!(is_dangerous(address.chars()), "{address}");
        }
    }

    #[test]
    fn other_addresses_are_not() {
        for address in [
            "https://example.com/javascript:x",
            "javascript",
            "/data:text/html",
            "data:image/png;base64,x",
            "data:item",
            "mailto:a@example.com",
            "",
            "notjavascript:x",
            "xjavascriptjavascript:x",
        ] {
            assert!(!is_dangerous(address.chars()), "{address}");
        }
    }
}
