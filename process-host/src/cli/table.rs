//! Columns that line up, and fit.

use anstyle::Style;

use super::terminal::{NAME, harmless};

/// Between two columns.
const GAP: usize = 2;
/// No column is cut shorter.
const NARROWEST: usize = 6;

/// A cell of a table.
#[derive(Debug, Clone)]
pub(super) struct Cell {
    text: String,
    style: Style,
}

impl Cell {
    /// Text, which may be that of others.
    pub(super) fn new(text: impl AsRef<str>) -> Self {
        Self { text: harmless(text.as_ref()).replace(['\n', '\t'], " "), style: Style::new() }
    }

    /// In a style.
    pub(super) fn styled(self, style: Style) -> Self {
        Self { style, ..self }
    }

    fn width(&self) -> usize {
        self.text.chars().count()
    }

    fn cut(&self, width: usize) -> String {
        if self.width() <= width {
            return self.text.clone();
        }
        let kept: String = self.text.chars().take(width.saturating_sub(1)).collect();
        format!("{kept}…")
    }
}

/// A column's head, and where its cells stand.
#[derive(Debug, Clone, Copy)]
pub(super) struct Column {
    /// Its name.
    pub(super) head: &'static str,
    /// Whether it holds numbers, which end at the same place.
    pub(super) right: bool,
    /// Whether its cells may be cut where there is no room.
    pub(super) cut: bool,
}

/// The head and the rows as lines, of at most `room` columns where that is given and can be had.
pub(super) fn lines(columns: &[Column], rows: &[Vec<Cell>], room: Option<usize>) -> Vec<String> {
    let head: Vec<Cell> = columns.iter().map(|column| Cell::new(column.head).styled(NAME)).collect();
    let mut widths: Vec<usize> = (0..columns.len())
        .map(|at| rows.iter().chain([&head]).filter_map(|row| row.get(at)).map(Cell::width).max())
        .map(Option::unwrap_or_default)
        .collect();
    if let Some(room) = room {
        fit(columns, &mut widths, room);
    }
    std::iter::once(&head).chain(rows).map(|row| line(columns, &widths, row)).collect()
}

/// Takes away from the widest column that may be cut, until all fit.
fn fit(columns: &[Column], widths: &mut [usize], room: usize) {
    loop {
        let whole = widths.iter().sum::<usize>() + GAP * widths.len().saturating_sub(1);
        let widest = (0..widths.len())
            .filter(|at| columns[*at].cut && widths[*at] > NARROWEST)
            .max_by_key(|at| widths[*at]);
        match widest {
            Some(widest) if whole > room => widths[widest] -= 1,
            _ => return,
        }
    }
}

fn line(columns: &[Column], widths: &[usize], row: &[Cell]) -> String {
    let mut line = String::new();
    let last = row.len().saturating_sub(1);
    for (at, ((cell, column), width)) in row.iter().zip(columns).zip(widths).enumerate() {
        let text = cell.cut(*width);
        let missing = width - text.chars().count().min(*width);
        let (before, after) = if column.right { (missing, 0) } else { (0, missing) };
        // Nothing stands behind the last column that would have to line up.
        let after = if at == last { 0 } else { after + GAP };
        let style = cell.style;
        line += &format!("{:before$}{style}{text}{style:#}{:after$}", "", "");
    }
    line
}

#[cfg(test)]
mod tests {
    use super::*;

    const COLUMNS: [Column; 3] = [
        Column { head: "NAME", right: false, cut: true },
        Column { head: "PID", right: true, cut: false },
        Column { head: "LAST", right: false, cut: true },
    ];

    fn plain(room: Option<usize>) -> Vec<String> {
        let row = |cells: [&str; 3]| cells.map(Cell::new).to_vec();
        let rows = [row(["web", "7", "-"]), row(["a-long-name", "1234", "exit 3\u{1b}"])];
        let lines = lines(&COLUMNS, &rows, room);
        lines.iter().map(|line| anstream::adapter::strip_str(line).to_string()).collect()
    }

    #[test]
    fn columns_line_up() {
        assert_eq!(
            plain(None),
            ["NAME          PID  LAST", "web             7  -", "a-long-name  1234  exit 3\u{fffd}"]
        );
    }

    #[test]
    fn what_has_no_room_is_cut() {
        assert_eq!(
            plain(Some(20)),
            ["NAME     PID  LAST", "web        7  -", "a-lon…  1234  exit …"],
            "the widest gives way first"
        );
        assert!(plain(Some(5)).iter().all(|line| line.chars().count() <= 20));
    }
}
