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
    record::{TaskRecord, select_tasks},
    row::{Fields, Row, row},
};
use crate::{
    handle::{Caller, Handle, Json},
    store::{
        Store, executions,
        fault::Fault,
        history, resolve,
        rows::Form,
        sql::{Sql, from_row},
    },
};

/// How many direct parts of a task are shown; `list_tasks` with `parent_id` pages through more.
const CHILDREN: i64 = 200;

/// How many notes are shown, the newest of them.
const NOTES: i64 = 200;

impl Handle<operation::GetTask> for Store {
    async fn handle(&self, input: GetTask, _: &Caller) -> Result<TaskRead, Error> {
        let task = if input.include.is_empty() {
            self.read("tasks.get", move |connection| resolve::task(connection, &input.task_id, "task_id"))
                .await?
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
    /// The answer about this task, if it is kept.
    pub(crate) fn kept_task(&self, id: TaskId) -> Option<Json> {
        self.inner.rows.get(id).map(Json::from_written)
    }

    /// The answer about this task; `None` when there is no such task.
    async fn task(&self, id: TaskId) -> Result<Option<Json>, Error> {
        if let Some(kept) = self.kept_task(id) {
            return Ok(Some(kept));
        }
        let leave = self.inner.rows.leave(id);
        let found = self.read("tasks.get", move |connection| read(connection, id)).await?;
        let Some((version, json)) = found else { return Ok(None) };
        if let Some(leave) = leave {
            self.inner.rows.keep(&leave, Form::Whole, version, json.clone());
        }
        Ok(Some(Json::from_written(json)))
    }
}

/// The version of a task and the answer about it, deleted or not.
fn read(connection: &Connection, id: TaskId) -> Result<Option<(i64, Bytes)>, Fault> {
    let text: Option<String> =
        connection.first(concat!("SELECT ", row!(whole), " FROM tasks t WHERE t.id = ?1"), (id.row_id(),))?;
    let Some(text) = text else { return Ok(None) };
    let mut json = Vec::with_capacity(text.len() * 2);
    json.extend_from_slice(br#"{"task":"#);
    let row = Row::read(&text)?;
    row.write(Fields::ALL, &mut json)?;
    json.push(b'}');
    Ok(Some((row.version, Bytes::from(json))))
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
    let records: Vec<TaskRecord> = connection.all(
        select_tasks!("WHERE t.parent_id = ?1 AND t.deleted_at IS NULL ORDER BY t.id LIMIT ?2"),
        (parent.row_id(), CHILDREN),
    )?;
    records.into_iter().map(|record| Ok(TaskRow::select(&record.into_task()?, &[]))).collect()
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
