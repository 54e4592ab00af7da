//! The SQL of a search, one set for each kind of thing.

use shared_types::search::EntityKind;

/// The statements for one kind. All parameters stand at the same places in all kinds.
pub(super) struct Statements {
    /// Newest matches with their score: ?1 expression, ?2 before this row, ?3 limit, ?4 project.
    pub(super) ranked: &'static str,
    /// Newest matches without it; the same parameters.
    pub(super) newest: &'static str,
    /// How many matches there are: ?1 expression, ?2 where to stop counting.
    pub(super) count: &'static str,
    /// What is shown of matches: ?1 expression, ?2 JSON array of rows.
    pub(super) show: &'static str,
    /// Matches by letters: ?1 JSON array of terms in lower case, ?2 before this row, ?3 limit,
    /// ?4 project, ?5 how many rows to look at. The snippet is the whole text.
    pub(super) scan: &'static str,
}

macro_rules! matches {
    ($table:literal, $score:literal, $visible:literal) => {
        concat!(
            "SELECT rowid, ",
            $score,
            " FROM ",
            $table,
            " WHERE ",
            $table,
            " MATCH ?1 AND rowid < ?2 AND ",
            $visible,
            " ORDER BY rowid DESC LIMIT ?3"
        )
    };
}

macro_rules! count {
    ($table:literal) => {
        concat!("SELECT count(*) FROM (SELECT 1 FROM ", $table, " WHERE ", $table, " MATCH ?1 LIMIT 0 + ?2)")
    };
}

/// `$rows` selects the newest ?5 rows with their text as `haystack`, which includes all that is searched.
macro_rules! scan {
    ($rows:literal) => {
        concat!(
            "SELECT row, id, title, haystack, status FROM (",
            $rows,
            ")
             WHERE NOT EXISTS (SELECT 1 FROM json_each(?1) w WHERE instr(lower(haystack), w.value) = 0)
             ORDER BY row DESC LIMIT ?3"
        )
    };
}

const TASKS: Statements = Statements {
    ranked: matches!(
        "tasks_text",
        "bm25(tasks_text, 8.0, 2.0, 4.0, 1.0)",
        "(?4 IS NULL OR (SELECT project_id FROM tasks WHERE id = tasks_text.rowid) = ?4)"
    ),
    newest: matches!(
        "tasks_text",
        "0.0",
        "(?4 IS NULL OR (SELECT project_id FROM tasks WHERE id = tasks_text.rowid) = ?4)"
    ),
    count: count!("tasks_text"),
    show: "SELECT f.rowid, t.id, t.title, snippet(tasks_text, -1, '**', '**', '…', 24), t.status
           FROM tasks_text f JOIN tasks t ON t.id = f.rowid
           WHERE tasks_text MATCH ?1 AND f.rowid IN (SELECT value FROM json_each(?2))",
    scan: scan!(
        "SELECT id AS row, id, title, status,
                concat_ws(char(10), title, description, tags, completion_notes) AS haystack
         FROM tasks WHERE deleted_at IS NULL AND id < ?2 AND (?4 IS NULL OR project_id = ?4)
         ORDER BY id DESC LIMIT ?5"
    ),
};

const PROJECTS: Statements = Statements {
    ranked: matches!("projects_text", "bm25(projects_text, 8.0, 2.0)", "(?4 IS NULL OR rowid = ?4)"),
    newest: matches!("projects_text", "0.0", "(?4 IS NULL OR rowid = ?4)"),
    count: count!("projects_text"),
    show: "SELECT f.rowid, p.id, p.name, snippet(projects_text, -1, '**', '**', '…', 24), NULL
           FROM projects_text f JOIN projects p ON p.id = f.rowid
           WHERE projects_text MATCH ?1 AND f.rowid IN (SELECT value FROM json_each(?2))",
    scan: scan!(
        "SELECT id AS row, id, name AS title, NULL AS status, concat_ws(char(10), name, description) AS haystack
         FROM projects WHERE id < ?2 AND (?4 IS NULL OR id = ?4) ORDER BY id DESC LIMIT ?5"
    ),
};

const NOTES: Statements = Statements {
    ranked: matches!(
        "notes_text",
        "bm25(notes_text)",
        "EXISTS (SELECT 1 FROM notes n JOIN tasks t ON t.id = n.task_id
                 WHERE n.id = notes_text.rowid AND t.deleted_at IS NULL AND (?4 IS NULL OR t.project_id = ?4))"
    ),
    newest: matches!(
        "notes_text",
        "0.0",
        "EXISTS (SELECT 1 FROM notes n JOIN tasks t ON t.id = n.task_id
                 WHERE n.id = notes_text.rowid AND t.deleted_at IS NULL AND (?4 IS NULL OR t.project_id = ?4))"
    ),
    count: count!("notes_text"),
    show: "SELECT f.rowid, t.id, t.title, snippet(notes_text, -1, '**', '**', '…', 24), t.status
           FROM notes_text f JOIN notes n ON n.id = f.rowid JOIN tasks t ON t.id = n.task_id
           WHERE notes_text MATCH ?1 AND f.rowid IN (SELECT value FROM json_each(?2))",
    scan: scan!(
        "SELECT n.id AS row, t.id, t.title, t.status, n.text AS haystack
         FROM notes n JOIN tasks t ON t.id = n.task_id
         WHERE t.deleted_at IS NULL AND n.id < ?2 AND (?4 IS NULL OR t.project_id = ?4)
         ORDER BY n.id DESC LIMIT ?5"
    ),
};

const DOCUMENTS: Statements = Statements {
    ranked: matches!(
        "chunks_text",
        "bm25(chunks_text, 4.0, 1.0)",
        "(?4 IS NULL OR (SELECT d.project_id FROM chunks c JOIN documents d ON d.id = c.document_id
                         WHERE c.id = chunks_text.rowid) = ?4)"
    ),
    newest: matches!(
        "chunks_text",
        "0.0",
        "(?4 IS NULL OR (SELECT d.project_id FROM chunks c JOIN documents d ON d.id = c.document_id
                         WHERE c.id = chunks_text.rowid) = ?4)"
    ),
    count: count!("chunks_text"),
    show: "SELECT f.rowid, d.id, d.uri, snippet(chunks_text, -1, '**', '**', '…', 24), NULL
           FROM chunks_text f JOIN chunks c ON c.id = f.rowid JOIN documents d ON d.id = c.document_id
           WHERE chunks_text MATCH ?1 AND f.rowid IN (SELECT value FROM json_each(?2))",
    scan: scan!(
        "SELECT c.id AS row, d.id, d.uri AS title, NULL AS status, concat_ws(char(10), c.heading, c.text) AS haystack
         FROM chunks c JOIN documents d ON d.id = c.document_id
         WHERE c.id < ?2 AND (?4 IS NULL OR d.project_id = ?4) ORDER BY c.id DESC LIMIT ?5"
    ),
};

/// The statements for `kind`.
pub(super) const fn of(kind: EntityKind) -> &'static Statements {
    match kind {
        EntityKind::Task => &TASKS,
        EntityKind::Project => &PROJECTS,
        EntityKind::Note => &NOTES,
        EntityKind::Document => &DOCUMENTS,
    }
}
