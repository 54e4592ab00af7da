//! The names of the files that lie beside the database.

use std::path::{Path, PathBuf};

/// The file whose name is that of `database` and `suffix`, such as `-wal`.
pub(super) fn beside(database: &Path, suffix: &str) -> PathBuf {
    let mut path = database.to_owned().into_os_string();
    path.push(suffix);
    path.into()
}
