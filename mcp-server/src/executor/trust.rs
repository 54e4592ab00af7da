//! Which roles files may run programs: those that the operator allowed, as they were then.
//!
//! A roles file lies in the workspace, and a workspace may come from strangers. So what it would run
//! is run only after `bindery-mcp trust`, which remembers a digest of the file outside the workspace.
//! A file that was changed since is a stranger again.

use std::{
    env, fs, io,
    path::{Path, PathBuf},
};

use sha2::{Digest, Sha256};

/// Whether the operator allowed the file at `path`, with these contents, to run programs.
pub fn is_trusted(path: &Path, contents: &[u8]) -> bool {
    let line = line(path, contents);
    record()
        .and_then(|record| fs::read_to_string(record).ok())
        .is_some_and(|known| known.lines().any(|known| known == line))
}

/// Remembers that the file at `path`, with these contents, may run programs. Returns where.
///
/// # Errors
/// When that cannot be written, or there is no home directory.
pub fn trust(path: &Path, contents: &[u8]) -> io::Result<PathBuf> {
    rewrite(path, Some(line(path, contents)))
}

/// Forgets that the file at `path` may run programs.
///
/// # Errors
/// When that cannot be written, or there is no home directory.
pub fn revoke(path: &Path) -> io::Result<PathBuf> {
    rewrite(path, None)
}

fn rewrite(path: &Path, line: Option<String>) -> io::Result<PathBuf> {
    use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};

    let record =
        record().ok_or_else(|| io::Error::new(io::ErrorKind::NotFound, "there is no home directory"))?;
    let folder = record.parent().unwrap_or(Path::new("."));
    fs::DirBuilder::new().recursive(true).mode(0o700).create(folder)?;
    let known = match fs::read_to_string(&record) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        known => known.unwrap_or_default(),
    };
    let name = name(path);
    let others = known.lines().filter(|known| known.split_once(' ').is_none_or(|(_, of)| of != name));
    let text: String = others.map(str::to_owned).chain(line).map(|line| line + "\n").collect();
    let temporary = record.with_extension(format!("{}.tmp", std::process::id()));
    let mut file =
        fs::File::options().create(true).truncate(true).write(true).mode(0o600).open(&temporary)?;
    io::Write::write_all(&mut file, text.as_bytes())?;
    file.sync_all()?;
    fs::rename(&temporary, &record)?;
    Ok(record)
}

fn line(path: &Path, contents: &[u8]) -> String {
    let digest: String = Sha256::digest(contents).iter().map(|byte| format!("{byte:02x}")).collect();
    format!("{digest} {}", name(path))
}

/// The path on one line.
fn name(path: &Path) -> String {
    format!("{:?}", path.as_os_str())
}

/// Where it is remembered: with the state of the user's programs, never in a workspace.
fn record() -> Option<PathBuf> {
    let given = env::var_os("XDG_STATE_HOME").map(PathBuf::from).filter(|path| path.is_absolute());
    let state = given.or_else(|| env::home_dir().map(|home| home.join(".local/state")))?;
    Some(state.join("bindery/trusted-roles"))
}
