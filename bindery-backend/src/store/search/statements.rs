//! The SQL of a search, one set for each kind of thing.

use shared_types::search::EntityKind;

/// The statements for one kind. All parameters stand at the same places in all kinds; what belongs to a project
/// is told by ?2.
pub(super) struct Statements {
    /// Matches of some words with their score: ?1 expression, ?2 project, ?3 expression of all words, where there
    /// are more.
    pub(super) ranked: &'static str,
    /// Newest matches: ?1 expression, ?2 project, ?3 before this row, ?4 limit.
    pub(super) newest: &'static str,
    /// How many matches there are: ?1 expression, ?2 where to stop counting.
    pub(super) count: &'static str,
    /// What is shown of some matches: ?1 expression, ?2 JSON array of rows, ?3 and ?4 the first and the last of
    /// them.
    pub(super) show: &'static str,
    /// Matches by letters: ?1 JSON array of terms in lower case, ?2 project, ?3 before this row,
    /// ?4 limit, ?5 how many rows to look at. The snippet is the whole text.
    pub(super) scan: &'static str,
}

/// The statements on the index `$index`: how it scores, which of its rows belong to the project ?2, what is
/// selected to show a row, from where, and the newest ?5 rows with their text as `haystack`, which includes
/// all that is searched.
macro_rules! statements {
    ($index:literal, $score:literal, $visible:literal, $shown:literal, $from:literal, $rows:literal) => {
        Statements {
            // The `+` keeps FTS5 from starting anew for each row: to go through the index once takes less, and from
            // the first row to the last, for that is how it can skip.
            ranked: concat!(
                "SELECT rowid, ", $score, " FROM ", $index, " WHERE ", $index, " MATCH ?1
                 AND (?3 IS NULL OR +rowid IN (SELECT rowid FROM ", $index, " WHERE ", $index, " MATCH ?3))
                 AND ", $visible
            ),
            newest: concat!(
                "SELECT rowid FROM ", $index, " WHERE ", $index, " MATCH ?1 AND rowid < ?3 AND ", $visible,
                " ORDER BY rowid DESC LIMIT ?4"
            ),
            count: concat!(
                "SELECT count(*) FROM (SELECT 1 FROM ", $index, " WHERE ", $index, " MATCH ?1 LIMIT 0 + ?2)"
            ),
            show: concat!(
                "SELECT ", $index, ".rowid, ", $shown, " FROM ", $index, " ", $from, " WHERE ", $index, " MATCH ?1
                 AND ", $index, ".rowid BETWEEN ?3 AND ?4
                 AND +", $index, ".rowid IN (SELECT value FROM json_each(?2))"
            ),
            scan: concat!(
                "SELECT row, id, title, haystack, status FROM (", $rows, ")
                 WHERE NOT EXISTS (SELECT 1 FROM json_each(?1) w WHERE instr(lower(haystack), w.value) = 0)
                 ORDER BY row DESC LIMIT ?4"
            ),
        }
    };
}

const TASKS: Statements = statements!(
    "tasks_text",
    "bm25(tasks_text, 8.0, 2.0, 4.0, 1.0)",
    "(?2 IS NULL OR (SELECT project_id FROM tasks WHERE id = tasks_text.rowid) = ?2)",
    "t.id, t.title, snippet(tasks_text, -1, '**', '**', '…', 24), t.status",
    "JOIN tasks t ON t.id = tasks_text.rowid",
    "SELECT id AS row, id, title, status,
            concat_ws(char(10), title, description, tags, completion_notes) AS haystack
     FROM tasks WHERE deleted_at IS NULL AND id < ?3 AND (?2 IS NULL OR project_id = ?2)
     ORDER BY id DESC LIMIT ?5"
);

const PROJECTS: Statements = statements!(
    "projects_text",
    "bm25(projects_text, 8.0, 2.0)",
    "(?2 IS NULL OR projects_text.rowid = ?2)",
    "p.id, p.name, snippet(projects_text, -1, '**', '**', '…', 24), NULL",
    "JOIN projects p ON p.id = projects_text.rowid",
    "SELECT id AS row, id, name AS title, NULL AS status, concat_ws(char(10), name, description) AS haystack
     FROM projects WHERE id < ?3 AND (?2 IS NULL OR id = ?2) ORDER BY id DESC LIMIT ?5"
);

const NOTES: Statements = statements!(
    "notes_text",
    "bm25(notes_text)",
    "EXISTS (SELECT 1 FROM notes n JOIN tasks t ON t.id = n.task_id
             WHERE n.id = notes_text.rowid AND t.deleted_at IS NULL AND (?2 IS NULL OR t.project_id = ?2))",
    "t.id, t.title, snippet(notes_text, -1, '**', '**', '…', 24), t.status",
    "JOIN notes n ON n.id = notes_text.rowid JOIN tasks t ON t.id = n.task_id",
    "SELECT n.id AS row, t.id, t.title, t.status, n.text AS haystack
     FROM notes n JOIN tasks t ON t.id = n.task_id
     WHERE t.deleted_at IS NULL AND n.id < ?3 AND (?2 IS NULL OR t.project_id = ?2)
     ORDER BY n.id DESC LIMIT ?5"
);

const DOCUMENTS: Statements = statements!(
    "chunks_text",
    "bm25(chunks_text, 4.0, 1.0)",
    "(?2 IS NULL OR (SELECT d.project_id FROM chunks c JOIN documents d ON d.id = c.document_id
                     WHERE c.id = chunks_text.rowid) = ?2)",
    "d.id, d.uri, snippet(chunks_text, -1, '**', '**', '…', 24), NULL",
    "JOIN chunks c ON c.id = chunks_text.rowid JOIN documents d ON d.id = c.document_id",
    "SELECT c.id AS row, d.id, d.uri AS title, NULL AS status, concat_ws(char(10), c.heading, c.text) AS haystack
     FROM chunks c JOIN documents d ON d.id = c.document_id
     WHERE c.id < ?3 AND (?2 IS NULL OR d.project_id = ?2) ORDER BY c.id DESC LIMIT ?5"
);

/// The statements for `kind`.
pub(super) const fn of(kind: EntityKind) -> &'static Statements {
    match kind {
        EntityKind::Task => &TASKS,
        EntityKind::Project => &PROJECTS,
        EntityKind::Note => &NOTES,
        EntityKind::Document => &DOCUMENTS,
    }
}
