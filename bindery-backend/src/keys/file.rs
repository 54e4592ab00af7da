//! The key file: a name and a hash in each line.

use std::{
    fs::{self, DirBuilder, File},
    io::{self, Write},
    net::IpAddr,
    os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt},
    path::{Path, PathBuf},
};

use super::{Key, Keys};

/// The file in `.vespera` that is read when no other is named.
pub const FILE_NAME: &str = "api-keys";

/// Bits of a mode: a member of the group may write, or anybody may do anything.
const OPEN_TO_OTHERS: u32 = 0o027;

/// Why the keys cannot be read or written.
#[derive(Debug, thiserror::Error)]
pub enum KeysError {
    /// The system refuses.
    #[error("{} cannot be used: {source}", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// A file that others can change lets others in; one that came with a download is such a file.
    #[error("{} is open to other users: chmod 600 it if the keys in it are yours", path.display())]
    OpenToOthers {
        /// The file.
        path: PathBuf,
    },
    /// A line is none of a key.
    #[error("line {line} of {} is not a name that is new and the 64 digits of a SHA-256", path.display())]
    Line {
        /// The file.
        path: PathBuf,
        /// The line, from 1.
        line: usize,
    },
    /// Nobody could come in, and nobody meant that.
    #[error("{} holds no key: add one with `bindery-backend key NAME --add`, or remove it", path.display())]
    Empty {
        /// The file.
        path: PathBuf,
    },
    /// The name is in use.
    #[error("{} has a key of a name that is in use already", path.display())]
    Taken {
        /// The file.
        path: PathBuf,
    },
    /// Others could come, and nothing would tell them apart.
    #[error(
        "BINDERY_BIND is \"{bind}\", which others can reach, and that needs API keys: make one with \
         `bindery-backend key NAME --add`"
    )]
    Needed {
        /// The address.
        bind: IpAddr,
    },
}

fn refused(path: &Path) -> impl FnOnce(io::Error) -> KeysError {
    move |source| KeysError::Io { path: path.to_owned(), source }
}

impl Keys {
    /// Reads the keys in a file. Empty lines and those that begin with `#` say nothing.
    ///
    /// # Errors
    /// Why they cannot be read.
    pub fn from_file(path: &Path) -> Result<Self, KeysError> {
        let keys = read(path)?;
        if keys.is_empty() { Err(KeysError::Empty { path: path.to_owned() }) } else { Ok(keys) }
    }

    /// Adds a key to a file, which is made when it is not there.
    ///
    /// # Errors
    /// Why that cannot be done.
    pub fn add_to_file(path: &Path, key: Key) -> Result<(), KeysError> {
        if let Some(folder) = path.parent() {
            DirBuilder::new().recursive(true).mode(0o700).create(folder).map_err(refused(path))?;
        }
        let line = format!("{key}\n");
        let mut options = File::options();
        let opened = options.create(true).append(true).mode(0o600).open(path);
        let mut file = opened.map_err(refused(path))?;
        read(path)?.add(key).ok_or_else(|| KeysError::Taken { path: path.to_owned() })?;
        file.write_all(line.as_bytes()).and_then(|()| file.sync_all()).map_err(refused(path))
    }
}

fn read(path: &Path) -> Result<Keys, KeysError> {
    if fs::metadata(path).map_err(refused(path))?.mode() & OPEN_TO_OTHERS != 0 {
        return Err(KeysError::OpenToOthers { path: path.to_owned() });
    }
    let text = fs::read_to_string(path).map_err(refused(path))?;
    let mut keys = Keys::default();
    for (index, line) in text.lines().enumerate() {
        if line.trim().is_empty() || line.starts_with('#') {
            continue;
        }
        let key = line.split_once(' ').and_then(|(name, hash)| Key::read(name, hash.trim()));
        let added = key.and_then(|key| keys.add(key));
        added.ok_or_else(|| KeysError::Line { path: path.to_owned(), line: index + 1 })?;
    }
    Ok(keys)
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    #[test]
    fn keys_are_added_privately_and_read_back() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join(".vespera").join(FILE_NAME);
        let texts = ["laptop", "ci"].map(|name| {
            let (text, key) = Key::generate(name).unwrap().unwrap();
            Keys::add_to_file(&path, key).unwrap();
            text
        });
        assert_eq!(fs::metadata(&path).unwrap().mode() & 0o777, 0o600);
        let keys = Keys::from_file(&path).unwrap();
        assert_eq!(texts.map(|text| keys.find(&text)), [Some(0), Some(1)]);
        let written = fs::read_to_string(&path).unwrap();
        assert!(!written.contains("bnd_"), "{written}");
        let again = Key::generate("ci").unwrap().unwrap().1;
        assert!(matches!(Keys::add_to_file(&path, again), Err(KeysError::Taken { .. })));
    }

    #[test]
    fn what_is_no_key_file_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join(FILE_NAME);
        let read = |text: &str, mode| {
            fs::write(&path, text).unwrap();
            fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
            Keys::from_file(&path).unwrap_err()
        };
        assert!(matches!(read("# none yet\n\n", 0o600), KeysError::Empty { .. }));
        assert!(matches!(read("# a\na b\n", 0o600), KeysError::Line { line: 2, .. }));
        for mode in [0o644, 0o620] {
            assert!(matches!(read("", mode), KeysError::OpenToOthers { .. }));
        }
        assert!(matches!(
            Keys::from_file(folder.path()),
            Err(KeysError::OpenToOthers { .. } | KeysError::Io { .. })
        ));
    }
}
