//! What people see: colour on terminals only, and never a byte of others that a terminal would act on.

mod mistake;
pub mod style;

use std::{
    fmt,
    io::{self, Write},
};

use anstyle::Style;

pub use mistake::explain;

/// `text` in a style.
pub fn styled(style: Style, text: impl fmt::Display) -> String {
    format!("{style}{text}{style:#}")
}

/// Writes `text` and a line end to stdout; styles are left out when it is not a terminal.
///
/// # Errors
/// When stdout cannot be written to, also because its reader has seen enough: see [`has_seen_enough`].
pub fn print(text: &str) -> io::Result<()> {
    let mut stdout = anstream::stdout().lock();
    writeln!(stdout, "{text}")?;
    // A pipe's reader follows what is written as it comes.
    stdout.flush()
}

/// Whether stdout's reader has left, as `head` does: no failure of the command.
pub fn has_seen_enough(error: &(dyn std::error::Error + 'static)) -> bool {
    error.downcast_ref::<io::Error>().is_some_and(|error| error.kind() == io::ErrorKind::BrokenPipe)
}

/// Writes an error to stderr; what follows its first line, such as the end of a program's log, is
/// indented.
pub fn print_error(error: &dyn fmt::Display) {
    let text = harmless(&error.to_string());
    let text = text.trim_end().lines().collect::<Vec<_>>().join("\n  ");
    // If stderr is gone there is nobody left to tell.
    let _ = writeln!(anstream::stderr(), "{}: {text}", styled(style::BAD, "error"));
}

/// Writes a remark to stderr.
pub fn print_remark(text: &str) {
    let _ = writeln!(anstream::stderr(), "{text}");
}

/// `text` with every character that a terminal would act on replaced, save line ends and tabs:
/// what tasks and programs say is written by others.
pub fn harmless(text: &str) -> String {
    text.chars()
        .map(|character| match character {
            '\n' | '\t' => character,
            // Marks that reorder text can make it read as what it is not.
            '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' => '\u{fffd}',
            _ if character.is_control() => '\u{fffd}',
            _ => character,
        })
        .collect()
}

/// `text`, harmless, on one line.
pub fn one_line(text: &str) -> String {
    harmless(text).split_whitespace().collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_terminal_would_act_on_is_replaced() {
        assert_eq!(harmless("a\u{1b}[31mb\u{202e}c\nd\te"), "a\u{fffd}[31mb\u{fffd}c\nd\te");
        assert_eq!(one_line(" a\n  b\t\n"), "a b");
    }
}
