//! What holds in every database of the store. Each statement returns what does not, in words.

/// What triggers and writers keep true, by the name of the rule.
pub(super) const ALL: [(&str, &str); 6] = [
    (
        "open dependencies",
        "SELECT 'task ' || t.id || ' waits for ' || t.open_dependencies || ' tasks, and should for ' || t.counted
         FROM (SELECT id, open_dependencies,
                      (SELECT count(*) FROM dependencies d JOIN tasks o ON o.id = d.depends_on
                       WHERE d.task_id = tasks.id AND o.deleted_at IS NULL
                           AND o.status NOT IN ('done', 'cancelled')) AS counted
               FROM tasks) t
         WHERE t.open_dependencies <> t.counted LIMIT 20",
    ),
    (
        "counts",
        "WITH counted AS (
             SELECT ifnull(project_id, 0) AS project_id, status, priority, open_dependencies > 0 AS waiting,
                    count(*) AS count
             FROM tasks WHERE deleted_at IS NULL GROUP BY 1, 2, 3, 4
         ), wrong AS (
             SELECT * FROM (SELECT * FROM counted
                            EXCEPT SELECT project_id, status, priority, waiting, count FROM task_counts)
             UNION ALL
             SELECT * FROM (SELECT project_id, status, priority, waiting, count FROM task_counts WHERE count <> 0
                            EXCEPT SELECT * FROM counted)
         )
         SELECT DISTINCT 'the number of tasks that are ' || status || ' is wrong' FROM wrong LIMIT 20",
    ),
    (
        "tags",
        "WITH tagged AS (SELECT value AS tag, tasks.id AS task_id FROM tasks, json_each(tasks.tags)),
         wrong AS (
             SELECT * FROM (SELECT tag, task_id FROM tagged EXCEPT SELECT tag, task_id FROM task_tags)
             UNION ALL
             SELECT * FROM (SELECT tag, task_id FROM task_tags EXCEPT SELECT tag, task_id FROM tagged)
         )
         SELECT DISTINCT 'task ' || task_id || ' is not found by its tags' FROM wrong LIMIT 20",
    ),
    (
        "chunks",
        "SELECT 'document ' || d.id || ' has ' || d.counted || ' chunks, and should have ' || d.chunks
         FROM (SELECT id, chunks, (SELECT count(*) FROM chunks c WHERE c.document_id = documents.id) AS counted
               FROM documents) d
         WHERE d.chunks <> d.counted LIMIT 20",
    ),
    (
        "history",
        "SELECT 'change ' || seq || ' takes back a change that is not there' FROM history
         WHERE undoes IS NOT NULL AND undoes NOT IN (SELECT seq FROM history) LIMIT 20",
    ),
    (
        "full text",
        "SELECT w.name || ' has ' || w.indexed || ' entries, and should have ' || w.stored
         FROM (SELECT 'tasks_text' AS name, (SELECT count(*) FROM tasks_text_docsize) AS indexed,
                      (SELECT count(*) FROM tasks
                       WHERE deleted_at IS NULL AND id <= (SELECT up_to FROM tasks_indexed)) AS stored
               UNION ALL SELECT 'projects_text', (SELECT count(*) FROM projects_text_docsize),
                      (SELECT count(*) FROM projects)
               UNION ALL SELECT 'notes_text', (SELECT count(*) FROM notes_text_docsize),
                      (SELECT count(*) FROM notes)
               UNION ALL SELECT 'chunks_text', (SELECT count(*) FROM chunks_text_docsize),
                      (SELECT count(*) FROM chunks)) w
         WHERE w.indexed <> w.stored",
    ),
];

/// Compares the full-text indexes with the texts; that of tasks only with itself, for it leaves out
/// deleted tasks, which FTS5 would miss.
pub(super) const FULL_TEXT: [&str; 4] = [
    "INSERT INTO tasks_text (tasks_text, rank) VALUES ('integrity-check', 0)",
    "INSERT INTO projects_text (projects_text, rank) VALUES ('integrity-check', 1)",
    "INSERT INTO notes_text (notes_text, rank) VALUES ('integrity-check', 1)",
    "INSERT INTO chunks_text (chunks_text, rank) VALUES ('integrity-check', 1)",
];
