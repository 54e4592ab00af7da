//! What people see: colour on terminals only, and never a byte of others that a terminal would act on.

use std::{
    fmt,
    io::{self, IsTerminal, Write},
};

use anstyle::{AnsiColor, Style};
use process_host::State;

/// Names of things.
pub(super) const NAME: Style = Style::new().bold();
/// What is there but not the point.
pub(super) const QUIET: Style = Style::new().dimmed();
/// All is well.
pub(super) const GOOD: Style = AnsiColor::Green.on_default();
/// Worth a look.
pub(super) const NOTE: Style = AnsiColor::Yellow.on_default();
/// Wrong.
pub(super) const BAD: Style = AnsiColor::Red.on_default().bold();

/// Columns of a terminal that does not say how many it has.
const USUAL_COLUMNS: u16 = 80;

/// `text` in a style.
pub(super) fn styled(style: Style, text: impl fmt::Display) -> String {
    format!("{style}{text}{style:#}")
}

/// The style that says how well a state is.
pub(super) fn style_of(state: State) -> Style {
    match state {
        State::Running => GOOD,
        State::Starting | State::Unhealthy | State::Restarting | State::Stopping => NOTE,
        State::Crashed | State::Failed => BAD,
        State::Stopped => QUIET,
    }
}

/// Writes `text` and a line end to stdout; styles are left out when it is not a terminal.
///
/// # Errors
/// When stdout cannot be written to, also because its reader has seen enough.
pub(super) fn print(text: &str) -> io::Result<()> {
    let mut stdout = anstream::stdout().lock();
    writeln!(stdout, "{text}")?;
    // A pipe's reader follows what is written as it comes.
    stdout.flush()
}

/// Writes an error to stderr; what follows its first line, such as the end of a child's standard error,
/// is indented.
pub(super) fn print_error(error: &dyn fmt::Display) {
    let text = harmless(&error.to_string());
    let text = text.trim_end().lines().collect::<Vec<_>>().join("\n  ");
    // If stderr is gone there is nobody left to tell.
    let _ = writeln!(anstream::stderr(), "{}: {text}", styled(BAD, "error"));
}

/// Writes a remark to stderr.
pub(super) fn print_remark(text: &str) {
    let _ = writeln!(anstream::stderr(), "{text}");
}

/// The width of the terminal that stdout is; none when it is something else, and lines may then be as
/// long as they like.
pub(super) fn columns() -> Option<usize> {
    size().map(|(columns, _)| columns)
}

/// Columns and rows of the terminal that stdout is.
pub(super) fn size() -> Option<(usize, usize)> {
    let stdout = io::stdout();
    if !stdout.is_terminal() {
        return None;
    }
    let size = rustix::termios::tcgetwinsize(&stdout).ok();
    let size = size.filter(|size| size.ws_col > 0 && size.ws_row > 0);
    let (columns, rows) = size.map_or((USUAL_COLUMNS, 24), |size| (size.ws_col, size.ws_row));
    Some((columns.into(), rows.into()))
}

/// `text` with every character that a terminal would act on replaced, save line ends and tabs:
/// what children say is written by others.
pub(super) fn harmless(text: &str) -> String {
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
pub(super) fn one_line(text: &str) -> String {
    harmless(text).split_whitespace().collect::<Vec<_>>().join(" ")
}

/// `text` with its lines broken between words where the terminal ends, and all but the first behind
/// `indent` spaces. As it is, where stdout is no terminal.
pub(super) fn wrapped(text: &str, indent: usize) -> String {
    wrapped_at(text, indent, columns().unwrap_or(usize::MAX))
}

fn wrapped_at(text: &str, indent: usize, columns: usize) -> String {
    // Narrower than that, broken lines are harder to read than those that the terminal breaks.
    let room = if columns < indent + 20 { usize::MAX } else { columns - indent };
    let mut lines = Vec::new();
    for paragraph in text.lines() {
        let mut line = String::new();
        for word in paragraph.split(' ') {
            if !line.is_empty() && line.chars().count() + 1 + word.chars().count() > room {
                lines.push(std::mem::take(&mut line));
            }
            if !line.is_empty() {
                line.push(' ');
            }
            line += word;
        }
        lines.push(line);
    }
    lines.join(&format!("\n{:indent$}", ""))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_terminal_would_act_on_is_replaced() {
        assert_eq!(harmless("a\u{1b}[31mb\u{202e}c\nd\te"), "a\u{fffd}[31mb\u{fffd}c\nd\te");
        assert_eq!(one_line(" a\n  b\t\n"), "a b");
    }

    #[test]
    fn long_lines_are_broken_between_words() {
        let broken = wrapped_at("one two three four five\nsix", 4, 24);
        assert_eq!(broken, "one two three four\n    five\n    six");
        assert_eq!(wrapped_at("one two", 4, usize::MAX), "one two");
        assert_eq!(wrapped_at("one two three four five six", 4, 10), "one two three four five six");
    }
}
