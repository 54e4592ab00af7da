//! A page put together from kept rows: SQLite says which tasks are on it, and in which versions.

use std::collections::HashMap;

use bytes::Bytes;
use rusqlite::Connection;
use shared_types::TaskId;

use super::{
    page::Page,
    query::{Columns, Question, order},
};
use crate::{
    handle::Json,
    store::{
        cursor::Cursor,
        fault::Fault,
        record::row_ids,
        rows::{Form, Rows},
        sql::Sql,
        tasks::row::{Fields, Row, columns},
    },
};

/// About the rows of a page, and the bytes of one, to begin with.
const USUAL_ROWS: usize = 64;
const USUAL_BYTES: usize = 512;

/// Where a task stands in a list.
struct Place {
    id: i64,
    version: i64,
    key: i64,
}

/// The whole page after `after`; `None` when a task on it changes just now. Rows that are not kept are
/// read, and then kept.
pub(super) fn read(
    connection: &Connection,
    rows: &Rows,
    question: &Question<'_>,
    mut after: Option<Cursor>,
    mut page: Page,
) -> Result<Option<Json>, Fault> {
    // One more than asked for tells whether there is a next page.
    let statement = question.statement(Columns::Place, after, page.limit + 1);
    let mut places = Vec::with_capacity(USUAL_ROWS);
    statement.each(connection, |row| {
        places.push(Place { id: row.get(0)?, version: row.get(1)?, key: row.get(2)? });
        Ok::<_, Fault>(true)
    })?;
    let kept: Vec<Option<Bytes>> =
        places.iter().map(|place| rows.listed(TaskId::from_row_id(place.id), place.version)).collect();
    let absent = places.iter().zip(&kept).filter(|(_, kept)| kept.is_none());
    let absent: Vec<TaskId> = absent.map(|(place, _)| TaskId::from_row_id(place.id)).collect();
    let mut fetched = fetch(connection, rows, &absent)?;
    for (place, kept) in places.iter().zip(kept) {
        let json = match kept {
            Some(json) => json,
            None => match fetched.remove(&place.id) {
                Some((version, json)) if version == place.version => json,
                _ => return Ok(None),
            },
        };
        if !page.add_written(&json) {
            return Ok(Some(page.end(after.map(|last| last.write(order(question.sort))))));
        }
        after = Some(Cursor { key: place.key, id: place.id });
    }
    Ok(Some(page.end(None)))
}

/// The versions and the rows of tasks, by their row ids.
fn fetch(connection: &Connection, rows: &Rows, ids: &[TaskId]) -> Result<HashMap<i64, (i64, Bytes)>, Fault> {
    let mut fetched = HashMap::with_capacity(ids.len());
    if ids.is_empty() {
        return Ok(fetched);
    }
    let mut leaves: HashMap<i64, _> = ids.iter().map(|id| (id.row_id(), rows.leave(*id))).collect();
    let statement =
        concat!("SELECT ", columns!(short), " FROM tasks t WHERE t.id IN (SELECT value FROM json_each(?1))");
    connection.each(statement, (row_ids(ids)?,), |row| {
        let row = Row::read(row)?;
        let mut json = Vec::with_capacity(USUAL_BYTES);
        row.write(Fields::of(&[]), &mut json)?;
        let json = Bytes::from(json);
        if let Some(leave) = leaves.remove(&row.id).flatten() {
            rows.keep(&leave, Form::Listed, row.version, &json);
        }
        fetched.insert(row.id, (row.version, json));
        Ok::<_, Fault>(true)
    })?;
    Ok(fetched)
}
