//! Reading lines into the store: all of them, or none.

use std::{
    fs,
    io::{BufRead, Read},
    path::PathBuf,
    sync::Arc,
};

use guard::{Limits, Policy};
use rusqlite::Connection;
use shared_types::{Error, ErrorCode};

use super::{
    PortableError,
    intake::{LineIntake, read_header},
    links::Broken,
    merge::Merge,
    report::ImportReport,
};
use crate::{
    roles::Roles,
    store::{
        Clock, StoreOptions,
        fault::{self, Fault},
        ids::IdGenerator,
        open::{self, Opened},
        progress::Progress,
        sql, sums,
        transaction::Tx,
    },
};

/// The most bytes in one line. The longest that an export writes are documents, and those end at a
/// million characters.
const LONGEST_LINE: u64 = 64 * 1024 * 1024;

/// How an import is done.
#[derive(Debug, Clone)]
pub struct ImportOptions {
    /// The database; made when it is not there.
    pub database: PathBuf,
    /// How deep and long a line may be.
    pub limits: Limits,
    /// What becomes of text that is not plain.
    pub text_guard: Policy,
    /// Whether only to say what would be done.
    pub dry_run: bool,
}

/// Reads an export and merges it into the store, in one transaction. Nobody else may have the
/// database open.
///
/// # Errors
/// What is wrong, and in which line; nothing has been changed then.
pub fn import(
    options: &ImportOptions,
    input: &mut dyn BufRead,
    progress: &dyn Progress,
) -> Result<ImportReport, PortableError> {
    let clock = Clock::system();
    let mut store = StoreOptions::new(&options.database);
    // What an import keeps in mind may outgrow the memory.
    store.temporary_in_memory = false;
    if options.dry_run && !fs::exists(&options.database)? {
        // SQLite makes a database of no name for the time it is open.
        store.path = PathBuf::new();
    }
    let Opened { connection, prepared, sums } = open::writing(&store, &clock)?;
    let imported = import_into(&connection, prepared.last_id, &clock, options, input, progress);
    // What was committed and is not folded in now is left to the next start.
    sums::close(connection, sums);
    imported
}

fn import_into(
    connection: &Connection,
    last_id: i64,
    clock: &Clock,
    options: &ImportOptions,
    input: &mut dyn BufRead,
    progress: &dyn Progress,
) -> Result<ImportReport, PortableError> {
    let transaction = sql::immediate(connection)?;
    let mut ids = IdGenerator::after(last_id);
    let roles = Roles::builtin();
    let tx = Tx {
        connection: &transaction,
        now: clock.now(),
        roles: &roles,
        caller: Arc::default(),
        request_id: None,
        events: Vec::new(),
        ids: &mut ids,
    };
    let merge = Merge::begin(tx, options.dry_run).map_err(|fault| at_line(1, fault))?;
    let intake = LineIntake::new(&options.limits, options.text_guard);
    let report = read_all(merge, &intake, input, progress)?;
    if options.dry_run {
        transaction.rollback()?;
    } else {
        transaction.commit()?;
    }
    Ok(report)
}

fn read_all(
    mut merge: Merge<'_>,
    intake: &LineIntake,
    input: &mut dyn BufRead,
    progress: &dyn Progress,
) -> Result<ImportReport, PortableError> {
    let (mut line, mut bytes) = (Vec::new(), 0);
    while let Some(length) = next_line(input, &mut line, merge.report.lines + 1)? {
        merge.report.lines += 1;
        bytes += length;
        let number = merge.report.lines;
        take(&mut merge, intake, &line).map_err(|fault| at_line(number, fault))?;
        progress.reach(bytes);
        if progress.is_stopped() {
            return Err(PortableError::Stopped);
        }
    }
    let number = merge.report.lines.max(1);
    if merge.report.lines == 0 {
        read_header(b"").map_err(|error| at_line(number, error.into()))?;
    }
    match merge.finish().map_err(|fault| at_line(number, fault))? {
        Some(Broken { line, error }) => Err(at_line(line, error.into())),
        None => Ok(merge.report),
    }
}

fn take(merge: &mut Merge<'_>, intake: &LineIntake, line: &[u8]) -> Result<(), Fault> {
    if merge.report.lines == 1 {
        return Ok(read_header(line)?);
    }
    let (line, guarded) = intake.read(line)?;
    merge.report.guarded += u64::from(guarded);
    merge.take(line)
}

/// Reads a line, without its end, and returns how many bytes it took; `None` at the end of the input.
fn next_line(input: &mut dyn BufRead, line: &mut Vec<u8>, number: u64) -> Result<Option<u64>, PortableError> {
    line.clear();
    let length = input.take(LONGEST_LINE + 1).read_until(b'\n', line)? as u64;
    if length > LONGEST_LINE {
        let message = format!("it is longer than {LONGEST_LINE} bytes");
        return Err(at_line(number, Error::new(ErrorCode::LimitExceeded, message).into()));
    }
    if line.last() == Some(&b'\n') {
        line.pop();
    }
    Ok((length > 0).then_some(length))
}

fn at_line(number: u64, fault: Fault) -> PortableError {
    let error = match fault {
        Fault::Refused(error) => error,
        Fault::Database(error) if fault::is_against_the_rules(&error) => {
            let message = format!("the store cannot take it ({error})");
            Error::new(ErrorCode::InvalidValue, message)
                .suggest("What a line names has to stand before it, or in the store.")
        }
        Fault::Database(error) => return error.into(),
        Fault::Unreadable(error) => return error.into(),
    };
    PortableError::Line { number, error: Box::new(error) }
}
