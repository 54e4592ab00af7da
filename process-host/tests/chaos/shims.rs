//! `process-host doctor`.

use std::{
    fs,
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
};

use serde_json::Value;

use crate::host::{Said, bounded, command};

fn script(path: PathBuf, text: &str) -> PathBuf {
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(&path, text).unwrap();
    fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
    path
}

/// An interpreter, and a shim before it that takes its time; the shim first on the `PATH`.
fn doctor(folder: &Path, arguments: &[&str]) -> (Said, PathBuf) {
    let real = folder.join("versions/3.9/bin/python3");
    let real = script(real.clone(), &format!("#!/bin/sh\necho {}\n", real.display()));
    let shim = format!("#!/bin/sh\nsleep 0.1\nexec {} \"$@\"\n", real.display());
    let shim = script(folder.join(".pyenv/shims/python3"), &shim);
    let mut command = command(folder, &[&["doctor"], arguments].concat());
    command.env("PATH", format!("{}:/usr/bin:/bin", shim.parent().unwrap().display()));
    (bounded(command), real)
}

#[test]
fn a_shim_is_found_with_what_to_write_instead_and_what_it_saves() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(
        folder.path().join("app.toml"),
        "[[child]]\nname = \"tools\"\ncommand = [\"python3\", \"-m\", \"bindery_tools\"]\n",
    )
    .unwrap();
    let (said, real) = doctor(folder.path(), &["app.toml", "--json"]);
    let report: Value = serde_json::from_str(&said.ok()).unwrap();
    let findings = report["findings"].as_array().unwrap();
    let of = |subject: &str| findings.iter().find(|finding| finding["subject"] == subject).unwrap();
    for subject in ["python3", "tools"] {
        let finding = of(subject);
        assert_eq!(
            (&finding["manager"], &finding["verdict"]),
            (&"pyenv".into(), &"note".into()),
            "{finding}"
        );
        assert_eq!(finding["real"], real.to_str().unwrap());
        assert!(finding["saves_ms"].as_f64() > Some(80.0), "{finding}");
    }
    let advice = of("tools")["advice"].as_str().unwrap();
    let instead = format!("write command = [\"{}\", \"-m\", \"bindery_tools\"]\n", real.display());
    assert!(advice.starts_with(&instead), "{advice}");
    assert_eq!(of("kill test")["verdict"], "ok");
    assert_eq!(of("pidfd")["verdict"], "ok");
}

#[test]
fn the_report_for_people_says_the_same() {
    let folder = tempfile::tempdir().unwrap();
    let (said, real) = doctor(folder.path(), &[]);
    let text = said.ok();
    assert!(text.lines().any(|line| line.starts_with("ok    kill test")), "{text}");
    assert!(text.contains("is a shim of pyenv") && text.contains(real.to_str().unwrap()), "{text}");
    assert!(!text.contains('\u{1b}'));
}
