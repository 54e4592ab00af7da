//! What an attack would leave behind: files, tables, rows.

use std::{collections::BTreeSet, path::Path};

use rusqlite::{Connection, OpenFlags, Row};
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
        let statement = "SELECT type, name, tbl_name, sql FROM sqlite_master ORDER BY type, name";
        let line = |row: &Row<'_>| (0..4).map(|at| row.get(at)).collect::<Result<Vec<Option<String>>, _>>();
        let schema = select(workspace, statement, |row| line(row).map(|line| format!("{line:?}")));
        Self { files, schema }
    }
}

/// How many tasks and documents there are, deleted ones too, in a database that is whole.
pub(super) fn count(workspace: &Workspace) -> (i64, i64) {
    let whole: Vec<String> = select(workspace, "PRAGMA integrity_check", |row| row.get(0));
    assert_eq!(whole, ["ok"]);
    let counts = "SELECT (SELECT count(*) FROM tasks), (SELECT count(*) FROM documents)";
    select(workspace, counts, |row| Ok((row.get(0)?, row.get(1)?)))[0]
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
fn select<T>(
    workspace: &Workspace,
    statement: &str,
    read: impl FnMut(&Row<'_>) -> rusqlite::Result<T>,
) -> Vec<T> {
    let file = workspace.path().join(".vespera/tasks.db");
    let connection = Connection::open_with_flags(file, OpenFlags::SQLITE_OPEN_READ_ONLY).unwrap();
    let mut statement = connection.prepare(statement).unwrap();
    statement.query_map((), read).unwrap().collect::<Result<_, _>>().unwrap()
}
