//! Libraries in C that stand between a process and the system.

use std::{
    path::{Path, PathBuf},
    process::Command,
};

use tests::binaries::root;

/// Compiles a source of these tests into `folder`, to be named in `LD_PRELOAD`. The compiler is the one
/// that links every Rust program.
pub(crate) fn compile(source: &str, folder: &Path) -> PathBuf {
    let library = folder.join(Path::new(source).with_extension("so").file_name().unwrap());
    let compiled = Command::new("cc")
        .args(["-shared", "-fPIC", "-O1", "-o"])
        .arg(&library)
        .arg(root().join("tests/tests/reliability").join(source))
        .arg("-ldl")
        .status()
        .unwrap();
    assert!(compiled.success(), "{source} does not compile");
    library
}
