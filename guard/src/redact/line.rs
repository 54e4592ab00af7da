//! One message, one line.

use std::borrow::Cow;

/// `text` with a space for every character that could end or repaint the line it is written on:
/// controls (CR, LF, ESC and the like), the line and paragraph separators, and the marks that
/// reverse the direction of writing.
pub(super) fn on_one_line(text: &str) -> Cow<'_, str> {
    if !text.contains(breaks_the_line) {
        return Cow::Borrowed(text);
    }
    Cow::Owned(text.chars().map(|c| if breaks_the_line(c) { ' ' } else { c }).collect())
}

fn breaks_the_line(c: char) -> bool {
    c.is_control() || matches!(c, '\u{2028}' | '\u{2029}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

#[cfg(test)]
mod tests {
    use crate::redact::tests::{becomes, stays};

    #[test]
    fn a_message_cannot_forge_a_second_line() {
        becomes(&[
            ("a\nb\u{1b}[1m", "a b [1m"),
            ("ok\r\n2026 ERROR forged", "ok  2026 ERROR forged"),
            ("a\u{85}b\u{2028}c\u{202e}d\0", "a b c d "),
        ]);
        stays(&["é ñ 中 👩‍👩‍👧"]);
    }
}
