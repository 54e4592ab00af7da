//! Which program a command really starts.

use std::{
    ffi::OsStr,
    fs::File,
    io::Read,
    os::unix::ffi::OsStrExt,
    path::{Path, PathBuf},
};

use process_host::spec::Command;
use rustix::fs::{Access, access};

/// The program of this name: itself if it holds a slash, else the first on `path`.
pub(super) fn find(name: &OsStr, path: Option<&OsStr>) -> Option<PathBuf> {
    let runs = |file: &Path| file.is_file() && access(file, Access::EXEC_OK).is_ok();
    if name.as_bytes().contains(&b'/') {
        return Some(PathBuf::from(name)).filter(|file| runs(file));
    }
    std::env::split_paths(path?).map(|folder| folder.join(name)).find(|file| runs(file))
}

/// The interpreter that a command starts: its program, or what that names in its first line or is told
/// by `env` to run.
pub(super) fn interpreter(command: &Command, cwd: Option<&Path>, path: Option<&OsStr>) -> Option<PathBuf> {
    let program = find(command.program(), path).map(|program| match cwd {
        Some(cwd) if program.is_relative() => cwd.join(program),
        _ => program,
    })?;
    if program.file_name() == Some(OsStr::new("env")) {
        let is_program = |word: &&std::ffi::OsString| {
            !word.as_bytes().contains(&b'=') && !word.as_bytes().starts_with(b"-")
        };
        return find(command.arguments().iter().find(is_program)?, path);
    }
    // A shim is a script itself; what it is written in is not what it stands for.
    if super::manager(&program).is_some() {
        return Some(program);
    }
    Some(first_line(&program).and_then(|words| named_by(&words, path)).unwrap_or(program))
}

/// The words after `#!`.
fn first_line(program: &Path) -> Option<Vec<String>> {
    let mut head = Vec::new();
    File::open(program).ok()?.take(256).read_to_end(&mut head).ok()?;
    let line = head.strip_prefix(b"#!")?.split(|byte| *byte == b'\n').next()?;
    Some(String::from_utf8_lossy(line).split_whitespace().map(str::to_owned).collect())
}

fn named_by(words: &[String], path: Option<&OsStr>) -> Option<PathBuf> {
    let (program, rest) = words.split_first()?;
    if program.ends_with("/env") {
        return find(
            OsStr::new(rest.iter().find(|word| !word.starts_with('-') && !word.contains('='))?),
            path,
        );
    }
    find(OsStr::new(program), path)
}

/// `command` with `real` in its program's place, as it is written in a file.
pub(super) fn instead(command: &Command, real: &Path) -> String {
    let quote = |text: &str| format!("{text:?}");
    let program = command.program();
    let is_script = first_line(Path::new(program)).is_some() && super::manager(Path::new(program)).is_none();
    let is_env = Path::new(program).file_name() == Some(OsStr::new("env"));
    let mut words = vec![quote(&real.to_string_lossy())];
    if is_script && program.as_bytes().contains(&b'/') {
        words.push(quote(&program.to_string_lossy()));
    }
    let arguments: Vec<_> = command.arguments().iter().map(|word| quote(&word.to_string_lossy())).collect();
    // What stands before the interpreter is for `env`.
    let skipped = if is_env { 1 } else { 0 };
    words.extend(arguments.into_iter().skip(skipped));
    format!("command = [{}]", words.join(", "))
}

#[cfg(test)]
mod tests {
    use std::{fs, os::unix::fs::PermissionsExt};

    use super::*;

    #[test]
    fn the_interpreter_is_found_behind_env_and_in_the_first_line() {
        let folder = tempfile::tempdir().unwrap();
        let make = |name: &str, text: &str| {
            let path = folder.path().join(name);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(&path, text).unwrap();
            fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
            path
        };
        let python = make("bin/python3", "\u{7f}ELF");
        let script = make("serve", "#!/usr/bin/env python3\nprint()\n");
        let binary = make("binary", "\u{7f}ELF");
        let path = folder.path().join("bin:/usr/bin:/bin");
        let path = Some(path.as_os_str());
        let found = |command: Command| interpreter(&command, None, path);
        assert_eq!(found(Command::new("python3").arg("x.py")), Some(python.clone()));
        assert_eq!(found(Command::new("env").args(["A=1", "python3"])), Some(python.clone()));
        assert_eq!(found(Command::new(&script)), Some(python.clone()));
        assert_eq!(found(Command::new(&binary)), Some(binary));
        assert_eq!(found(Command::new("no-such-program")), None);
        let real = Path::new("/real/python3");
        assert_eq!(
            instead(&Command::new(&script).arg("-v"), real),
            format!("command = [\"/real/python3\", {:?}, \"-v\"]", script.display().to_string())
        );
        assert_eq!(instead(&Command::new("python3").arg("x"), real), r#"command = ["/real/python3", "x"]"#);
    }
}
