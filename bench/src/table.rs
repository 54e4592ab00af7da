//! The table that people read.

use std::io::{self, Write};

use terminal::style::{GOOD, NOTE};

use crate::measure::{Goal, Row};

/// Prints the rows, with colour on a terminal.
pub(crate) fn print(rows: &[Row]) -> io::Result<()> {
    let width = rows.iter().map(|row| row.what.len()).max().unwrap_or_default();
    let mut out = anstream::stdout().lock();
    let cpu = "µs of processor a request: floor, ours";
    writeln!(
        out,
        "{:width$}  {:>14} {:>14} {:>7}  {:<14} {:<7} {cpu}",
        "", "floor or peer", "ours", "ratio", "goal", ""
    )?;
    for row in rows {
        let floor = row.floor.map_or_else(|| "–".to_owned(), |floor| figure(floor, row.unit));
        let ratio = row.ratio.map_or_else(|| "–".to_owned(), ratio);
        let (style, verdict) = match row.is_met() {
            Some(true) => (GOOD, "met"),
            Some(false) => (NOTE, "missed"),
            None => (NOTE, ""),
        };
        let cpu = row.cpu_us.map_or_else(String::new, |(floor, ours)| format!("{floor:.1}, {ours:.1}"));
        let (ours, goal) = (figure(row.ours, row.unit), goal(row));
        writeln!(
            out,
            "{:width$}  {floor:>14} {ours:>14} {ratio:>7}  {goal:<14} {style}{verdict:<7}{style:#} {cpu}",
            row.what
        )?;
    }
    Ok(())
}

fn figure(value: f64, unit: &str) -> String {
    let number = match value {
        value if value >= 10_000.0 => format!("{:.0} k", value / 1000.0),
        value if value >= 100.0 => format!("{value:.0}"),
        value => format!("{value:.2}"),
    };
    format!("{number} {unit}")
}

fn ratio(value: f64) -> String {
    if value < 0.1 { format!("{value:.4}") } else { format!("{value:.2}") }
}

fn goal(row: &Row) -> String {
    match row.goal {
        Goal::RatioAtLeast(goal) => format!("ratio ≥ {goal}"),
        Goal::RatioAtMost(goal) => format!("ratio ≤ {goal}"),
        Goal::AtLeast(goal) => format!("≥ {}", figure(goal, row.unit)),
        Goal::AtMost(goal) => format!("≤ {}", figure(goal, row.unit)),
        Goal::Told => "–".to_owned(),
    }
}
