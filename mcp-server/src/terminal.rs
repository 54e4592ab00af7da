//! What people see: colour on terminals only, and never a byte that a terminal would act on.

use std::{
    fmt,
    io::{self, Write},
};

use anstyle::{AnsiColor, Style};
use guard::redact::redact_secrets;

/// Names of things.
pub const NAME: Style = Style::new().bold();
/// What is there but not the point.
pub const QUIET: Style = Style::new().dimmed();
/// All is well.
pub const GOOD: Style = AnsiColor::Green.on_default();
/// Worth a look.
pub const NOTE: Style = AnsiColor::Yellow.on_default();
/// Wrong.
pub const BAD: Style = AnsiColor::Red.on_default().bold();

/// `text` in a style.
pub fn styled(style: Style, text: impl fmt::Display) -> String {
    format!("{style}{text}{style:#}")
}

/// Writes `text` and a line end to stdout; styles are left out when it is not a terminal.
///
/// # Errors
/// When stdout cannot be written to. A reader that has seen enough is no error.
pub fn print(text: &str) -> io::Result<()> {
    let written = writeln!(anstream::stdout(), "{text}");
    match written {
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
        other => other,
    }
}

/// Writes an error to stderr, on one line and without secrets.
pub fn print_error(error: &dyn fmt::Display) {
    let line = one_line(&redact_secrets(&error.to_string()));
    // If stderr is gone there is nobody left to tell.
    let _ = writeln!(anstream::stderr(), "{}: {line}", styled(BAD, "error"));
}

/// Writes a remark to stderr.
pub fn print_remark(text: &str) {
    let _ = writeln!(anstream::stderr(), "{text}");
}

/// `text` with every character that a terminal would act on replaced, save line ends and tabs:
/// what tasks say is written by others.
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

/// `text` on one line.
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
