//! What a write works with: the open transaction, the time, new ids, and who asks.

use std::sync::Arc;

use rusqlite::Connection;
use shared_types::{ExecutionId, NoteId, ProjectId, TaskId, Timestamp};

use super::{fault::Fault, feed::ChangeEvent, ids::IdGenerator, sql::Sql};
use crate::{handle::Caller, roles::Roles};

/// What requests that are done together see of the transaction they are part of.
pub(super) struct Tx<'t> {
    pub(super) connection: &'t Connection,
    /// The time of everything these requests do.
    pub(super) now: Timestamp,
    pub(super) roles: &'t Roles,
    /// Who asks for what is being done.
    pub(super) caller: Arc<Caller>,
    /// Its request id, when the caller gave one; it goes into the history.
    pub(super) request_id: Option<String>,
    /// What subscribers will hear once this is committed.
    pub(super) events: Vec<ChangeEvent>,
    pub(super) ids: &'t mut IdGenerator,
}

impl Tx<'_> {
    /// A number that no row has had.
    pub(super) fn new_row_id(&mut self) -> i64 {
        self.ids.next(self.now, fastrand::u32(..))
    }

    pub(super) fn new_task_id(&mut self) -> TaskId {
        TaskId::from_row_id(self.new_row_id())
    }

    pub(super) fn new_project_id(&mut self) -> ProjectId {
        ProjectId::from_row_id(self.new_row_id())
    }

    pub(super) fn new_note_id(&mut self) -> NoteId {
        NoteId::from_row_id(self.new_row_id())
    }

    pub(super) fn new_execution_id(&mut self) -> ExecutionId {
        ExecutionId::from_row_id(self.new_row_id())
    }

    /// Remembers the largest id. To be called before rows are removed for good: the next start could
    /// no longer see their ids, and must not give them out again.
    pub(super) fn retire_ids(&mut self) -> Result<(), Fault> {
        self.connection
            .run("UPDATE meta SET value = CAST(?1 AS TEXT) WHERE name = 'last_id'", (self.ids.last(),))?;
        Ok(())
    }
}
