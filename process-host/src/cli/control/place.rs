//! Where a host listens: a socket that nobody but its user can reach, held by one host at a time.

use std::{
    fs::{self, DirBuilder, File, Permissions},
    io::{self, Read, Seek, Write},
    os::unix::{
        ffi::OsStrExt,
        fs::{DirBuilderExt, MetadataExt, PermissionsExt},
    },
    path::{Path, PathBuf},
};

use rustix::{
    fs::{FlockOperation, flock},
    process::getuid,
};
use tokio::net::UnixListener;

/// Characters of a file's name that go into that of its socket; the system allows 107 bytes for the
/// whole path.
const STEM: usize = 24;

/// A place that is held. Dropping it gives it up.
#[derive(Debug)]
pub(crate) struct Held {
    /// Where clients connect.
    pub(crate) socket: PathBuf,
    lock_path: PathBuf,
    /// Locked as long as it is open, and so as long as the host lives, however it ends.
    _lock: File,
}

/// Why a place cannot be had.
#[derive(Debug, thiserror::Error)]
pub(crate) enum PlaceError {
    /// A host is there.
    #[error(
        "{socket} is held by a host that runs: {holder}. See it with `process-host ps --socket {socket}`, or choose another with --socket"
    )]
    Held {
        /// The socket.
        socket: String,
        /// Its process and file, by its own words.
        holder: String,
    },
    /// The folder for sockets is not this user's alone.
    #[error(
        "{folder} is not a folder of this user alone, so no socket can be put there: {why}. Choose another place with --socket"
    )]
    Folder {
        /// The folder.
        folder: String,
        /// What is wrong with it.
        why: &'static str,
    },
    /// The system refused.
    #[error("{path}: {source}")]
    System {
        /// What for.
        path: String,
        /// Its words.
        source: io::Error,
    },
}

/// The folder with the sockets of this user.
pub(crate) fn folder() -> PathBuf {
    match std::env::var_os("XDG_RUNTIME_DIR").filter(|folder| Path::new(folder).is_absolute()) {
        Some(folder) => Path::new(&folder).join("process-host"),
        None => std::env::temp_dir().join(format!("process-host-{}", getuid().as_raw())),
    }
}

/// The socket of the host that runs `file`, a path without links.
pub(crate) fn socket_of(file: &Path) -> PathBuf {
    let stem: String = file
        .file_stem()
        .unwrap_or_default()
        .to_string_lossy()
        .chars()
        .map(|character| if character.is_ascii_alphanumeric() { character } else { '-' })
        .take(STEM)
        .collect();
    folder().join(format!("{stem}-{:016x}.sock", fnv1a(file.as_os_str().as_bytes())))
}

/// The same for the same path with every version of this program, which the standard library's hash
/// does not promise.
fn fnv1a(bytes: &[u8]) -> u64 {
    bytes
        .iter()
        .fold(0xcbf2_9ce4_8422_2325, |hash, byte| (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3))
}

/// The sockets in the folder of this user, of hosts that may be gone.
pub(crate) fn sockets() -> Vec<PathBuf> {
    let entries = fs::read_dir(folder()).into_iter().flatten().flatten().map(|entry| entry.path());
    let mut sockets: Vec<_> =
        entries.filter(|path| path.extension().is_some_and(|end| end == "sock")).collect();
    sockets.sort();
    sockets
}

/// Makes the folder for sockets, for this user alone.
///
/// # Errors
/// [`PlaceError`], also when somebody else made it first.
pub(crate) fn make_folder() -> Result<(), PlaceError> {
    let folder = folder();
    let made = DirBuilder::new().recursive(true).mode(0o700).create(&folder);
    made.map_err(|source| PlaceError::System { path: folder.display().to_string(), source })?;
    let wrong = |why| Err(PlaceError::Folder { folder: folder.display().to_string(), why });
    match fs::symlink_metadata(&folder) {
        Ok(found) if !found.is_dir() => wrong("it is a link"),
        Ok(found) if found.uid() != getuid().as_raw() => wrong("it belongs to somebody else"),
        Ok(found) if found.mode() & 0o077 != 0 => wrong("others may enter it"),
        Ok(_) => Ok(()),
        Err(source) => Err(PlaceError::System { path: folder.display().to_string(), source }),
    }
}

/// Takes the place at `socket`, unless a host that lives holds it. What a dead one left is replaced.
///
/// # Errors
/// [`PlaceError`].
pub(crate) fn take(socket: &Path, file: &Path) -> Result<(Held, UnixListener), PlaceError> {
    let system = |source| PlaceError::System { path: socket.display().to_string(), source };
    let lock_path = lock_of(socket);
    let mut lock = match lock_file(&lock_path).map_err(system)? {
        Ok(lock) => lock,
        Err(mut theirs) => {
            let mut holder = String::new();
            // Somebody who has just taken it may not have written yet.
            let _ = theirs.read_to_string(&mut holder);
            let holder = if holder.is_empty() { "it has just begun".to_owned() } else { holder };
            return Err(PlaceError::Held { socket: socket.display().to_string(), holder });
        }
    };
    let bound = lock
        .set_len(0)
        .and_then(|()| lock.rewind())
        .and_then(|()| write!(lock, "process {}, {}", std::process::id(), file.display()))
        .and_then(|()| bind(socket));
    match bound {
        Ok(listener) => Ok((Held { socket: socket.to_owned(), lock_path, _lock: lock }, listener)),
        Err(error) => {
            let _ = fs::remove_file(&lock_path);
            Err(system(error))
        }
    }
}

/// The process of the host at `socket`, by what it wrote beside it.
///
/// # Errors
/// When nothing was written.
#[cfg(target_os = "linux")]
pub(crate) fn holder(socket: &Path) -> io::Result<i32> {
    let written = fs::read_to_string(lock_of(socket))?;
    let digits: String =
        written.chars().skip_while(|c| !c.is_ascii_digit()).take_while(char::is_ascii_digit).collect();
    digits.parse().map_err(io::Error::other)
}

fn lock_of(socket: &Path) -> PathBuf {
    let mut path = socket.as_os_str().to_owned();
    path.push(".lock");
    path.into()
}

/// The file, locked; or as it is, when somebody else has it locked.
fn lock_file(path: &Path) -> io::Result<Result<File, File>> {
    loop {
        let mut options = File::options();
        let file = options.read(true).write(true).create(true).truncate(false).open(path)?;
        file.set_permissions(Permissions::from_mode(0o600))?;
        match flock(&file, FlockOperation::NonBlockingLockExclusive) {
            Ok(()) => {}
            Err(rustix::io::Errno::WOULDBLOCK) => return Ok(Err(file)),
            Err(error) => return Err(error.into()),
        }
        // Its last holder may have removed it between our opening and locking it.
        if fs::metadata(path).is_ok_and(|now| file.metadata().is_ok_and(|ours| ours.ino() == now.ino())) {
            return Ok(Ok(file));
        }
    }
}

/// Binds the socket. Between that and the change of its permissions it can be connected to as the
/// umask allows; whoever does is asked for who it is.
fn bind(socket: &Path) -> io::Result<UnixListener> {
    use std::os::unix::fs::FileTypeExt;
    match fs::symlink_metadata(socket) {
        Ok(found) if found.file_type().is_socket() => fs::remove_file(socket)?,
        Ok(_) => return Err(io::Error::other("there is a file that is no socket; it is left alone")),
        Err(_) => {}
    }
    let listener = UnixListener::bind(socket)?;
    fs::set_permissions(socket, Permissions::from_mode(0o600))?;
    Ok(listener)
}

impl Drop for Held {
    fn drop(&mut self) {
        // The socket first: as long as the lock is held nobody else can have put another there.
        let _ = fs::remove_file(&self.socket);
        let _ = fs::remove_file(&self.lock_path);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_place_is_held_by_one_and_taken_from_the_dead() {
        let folder = tempfile::tempdir().unwrap();
        let socket = folder.path().join("a.sock");
        let (held, listener) = take(&socket, Path::new("/app.toml")).unwrap();
        assert_eq!(fs::metadata(&socket).unwrap().mode() & 0o777, 0o600);
        let refused = take(&socket, Path::new("/other.toml")).unwrap_err().to_string();
        assert!(refused.contains(&format!("process {}, /app.toml", std::process::id())), "{refused}");
        drop((held, listener));
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);

        // What a killed host leaves: a socket that nobody accepts at, and a lock that nobody holds.
        drop(UnixListener::bind(&socket).unwrap());
        fs::write(folder.path().join("a.sock.lock"), "process 1, /gone.toml").unwrap();
        drop(take(&socket, Path::new("/app.toml")).unwrap());
    }

    #[tokio::test]
    async fn a_file_that_is_no_socket_is_left_alone() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("notes");
        fs::write(&path, "mine").unwrap();
        assert!(take(&path, Path::new("/app.toml")).unwrap_err().to_string().contains("left alone"));
        assert_eq!(fs::read_to_string(&path).unwrap(), "mine");
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
    }

    #[test]
    fn a_socket_is_named_after_its_file() {
        let name =
            |file: &str| socket_of(Path::new(file)).file_name().unwrap().to_string_lossy().into_owned();
        assert!(
            name("/srv/my app.toml").starts_with("my-app-") && name("/srv/my app.toml").ends_with(".sock")
        );
        assert_ne!(name("/a/app.toml"), name("/b/app.toml"));
        assert!(name(&format!("/{}.toml", "x".repeat(200))).len() < 50);
    }
}
