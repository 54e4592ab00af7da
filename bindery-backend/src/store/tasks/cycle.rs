//! Links that would lead back to where they began.

use rusqlite::Connection;
use shared_types::{Error, ErrorCode, TaskId};

use crate::store::{fault::Fault, record::task_ids, sql::Sql};

/// The circle that `parent_id = parent` would close at `task`: the ids from `task` back to it.
pub(super) fn through_parent(
    connection: &Connection,
    task: TaskId,
    parent: TaskId,
) -> Result<Option<Vec<TaskId>>, Fault> {
    let path: Option<String> = connection.first(
        "WITH RECURSIVE up (id, path) AS (
             SELECT ?2, json_array(?1, ?2)
             UNION ALL
             SELECT t.parent_id, json_insert(up.path, '$[#]', t.parent_id)
             FROM up JOIN tasks t ON t.id = up.id
             WHERE t.parent_id IS NOT NULL AND up.id <> ?1
         )
         SELECT path FROM up WHERE id = ?1 LIMIT 1",
        (task.row_id(), parent.row_id()),
    )?;
    path.as_deref().map(task_ids).transpose()
}

/// The circle that depending on the rows in the JSON array `added` would close at `task`.
pub(super) fn through_dependencies(
    connection: &Connection,
    task: TaskId,
    added: &str,
) -> Result<Option<Vec<TaskId>>, Fault> {
    // First only whether, over a set: the number of paths can be exponential where that of tasks is not.
    let closes: Option<i64> = connection.first(
        "WITH RECURSIVE reached (id) AS (
             SELECT value FROM json_each(?2)
             UNION
             SELECT d.depends_on FROM reached r JOIN dependencies d ON d.task_id = r.id
         )
         SELECT id FROM reached WHERE id = ?1 LIMIT 1",
        (task.row_id(), added),
    )?;
    if closes.is_none() {
        return Ok(None);
    }
    let edges: Vec<(i64, i64)> = connection.all(
        "WITH RECURSIVE reached (id) AS (
             SELECT value FROM json_each(?2)
             UNION
             SELECT d.depends_on FROM reached r JOIN dependencies d ON d.task_id = r.id
         )
         SELECT ?1, value FROM json_each(?2)
         UNION ALL
         SELECT d.task_id, d.depends_on FROM reached r JOIN dependencies d ON d.task_id = r.id
         WHERE d.task_id <> ?1",
        (task.row_id(), added),
    )?;
    Ok(find(&edges).map(|path| path.into_iter().map(TaskId::from_row_id).collect()))
}

/// A circle among `edges`, each from one node to the next: the nodes along it, the first again at
/// the end.
pub(super) fn find(edges: &[(i64, i64)]) -> Option<Vec<i64>> {
    let mut next: std::collections::HashMap<i64, Vec<i64>> = std::collections::HashMap::new();
    for (from, to) in edges {
        next.entry(*from).or_default().push(*to);
    }
    let mut finished = std::collections::HashSet::new();
    for (start, _) in edges {
        // A walk in depth: the path so far, and for each node on it how many ways were tried.
        let mut path = vec![(*start, 0)];
        while let Some((node, tried)) = path.last_mut() {
            let node = *node;
            let way = next.get(&node).and_then(|ways| ways.get(*tried)).copied();
            *tried += 1;
            let Some(to) = way else {
                finished.insert(node);
                path.pop();
                continue;
            };
            if let Some(begin) = path.iter().position(|(on_path, _)| *on_path == to) {
                return Some(path[begin..].iter().map(|(id, _)| *id).chain([to]).collect());
            }
            if !finished.contains(&to) {
                path.push((to, 0));
            }
        }
    }
    None
}

/// The error that names the circle, by ids for programs and by titles for people.
pub(super) fn refused(connection: &Connection, field: &str, path: &[TaskId]) -> Result<Error, Fault> {
    let mut titles = Vec::with_capacity(path.len());
    for id in path {
        let title: String = connection.one("SELECT title FROM tasks WHERE id = ?1", (id.row_id(),))?;
        titles.push(title);
    }
    Ok(named(field, path.iter().map(TaskId::to_string).collect(), &titles))
}

/// As [`refused`], for tasks that are not stored yet and go by what the caller calls them.
pub(super) fn named(field: &str, path: Vec<String>, titles: &[String]) -> Error {
    let titles: Vec<String> = titles.iter().map(|title| format!("\"{title}\"")).collect();
    Error::new(ErrorCode::Cycle, format!("the links would form a circle: {}", titles.join(" → ")))
        .at(field)
        .with("path", path)
        .suggest(format!("Leave one of these links out of {field}."))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_circle_is_found_wherever_the_walk_begins() {
        assert_eq!(find(&[(1, 2), (2, 3), (3, 4), (4, 2)]), Some(vec![2, 3, 4, 2]));
        assert_eq!(find(&[(7, 7)]), Some(vec![7, 7]));
    }

    #[test]
    fn ways_that_meet_again_are_no_circle() {
        assert_eq!(find(&[(1, 2), (1, 3), (2, 4), (3, 4)]), None);
    }

    #[test]
    fn a_wide_net_is_walked_once() {
        let mut edges = Vec::new();
        for layer in 0..60 {
            for (from, to) in [(0, 0), (0, 1), (1, 0), (1, 1)] {
                edges.push((layer * 2 + from, (layer + 1) * 2 + to));
            }
        }
        assert_eq!(find(&edges), None);
    }
}
