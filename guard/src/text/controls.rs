//! Control characters and terminal escapes, which have no place in text: a terminal acts on
//! them, and most programs choke on NUL.

use std::sync::LazyLock;

use regex::Regex;

use super::inspection::Change;

/// Terminal escape sequences, then single control characters but tab, newline and carriage
/// return. No alternative can run into another, so matching is linear.
static CONTROLS: LazyLock<Option<Regex>> = LazyLock::new(|| {
    Regex::new(concat!(
        r"(?P<escape>(?:\x1b\[|\u{9b})[0-?]*[ -/]*[@-~]|\x1b\][^\x07\x1b]*(?:\x07|\x1b\\)|\x1b[@-_])",
        r"|[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\u{80}-\u{9f}]",
    ))
    .ok()
});

/// The removal of every control character and terminal escape.
pub(super) fn removals(text: &str) -> Vec<Change> {
    let Some(controls) = CONTROLS.as_ref() else { return Vec::new() };
    let removal = |found: regex::Captures<'_>| {
        let rule = if found.name("escape").is_some() { "terminal_escape" } else { "control_character" };
        Change { range: found.get_match().range(), rule, with: "" }
    };
    controls.captures_iter(text).map(removal).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(text: &str) -> Vec<(&str, &'static str)> {
        removals(text).into_iter().map(|change| (&text[change.range], change.rule)).collect()
    }

    #[test]
    fn controls_are_found_one_by_one_and_sequences_as_a_whole() {
        assert_eq!(
            found("a\0b\tc\r\n\u{7f}"),
            [("\0", "control_character"), ("\u{7f}", "control_character")]
        );
        for sequence in [
            "\x1b[31m",
            "\x1b[2J",
            "\u{9b}1m",
            "\x1b]0;title\x07",
            "\x1b]8;;https://e\x1b\\",
            "\x1bM",
            "\x1b[?25l",
        ] {
            assert_eq!(found(&format!("x{sequence}y")), [(sequence, "terminal_escape")]);
        }
        assert_eq!(found("\x1b \u{85}é"), [("\x1b", "control_character"), ("\u{85}", "control_character")]);
    }

    #[test]
    fn an_unfinished_sequence_loses_its_controls() {
        assert_eq!(found("\x1b]0;no end"), [("\x1b]", "terminal_escape")]);
        assert_eq!(found("\x1b[31"), [("\x1b[", "terminal_escape")]);
        assert_eq!(found("plain é 中 👩‍👩‍👧"), []);
    }
}
