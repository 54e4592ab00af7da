//! Changing somebody's configuration file without ever leaving half of one.

use std::{
    fs::{self, File, Permissions},
    io::{self, Write},
    path::{Path, PathBuf},
    process,
    time::{SystemTime, UNIX_EPOCH},
};

use shared_types::Timestamp;

use super::{ConnectError, entry::Entry, merge, program::Program};

/// What became of a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Written {
    /// It had the entry already.
    Unchanged,
    /// There was none.
    Created,
    /// It was changed.
    Changed {
        /// The file as it was.
        backup: PathBuf,
    },
}

/// Merges `entry` into the file at `path` as `program` reads it.
///
/// # Errors
/// When the file is not what the program reads, which names the line, or cannot be written.
pub fn merge_into(path: &Path, program: Program, entry: &Entry) -> Result<Written, ConnectError> {
    let failed = |cause| ConnectError::File { path: path.display().to_string(), cause };
    // Behind a link is the file that its owner keeps, perhaps under version control.
    let target = path.canonicalize().unwrap_or_else(|_| path.to_owned());
    let old = read(&target).map_err(failed)?;
    let text = old.as_deref().unwrap_or_default();
    let new = merge(program.format(), text, program.section(), entry).map_err(|error| {
        ConnectError::Unreadable { path: path.display().to_string(), line: error.line, cause: error.cause }
    })?;
    match old {
        Some(old) if old == new => Ok(Written::Unchanged),
        Some(_) => {
            let backup = back_up(&target).map_err(failed)?;
            replace(&target, &new).map_err(failed)?;
            Ok(Written::Changed { backup })
        }
        None => {
            let parent = target.parent().unwrap_or(Path::new("."));
            fs::create_dir_all(parent).and_then(|()| replace(&target, &new)).map_err(failed)?;
            Ok(Written::Created)
        }
    }
}

fn read(path: &Path) -> io::Result<Option<String>> {
    match fs::read_to_string(path) {
        Ok(text) => Ok(Some(text)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}

/// Copies the file beside itself, permissions included, under a name with the time.
fn back_up(path: &Path) -> io::Result<PathBuf> {
    let since_epoch = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    let now = Timestamp::from_millis(i64::try_from(since_epoch.as_millis()).unwrap_or(i64::MAX));
    let backup = beside(path, &format!("{}.bak", now.to_string().replace(':', "-")));
    fs::copy(path, &backup)?;
    Ok(backup)
}

/// Writes a new file and puts it in the place of the old one in a single step.
fn replace(path: &Path, text: &str) -> io::Result<()> {
    let permissions = fs::metadata(path).map(|metadata| metadata.permissions()).ok();
    let temporary = beside(path, &format!("{}.tmp", process::id()));
    let written = write_through(&temporary, text, permissions).and_then(|()| fs::rename(&temporary, path));
    if written.is_err() {
        // The error that matters is the first one.
        let _ = fs::remove_file(&temporary);
    }
    written
}

fn write_through(path: &Path, text: &str, permissions: Option<Permissions>) -> io::Result<()> {
    let mut file = File::create_new(path)?;
    if let Some(permissions) = permissions {
        file.set_permissions(permissions)?;
    }
    file.write_all(text.as_bytes())?;
    file.sync_all()
}

fn beside(path: &Path, suffix: &str) -> PathBuf {
    let mut name = path.file_name().unwrap_or_default().to_owned();
    name.push(".");
    name.push(suffix);
    path.with_file_name(name)
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;
    use crate::connect::program::{Places, Scope, System};

    fn entry() -> Entry {
        Entry { command: "bindery-mcp".into(), arguments: Vec::new(), with_type: false }
    }

    #[test]
    fn every_program_gets_its_file_once() {
        for system in [System::Unix, System::MacOs] {
            let root = tempfile::tempdir().unwrap();
            let places = Places::below(&root.path().join("home"), &root.path().join("project"), system);
            for program in Program::ALL {
                for scope in [Scope::User, Scope::Project] {
                    let Some(path) = program.path(scope, &places) else { continue };
                    let write = || merge_into(&path, program, &entry()).unwrap();
                    assert_eq!((write(), write()), (Written::Created, Written::Unchanged), "{program:?}");
                    let text = fs::read_to_string(&path).unwrap();
                    assert!(text.contains(program.section()) && text.contains("bindery-mcp"), "{text}");
                }
            }
        }
    }

    #[test]
    fn a_changed_file_keeps_a_copy_its_permissions_and_its_link() {
        let root = tempfile::tempdir().unwrap();
        let (real, link) = (root.path().join("real.json"), root.path().join("settings.json"));
        fs::write(&real, "{\"a\": 1}").unwrap();
        fs::set_permissions(&real, Permissions::from_mode(0o600)).unwrap();
        std::os::unix::fs::symlink(&real, &link).unwrap();
        let Written::Changed { backup } = merge_into(&link, Program::Gemini, &entry()).unwrap() else {
            panic!("not changed")
        };
        assert_eq!(fs::read_to_string(backup).unwrap(), "{\"a\": 1}");
        assert!(link.is_symlink());
        assert_eq!(real.metadata().unwrap().permissions().mode() & 0o777, 0o600);
        assert_eq!(fs::read_dir(root.path()).unwrap().count(), 3, "no temporary file is left");
    }

    #[test]
    fn a_file_that_cannot_be_read_is_left_alone() {
        let root = tempfile::tempdir().unwrap();
        let path = root.path().join("mcp.json");
        fs::write(&path, "{\n  oops\n}").unwrap();
        let error = merge_into(&path, Program::Cursor, &entry()).unwrap_err().to_string();
        assert!(error.contains("mcp.json, line 2: "), "{error}");
        assert_eq!(fs::read_to_string(&path).unwrap(), "{\n  oops\n}");
        assert_eq!(fs::read_dir(root.path()).unwrap().count(), 1);
    }
}
