//! What the commands say, to people and to programs, when it goes well and when it does not.

use std::{
    fs,
    io::Write,
    process::{Child, Stdio},
};

use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;

use crate::fixture::{Said, Workspace, command_in, names, wait_for};

#[tokio::test]
async fn an_export_goes_through_a_pipe_into_another_workspace_and_back() {
    let (from, to) = (Workspace::with_tasks(5).await, Workspace::empty());
    let lines = from.well(&["export"]);
    let file = from.path().join("a.jsonl");
    from.well(&["export", file.to_str().unwrap()]);
    assert_eq!(fs::read_to_string(&file).unwrap(), lines);

    let report = to.well(&["import", file.to_str().unwrap(), "--dry-run", "--json"]);
    let report: Value = serde_json::from_str(&report).unwrap();
    assert_eq!((&report["kinds"][0]["inserted"], &report["dry_run"]), (&5.into(), &true.into()), "{report}");
    assert!(!to.database().exists());

    let mut import = piped(&to);
    import.stdin.take().unwrap().write_all(lines.as_bytes()).unwrap();
    let said = Said::from(import.wait_with_output().unwrap());
    assert_eq!((said.code, said.stderr.as_str()), (Some(0), ""));
    assert!(said.stdout.contains("11 lines were read into"), "{}", said.stdout);
    assert_eq!(to.well(&["export"]), lines);
}

/// An import that reads from a pipe.
fn piped(workspace: &Workspace) -> Child {
    let mut command = workspace.command(&["import", "-"]);
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()
}

#[tokio::test]
async fn a_signal_ends_an_import_and_leaves_nothing() {
    let (from, to) = (Workspace::with_tasks(5).await, Workspace::with_tasks(1).await);
    let before = to.well(&["export"]);
    let mut import = piped(&to);
    let mut input = import.stdin.take().unwrap();
    input.write_all(from.well(&["export"]).as_bytes()).unwrap();
    // It holds the lock, and waits for more.
    wait_for("the lock", || (to.run(&["vacuum"]).code == Some(3)).then_some(()));
    kill_process(Pid::from_child(&import), Signal::INT).unwrap();
    let said = Said::from(import.wait_with_output().unwrap());
    assert_eq!((said.code, said.stdout.as_str()), (Some(130), ""), "{}", said.stderr);
    assert!(said.stderr.contains("nothing was changed"), "{}", said.stderr);
    drop(input);
    assert_eq!(to.well(&["export"]), before);
    assert!(to.well(&["check"]).contains("is sound"));
}

#[tokio::test]
async fn what_needs_the_store_for_itself_is_refused_while_it_is_served() {
    let workspace = Workspace::with_tasks(2).await;
    let file = workspace.path().join("a.jsonl");
    let copy = workspace.path().join("copy.db");
    let (file, copy) = (file.to_str().unwrap(), copy.to_str().unwrap());
    let backend = workspace.serve(&[]);
    assert_eq!(workspace.well(&["export", file]), format!("5 lines in {file}\n"));
    assert!(workspace.well(&["backup", copy]).contains(copy));
    assert!(workspace.well(&["check"]).contains("stop its backend"));
    for command in [&["import", file][..], &["restore", copy], &["vacuum"]] {
        let (code, said) = workspace.fails(command);
        assert!(code == 3 && said.contains(&format!("pid {}", backend.pid())), "{code}: {said}");
    }
    backend.stop();
    for command in [&["import", file][..], &["restore", copy], &["vacuum"], &["check"]] {
        workspace.well(command);
    }
}

#[tokio::test]
async fn a_newcomer_is_told_what_to_do() {
    let (none, some) = (Workspace::empty(), Workspace::with_tasks(1).await);
    let there = some.path().join("there");
    fs::write(&there, "not an export\n").unwrap();
    let there = there.to_str().unwrap();
    for command in [&["export"][..], &["backup", "x"], &["check"], &["vacuum"]] {
        let (code, said) = none.fails(command);
        assert!(code == 1 && said.contains("there is no store in"), "{said}");
    }
    assert!(!none.inside("").exists(), "looking made nothing");
    let below = some.path().join("below");
    fs::create_dir(&below).unwrap();
    let said = Said::from(command_in(&below, &["export"]).output().unwrap());
    let nearest = format!("--workspace {}", some.path().canonicalize().unwrap().display());
    assert!(said.code == Some(1) && said.stderr.contains(&nearest), "{}", said.stderr);
    for (command, says) in [
        (&["export", there][..], "--force"),
        (&["backup", there], "--force"),
        (&["backup", "/nowhere/x.db"], "No such file"),
        (&["import", there], "line 1: this is no export"),
        (&["import", "/nowhere/x"], "No such file"),
        (&["restore", there], "is not an SQLite database"),
        (&["restore", "/nowhere/x"], "No such file"),
    ] {
        let (code, said) = some.fails(command);
        assert!(code == 1 && said.contains(says), "{command:?}: {said}");
    }
    assert_eq!(fs::read_to_string(there).unwrap(), "not an export\n");
    some.well(&["export", there, "--force"]);
    some.well(&["backup", there, "--force"]);
    assert_eq!(names(some.path()), [".vespera", "below", "there"], "nothing half done lies around");
}

#[tokio::test]
async fn a_reader_that_has_seen_enough_is_no_error() {
    let workspace = Workspace::with_tasks(300).await;
    let mut export = workspace.command(&["export"]);
    let mut export = export.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    drop(export.stdout.take());
    let said = Said::from(export.wait_with_output().unwrap());
    assert_eq!((said.code, said.stderr.as_str()), (Some(0), ""));
}
