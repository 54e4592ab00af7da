//! `list_tasks`: every filter combines, and pages are cut by count and by size.

mod kept;
mod page;
mod query;

use std::sync::Arc;

use rusqlite::Connection;
use shared_types::{
    Error, ErrorCode, Timestamp, operation,
    task::{ListTasks, Sort, TaskPage},
};

use self::{
    page::Page,
    query::{Columns, Question, key, order},
};
use super::row::{Fields, Row};
use crate::{
    handle::{Caller, Handle, Json},
    store::{Store, cursor::Cursor, fault::Fault, resolve, rows::Rows},
};

/// Rows on a page when the caller does not say.
const LIMIT: i64 = 50;

/// The most rows on a page.
const MOST: i64 = 1000;

/// A page of no more rows is read in no time.
const SHORT: i64 = 64;

impl Handle<operation::ListTasks> for Store {
    async fn handle(&self, input: ListTasks, caller: &Caller) -> Result<TaskPage, Error> {
        let json = Handle::<operation::ListTasks>::answer(self, input, caller).await?;
        serde_json::from_slice(json.as_bytes())
            .map_err(|error| Error::new(ErrorCode::Internal, format!("the page cannot be read: {error}")))
    }

    async fn answer(&self, input: ListTasks, _: &Caller) -> Result<Json, Error> {
        let now = self.now();
        let is_brief = input.project_id.is_none() && input.parent_id.is_none() && limit(&input) <= SHORT;
        if is_brief {
            let rows = Arc::clone(&self.inner.rows);
            let kept = Some(rows).filter(|rows| rows.are_kept() && input.fields.is_empty());
            self.read("tasks.list", move |connection| read(connection, &input, now, kept.as_deref())).await
        } else {
            self.read_aside("tasks.list", move |connection| read(connection, &input, now, None)).await
        }
    }
}

fn read(
    connection: &Connection,
    input: &ListTasks,
    now: Timestamp,
    kept: Option<&Rows>,
) -> Result<Json, Fault> {
    let sort = input.sort.unwrap_or(if input.ready { Sort::Priority } else { Sort::Newest });
    let order = order(sort);
    let mut after = input.cursor.as_deref().map(|text| Cursor::read(text, order)).transpose()?;
    let question = question(connection, input, sort, now)?;
    if let Some(rows) = kept
        && let Some(page) = kept::read(connection, rows, &question, after, Page::new(limit(input)))?
    {
        return Ok(page);
    }
    let fields = Fields::of(&input.fields);
    let mut page = Page::new(limit(input));
    let mut is_last = true;
    // One more than asked for tells whether there is a next page.
    let statement = question.statement(Columns::Fields(fields), after, page.limit + 1);
    statement.each(connection, |row| {
        let row = Row::read(row)?;
        is_last = page.add(&row, fields)?;
        if is_last {
            after = Some(Cursor { key: key(sort, &row), id: row.id });
        }
        Ok::<_, Fault>(is_last)
    })?;
    Ok(page.end(after.filter(|_| !is_last).map(|last| last.write(order))))
}

fn limit(input: &ListTasks) -> i64 {
    input.limit.unwrap_or(LIMIT).clamp(1, MOST)
}

/// Who filters by project or parent has named something that must exist.
fn question<'i>(
    connection: &Connection,
    input: &'i ListTasks,
    sort: Sort,
    now: Timestamp,
) -> Result<Question<'i>, Fault> {
    let project = match &input.project_id {
        Some(reference) => Some(resolve::project(connection, reference, "project_id")?),
        None => None,
    };
    let parent = match &input.parent_id {
        Some(reference) => Some(resolve::task(connection, reference, "parent_id")?.id),
        None => None,
    };
    Ok(Question { input, project, parent, sort, now })
}
