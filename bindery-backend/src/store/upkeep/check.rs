//! Whether the database is sound: as SQLite sees it, and as the store does.

use std::{path::Path, sync::Arc};

use serde::Serialize;
use sqlx::{ConnectOptions, Connection, SqliteConnection};

use super::{UpkeepError, advice, invariants};
use crate::store::{
    OpenError, StoreOptions, fault, open,
    progress::{Progress, watch},
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
pub async fn check(
    database: &Path,
    alone: bool,
    progress: &Arc<dyn Progress>,
) -> Result<CheckReport, UpkeepError> {
    let options = StoreOptions::new(database);
    let mut findings = Vec::new();
    let (mut full_text_compared, mut follows) = (false, false);
    // Somebody who writes meanwhile would make them differ.
    let compared = if alone { Some(open::check::compare_with_sums(&options, u64::MAX).await?) } else { None };
    match open::look(&options).await {
        Ok((mut connection, schema)) => {
            watch(&mut connection, progress, || None).await?;
            rules_of_sqlite(&mut connection, &mut findings).await?;
            // What the store expects of a damaged database, or of one it has yet to change, says little.
            if findings.is_empty() && schema == Some(open::known_schema()) {
                rules_of_the_store(&mut connection, &mut findings).await?;
                (full_text_compared, follows) = (alone, true);
            }
            connection.close().await?;
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
        full_text_compared = compare_full_text(&options, &verdict, sums, progress, &mut findings).await?;
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

async fn rules_of_sqlite(
    connection: &mut SqliteConnection,
    findings: &mut Vec<Finding>,
) -> Result<(), UpkeepError> {
    for (subject, statement) in [
        ("integrity", "PRAGMA integrity_check(20)"),
        (
            "foreign keys",
            "SELECT 'row ' || ifnull(rowid, '?') || ' of ' || \"table\" || ' names a row of ' || parent
                || ' that is not there'
             FROM pragma_foreign_key_check LIMIT 20",
        ),
    ] {
        if !collect(connection, subject, statement, findings).await? {
            return Ok(());
        }
    }
    Ok(())
}

async fn rules_of_the_store(
    connection: &mut SqliteConnection,
    findings: &mut Vec<Finding>,
) -> Result<(), UpkeepError> {
    for (subject, statement) in invariants::ALL {
        collect(connection, subject, statement, findings).await?;
    }
    Ok(())
}

/// Adds what `statement` returns to the findings. Returns false when the database is too damaged to
/// be asked, which is a finding as well.
async fn collect(
    connection: &mut SqliteConnection,
    subject: &'static str,
    statement: &'static str,
    findings: &mut Vec<Finding>,
) -> Result<bool, UpkeepError> {
    match sqlx::query_scalar::<_, String>(statement).fetch_all(connection).await {
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
async fn compare_full_text(
    options: &StoreOptions,
    verdict: &Verdict,
    sums: Sums,
    progress: &Arc<dyn Progress>,
    findings: &mut Vec<Finding>,
) -> Result<bool, UpkeepError> {
    let is_kept = matches!(verdict, Verdict::Same);
    if matches!(verdict, Verdict::Different(_)) && open::was_interrupted(options).await {
        return Ok(false);
    }
    let sums = if is_kept { Some(open::check::begin(options, sums).await?) } else { None };
    let mut connection = options.writer().create_if_missing(false).connect().await?;
    let compared = async {
        watch(&mut connection, progress, || None).await?;
        for statement in invariants::FULL_TEXT {
            collect(&mut connection, "full text", statement, findings).await?;
        }
        Ok(true)
    }
    .await;
    match sums {
        Some(sums) => sums::close(connection, sums).await,
        None => connection.close().await?,
    }
    compared
}
