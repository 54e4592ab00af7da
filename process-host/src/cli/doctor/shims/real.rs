//! What a shim stands for.

use std::{
    ffi::{OsStr, OsString},
    path::{Path, PathBuf},
};

use process_host::spec::{ChildSpec, Command, Environment};

use super::{PROMPT, command::find, manager};

/// The real program behind a shim, by the interpreter's own words, or by those of who put it there.
pub(super) async fn of(shim: &Path, who: &str, environment: &Environment) -> Option<PathBuf> {
    let name = shim.file_name()?;
    if let Some(question) = own_words(name)
        && let Some(real) = answer(Command::new(shim).args(question), environment).await
    {
        return Some(real);
    }
    let sees = environment.resolve(std::env::vars_os());
    let path = sees.get(OsStr::new("PATH")).map(OsString::as_os_str);
    // Beside its shims, where it is not on the PATH.
    let beside =
        || shim.parent()?.parent().map(|home| home.join("bin").join(who)).filter(|file| file.is_file());
    let who = find(OsStr::new(who), path).or_else(beside)?;
    answer(Command::new(who).arg("which").arg(name), environment).await
}

/// What makes an interpreter say where it is.
fn own_words(name: &OsStr) -> Option<[&'static str; 2]> {
    match family(name)? {
        "python" => Some(["-c", "import sys; print(sys.executable)"]),
        "node" => Some(["-p", "process.execPath"]),
        _ => Some(["-e", "print RbConfig.ruby"]),
    }
}

/// Arguments with which a program starts, does nothing and ends.
pub(super) fn nothing_to_do(program: &Path) -> &'static [&'static str] {
    match program.file_name().and_then(family) {
        Some("python") => &["-c", ""],
        Some(_) => &["-e", ""],
        None => &["--version"],
    }
}

fn family(name: &OsStr) -> Option<&'static str> {
    let name =
        name.to_str()?.trim_end_matches(|character: char| character.is_ascii_digit() || character == '.');
    ["python", "node", "ruby"].into_iter().find(|family| *family == name)
}

/// The path that a command prints, if that is a program and no shim again.
async fn answer(command: Command, environment: &Environment) -> Option<PathBuf> {
    let mut spec = ChildSpec::new("question", command);
    spec.environment = environment.clone();
    let output = process_host::output(&spec, b"", PROMPT, 16 << 10).await.ok()?;
    let text = String::from_utf8(output.stdout).ok()?;
    let path = PathBuf::from(text.lines().next()?.trim());
    (output.exit.is_success() && path.is_absolute() && path.is_file() && manager(&path).is_none())
        .then_some(path)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_in_a_name_do_not_matter() {
        assert_eq!(family(OsStr::new("python3.11")), Some("python"));
        assert_eq!(family(OsStr::new("node")), Some("node"));
        assert_eq!(family(OsStr::new("npm")), None);
    }
}
