//! Markdown links, images and reference definitions that lead to a program.

use memchr::memchr_iter;

use super::{entities, url};
use crate::text::inspection::Change;

/// Escapes the character that makes a link of each dangerous one.
pub(super) fn escapes(text: &str) -> Vec<Change> {
    let bytes = text.as_bytes();
    let mut changes = Vec::new();
    for bracket in memchr_iter(b']', bytes) {
        let at = bracket + 1;
        let with = match bytes.get(at) {
            Some(b'(') => "&#40;",
            Some(b':') => "&#58;",
            _ => continue,
        };
        if url::is_dangerous(destination(&text[at + 1..])) {
            changes.push(Change { range: at..at + 1, rule: "markdown_link", with });
        }
    }
    changes
}

/// The characters of a link's destination: character references and backslash escapes read.
fn destination(text: &str) -> impl Iterator<Item = char> {
    let text = text.trim_start_matches([' ', '\t', '\n', '\r']);
    let text = text.strip_prefix('<').unwrap_or(text);
    let mut characters = entities::decode(text).peekable();
    std::iter::from_fn(move || {
        let next = characters.next()?;
        if next == '\\' {
            return characters.next_if(char::is_ascii_punctuation).or(Some(next));
        }
        Some(next)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_way_to_write_the_destination_is_read() {
        for text in [
            "[x](javascript:a)",
            "![x](JAVASCRIPT:a)",
            "[x]( \n javascript:a \"title\")",
            "[x](<javascript:a>)",
            "[x](javascript&colon;a)",
            "[x](&#106;avascript:a)",
            "[x](javascript\\:a)",
            "[x](data:text/html,a)",
            "[x]:javascript:a",
            "[x]:\n  <javascript:a>",
        ] {
            assert_eq!(escapes(text).len(), 1, "{text}");
        }
    }

    #[test]
    fn other_brackets_are_left_alone() {
        for text in
            ["[x](https://a)", "a[i](x)", "[x] (javascript:a)", "[x]: https://a", "[x]", "](", "[x](script:)"]
        {
            assert_eq!(escapes(text), [], "{text}");
        }
    }
}
