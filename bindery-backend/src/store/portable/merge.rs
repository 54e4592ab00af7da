//! Taking rows into the store, one line at a time, within one transaction.

use std::cmp::Ordering;

use shared_types::{Error, ErrorCode, Timestamp};

use super::{
    Line,
    columns::{Count, RowId},
    kinds::{ChangeRecord, Entity, Rows, TaskRecord},
    links,
    report::{ImportReport, Outcome},
};
use crate::store::{fault::Fault, ids, sql::Sql, text, transaction::Tx};

/// An id may be this much ahead of the clock here: clocks differ, but ids have to grow from it.
const AHEAD_MILLIS: i64 = 24 * 60 * 60 * 1000;

/// An import under way.
pub(super) struct Merge<'t> {
    pub(super) tx: Tx<'t>,
    /// Whether the store was empty: its history is then taken as it stands, places and all.
    pub(super) into_empty: bool,
    pub(super) report: ImportReport,
    /// The largest id that was met.
    last_id: i64,
    /// The place of the last change that was read.
    last_seq: i64,
}

impl<'t> Merge<'t> {
    pub(super) fn begin(tx: Tx<'t>, dry_run: bool) -> Result<Self, Fault> {
        let into_empty = tx.connection.one(
            "SELECT NOT EXISTS (SELECT 1 FROM history) AND NOT EXISTS (SELECT 1 FROM tasks)
                AND NOT EXISTS (SELECT 1 FROM projects) AND NOT EXISTS (SELECT 1 FROM documents)",
            (),
        )?;
        links::prepare(tx.connection)?;
        let report = ImportReport { dry_run, ..ImportReport::default() };
        let last_id = tx.ids.last();
        Ok(Self { tx, into_empty, report, last_id, last_seq: 0 })
    }

    /// Takes one line in.
    pub(super) fn take(&mut self, line: Line) -> Result<(), Fault> {
        match line {
            Line::Project(project) => self.merge(&project).map(drop),
            Line::Task(task) => self.task(&task),
            Line::Note(note) => self.merge(&note).map(drop),
            Line::Document(document) => self.merge(&*document).map(drop),
            Line::Execution(execution) => self.merge(&execution).map(drop),
            Line::Change(change) => self.change(*change),
        }
    }

    fn task(&mut self, task: &TaskRecord) -> Result<(), Fault> {
        if let Some(deletion) = &task.deletion {
            self.met(deletion, "task.deletion")?;
        }
        let outcome = self.merge(task)?;
        if matches!(outcome, Outcome::Inserted | Outcome::Updated) {
            links::remember(self.tx.connection, task, self.report.lines)?;
        }
        Ok(())
    }

    fn merge<E: Entity>(&mut self, row: &E) -> Result<Outcome, Fault> {
        self.met(row.id(), "id")?;
        let own: Option<E> = self.tx.connection.first(E::ONE, (row.id(),))?;
        let outcome = match own {
            Some(own) if own == *row => Outcome::Unchanged,
            Some(own) => match row.age(&own) {
                Ordering::Greater => Outcome::Updated,
                Ordering::Less => Outcome::Kept,
                Ordering::Equal => Outcome::Conflict("the store has another of the same version"),
            },
            None if self.into_empty => Outcome::Inserted,
            None => match row.unwanted(self.tx.connection)? {
                Some(reason) => Outcome::Conflict(reason),
                None => Outcome::Inserted,
            },
        };
        match outcome {
            Outcome::Inserted | Outcome::Updated => {
                row.check(self.tx.connection)?;
                row.write(&mut self.tx)?;
            }
            Outcome::Kept | Outcome::Conflict(_) => self.keep(row.id())?,
            Outcome::Unchanged => {}
        }
        self.report.count(E::KIND, row.id(), outcome);
        Ok(outcome)
    }

    /// Takes a change into the history, unless it is there, or is about a state that the store did
    /// not take: to undo it would bring back what never was here.
    fn change(&mut self, mut change: ChangeRecord) -> Result<(), Fault> {
        self.in_order(&change)?;
        self.met(&change.entity_id, "change.entity_id")?;
        let outcome = if self.into_empty {
            change.append(self.tx.connection, true)?;
            Outcome::Inserted
        } else {
            let theirs = change.seq.clone();
            let (outcome, ours) = match change.own(self.tx.connection)? {
                Some(own) if change.says_the_same(&own) => (Outcome::Unchanged, Some(own.seq.0)),
                Some(own) => (Outcome::Conflict("the history here says something else"), Some(own.seq.0)),
                None if self.is_kept(&change.entity_id)? => (Outcome::Kept, None),
                None => {
                    change.undoes = self.place_of(change.undoes.take())?;
                    (Outcome::Inserted, Some(change.append(self.tx.connection, false)?))
                }
            };
            if let Some(ours) = ours {
                self.remember_place(&theirs, ours)?;
            }
            outcome
        };
        self.report.count(ChangeRecord::KIND, &change.entity_id, outcome);
        Ok(())
    }

    /// Refuses a history that is not in order: its places are what undo goes by.
    fn in_order(&mut self, change: &ChangeRecord) -> Result<(), Error> {
        let wrong = |field: &str, message: &str| Err(Error::new(ErrorCode::InvalidValue, message).at(field));
        if change.seq.0 <= self.last_seq {
            return wrong("change.seq", "changes have to stand in the order of seq");
        }
        if change.undoes.as_ref().is_some_and(|undoes| undoes.0 >= change.seq.0) {
            return wrong("change.undoes", "only an earlier change can be undone");
        }
        self.last_seq = change.seq.0;
        Ok(())
    }

    /// Sees to it that no new row gets this id.
    fn met(&mut self, id: &RowId, field: &str) -> Result<(), Error> {
        let latest = Timestamp::from_millis(self.tx.now.as_millis() + AHEAD_MILLIS);
        if id.0 > ids::last_of(latest) {
            return Err(Error::new(ErrorCode::InvalidValue, "this id is from the future")
                .at(field)
                .suggest("Is the clock of this machine right?"));
        }
        self.last_id = self.last_id.max(id.0);
        Ok(())
    }

    fn keep(&mut self, id: &RowId) -> Result<(), Fault> {
        self.tx.connection.run("INSERT OR IGNORE INTO kept_here (id) VALUES (?1)", (id,))?;
        Ok(())
    }

    fn is_kept(&mut self, id: &RowId) -> Result<bool, Fault> {
        Ok(self.tx.connection.one("SELECT EXISTS (SELECT 1 FROM kept_here WHERE id = ?1)", (id,))?)
    }

    fn remember_place(&mut self, theirs: &Count, ours: i64) -> Result<(), Fault> {
        self.tx.connection.run("INSERT INTO imported_seqs (theirs, ours) VALUES (?1, ?2)", (theirs, ours))?;
        Ok(())
    }

    /// Where the change stands here that stands at `theirs` in the file.
    fn place_of(&mut self, theirs: Option<Count>) -> Result<Option<Count>, Fault> {
        let Some(theirs) = theirs else { return Ok(None) };
        let ours: Option<i64> =
            self.tx.connection.first("SELECT ours FROM imported_seqs WHERE theirs = ?1", (&theirs,))?;
        ours.map(|ours| Some(Count(ours))).ok_or_else(|| {
            Error::new(ErrorCode::NotFound, "it takes back a change that is not in the file")
                .at("change.undoes")
                .into()
        })
    }

    /// Puts links on, indexes the tasks and remembers the largest id.
    pub(super) fn finish(&mut self) -> Result<Option<links::Broken>, Fault> {
        if let Some(broken) = links::connect(self.tx.connection)? {
            return Ok(Some(broken));
        }
        text::index_all(self.tx.connection)?;
        self.tx.ids.pass(self.last_id);
        self.tx.retire_ids()?;
        Ok(None)
    }
}
