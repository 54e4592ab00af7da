//! The state directory: who may read it, and what lies in it.

use std::{fs, io, os::unix::fs::PermissionsExt, path::Path};

use super::Finding;
use crate::workspace::Workspace;

/// Looks at the state directory, the database and the start lock.
pub(super) fn look(workspace: &Workspace) -> Vec<Finding> {
    let state = workspace.state_dir();
    if !state.exists() {
        return vec![Finding::note("database", "there is none yet; the first call creates it")];
    }
    let mut findings = vec![directory(&state), database(&workspace.database())];
    findings.extend(start_lock(&state.join("start.lock")));
    findings
}

fn directory(state: &Path) -> Finding {
    const SUBJECT: &str = "state";
    let shown = state.display();
    match fs::metadata(state) {
        Err(error) => Finding::wrong(SUBJECT, format!("{shown}: {error}"), "Make it readable for you."),
        Ok(metadata) if !metadata.is_dir() => {
            Finding::wrong(SUBJECT, format!("{shown} is not a directory"), "Move the file away.")
        }
        Ok(metadata) if metadata.permissions().mode() & 0o077 != 0 => {
            Finding::wrong(SUBJECT, format!("{shown} is open to other users"), format!("chmod 700 {shown}"))
        }
        Ok(metadata) if metadata.permissions().mode() & 0o300 != 0o300 => {
            Finding::wrong(SUBJECT, format!("{shown} cannot be written to"), format!("chmod 700 {shown}"))
        }
        Ok(_) => Finding::ok(SUBJECT, format!("{shown}, closed to other users")),
    }
}

fn database(path: &Path) -> Finding {
    const SUBJECT: &str = "database";
    let shown = path.display();
    match fs::metadata(path) {
        Ok(metadata) => Finding::ok(SUBJECT, format!("{shown}, {} kB", metadata.len().div_ceil(1024))),
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            Finding::note(SUBJECT, "there is none yet; the first call creates it")
        }
        Err(error) => Finding::wrong(SUBJECT, format!("{shown}: {error}"), "Make it readable for you."),
    }
}

/// Tells when somebody is starting a backend at this moment. The lock is given back at once.
fn start_lock(path: &Path) -> Option<Finding> {
    let lock = fs::File::open(path).ok()?;
    match lock.try_lock_shared() {
        Err(fs::TryLockError::WouldBlock) => {
            Some(Finding::note("start", "an assistant is starting the backend at this moment"))
        }
        Ok(()) | Err(fs::TryLockError::Error(_)) => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::doctor::Verdict;

    fn workspace(root: &Path) -> Workspace {
        let workspace = Workspace::find(Some(root), root, None).unwrap();
        workspace.prepare().unwrap();
        workspace
    }

    #[test]
    fn a_directory_open_to_others_is_wrong() {
        let root = tempfile::tempdir().unwrap();
        let state = workspace(root.path()).state_dir();
        assert_eq!(directory(&state).verdict, Verdict::Ok);
        fs::set_permissions(&state, fs::Permissions::from_mode(0o755)).unwrap();
        let finding = directory(&state);
        assert_eq!(finding.verdict, Verdict::Wrong);
        assert!(finding.advice.unwrap().starts_with("chmod 700 "));
    }

    #[test]
    fn a_start_in_progress_is_noted() {
        let root = tempfile::tempdir().unwrap();
        let path = workspace(root.path()).state_dir().join("start.lock");
        assert_eq!(start_lock(&path), None);
        let lock = fs::File::create(&path).unwrap();
        assert_eq!(start_lock(&path), None);
        lock.lock().unwrap();
        assert_eq!(start_lock(&path).unwrap().verdict, Verdict::Note);
    }
}
