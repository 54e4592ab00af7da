//! A database that was damaged: recognized, left alone, and replaced by its backup.

use std::fs;

use crate::fixture::Workspace;

#[tokio::test]
async fn the_way_from_damage_to_a_restored_store_is_told_at_each_step() {
    let workspace = Workspace::with_tasks(200).await;
    let before = workspace.well(&["export"]);
    fs::create_dir(workspace.inside("backups")).unwrap();
    for name in ["tasks-20260101T000000Z.db", "tasks-20260301T120000Z.db"] {
        workspace.well(&["backup", workspace.inside("backups").join(name).to_str().unwrap()]);
    }
    let mut bytes = fs::read(workspace.database()).unwrap();
    let half = bytes.len() / 2;
    bytes[half..half + 30_000].fill(0xaa);
    fs::write(workspace.database(), &bytes).unwrap();

    let newest = workspace.inside("backups/tasks-20260301T120000Z.db").canonicalize().unwrap();
    let way = format!("`bindery-backend restore {}`", newest.display());
    let (code, said) = workspace.fails(&["serve"]);
    assert!(code == 1 && said.contains("is damaged") && said.contains(&way), "{said}");
    let checked = workspace.run(&["check"]);
    assert!(
        checked.code == Some(1) && checked.stdout.contains(&way),
        "{} {}",
        checked.stdout,
        checked.stderr
    );
    assert_eq!(fs::read(workspace.database()).unwrap(), bytes, "nobody has touched it");

    let said = workspace.well(&["restore", newest.to_str().unwrap()]);
    let aside = said.lines().last().unwrap().rsplit_once(" is in ").unwrap().1;
    assert_eq!(fs::read(aside).unwrap(), bytes, "the damaged one is kept");
    assert_eq!(workspace.well(&["export"]), before);
    workspace.serve(&[]).stop();
}

#[tokio::test]
async fn a_file_that_is_no_database_at_all_can_be_replaced() {
    let workspace = Workspace::with_tasks(1).await;
    let copy = workspace.path().join("copy.db");
    let copy = copy.to_str().unwrap();
    workspace.well(&["backup", copy]);
    let before = workspace.well(&["export"]);
    fs::write(workspace.database(), "not a database, whatever its name says\n".repeat(100)).unwrap();
    let said = workspace.run(&["check"]);
    assert!(said.code == Some(1) && said.stdout.contains("not an SQLite database"), "{}", said.stdout);
    workspace.well(&["restore", copy]);
    assert_eq!(workspace.well(&["export"]), before);
}
