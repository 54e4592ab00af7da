//! Things a test needs that a user's machine may not have.

use std::path::PathBuf;

use crate::binaries::root;

/// Whether the test can go on. Without `found` it says so and is skipped; in CI it fails.
///
/// # Panics
/// In CI, when the extra is missing.
pub fn available(what: &str, found: bool) -> bool {
    if !found {
        assert!(std::env::var_os("CI").is_none(), "{what} is missing");
        eprintln!("skipped: {what} is missing; scripts/setup-tests installs it");
    }
    found
}

/// A file of the acceptance corpora, where they lie beside the repository. They are not part of
/// it, so a test without them is skipped everywhere.
pub fn corpus(file: &str) -> Option<PathBuf> {
    let folder =
        std::env::var_os("BINDERY_CORPORA").map_or_else(|| root().join("../shared/corpora"), PathBuf::from);
    let path = folder.join(file);
    if path.is_file() {
        return Some(path);
    }
    eprintln!("skipped: no corpus {file}; set BINDERY_CORPORA to the folder that holds it");
    None
}
