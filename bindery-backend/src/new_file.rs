//! A file that has its name only once it is complete and on the disk.

use std::{
    fs::{self, File},
    io,
    os::unix::fs::OpenOptionsExt,
    path::{Path, PathBuf},
};

/// A file being written, under another name beside its own. Dropped unfinished, it is gone.
#[derive(Debug)]
pub struct NewFile {
    file: File,
    partial: PathBuf,
    target: PathBuf,
    published: bool,
}

impl NewFile {
    /// Begins the file `target`, which only its owner can read.
    ///
    /// # Errors
    /// When it is there and should not be replaced, or its folder cannot be written.
    pub fn create(target: &Path, replace: bool) -> io::Result<Self> {
        let target = std::path::absolute(target)?;
        // A link that leads nowhere is something, too.
        if !replace && target.symlink_metadata().is_ok() {
            return Err(io::Error::new(io::ErrorKind::AlreadyExists, "it is there already"));
        }
        let mut partial = target.clone().into_os_string();
        partial.push(format!(".partial-{:08x}", fastrand::u32(..)));
        let partial = PathBuf::from(partial);
        let file = File::options().create_new(true).read(true).write(true).mode(0o600).open(&partial)?;
        Ok(Self { file, partial, target, published: false })
    }

    /// Where it is written to.
    pub fn path(&self) -> &Path {
        &self.partial
    }

    /// The open file.
    pub const fn file(&mut self) -> &mut File {
        &mut self.file
    }

    /// Puts the content on the disk.
    ///
    /// # Errors
    /// When the disk fails.
    pub fn sync(&self) -> io::Result<()> {
        self.file.sync_all()
    }

    /// Puts the content on the disk, then gives the file its name, which is on the disk too when
    /// this returns.
    ///
    /// # Errors
    /// When the disk fails.
    pub fn publish(mut self) -> io::Result<()> {
        self.sync()?;
        fs::rename(&self.partial, &self.target)?;
        self.published = true;
        sync_folder_of(&self.target)
    }
}

impl Drop for NewFile {
    fn drop(&mut self) {
        if !self.published {
            // It was of use to nobody; that it stays is worth no further fault.
            let _ = fs::remove_file(&self.partial);
        }
    }
}

/// Puts the names in the folder of `path` on the disk.
pub(crate) fn sync_folder_of(path: &Path) -> io::Result<()> {
    match path.parent() {
        Some(folder) => File::open(folder)?.sync_all(),
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::*;

    #[test]
    fn a_file_is_there_whole_or_not_at_all() {
        let folder = tempfile::tempdir().unwrap();
        let target = folder.path().join("a");
        let mut unfinished = NewFile::create(&target, false).unwrap();
        unfinished.file().write_all(b"half").unwrap();
        assert!(!target.exists());
        drop(unfinished);
        assert_eq!(fs::read_dir(&folder).unwrap().count(), 0);

        let mut file = NewFile::create(&target, false).unwrap();
        file.file().write_all(b"whole").unwrap();
        file.publish().unwrap();
        assert_eq!(fs::read(&target).unwrap(), b"whole");
        let refused = NewFile::create(&target, false).unwrap_err();
        assert_eq!(refused.kind(), io::ErrorKind::AlreadyExists);
        NewFile::create(&target, true).unwrap().publish().unwrap();
        assert_eq!(fs::read(&target).unwrap(), b"");
    }
}
