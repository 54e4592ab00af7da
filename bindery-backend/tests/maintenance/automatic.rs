//! The backups that a backend makes by itself.

use std::fs;

use crate::fixture::{Workspace, wait_for};

#[tokio::test]
async fn a_backend_backs_up_what_changed_and_keeps_the_newest() {
    let workspace = Workspace::with_tasks(5).await;
    let before = workspace.well(&["export"]);
    fs::create_dir(workspace.inside("backups")).unwrap();
    let old = ["tasks-20250101T000000Z.db", "tasks-20250102T000000Z.db", "tasks-20250103T000000Z.db"];
    for name in old {
        fs::write(workspace.inside("backups").join(name), "old").unwrap();
    }
    let backend = workspace.serve(&[("BINDERY_BACKUP_KEEP", "2")]);
    let kept = wait_for("a backup", || Some(workspace.backups()).filter(|names| names.len() == 2));
    backend.stop();
    assert_eq!(kept[0], old[2]);

    let other = Workspace::empty();
    other.well(&["restore", workspace.inside("backups").join(&kept[1]).to_str().unwrap()]);
    assert_eq!(other.well(&["export"]), before);

    // Nothing has changed since, and a day has not gone by.
    let backend = workspace.serve(&[("RUST_LOG", "bindery_backend=debug")]);
    wait_for("its look", || backend.log().contains("no backup is due").then_some(()));
    backend.stop();
    assert_eq!(workspace.backups(), kept);
}

#[tokio::test]
async fn a_large_database_is_left_to_the_operator_who_is_told() {
    let workspace = Workspace::with_tasks(1).await;
    let backend = workspace.serve(&[("BINDERY_BACKUP_MAX_BYTES", "1000")]);
    wait_for("the remark", || backend.log().contains("outgrown automatic backups").then_some(()));
    backend.stop();
    assert!(workspace.backups().is_empty());
}
