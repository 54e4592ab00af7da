//! The statement that reads a list. Every piece of SQL is written here; what the caller gave is bound.

use rusqlite::types::Value;
use shared_types::{
    ProjectId, TaskId, Timestamp,
    task::{ListTasks, Sort},
};

use super::super::{
    record::rank,
    row::{Fields, Row, columns},
};
use crate::store::{
    cursor::{Cursor, Order},
    sql::Statement,
};

/// The key of a task without a due date, which comes last: after the last time that can be written.
const NEVER: i64 = 253_402_300_800_000;

/// A comparison with the key by which tasks are ordered when due; as the index has it, [`NEVER`]
/// written out.
macro_rules! due {
    ($comparison:literal) => {
        concat!("ifnull(t.due_at, 253402300800000)", $comparison)
    };
}

/// What is asked for, every name in it turned into an id.
pub(super) struct Question<'i> {
    pub(super) input: &'i ListTasks,
    pub(super) project: Option<ProjectId>,
    pub(super) parent: Option<TaskId>,
    pub(super) sort: Sort,
    pub(super) now: Timestamp,
}

/// What is read of each task.
#[derive(Debug, Clone, Copy)]
pub(super) enum Columns {
    /// What a row with these fields needs.
    Fields(Fields),
    /// Its id, its version, and what it is ordered by.
    Place,
}

impl Question<'_> {
    /// The rows after `after`, and no more than `most`.
    pub(super) fn statement(&self, columns: Columns, after: Option<Cursor>, most: i64) -> Statement {
        let mut query = Statement::new(self.select(columns));
        self.push_conditions(&mut query);
        push_order(&mut query, self.sort, after);
        // Not a bare parameter: SQLite would look at its value, and plan anew for each.
        query.push(" LIMIT 0 + ").bind(most);
        query
    }

    fn select(&self, columns: Columns) -> &'static str {
        macro_rules! select {
            ($row:expr) => {
                concat!("SELECT ", $row, " FROM tasks t ")
            };
        }
        match (columns, self.sort) {
            (Columns::Fields(fields), _) if fields.need_whole() => select!(columns!(whole)),
            (Columns::Fields(_), _) => select!(columns!(short)),
            (Columns::Place, Sort::Newest | Sort::Oldest) => select!("t.id, t.version, t.id"),
            (Columns::Place, Sort::Updated) => select!("t.id, t.version, t.updated_at"),
            (Columns::Place, Sort::Priority) => select!("t.id, t.version, t.priority"),
            (Columns::Place, Sort::Due) => select!(concat!("t.id, t.version, ", due!(""))),
        }
    }

    fn push_conditions(&self, query: &mut Statement) {
        let input = self.input;
        query.push(if input.deleted {
            "WHERE t.deleted_at IS NOT NULL"
        } else {
            "WHERE t.deleted_at IS NULL"
        });
        if input.ready {
            query.push(" AND t.status = 'todo' AND t.open_dependencies = 0");
        }
        if input.overdue {
            query.push(" AND t.due_at IS NOT NULL AND t.status NOT IN ('done', 'cancelled') AND t.due_at < ");
            query.bind(self.now.as_millis());
        }
        if !input.status.is_empty() {
            let words: Vec<_> = input.status.iter().map(|status| status.as_str().to_owned()).collect();
            // With several, the plus keeps SQLite from gathering all of them by index only to sort them.
            let one = words.len() == 1;
            push_any(query, if one { " AND t.status IN (" } else { " AND +t.status IN (" }, words);
        }
        if !input.priority.is_empty() {
            push_any(query, " AND t.priority IN (", input.priority.iter().copied().map(rank).collect());
        }
        for tag in &input.tags {
            query
                .push(" AND t.id IN (SELECT task_id FROM task_tags WHERE tag = ")
                .bind(tag.clone())
                .push(")");
        }
        if let Some(project) = self.project {
            query.push(" AND t.project_id = ").bind(project.row_id());
        }
        if let Some(parent) = self.parent {
            query.push(" AND t.parent_id = ").bind(parent.row_id());
        }
        if let Some(role) = &input.role {
            query.push(" AND t.role = ").bind(role.clone());
        }
        if let Some(assignee) = &input.assignee {
            query.push(" AND t.assignee = ").bind(assignee.clone());
        }
        if let Some(since) = input.updated_since {
            query.push(" AND t.updated_at >= ").bind(since.as_millis());
        }
    }
}

fn push_any<T: Into<Value>>(query: &mut Statement, condition: &'static str, values: Vec<T>) {
    query.push(condition);
    for (place, value) in values.into_iter().enumerate() {
        query.push(if place > 0 { ", " } else { "" }).bind(value);
    }
    query.push(")");
}

/// Where the page begins, and how it is ordered.
fn push_order(query: &mut Statement, sort: Sort, after: Option<Cursor>) {
    if let Some(after) = after {
        match sort {
            Sort::Newest => query.push(" AND t.id < ").bind(after.id),
            Sort::Oldest => query.push(" AND t.id > ").bind(after.id),
            Sort::Updated => push_beyond(query, ["t.updated_at <= ", "t.updated_at < ", "t.id < "], after),
            Sort::Priority => push_beyond(query, ["t.priority <= ", "t.priority < ", "t.id > "], after),
            Sort::Due => push_beyond(query, [due!(" >= "), due!(" > "), "t.id > "], after),
        };
    }
    query.push(match sort {
        Sort::Newest => " ORDER BY t.id DESC",
        Sort::Oldest => " ORDER BY t.id",
        Sort::Updated => " ORDER BY t.updated_at DESC, t.id DESC",
        Sort::Priority => " ORDER BY t.priority DESC, t.id",
        Sort::Due => concat!(" ORDER BY ", due!(""), ", t.id"),
    });
}

/// Leaves out what earlier pages have shown: from the key on, in a comparison that an index can start
/// from; and of those with the same key, only those past the last id.
fn push_beyond<'q>(
    query: &'q mut Statement,
    [from_key, past_key, past_id]: [&'static str; 3],
    after: Cursor,
) -> &'q mut Statement {
    query.push(" AND ").push(from_key).bind(after.key);
    query.push(" AND (").push(past_key).bind(after.key);
    query.push(" OR ").push(past_id).bind(after.id).push(")")
}

/// The order that a cursor is about.
pub(super) fn order(sort: Sort) -> Order {
    match sort {
        Sort::Newest => Order::Newest,
        Sort::Oldest => Order::Oldest,
        Sort::Updated => Order::Updated,
        Sort::Priority => Order::Priority,
        Sort::Due => Order::Due,
    }
}

/// What `row` is ordered by.
pub(super) fn key(sort: Sort, row: &Row<'_>) -> i64 {
    match sort {
        Sort::Newest | Sort::Oldest => row.id,
        Sort::Updated => row.updated_at,
        Sort::Priority => row.priority,
        Sort::Due => row.due_at.unwrap_or(NEVER),
    }
}
