//! Whether the database is sound: as SQLite sees it, and as the store does.

use std::{path::Path, sync::Arc};

use rusqlite::Connection;
use serde::Serialize;

use super::{UpkeepError, advice, invariants};
use crate::store::{
    OpenError, StoreOptions, fault, open,
    progress::{Progress, watch},
    sql::{self, Sql},
    sums::{self, Sums, Verdict},
};

/// When the rows are sound, nothing is lost: what follows from them can be made anew.
const REBUILD: &str = "every row is sound, only what follows from rows is not; `bindery-backend export` and \
    an `import` into an empty workspace make that anew";

/// What a check found.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct CheckReport {
    /// Whether nothing is wrong.
    pub sound: bool,
    /// What is wrong.
    pub findings: Vec<Finding>,
    /// Whether the full-text indexes were compared with the texts, which takes the database for
    /// oneself.
    pub full_text_compared: bool,
    /// What to do about damage; empty when there is none.
    pub advice: String,
}

/// One thing that is wrong.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// What was checked.
    pub subject: &'static str,
    /// What was found.
    pub detail: String,
}

/// Checks the whole database. With `alone`, when nobody else has it open, the full-text indexes are
/// compared with the texts as well.
///
/// # Errors
/// When it cannot be opened for another reason than damage.
pub fn check(database: &Path, alone: bool, progress: &Arc<dyn Progress>) -> Result<CheckReport, UpkeepError> {
    let options = StoreOptions::new(database);
    let mut findings = Vec::new();
    let (mut full_text_compared, mut follows) = (false, false);
    // Somebody who writes meanwhile would make them differ.
    let compared = if alone { Some(open::check::compare_with_sums(&options, u64::MAX)?) } else { None };
    match open::look(&options) {
        Ok((connection, schema)) => {
            watch(&connection, progress, || None)?;
            rules_of_sqlite(&connection, &mut findings)?;
            // What the store expects of a damaged database, or of one it has yet to change, says little.
            if findings.is_empty() && schema == Some(open::known_schema()) {
                rules_of_the_store(&connection, &mut findings)?;
                (full_text_compared, follows) = (alone, true);
            }
            sql::close(connection)?;
        }
        Err(OpenError::NotADatabase(_)) => {
            findings.push(Finding {
                subject: "file",
                detail: "it is not an SQLite database, or its beginning is damaged".into(),
            });
        }
        Err(error) => return Err(error.into()),
    }
    let (verdict, sums) = compared.unwrap_or((Verdict::Unknown, Sums::unknown(database)));
    if full_text_compared {
        full_text_compared = compare_full_text(&options, &verdict, sums, progress, &mut findings)?;
    }
    if let Verdict::Different(detail) = verdict {
        // Where a rule is broken besides, that says more about what to do.
        follows &= !findings.is_empty();
        findings.push(Finding { subject: "sums", detail });
    }
    let sound = findings.is_empty();
    let advice = match (sound, follows) {
        (true, _) => String::new(),
        (_, true) => REBUILD.to_owned(),
        _ => advice(database),
    };
    Ok(CheckReport { sound, findings, full_text_compared, advice })
}

fn rules_of_sqlite(connection: &Connection, findings: &mut Vec<Finding>) -> Result<(), UpkeepError> {
    for (subject, statement) in [
        ("integrity", "PRAGMA integrity_check(20)"),
        (
            "foreign keys",
            "SELECT 'row ' || ifnull(rowid, '?') || ' of ' || \"table\" || ' names a row of ' || parent
                || ' that is not there'
             FROM pragma_foreign_key_check LIMIT 20",
        ),
    ] {
        if !collect(connection, subject, statement, findings)? {
            return Ok(());
        }
    }
    Ok(())
}

fn rules_of_the_store(connection: &Connection, findings: &mut Vec<Finding>) -> Result<(), UpkeepError> {
    for (subject, statement) in invariants::ALL {
        collect(connection, subject, statement, findings)?;
    }
    Ok(())
}

/// Adds what `statement` returns to the findings. Returns false when the database is too damaged to
/// be asked, which is a finding as well.
fn collect(
    connection: &Connection,
    subject: &'static str,
    statement: &'static str,
    findings: &mut Vec<Finding>,
) -> Result<bool, UpkeepError> {
    match connection.all::<String>(statement, ()) {
        Ok(details) => {
            // SQLite's own checks say so when they found nothing.
            let details = details.into_iter().filter(|detail| detail != "ok");
            findings.extend(details.map(|detail| Finding { subject, detail }));
            Ok(true)
        }
        Err(error) if fault::is_not_a_database(&error) => {
            findings.push(Finding { subject, detail: error.to_string() });
            Ok(false)
        }
        Err(error) => Err(error.into()),
    }
}

/// FTS5 compares by a statement that counts as a write, though it changes nothing. Closing then folds in a
/// log that a crash has left, and so the file is not touched if that would hide what is wrong with it.
/// Returns whether it was done.
fn compare_full_text(
    options: &StoreOptions,
    verdict: &Verdict,
    sums: Sums,
    progress: &Arc<dyn Progress>,
    findings: &mut Vec<Finding>,
) -> Result<bool, UpkeepError> {
    let is_kept = matches!(verdict, Verdict::Same);
    if matches!(verdict, Verdict::Different(_)) && open::was_interrupted(options) {
        return Ok(false);
    }
    let sums = if is_kept { Some(open::check::begin(options, sums)?) } else { None };
    let connection = options.writer_of_existing()?;
    let compared = full_text(&connection, progress, findings);
    match sums {
        Some(sums) => sums::close(connection, sums),
        None => sql::close(connection)?,
    }
    compared.map(|()| true)
}

fn full_text(
    connection: &Connection,
    progress: &Arc<dyn Progress>,
    findings: &mut Vec<Finding>,
) -> Result<(), UpkeepError> {
    watch(connection, progress, || None)?;
    for statement in invariants::FULL_TEXT {
        collect(connection, "full text", statement, findings)?;
    }
    Ok(())
}
