//! What a child is made of, laid out in memory so that it can be started without allocating.

use std::{
    ffi::{OsStr, OsString},
    io::Write,
    os::{fd::OwnedFd, unix::ffi::OsStrExt},
    path::{Path, PathBuf},
};

use rustix::fs::{Access, MemfdFlags, access, memfd_create};

use crate::process::SpawnError;
use crate::spec::{ChildSpec, Limits};

/// Words at the head of an image: the number of limits, whether there is a directory, the number of
/// arguments, the number of variables.
///
/// After them come the limits, as pairs of words (resource, most); then strings, each closed by NUL:
/// the path to run, the directory if there is one, the arguments, the variables.
pub(super) const HEAD_WORDS: usize = 4;

/// What a child is made of.
#[derive(Debug)]
pub(super) struct Image {
    words: Vec<u64>,
    strings: Vec<u8>,
}

impl Image {
    /// Lays out what `spec` says.
    ///
    /// # Errors
    /// [`SpawnError::NotFound`] when no such program is on the `PATH`, [`SpawnError::Invalid`] when a
    /// string holds NUL.
    pub(super) fn of(spec: &ChildSpec) -> Result<Self, SpawnError> {
        let environment = spec.environment.resolve(std::env::vars_os());
        let path = environment.get(OsStr::new("PATH")).map(OsString::as_os_str);
        let program = find(spec.command.program(), path).ok_or_else(|| SpawnError::NotFound {
            program: spec.command.program().to_string_lossy().into_owned(),
        })?;
        let limits = resource_limits(&spec.limits);
        let mut words = vec![
            limits.len() as u64,
            u64::from(spec.cwd.is_some()),
            1 + spec.command.arguments().len() as u64,
            environment.len() as u64,
        ];
        words.extend(limits.into_iter().flat_map(|(resource, most)| [resource, most]));
        let mut image = Self { words, strings: Vec::new() };
        image.string(&[program.as_os_str()])?;
        if let Some(directory) = &spec.cwd {
            image.string(&[directory.as_os_str()])?;
        }
        image.string(&[spec.command.program()])?;
        spec.command.arguments().iter().try_for_each(|argument| image.string(&[argument]))?;
        environment.iter().try_for_each(|(name, value)| image.string(&[name, OsStr::new("="), value]))?;
        Ok(image)
    }

    /// Writes it to memory that can be handed over.
    pub(super) fn into_memory(self) -> std::io::Result<OwnedFd> {
        let mut memory = std::fs::File::from(memfd_create("process-host-image", MemfdFlags::CLOEXEC)?);
        let mut bytes: Vec<u8> = self.words.iter().flat_map(|word| word.to_ne_bytes()).collect();
        bytes.extend(self.strings);
        memory.write_all(&bytes)?;
        Ok(memory.into())
    }

    fn string(&mut self, parts: &[&OsStr]) -> Result<(), SpawnError> {
        for part in parts {
            if part.as_bytes().contains(&0) {
                return Err(SpawnError::Invalid(
                    "the command, its directory or its environment holds a NUL character",
                ));
            }
            self.strings.extend_from_slice(part.as_bytes());
        }
        self.strings.push(0);
        Ok(())
    }
}

/// The file to run: `program` itself if it holds a slash, else the first of that name on `path`.
fn find(program: &OsStr, path: Option<&OsStr>) -> Option<PathBuf> {
    if program.as_bytes().contains(&b'/') {
        return Some(program.into());
    }
    let runs = |file: &Path| file.is_file() && access(file, Access::EXEC_OK).is_ok();
    std::env::split_paths(path?).map(|directory| directory.join(program)).find(|file| runs(file))
}

fn resource_limits(limits: &Limits) -> Vec<(u64, u64)> {
    let megabytes = |count: u64| count.saturating_mul(1 << 20);
    [
        (libc::RLIMIT_AS, limits.address_space_mb.map(megabytes)),
        (libc::RLIMIT_CPU, limits.cpu_seconds),
        (libc::RLIMIT_NOFILE, limits.open_files),
        (libc::RLIMIT_NPROC, limits.processes),
    ]
    .into_iter()
    .filter_map(|(resource, most)| Some((u64::from(resource), most?)))
    .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn programs_are_found_on_the_childs_own_path() {
        let path = OsStr::new("/nonexistent:/bin");
        assert_eq!(find(OsStr::new("sh"), Some(path)), Some("/bin/sh".into()));
        assert_eq!(find(OsStr::new("./sh"), None), Some("./sh".into()));
        assert_eq!(find(OsStr::new("sh"), None), None);
        assert_eq!(find(OsStr::new("no-such-program"), Some(path)), None);
    }
}
