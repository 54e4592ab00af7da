//! Interpreters that are shims: a program in their place looks for the real one at every start.

mod command;
mod real;

use std::{
    collections::BTreeMap,
    ffi::{OsStr, OsString},
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

use process_host::spec::{ChildSpec, Command, Environment, Member, SupervisorSpec};
use serde::Serialize;

use super::Finding;
use crate::cli::units;

/// The interpreters that are looked at without being asked for.
const INTERPRETERS: [&str; 4] = ["python3", "python", "node", "ruby"];
/// Starts of each; the median counts.
const STARTS: usize = 5;
/// A start takes no longer.
const PROMPT: Duration = Duration::from_secs(20);

/// A shim, and what it costs.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub(super) struct Shim {
    /// Who put it there.
    manager: &'static str,
    shim: PathBuf,
    real: PathBuf,
    shim_ms: f64,
    real_ms: f64,
    saves_ms: f64,
}

/// A program that is looked at.
struct Subject {
    /// What it is called in the finding.
    name: String,
    program: PathBuf,
    /// The whole command, where it stands in a file.
    command: Option<Command>,
    environment: Environment,
}

/// Looks at the interpreters on the `PATH`, and at the programs of a file.
pub(super) async fn look(spec: Option<&SupervisorSpec>) -> Vec<Finding> {
    let mut findings = Vec::new();
    let mut seen = BTreeMap::new();
    for subject in subjects(spec) {
        // The same program behind two names is timed once.
        if let Some(first) = seen.insert(subject.program.clone(), subject.name.clone())
            && subject.command.is_none()
        {
            let found = format!("{}, as {first}", subject.program.display());
            findings.push(Finding::ok(subject.name, found));
            continue;
        }
        findings.push(look_at(&subject).await);
    }
    findings
}

fn subjects(spec: Option<&SupervisorSpec>) -> Vec<Subject> {
    let everything = Environment::everything();
    let path = std::env::var_os("PATH");
    let mut subjects: Vec<Subject> = INTERPRETERS
        .iter()
        .filter_map(|name| {
            let program = command::find(OsStr::new(name), path.as_deref())?;
            Some(Subject {
                name: (*name).to_owned(),
                program,
                command: None,
                environment: everything.clone(),
            })
        })
        .collect();
    if let Some(spec) = spec {
        of_children(spec, &mut subjects);
    }
    subjects
}

fn of_children(spec: &SupervisorSpec, subjects: &mut Vec<Subject>) {
    for member in &spec.children {
        match member {
            Member::Supervisor(below) => of_children(below, subjects),
            Member::Child(child) => {
                let sees = child.environment.resolve(std::env::vars_os());
                let path = sees.get(OsStr::new("PATH")).map(OsString::as_os_str);
                if let Some(program) = command::interpreter(&child.command, child.cwd.as_deref(), path) {
                    subjects.push(Subject {
                        name: child.name.clone(),
                        program,
                        command: Some(child.command.clone()),
                        environment: child.environment.clone(),
                    });
                }
            }
        }
    }
}

async fn look_at(subject: &Subject) -> Finding {
    let program = &subject.program;
    let Some(manager) = manager(program) else {
        return Finding::ok(&subject.name, format!("{}, no shim", program.display()));
    };
    let found = format!("{} is a shim of {manager}", program.display());
    let Some(real) = real::of(program, manager, &subject.environment).await else {
        return Finding::note(&subject.name, format!("{found}, and does not say what it stands for"))
            .advise("write the path of the real program instead");
    };
    let nothing = real::nothing_to_do(program);
    let (mut shim_times, mut real_times) = (Vec::new(), Vec::new());
    // In turns, so that what else the machine does slows both.
    for _ in 0..STARTS {
        shim_times.extend(time(program, nothing, &subject.environment).await);
        real_times.extend(time(&real, nothing, &subject.environment).await);
    }
    let (Some(shim_time), Some(real_time)) = (median(shim_times), median(real_times)) else {
        return Finding::note(&subject.name, format!("{found} for {}, which does not start", real.display()));
    };
    let saved = shim_time.saturating_sub(real_time);
    let found = format!(
        "{found}: {} a start, where the real one takes {}",
        units::took(shim_time),
        units::took(real_time)
    );
    let instead = match &subject.command {
        Some(command) => command::instead(command, &real),
        None => format!("command = [\"{}\", …]", real.display()),
    };
    let millis = |time: Duration| (time.as_secs_f64() * 1e5).round() / 1e2;
    Finding {
        shim: Some(Shim {
            manager,
            shim: program.clone(),
            real: real.clone(),
            shim_ms: millis(shim_time),
            real_ms: millis(real_time),
            saves_ms: millis(saved),
        }),
        ..Finding::note(&subject.name, found)
            .advise(format!("write {instead}\nwhich saves {} at every start", units::took(saved)))
    }
}

/// Who put a shim at this place; none where there is a program.
fn manager(program: &Path) -> Option<&'static str> {
    const KNOWN: [(&str, &str); 5] =
        [("pyenv", "pyenv"), ("rbenv", "rbenv"), ("nodenv", "nodenv"), ("asdf", "asdf"), ("mise", "mise")];
    let folder = program.parent()?;
    if folder.ends_with("shims") {
        let place = folder.to_string_lossy();
        let known = KNOWN.iter().find(|(part, _)| place.contains(part));
        return Some(known.map_or("a version manager", |(_, name)| name));
    }
    // Volta's are links to one program of its own.
    let leads_to = program.canonicalize().ok()?;
    (leads_to.file_name()? == "volta-shim").then_some("volta")
}

async fn time(program: &Path, arguments: &[&str], environment: &Environment) -> Option<Duration> {
    let mut spec = ChildSpec::new("start", Command::new(program).args(arguments.iter().copied()));
    spec.environment = environment.clone();
    let begun = Instant::now();
    let output = process_host::output(&spec, b"", PROMPT, 1024).await.ok()?;
    output.exit.is_success().then(|| begun.elapsed())
}

fn median(mut times: Vec<Duration>) -> Option<Duration> {
    times.sort();
    times.get(times.len() / 2).copied()
}

#[cfg(test)]
mod tests {
    use std::{fs, os::unix::fs::PermissionsExt};

    use super::*;

    fn script(path: &Path, text: &str) {
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
        fs::set_permissions(path, fs::Permissions::from_mode(0o755)).unwrap();
    }

    #[tokio::test]
    async fn a_shim_is_found_resolved_and_timed() {
        let home = tempfile::tempdir().unwrap();
        let real = home.path().join("versions/3/bin/ruby");
        script(&real, &format!("#!/bin/sh\necho {}\n", real.display()));
        let shim = home.path().join(".rbenv/shims/ruby");
        script(&shim, &format!("#!/bin/sh\nsleep 0.05\nexec {} \"$@\"\n", real.display()));
        let command = Command::new(&shim).arg("serve.rb");
        let subject = Subject {
            name: "web".to_owned(),
            program: shim,
            command: Some(command),
            environment: Environment::default(),
        };
        let finding = look_at(&subject).await;
        let found = finding.shim.clone().unwrap();
        assert_eq!((found.manager, &found.real), ("rbenv", &real));
        assert!(found.saves_ms >= 40.0 && found.shim_ms > found.real_ms, "{found:?}");
        let advice = finding.advice.unwrap();
        assert!(
            advice.starts_with(&format!("write command = [\"{}\", \"serve.rb\"]", real.display())),
            "{advice}"
        );
    }

    #[test]
    fn shims_are_known_by_their_place() {
        assert_eq!(manager(Path::new("/root/.pyenv/shims/python3")), Some("pyenv"));
        assert_eq!(manager(Path::new("/home/a/.local/share/mise/shims/node")), Some("mise"));
        assert_eq!(manager(Path::new("/opt/shims/node")), Some("a version manager"));
        assert_eq!(manager(Path::new("/bin/sh")), None);
        let home = tempfile::tempdir().unwrap();
        script(&home.path().join("volta-shim"), "");
        std::os::unix::fs::symlink(home.path().join("volta-shim"), home.path().join("node")).unwrap();
        assert_eq!(manager(&home.path().join("node")), Some("volta"));
    }
}
