//! Where the store of a workspace lies, and whether it is free.

use std::path::{Path, PathBuf};

use super::MaintenanceError;
use crate::serve::{Folder, FolderError};

/// The database of the workspace, which has to be there.
pub(super) fn existing(workspace: &Path) -> Result<PathBuf, MaintenanceError> {
    let refused =
        |source| MaintenanceError::Folder(FolderError::Workspace { path: workspace.to_owned(), source });
    let workspace = workspace.canonicalize().map_err(refused)?;
    let database = Folder::database_of(&workspace);
    if database.is_file() {
        return Ok(database);
    }
    // Assistants find the store of a folder above; this command takes exactly the folder it is told.
    let above = workspace.ancestors().skip(1).find(|folder| Folder::database_of(folder).is_file());
    let way = above.map_or_else(
        || "name the folder of one with --workspace".to_owned(),
        |folder| format!("the nearest is that of --workspace {}", folder.display()),
    );
    Err(MaintenanceError::NoStore(format!("there is no store in {}: {way}", workspace.display())))
}

/// Takes the workspace for oneself, for as long as the folder is held.
pub(super) fn alone(workspace: &Path) -> Result<Folder, MaintenanceError> {
    Folder::take(workspace).map_err(|error| match error {
        taken @ FolderError::Taken { .. } => MaintenanceError::Served(taken),
        other => MaintenanceError::Folder(other),
    })
}
