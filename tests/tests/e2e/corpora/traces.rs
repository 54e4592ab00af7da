//! What an attack would leave behind: files, tables, rows.

use std::{collections::BTreeSet, path::Path};

use sqlx::{
    Connection, Row, SqliteConnection,
    sqlite::{SqliteConnectOptions, SqliteRow},
};
use tests::Workspace;

/// What must not change, whatever is sent.
#[derive(Debug, PartialEq)]
pub(super) struct Traces {
    files: BTreeSet<String>,
    schema: Vec<String>,
}

impl Traces {
    /// As things are in this workspace.
    pub(super) fn of(workspace: &Workspace) -> Self {
        let mut files = BTreeSet::new();
        list(workspace.path(), workspace.path(), &mut files);
        // What the database keeps beside itself comes and goes with its connections.
        files.retain(|file| !file.starts_with(".vespera/tasks.db-"));
        let columns = |row: &SqliteRow| (0..4).map(|column| row.get(column)).collect::<Vec<Option<String>>>();
        let rows =
            select(workspace, "SELECT type, name, tbl_name, sql FROM sqlite_master ORDER BY type, name");
        Self { files, schema: rows.iter().map(|row| format!("{:?}", columns(row))).collect() }
    }
}

/// How many tasks and documents there are, deleted ones too, in a database that is whole.
pub(super) fn count(workspace: &Workspace) -> (i64, i64) {
    let whole: String = select(workspace, "PRAGMA integrity_check")[0].get(0);
    assert_eq!(whole, "ok");
    let counts = "SELECT (SELECT count(*) FROM tasks), (SELECT count(*) FROM documents)";
    let row = &select(workspace, counts)[0];
    (row.get(0), row.get(1))
}

fn list(root: &Path, folder: &Path, found: &mut BTreeSet<String>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        found.insert(path.strip_prefix(root).unwrap().to_string_lossy().into_owned());
        if path.is_dir() {
            list(root, &path, found);
        }
    }
}

/// Looks into the database past the backend, without the right to write.
fn select(workspace: &Workspace, statement: &'static str) -> Vec<SqliteRow> {
    let file = workspace.path().join(".vespera/tasks.db");
    let options = SqliteConnectOptions::new().filename(file).read_only(true);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let mut connection = SqliteConnection::connect_with(&options).await.unwrap();
        sqlx::query(statement).fetch_all(&mut connection).await.unwrap()
    })
}
