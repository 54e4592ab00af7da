//! `.vespera`: the folder of the data, and the lock that makes it ours.

use std::{
    fs::{self, DirBuilder, File, TryLockError},
    io,
    os::unix::{
        ffi::OsStrExt,
        fs::{DirBuilderExt, MetadataExt, OpenOptionsExt},
    },
    path::{Path, PathBuf},
};

use sha2::{Digest, Sha256};

use shared_types::announcement::{self, Announcement};

use super::announce;

/// Socket addresses end at 107 bytes on Linux, and at 103 elsewhere.
const SOCKET_PATH_LIMIT: usize = 100;

/// Why the workspace cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum FolderError {
    /// It is not there, or not a folder.
    #[error("the workspace {} cannot be used: {source}", path.display())]
    Workspace {
        /// The workspace.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// Another backend serves it.
    #[error("another backend serves this workspace{}", describe(running.as_deref()))]
    Taken {
        /// What that backend says about itself.
        running: Option<Box<Announcement>>,
    },
    /// Something in it, or for it, cannot be read or written.
    #[error("{} cannot be used: {source}", path.display())]
    Inside {
        /// The file or folder.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// The folder for sockets belongs to somebody else.
    #[error("{} is open to other users: remove it, or set XDG_RUNTIME_DIR", path.display())]
    NotPrivate {
        /// The folder.
        path: PathBuf,
    },
}

fn describe(running: Option<&Announcement>) -> String {
    let Some(running) = running else { return ", or a command works on its store".to_owned() };
    let socket = || running.socket.display().to_string();
    let place = running.url.clone().unwrap_or_else(socket);
    format!(": pid {}, version {}, at {place}", running.pid, running.version)
}

fn inside(path: &Path) -> impl FnOnce(io::Error) -> FolderError {
    move |source| FolderError::Inside { path: path.to_owned(), source }
}

/// The folder, for as long as it is ours.
#[derive(Debug)]
pub(crate) struct Folder {
    workspace: PathBuf,
    path: PathBuf,
    /// The system lets go of it when the process ends, however it ends.
    _lock: File,
}

impl Folder {
    /// Makes the folder if need be, and takes its lock.
    pub(crate) fn take(workspace: &Path) -> Result<Self, FolderError> {
        let refused = |source| FolderError::Workspace { path: workspace.to_owned(), source };
        let workspace = workspace.canonicalize().map_err(refused)?;
        let path = workspace.join(".vespera");
        create_private(&path).map_err(inside(&path))?;
        let lock = lock(&path)?;
        let ignore = path.join(".gitignore");
        if !ignore.exists() {
            fs::write(&ignore, "*\n").map_err(inside(&ignore))?;
        }
        Ok(Self { workspace, path, _lock: lock })
    }

    /// The workspace, as an absolute path.
    pub(super) fn workspace(&self) -> &Path {
        &self.workspace
    }

    /// The database file.
    pub(crate) fn database(&self) -> PathBuf {
        Self::database_of(&self.workspace)
    }

    /// The database file that `workspace` has, if it has one.
    pub(crate) fn database_of(workspace: &Path) -> PathBuf {
        workspace.join(".vespera/tasks.db")
    }

    /// The operator's roles, if there are any.
    pub(super) fn roles(&self) -> Option<PathBuf> {
        Some(self.path.join("roles.toml")).filter(|file| file.exists())
    }

    /// Where the socket lies: in the folder, or, where its path would be too long for one, in a
    /// folder of our own under a name made from the workspace.
    pub(super) fn socket(&self) -> Result<PathBuf, FolderError> {
        let usual = self.path.join("backend.sock");
        if usual.as_os_str().len() <= SOCKET_PATH_LIMIT {
            return Ok(usual);
        }
        let hash = Sha256::digest(self.workspace.as_os_str().as_bytes());
        let name: String = hash.iter().take(8).map(|byte| format!("{byte:02x}")).collect();
        Ok(socket_folder()?.join(format!("{name}.sock")))
    }

    /// Says where the backend listens.
    pub(super) fn announce(&self, about: &Announcement) -> Result<(), FolderError> {
        let path = self.path.join(announcement::FILE_NAME);
        announce::write(about, &path).map_err(inside(&path))
    }

    /// Takes that back, so that nobody comes to a backend that is leaving. What is gone already
    /// needs no taking back, and nothing else can be done about the rest.
    pub(super) fn withdraw(&self) {
        let _ = fs::remove_file(self.path.join(announcement::FILE_NAME));
        if let Ok(socket) = self.socket() {
            let _ = fs::remove_file(socket);
        }
    }
}

/// Makes a folder that only its owner can enter, unless it is there.
fn create_private(path: &Path) -> io::Result<()> {
    match DirBuilder::new().mode(0o700).create(path) {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists && path.is_dir() => Ok(()),
        result => result,
    }
}

fn lock(folder: &Path) -> Result<File, FolderError> {
    let path = folder.join("backend.lock");
    let mut options = File::options();
    let file =
        options.create(true).truncate(false).write(true).mode(0o600).open(&path).map_err(inside(&path))?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => {
            let running = announce::read(&folder.join(announcement::FILE_NAME)).map(Box::new);
            Err(FolderError::Taken { running })
        }
        Err(TryLockError::Error(source)) => Err(FolderError::Inside { path, source }),
    }
}

/// A folder for sockets that nobody else can enter. `/tmp` is everybody's, so what stands there
/// under our name is not taken on trust.
fn socket_folder() -> Result<PathBuf, FolderError> {
    let own = rustix::process::getuid().as_raw();
    let path = match std::env::var_os("XDG_RUNTIME_DIR").filter(|folder| !folder.is_empty()) {
        Some(folder) => Path::new(&folder).join("bindery"),
        None => PathBuf::from(format!("/tmp/bindery-{own}")),
    };
    create_private(&path).map_err(inside(&path))?;
    let found = fs::symlink_metadata(&path).map_err(inside(&path))?;
    if found.is_dir() && found.uid() == own && found.mode() & 0o077 == 0 {
        return Ok(path);
    }
    Err(FolderError::NotPrivate { path })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_is_made_private_and_taken_once() {
        let workspace = tempfile::tempdir().unwrap();
        let folder = Folder::take(workspace.path()).unwrap();
        assert_eq!(fs::metadata(&folder.path).unwrap().mode() & 0o777, 0o700);
        assert_eq!(fs::read_to_string(folder.path.join(".gitignore")).unwrap(), "*\n");
        assert!(matches!(Folder::take(workspace.path()), Err(FolderError::Taken { running: None })));
        drop(folder);
        assert!(Folder::take(workspace.path()).is_ok());
    }

    #[test]
    fn a_workspace_that_is_not_there_is_named() {
        let workspace = tempfile::tempdir().unwrap().path().join("gone");
        let error = Folder::take(&workspace).unwrap_err();
        assert!(error.to_string().contains("gone"), "{error}");
    }

    #[test]
    fn a_long_path_gets_its_socket_elsewhere() {
        let workspace = tempfile::tempdir().unwrap();
        let deep = workspace.path().join("x".repeat(SOCKET_PATH_LIMIT));
        fs::create_dir(&deep).unwrap();
        let socket = Folder::take(&deep).unwrap().socket().unwrap();
        assert!(socket.as_os_str().len() <= SOCKET_PATH_LIMIT, "{}", socket.display());
    }
}
