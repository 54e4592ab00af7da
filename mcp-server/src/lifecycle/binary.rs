//! Where the backend's executable is, or how it comes to be.

use std::{
    env, io,
    os::fd::AsFd,
    path::{Path, PathBuf},
    time::Duration,
};

use process_host::{
    Exit, Process, SpawnError,
    process::Streams,
    spec::{ChildSpec, Command, Environment},
};
use shared_types::{Error, ErrorCode};

/// Name of the executable, and of the package it is built from.
const NAME: &str = "bindery-backend";

/// An executable and where it was found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Found {
    /// The executable.
    pub path: PathBuf,
    /// Where it was found, in words.
    pub place: &'static str,
}

/// The executable: the one named, else beside this one, on the `PATH`, or in the source tree that
/// this one was built from.
///
/// # Errors
/// When one is named and is no file.
pub fn find(named: Option<&Path>) -> Result<Option<Found>, Error> {
    if let Some(path) = named {
        return match path.is_file() {
            true => Ok(Some(Found { path: path.to_owned(), place: "BINDERY_BACKEND" })),
            false => Err(Error::new(
                ErrorCode::BackendUnavailable,
                format!("BINDERY_BACKEND names {}, which is not a file", path.display()),
            )
            .suggest("Point it to the bindery-backend executable, or unset it.")),
        };
    }
    let beside = env::current_exe().ok().and_then(|own| own.canonicalize().ok());
    let beside = beside.as_deref().and_then(Path::parent).map(|directory| directory.join(NAME));
    let on_path = on_path(NAME);
    let built = source_tree().map(|tree| release_build(&tree));
    let debug = source_tree().map(|tree| tree.join("target/debug").join(NAME));
    Ok([
        (beside, "beside bindery-mcp"),
        (on_path, "on the PATH"),
        (built, "in the source tree"),
        (debug, "in the source tree (debug)"),
    ]
    .into_iter()
    .find_map(|(path, place)| Some(Found { path: path.filter(|path| path.is_file())?, place })))
}

/// What the executable says about its version, such as `bindery-backend 0.1.0`.
pub async fn version(path: &Path) -> Option<String> {
    let spec = ChildSpec::new(NAME, Command::new(path).arg("--version"));
    let output = process_host::output(&spec, b"", Duration::from_secs(2), 1000).await.ok()?;
    let text = String::from_utf8(output.stdout).ok()?;
    output.exit.is_success().then(|| text.trim().to_owned())
}

/// The first file of this name on the `PATH`.
pub fn on_path(name: &str) -> Option<PathBuf> {
    env::split_paths(&env::var_os("PATH")?).map(|directory| directory.join(name)).find(|path| path.is_file())
}

/// The source tree that this program was built from, if it is still there.
pub fn source_tree() -> Option<PathBuf> {
    let tree = Path::new(env!("CARGO_MANIFEST_DIR")).parent()?;
    tree.join(NAME).join("Cargo.toml").is_file().then(|| tree.to_owned())
}

/// Whether this executable may be older than its sources: `cargo run` has brought us up to date, and not what
/// it built beside us before.
pub fn may_be_outdated(executable: &Path) -> bool {
    let cargo_runs_us =
        env::var_os("CARGO_PKG_NAME").is_some_and(|package| package == env!("CARGO_PKG_NAME"));
    cargo_runs_us && source_tree().is_some_and(|tree| release_build(&tree) == executable)
}

/// Where a release build of the source tree puts the executable.
fn release_build(tree: &Path) -> PathBuf {
    tree.join("target/release").join(NAME)
}

/// Builds the executable from the source tree; cargo's progress goes to stderr.
///
/// # Errors
/// When there is no source tree or no cargo, or when the build fails.
pub async fn build() -> Result<PathBuf, Error> {
    let tree = source_tree().filter(|_| on_path("cargo").is_some()).ok_or_else(|| {
        Error::new(ErrorCode::BackendUnavailable, "the bindery-backend executable was not found")
            .suggest("Install it beside bindery-mcp or on the PATH: cargo install --path bindery-backend")
            .suggest("Or set BINDERY_BACKEND to its path.")
    })?;
    tracing::info!(source = %tree.display(), "building bindery-backend; this takes minutes the first time");
    // Without `-p`, which would choose other features for shared dependencies and so build all of
    // them a second time.
    let mut cargo =
        ChildSpec::new("cargo", Command::new("cargo").args(["build", "--release", "--bin", NAME]));
    cargo.cwd = Some(tree.clone());
    cargo.environment = Environment::everything();
    let outcome = build_with(&cargo).await;
    let built = release_build(&tree);
    match outcome {
        Ok(exit) if exit.is_success() && built.is_file() => Ok(built),
        outcome => Err(Error::new(
            ErrorCode::BackendUnavailable,
            match outcome {
                Ok(exit) => format!("building bindery-backend failed: {exit}"),
                Err(error) => format!("cargo could not be run: {error}"),
            },
        )
        .suggest(format!("Run `cargo build --release --bin {NAME}` in Bindery's source tree to see why."))),
    }
}

async fn build_with(cargo: &ChildSpec) -> Result<Exit, SpawnError> {
    // Our own stdout carries the protocol.
    let stderr = io::stderr().as_fd().try_clone_to_owned()?;
    let streams = Streams { stderr, ..Streams::null()? };
    Ok(Process::spawn_on(cargo, streams).await?.ended().await)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_named_executable_must_exist_and_is_taken() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("my-backend");
        assert_eq!(find(Some(&path)).unwrap_err().code, ErrorCode::BackendUnavailable);
        std::fs::write(&path, "").unwrap();
        assert_eq!(find(Some(&path)), Ok(Some(Found { path, place: "BINDERY_BACKEND" })));
    }
}
