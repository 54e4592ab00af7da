//! What the commands say when they are done.

use std::{fmt::Write as _, io, io::Write as _, path::Path};

use indicatif::{HumanBytes, HumanCount};
use serde::Serialize;

use super::MaintenanceError;
use crate::store::{
    portable::ImportReport,
    upkeep::{CheckReport, Vacuumed},
};

/// Writes `text` and a line end to standard output. A reader that has seen enough is no error.
pub(super) fn print(text: &str) -> Result<(), MaintenanceError> {
    match writeln!(io::stdout(), "{text}") {
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
        Err(source) => Err(MaintenanceError::Io { what: "standard output".to_owned(), source }),
        Ok(()) => Ok(()),
    }
}

/// Writes `report` as JSON, or as `text` says it.
pub(super) fn report<T: Serialize>(
    report: &T,
    json: bool,
    text: impl FnOnce(&T) -> String,
) -> Result<(), MaintenanceError> {
    if !json {
        return print(&text(report));
    }
    let text = serde_json::to_string_pretty(report)
        .map_err(|error| MaintenanceError::Io { what: "the report".to_owned(), source: error.into() })?;
    print(&text)
}

pub(super) fn bytes(bytes: u64) -> HumanBytes {
    HumanBytes(bytes)
}

pub(super) fn imported(report: &ImportReport, database: &Path) -> String {
    let mut text = format!(
        "{:<10} {:>9} {:>9} {:>9} {:>9} {:>9}\n",
        "", "inserted", "updated", "unchanged", "kept", "conflicts"
    );
    for kind in &report.kinds {
        let [inserted, updated, unchanged, kept, conflicts] =
            [kind.inserted, kind.updated, kind.unchanged, kind.kept, kind.conflicts]
                .map(|count| HumanCount(count).to_string());
        let _ = writeln!(
            text,
            "{:<10} {inserted:>9} {updated:>9} {unchanged:>9} {kept:>9} {conflicts:>9}",
            format!("{}s", kind.kind)
        );
    }
    for conflict in &report.conflicts {
        let _ = writeln!(
            text,
            "line {}: {} {} was not taken: {}",
            conflict.line, conflict.kind, conflict.id, conflict.reason
        );
    }
    if report.guarded > 0 {
        let _ = writeln!(text, "the text guard changed {} lines (BINDERY_TEXT_GUARD)", report.guarded);
    }
    let lines = HumanCount(report.lines);
    let done = if report.dry_run { "would be read; nothing was changed in" } else { "were read into" };
    let _ = write!(text, "{lines} lines {done} {}", database.display());
    text
}

pub(super) fn checked(report: &CheckReport, database: &Path) -> String {
    let mut text = String::new();
    for finding in &report.findings {
        let _ = writeln!(text, "{}: {}", finding.subject, finding.detail);
    }
    if report.sound {
        let _ = write!(text, "{} is sound", database.display());
        if !report.full_text_compared {
            text += "; stop its backend to have the full-text indexes compared with the texts as well";
        }
    } else {
        let _ = write!(text, "{} is damaged: {}", database.display(), report.advice);
    }
    text
}

pub(super) fn vacuumed(report: &Vacuumed) -> String {
    format!("{} before, {} now", bytes(report.bytes_before), bytes(report.bytes_after))
}
