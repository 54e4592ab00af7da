//! `get_task`.

use bytes::Bytes;
use rusqlite::Connection;
use shared_types::{
    Error, NoteId, TaskId, Timestamp,
    history::Note,
    operation,
    task::{GetTask, Include, Task, TaskRead, TaskRow},
};

use super::{
    record::{self, select_tasks},
    row::{Fields, Row},
};
use crate::{
    handle::{Caller, Handle, Json},
    store::{
        Store, executions,
        fault::Fault,
        history, resolve,
        rows::{Form, Leave},
        sql::{Sql, from_row},
    },
};

/// What the reading of one task is called in the figures.
const GET: &str = "tasks.get";

/// How many direct parts of a task are shown; `list_tasks` with `parent_id` pages through more.
const CHILDREN: i64 = 200;

/// How many notes are shown, the newest of them.
const NOTES: i64 = 200;

/// About the bytes of an answer, to begin with.
const USUAL_BYTES: usize = 1024;

impl Handle<operation::GetTask> for Store {
    async fn handle(&self, input: GetTask, _: &Caller) -> Result<TaskRead, Error> {
        let task = if input.include.is_empty() {
            self.read(GET, move |connection| resolve::task(connection, &input.task_id, "task_id")).await?
        } else {
            self.read_aside("tasks.get_with", move |connection| {
                let task = resolve::task(connection, &input.task_id, "task_id")?;
                including(connection, task, &input.include)
            })
            .await?
        };
        Ok(TaskRead { task })
    }

    async fn answer(&self, input: GetTask, caller: &Caller) -> Result<Json, Error> {
        if input.include.is_empty()
            && let Ok(id) = input.task_id.as_str().parse()
            && let Some(json) = self.task(id).await?
        {
            return Ok(json);
        }
        Json::of(&Handle::<operation::GetTask>::handle(self, input, caller).await?)
    }
}

impl Store {
    /// The answer about this task, if nobody has to wait for it: it is kept, or a connection is free to
    /// read it.
    pub(crate) fn task_at_hand(&self, id: TaskId) -> Option<Json> {
        if let Some(kept) = self.inner.rows.get(id) {
            return Some(Json::from_written(kept));
        }
        let mut leave = None;
        let found = self.try_read(GET, |connection| {
            leave = self.inner.rows.leave(id);
            read(connection, id)
        });
        self.keep(leave, found?.ok()?)
    }

    /// The answer about this task; `None` when there is no such task.
    async fn task(&self, id: TaskId) -> Result<Option<Json>, Error> {
        if let Some(kept) = self.inner.rows.get(id) {
            return Ok(Some(Json::from_written(kept)));
        }
        let leave = self.inner.rows.leave(id);
        let found = self.read(GET, move |connection| read(connection, id)).await?;
        Ok(self.keep(leave, found))
    }

    fn keep(&self, leave: Option<Leave>, found: Option<(i64, Bytes)>) -> Option<Json> {
        let (version, json) = found?;
        if let Some(leave) = leave {
            self.inner.rows.keep(&leave, Form::Whole, version, &json);
        }
        Some(Json::from_written(json))
    }
}

/// The version of a task and the answer about it, deleted or not.
fn read(connection: &Connection, id: TaskId) -> Result<Option<(i64, Bytes)>, Fault> {
    let mut found = None;
    connection.each(select_tasks!("WHERE t.id = ?1"), (id.row_id(),), |row| {
        let row = Row::read(row)?;
        let mut json = Vec::with_capacity(USUAL_BYTES);
        json.extend_from_slice(br#"{"task":"#);
        row.write(Fields::ALL, &mut json)?;
        json.push(b'}');
        found = Some((row.version, Bytes::from(json)));
        Ok::<_, Fault>(true)
    })?;
    Ok(found)
}

fn including(connection: &Connection, mut task: Task, wanted: &[Include]) -> Result<Task, Fault> {
    for part in wanted {
        match part {
            Include::Children => task.children = Some(children(connection, task.id)?),
            Include::History => task.history = Some(history::of_task(connection, task.id)?),
            Include::Notes => task.notes = Some(notes(connection, task.id)?),
            Include::Executions => task.executions = Some(executions::of_task(connection, task.id)?),
        }
    }
    Ok(task)
}

fn children(connection: &Connection, parent: TaskId) -> Result<Vec<TaskRow>, Fault> {
    let children = record::select(
        connection,
        select_tasks!("WHERE t.parent_id = ?1 AND t.deleted_at IS NULL ORDER BY t.id LIMIT ?2"),
        (parent.row_id(), CHILDREN),
    )?;
    Ok(children.iter().map(|task| TaskRow::select(task, &[])).collect())
}

struct NoteRow {
    id: i64,
    text: String,
    author: Option<String>,
    created_at: i64,
}

from_row!(NoteRow { id, text, author, created_at });

fn notes(connection: &Connection, task: TaskId) -> Result<Vec<Note>, Fault> {
    let rows: Vec<NoteRow> = connection.all(
        "SELECT id, text, author, created_at FROM notes WHERE task_id = ?1 ORDER BY id DESC LIMIT ?2",
        (task.row_id(), NOTES),
    )?;
    let notes = rows.into_iter().rev().map(|row| Note {
        id: NoteId::from_row_id(row.id),
        text: row.text,
        author: row.author,
        created_at: Timestamp::from_millis(row.created_at),
    });
    Ok(notes.collect())
}
