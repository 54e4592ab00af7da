//! What an import did, or would have done.

use serde::Serialize;

use super::columns::RowId;
use shared_types::TaskId;

/// How many conflicts are listed; all are counted.
const LISTED: usize = 20;

/// What an import did.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct ImportReport {
    /// Whether it was only tried.
    pub dry_run: bool,
    /// Lines that were read, the header included.
    pub lines: u64,
    /// What became of each kind, in the order of the file.
    pub kinds: Vec<Counts>,
    /// Lines whose text was changed by the text guard.
    pub guarded: u64,
    /// Rows of the file that were not taken because the store has another of the same age; the
    /// first of them.
    pub conflicts: Vec<Conflict>,
}

/// What became of the rows of one kind.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Counts {
    /// The kind.
    pub kind: &'static str,
    /// They were not in the store.
    pub inserted: u64,
    /// The store had an older version.
    pub updated: u64,
    /// The store had the same.
    pub unchanged: u64,
    /// The store has a later version, or has removed it since; that stays.
    pub kept: u64,
    /// The store has another that is neither older nor later; that stays.
    pub conflicts: u64,
}

/// A row of the file that was not taken.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Conflict {
    /// The line.
    pub line: u64,
    /// The kind of the row.
    pub kind: &'static str,
    /// Its id, as it is shown; of a change, that of what changed.
    pub id: String,
    /// Why the store's own stays.
    pub reason: &'static str,
}

/// What became of one row.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Outcome {
    Inserted,
    Updated,
    Unchanged,
    Kept,
    Conflict(&'static str),
}

impl ImportReport {
    pub(super) fn count(&mut self, kind: &'static str, id: &RowId, outcome: Outcome) {
        let counts = self.of(kind);
        match outcome {
            Outcome::Inserted => counts.inserted += 1,
            Outcome::Updated => counts.updated += 1,
            Outcome::Unchanged => counts.unchanged += 1,
            Outcome::Kept => counts.kept += 1,
            Outcome::Conflict(reason) => {
                counts.conflicts += 1;
                if self.conflicts.len() < LISTED {
                    // Ids of all kinds look the same.
                    let id = TaskId::from_row_id(id.0).to_string();
                    self.conflicts.push(Conflict { line: self.lines, kind, id, reason });
                }
            }
        }
    }

    fn of(&mut self, kind: &'static str) -> &mut Counts {
        let place = self.kinds.iter().position(|counts| counts.kind == kind).unwrap_or_else(|| {
            self.kinds.push(Counts { kind, ..Counts::default() });
            self.kinds.len() - 1
        });
        &mut self.kinds[place]
    }
}
