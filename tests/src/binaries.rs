//! Finds the binaries under test, and builds them first.

use std::{
    path::{Path, PathBuf},
    process::Command,
    sync::OnceLock,
};

/// Path of `bindery-mcp` or `bindery-backend`, built from this tree in this profile, or taken
/// from the folder in `BINDERY_BIN_DIR`.
///
/// # Panics
/// When the build fails.
pub fn binary(name: &str) -> PathBuf {
    static FOLDER: OnceLock<PathBuf> = OnceLock::new();
    FOLDER.get_or_init(folder).join(name)
}

fn folder() -> PathBuf {
    if let Some(folder) = std::env::var_os("BINDERY_BIN_DIR") {
        return std::fs::canonicalize(folder).expect("BINDERY_BIN_DIR is a folder");
    }
    let mut build = Command::new(env!("CARGO"));
    build.args(["build", "--quiet", "--package", "mcp-server", "--package", "bindery-backend"]);
    if !cfg!(debug_assertions) {
        build.arg("--release");
    }
    let status = build.current_dir(root()).status().expect("cargo runs");
    assert!(status.success(), "the binaries do not build");
    // This test lies in `target/PROFILE/deps`.
    let test = std::env::current_exe().expect("the test has a path");
    test.parent().and_then(Path::parent).expect("the test lies in a profile's folder").to_owned()
}

/// The repository's root.
pub fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("the crate lies in the repository")
}
