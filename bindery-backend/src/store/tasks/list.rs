//! `list_tasks`: every filter combines, and pages are cut by count and by size.

use futures::future::BoxFuture;
use shared_types::{
    Error, ErrorCode, ProjectId, TaskId, Timestamp, operation,
    task::{ListTasks, Sort, TaskPage},
};
use sqlx::{QueryBuilder, Sqlite, SqliteConnection};

use super::{
    record::rank,
    row::{Fields, Row, lines, page, row},
};
use crate::{
    handle::{Caller, Handle, Json},
    store::{
        Store,
        cursor::{Cursor, Order},
        fault::Fault,
        resolve,
    },
};

/// Rows on a page when the caller does not say.
const LIMIT: i64 = 50;

/// The most rows on a page.
const MOST: i64 = 1000;

/// The key of a task without a due date, which comes last: after the last time that can be written.
const NEVER: i64 = 253_402_300_800_000;

/// A comparison with the key by which tasks are ordered when due; as the index has it, [`NEVER`]
/// written out.
macro_rules! due {
    ($comparison:literal) => {
        concat!("ifnull(t.due_at, 253402300800000)", $comparison)
    };
}

/// The most bytes of JSON on a page. The next row is on the next page; a page has one row at least.
const PAGE_BYTES: usize = 24_000;

/// The most rows that are read at once: a page of the usual length in one statement, and no more in
/// memory than that, however long they are.
const AT_ONCE: i64 = 64;

impl Handle<operation::ListTasks> for Store {
    async fn handle(&self, input: ListTasks, caller: &Caller) -> Result<TaskPage, Error> {
        let json = Handle::<operation::ListTasks>::answer(self, input, caller).await?;
        serde_json::from_slice(json.as_bytes())
            .map_err(|error| Error::new(ErrorCode::Internal, format!("the page cannot be read: {error}")))
    }

    async fn answer(&self, input: ListTasks, _: &Caller) -> Result<Json, Error> {
        let now = self.now();
        let asks_once = input.project_id.is_none() && input.parent_id.is_none() && limit(&input) < AT_ONCE;
        if asks_once {
            self.read("tasks.list", |connection| list(connection, input, now)).await
        } else {
            self.read_together("tasks.list", |connection| list(connection, input, now)).await
        }
    }
}

/// Who filters by project or parent has named something that must exist.
struct Scope {
    project: Option<ProjectId>,
    parent: Option<TaskId>,
}

fn list(
    connection: &mut SqliteConnection,
    input: ListTasks,
    now: Timestamp,
) -> BoxFuture<'_, Result<Json, Fault>> {
    Box::pin(async move { read(connection, &input, now).await })
}

async fn read(connection: &mut SqliteConnection, input: &ListTasks, now: Timestamp) -> Result<Json, Fault> {
    let sort = input.sort.unwrap_or(if input.ready { Sort::Priority } else { Sort::Newest });
    let order = order(sort);
    let mut after = input.cursor.as_deref().map(|text| Cursor::read(text, order)).transpose()?;
    let scope = scope(connection, input).await?;
    let fields = Fields::of(&input.fields);
    let mut page = Page::new(limit(input));
    loop {
        // One more than asked for tells whether there is a next page.
        let wanted = (page.limit + 1 - page.rows).min(AT_ONCE);
        let mut query = filtered(input, &scope, now, fields);
        push_order(&mut query, sort, after);
        // Not a bare parameter: SQLite would look at its value, and plan anew for each.
        query.push(" LIMIT 0 + ").push_bind(wanted).push(")");
        let text: Option<String> = query.build_query_scalar().fetch_one(&mut *connection).await?;
        let mut found = 0;
        for line in lines(text.as_deref().unwrap_or_default()) {
            let row = Row::read(line)?;
            if !page.add(&row, fields)? {
                return Ok(page.end(after.map(|last| last.write(order))));
            }
            after = Some(Cursor { key: key(sort, &row), id: row.id });
            found += 1;
        }
        if found < wanted {
            return Ok(page.end(None));
        }
    }
}

fn limit(input: &ListTasks) -> i64 {
    input.limit.unwrap_or(LIMIT).clamp(1, MOST)
}

/// A page as it is written.
struct Page {
    json: Vec<u8>,
    limit: i64,
    rows: i64,
}

const PAGE_START: &[u8] = br#"{"tasks":["#;

impl Page {
    fn new(limit: i64) -> Self {
        let mut json = Vec::with_capacity(PAGE_BYTES / 2);
        json.extend_from_slice(PAGE_START);
        Self { json, limit, rows: 0 }
    }

    /// Adds a row, if there is room for it; there always is for the first.
    fn add(&mut self, row: &Row<'_>, fields: Fields) -> Result<bool, Fault> {
        let before = self.json.len();
        if self.rows > 0 {
            self.json.push(b',');
        }
        row.write(fields, &mut self.json)?;
        let bytes = self.json.len() - PAGE_START.len() + 1;
        let full = self.rows == self.limit || bytes > PAGE_BYTES;
        if full && self.rows > 0 {
            self.json.truncate(before);
            return Ok(false);
        }
        self.rows += 1;
        Ok(true)
    }

    fn end(mut self, next_cursor: Option<String>) -> Json {
        self.json.push(b']');
        if let Some(cursor) = next_cursor {
            // Of hexadecimal digits alone.
            self.json.extend_from_slice(format!(r#","next_cursor":"{cursor}""#).as_bytes());
        }
        self.json.push(b'}');
        Json::from_written(self.json)
    }
}

async fn scope(connection: &mut SqliteConnection, input: &ListTasks) -> Result<Scope, Fault> {
    let project = match &input.project_id {
        Some(reference) => Some(resolve::project(connection, reference, "project_id").await?),
        None => None,
    };
    let parent = match &input.parent_id {
        Some(reference) => Some(resolve::task(connection, reference, "parent_id").await?.id),
        None => None,
    };
    Ok(Scope { project, parent })
}

/// The rows as one text, and the conditions. Every piece of SQL is written here; what the caller gave is
/// bound.
fn filtered(input: &ListTasks, scope: &Scope, now: Timestamp, fields: Fields) -> QueryBuilder<Sqlite> {
    let mut query = QueryBuilder::new(if fields.need_whole() {
        concat!("SELECT ", page!(), " FROM (SELECT ", row!(whole), " AS row FROM tasks t ")
    } else {
        concat!("SELECT ", page!(), " FROM (SELECT ", row!(short), " AS row FROM tasks t ")
    });
    query.push(if input.deleted { "WHERE t.deleted_at IS NOT NULL" } else { "WHERE t.deleted_at IS NULL" });
    if input.ready {
        query.push(" AND t.status = 'todo' AND t.open_dependencies = 0");
    }
    if input.overdue {
        query.push(" AND t.due_at IS NOT NULL AND t.status NOT IN ('done', 'cancelled') AND t.due_at < ");
        query.push_bind(now.as_millis());
    }
    if !input.status.is_empty() {
        let words: Vec<_> = input.status.iter().map(|status| status.as_str()).collect();
        // With several, the plus keeps SQLite from gathering all of them by index only to sort them.
        let one = words.len() == 1;
        push_any(&mut query, if one { " AND t.status IN (" } else { " AND +t.status IN (" }, words);
    }
    if !input.priority.is_empty() {
        push_any(&mut query, " AND t.priority IN (", input.priority.iter().copied().map(rank).collect());
    }
    for tag in &input.tags {
        query
            .push(" AND t.id IN (SELECT task_id FROM task_tags WHERE tag = ")
            .push_bind(tag.clone())
            .push(")");
    }
    if let Some(project) = scope.project {
        query.push(" AND t.project_id = ").push_bind(project.row_id());
    }
    if let Some(parent) = scope.parent {
        query.push(" AND t.parent_id = ").push_bind(parent.row_id());
    }
    if let Some(role) = &input.role {
        query.push(" AND t.role = ").push_bind(role.clone());
    }
    if let Some(assignee) = &input.assignee {
        query.push(" AND t.assignee = ").push_bind(assignee.clone());
    }
    if let Some(since) = input.updated_since {
        query.push(" AND t.updated_at >= ").push_bind(since.as_millis());
    }
    query
}

fn push_any<T>(query: &mut QueryBuilder<Sqlite>, condition: &'static str, values: Vec<T>)
where
    T: for<'q> sqlx::Encode<'q, Sqlite> + sqlx::Type<Sqlite> + Send + 'static,
{
    query.push(condition);
    let mut list = query.separated(", ");
    for value in values {
        list.push_bind(value);
    }
    query.push(")");
}

/// Where the page begins, and how it is ordered.
fn push_order(query: &mut QueryBuilder<Sqlite>, sort: Sort, after: Option<Cursor>) {
    if let Some(after) = after {
        match sort {
            Sort::Newest => query.push(" AND t.id < ").push_bind(after.id),
            Sort::Oldest => query.push(" AND t.id > ").push_bind(after.id),
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
    query: &'q mut QueryBuilder<Sqlite>,
    [from_key, past_key, past_id]: [&'static str; 3],
    after: Cursor,
) -> &'q mut QueryBuilder<Sqlite> {
    query.push(" AND ").push(from_key).push_bind(after.key);
    query.push(" AND (").push(past_key).push_bind(after.key);
    query.push(" OR ").push(past_id).push_bind(after.id).push(")")
}

fn order(sort: Sort) -> Order {
    match sort {
        Sort::Newest => Order::Newest,
        Sort::Oldest => Order::Oldest,
        Sort::Updated => Order::Updated,
        Sort::Priority => Order::Priority,
        Sort::Due => Order::Due,
    }
}

fn key(sort: Sort, row: &Row<'_>) -> i64 {
    match sort {
        Sort::Newest | Sort::Oldest => row.id,
        Sort::Updated => row.updated_at,
        Sort::Priority => row.priority,
        Sort::Due => row.due_at.unwrap_or(NEVER),
    }
}
