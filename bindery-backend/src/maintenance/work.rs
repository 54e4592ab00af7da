//! Carrying the commands out.

use std::{
    fs::File,
    io::{self, BufReader, BufWriter, Write},
    os::fd::AsFd,
    path::Path,
    sync::Arc,
};

use tokio_util::sync::CancellationToken;

use super::{
    Command, Done, MaintenanceError,
    bar::{Bar, Step},
    place, tell,
};
use crate::{
    config::Config,
    new_file::NewFile,
    store::{
        Clock,
        portable::{self, ImportOptions, PortableError},
        progress::Progress,
        upkeep,
    },
};

pub(super) fn carry_out(
    config: &Config,
    command: Command,
    stop: CancellationToken,
) -> Result<Done, MaintenanceError> {
    let workspace = config.workspace.as_path();
    let bar = |what, step| -> Arc<dyn Progress> { Arc::new(Bar::new(what, step, stop.clone())) };
    match command {
        Command::Export { file, force } => {
            let database = place::existing(workspace)?;
            let file = file.filter(|file| file.as_os_str() != "-");
            export(&database, file.as_deref(), force, bar("exporting", Step::Line))
        }
        Command::Import { file, dry_run, json } => {
            let folder = place::alone(workspace)?;
            let options = ImportOptions {
                database: folder.database(),
                limits: config.limits.clone(),
                text_guard: config.text_guard,
                dry_run,
            };
            import(&options, &file, json, bar("importing", Step::Byte))
        }
        Command::Backup { file, force } => {
            let database = place::existing(workspace)?;
            refuse_existing(&file, force)?;
            let bytes = upkeep::back_up(&database, &file, force, &bar("copying", Step::Byte))?;
            tell::print(&format!("{} in {}", tell::bytes(bytes), file.display()))?;
            Ok(Done::Well)
        }
        Command::Restore { file } => restore(workspace, &file, bar("checking and copying", Step::Byte)),
        Command::Check { json } => check(workspace, json, bar("checking", Step::Byte)),
        Command::Vacuum { json } => {
            place::existing(workspace)?;
            let folder = place::alone(workspace)?;
            let vacuumed = upkeep::vacuum(&folder.database(), &bar("writing anew", Step::Byte))?;
            tell::report(&vacuumed, json, tell::vacuumed)?;
            Ok(Done::Well)
        }
    }
}

fn export(
    database: &Path,
    file: Option<&Path>,
    force: bool,
    bar: Arc<dyn Progress>,
) -> Result<Done, MaintenanceError> {
    let Some(path) = file else {
        let mut output = BufWriter::new(io::stdout());
        return match portable::export(database, &mut output, &*bar) {
            // A reader that has seen enough is no error.
            Err(PortableError::Io(error)) if error.kind() == io::ErrorKind::BrokenPipe => Ok(Done::Well),
            Err(source) => Err(MaintenanceError::Portable { what: "standard output".to_owned(), source }),
            Ok(_) => Ok(Done::Well),
        };
    };
    refuse_existing(path, force)?;
    let what = || path.display().to_string();
    let failed = |source| MaintenanceError::Io { what: what(), source };
    let mut target = NewFile::create(path, force).map_err(failed)?;
    let mut output = BufWriter::new(target.file());
    let lines = portable::export(database, &mut output, &*bar)
        .map_err(|source| MaintenanceError::Portable { what: what(), source })?;
    output.flush().map_err(failed)?;
    drop(output);
    target.publish().map_err(failed)?;
    drop(bar);
    tell::print(&format!("{lines} lines in {}", path.display()))?;
    Ok(Done::Well)
}

fn import(
    options: &ImportOptions,
    file: &Path,
    json: bool,
    bar: Arc<dyn Progress>,
) -> Result<Done, MaintenanceError> {
    let what =
        || if file.as_os_str() == "-" { "standard input".to_owned() } else { file.display().to_string() };
    let input = open_input(file).map_err(|source| MaintenanceError::Io { what: what(), source })?;
    if let Some(length) = input.metadata().ok().filter(|found| found.is_file()).map(|found| found.len()) {
        bar.begin(length);
    }
    let mut input = BufReader::new(input);
    let report = portable::import(options, &mut input, &*bar)
        .map_err(|source| MaintenanceError::Portable { what: what(), source })?;
    drop(bar);
    tell::report(&report, json, |report| tell::imported(report, &options.database))?;
    Ok(Done::Well)
}

/// Standard input is read as a file, so that waiting for it can be given up.
fn open_input(file: &Path) -> io::Result<File> {
    if file.as_os_str() == "-" {
        return Ok(File::from(io::stdin().as_fd().try_clone_to_owned()?));
    }
    File::open(file)
}

fn restore(workspace: &Path, file: &Path, bar: Arc<dyn Progress>) -> Result<Done, MaintenanceError> {
    let folder = place::alone(workspace)?;
    let database = folder.database();
    let aside = upkeep::restore(&database, file, Clock::system().now(), &bar)?;
    drop(bar);
    tell::print(&format!("{} is now as in {}", database.display(), file.display()))?;
    if let Some(aside) = aside {
        tell::print(&format!("what was there before is in {}", aside.display()))?;
    }
    Ok(Done::Well)
}

fn check(workspace: &Path, json: bool, bar: Arc<dyn Progress>) -> Result<Done, MaintenanceError> {
    let database = place::existing(workspace)?;
    // Held until the end: no backend starts in the middle.
    let folder = place::alone(workspace).ok();
    let report = upkeep::check(&database, folder.is_some(), &bar)?;
    drop(bar);
    tell::report(&report, json, |report| tell::checked(report, &database))?;
    Ok(if report.sound { Done::Well } else { Done::Damaged })
}

fn refuse_existing(file: &Path, force: bool) -> Result<(), MaintenanceError> {
    if !force && file.symlink_metadata().is_ok() {
        return Err(MaintenanceError::Exists(file.display().to_string()));
    }
    Ok(())
}
