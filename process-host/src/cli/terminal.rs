//! What people see.

use std::io::{self, IsTerminal};

use anstyle::Style;
use process_host::State;
pub(super) use terminal::{
    explain, harmless, has_seen_enough, one_line, print, print_error, print_remark, style::*, styled,
};

/// Columns of a terminal that does not say how many it has.
const USUAL_COLUMNS: u16 = 80;

/// The style that says how well a state is.
pub(super) fn style_of(state: State) -> Style {
    match state {
        State::Running => GOOD,
        State::Starting | State::Unhealthy | State::Restarting | State::Stopping => NOTE,
        State::Crashed | State::Failed => BAD,
        State::Stopped => QUIET,
    }
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
    fn long_lines_are_broken_between_words() {
        let broken = wrapped_at("one two three four five\nsix", 4, 24);
        assert_eq!(broken, "one two three four\n    five\n    six");
        assert_eq!(wrapped_at("one two", 4, usize::MAX), "one two");
        assert_eq!(wrapped_at("one two three four five six", 4, 10), "one two three four five six");
    }
}
