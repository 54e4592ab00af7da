//! Links from task to task. They can point to lines further down, so they wait until all are read.

use std::collections::HashMap;

use rusqlite::Connection;
use shared_types::{Error, ErrorCode, TaskId};

use super::kinds::TaskRecord;
use crate::store::{fault::Fault, sql::Sql};

/// Makes the tables that an import works with; they go with the connection.
pub(super) fn prepare(connection: &Connection) -> rusqlite::Result<()> {
    for table in [
        "CREATE TEMP TABLE imported_links (task_id INTEGER, target INTEGER, is_parent INTEGER, line INTEGER)",
        "CREATE INDEX temp.imported_links_of ON imported_links (task_id)",
        "CREATE TEMP TABLE kept_here (id INTEGER PRIMARY KEY)",
        "CREATE TEMP TABLE imported_seqs (theirs INTEGER PRIMARY KEY, ours INTEGER NOT NULL)",
    ] {
        connection.run(table, ())?;
    }
    Ok(())
}

/// Remembers the links of a task that was taken from `line`.
pub(super) fn remember(connection: &Connection, task: &TaskRecord, line: u64) -> Result<(), Fault> {
    // A file may hold a task twice; what counts is what was taken last.
    connection.run("DELETE FROM imported_links WHERE task_id = ?1", (&task.id,))?;
    connection.run(
        "INSERT INTO imported_links (task_id, target, is_parent, line)
         SELECT ?1, value, 0, ?4 FROM json_each(?2) UNION ALL SELECT ?1, ?3, 1, ?4 WHERE ?3 IS NOT NULL",
        (&task.id, &task.depends_on, &task.parent_id, i64::try_from(line).unwrap_or(i64::MAX)),
    )?;
    Ok(())
}

/// A link that cannot be, and the line it stands in.
pub(super) struct Broken {
    pub(super) line: u64,
    pub(super) error: Error,
}

/// Puts the remembered dependencies on, unless a link leads nowhere or back to where it began.
pub(super) fn connect(connection: &Connection) -> Result<Option<Broken>, Fault> {
    if let Some(broken) = dangling(connection)? {
        return Ok(Some(broken));
    }
    connection.run(
        "INSERT INTO dependencies (task_id, depends_on)
         SELECT task_id, target FROM imported_links WHERE NOT is_parent AND task_id <> target",
        (),
    )?;
    circle(connection)
}

fn dangling(connection: &Connection) -> Result<Option<Broken>, Fault> {
    let found: Option<(i64, i64, bool)> = connection.first(
        "SELECT line, target, is_parent FROM imported_links
         WHERE target NOT IN (SELECT id FROM tasks) ORDER BY line LIMIT 1",
        (),
    )?;
    Ok(found.map(|(line, target, is_parent)| {
        let field = if is_parent { "task.parent_id" } else { "task.depends_on" };
        let target = TaskId::from_row_id(target);
        let message = format!("there is no task {target}, neither in the file nor in the store");
        Broken { line: line.unsigned_abs(), error: Error::new(ErrorCode::NotFound, message).at(field) }
    }))
}

fn circle(connection: &Connection) -> Result<Option<Broken>, Fault> {
    let any: Option<i64> = connection.first("SELECT 1 FROM imported_links LIMIT 1", ())?;
    if any.is_none() {
        return Ok(None);
    }
    for (links, field) in [
        (
            "SELECT task_id, depends_on FROM dependencies
             UNION ALL SELECT task_id, target FROM imported_links WHERE task_id = target AND NOT is_parent",
            "task.depends_on",
        ),
        ("SELECT id, parent_id FROM tasks WHERE parent_id IS NOT NULL", "task.parent_id"),
    ] {
        let links: Vec<(i64, i64)> = connection.all(links, ())?;
        let remaining = circular(&links);
        // A circle that the import closed goes through a task that it brought.
        for task in remaining {
            let line: Option<i64> =
                connection.one("SELECT min(line) FROM imported_links WHERE task_id = ?1", (task,))?;
            if let Some(line) = line {
                let message = format!("the links of task {} form a circle", TaskId::from_row_id(task));
                let error = Error::new(ErrorCode::Cycle, message).at(field);
                let error = error.suggest("Leave one of them out.");
                return Ok(Some(Broken { line: line.unsigned_abs(), error }));
            }
        }
    }
    Ok(None)
}

/// The nodes that are on a circle, or between two: what remains when every node to which nothing
/// leads, and every node from which nothing leads, has been taken away, again and again.
fn circular(links: &[(i64, i64)]) -> Vec<i64> {
    let backwards: Vec<(i64, i64)> = links.iter().map(|(from, to)| (*to, *from)).collect();
    let led_to = without_sources(links);
    let leading = without_sources(&backwards);
    let mut both: Vec<i64> = led_to.into_keys().filter(|node| leading.contains_key(node)).collect();
    both.sort_unstable();
    both
}

/// The nodes that remain when those to which nothing leads have been taken away, again and again.
fn without_sources(links: &[(i64, i64)]) -> HashMap<i64, usize> {
    let mut incoming: HashMap<i64, usize> = HashMap::new();
    let mut outgoing: HashMap<i64, Vec<i64>> = HashMap::new();
    for (from, to) in links {
        incoming.entry(*from).or_default();
        *incoming.entry(*to).or_default() += 1;
        outgoing.entry(*from).or_default().push(*to);
    }
    let mut sources: Vec<i64> =
        incoming.iter().filter(|(_, count)| **count == 0).map(|(node, _)| *node).collect();
    while let Some(source) = sources.pop() {
        incoming.remove(&source);
        for to in outgoing.remove(&source).unwrap_or_default() {
            if let Some(count) = incoming.get_mut(&to) {
                *count -= 1;
                if *count == 0 {
                    sources.push(to);
                }
            }
        }
    }
    incoming
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_lies_on_a_circle_remains() {
        assert_eq!(circular(&[(1, 2), (2, 3), (3, 4), (4, 2), (4, 5)]), [2, 3, 4]);
        assert_eq!(circular(&[(7, 7), (8, 7)]), [7]);
        assert!(circular(&[(1, 2), (1, 3), (2, 4), (3, 4)]).is_empty());
    }

    #[test]
    fn a_long_chain_is_walked_once() {
        let chain: Vec<(i64, i64)> = (0..200_000).map(|node| (node, node + 1)).collect();
        assert!(circular(&chain).is_empty());
    }
}
