-- A write changes fewer pages: each costs its share of the commit that waits for the disk.

-- Ids only grow, so that what the full-text index of tasks lacks are the tasks behind the last one that
-- it has; no list of them is needed. Only an import adds tasks before that one, and these are indexed at
-- once.
CREATE TABLE tasks_indexed (
    up_to INTEGER NOT NULL
) STRICT;

INSERT INTO tasks_text (rowid, title, description, tags, completion_notes)
SELECT id, title, description, tags, completion_notes FROM tasks
WHERE id IN (SELECT id FROM tasks_unindexed) AND deleted_at IS NULL ORDER BY id;

INSERT INTO tasks_indexed SELECT ifnull(max(id), 0) FROM tasks;

DROP TRIGGER task_text_added;
DROP TRIGGER task_text_changed;
DROP TABLE tasks_unindexed;

CREATE TRIGGER task_text_added AFTER INSERT ON tasks
WHEN NEW.deleted_at IS NULL AND NEW.id <= (SELECT up_to FROM tasks_indexed)
BEGIN
    INSERT INTO tasks_text (rowid, title, description, tags, completion_notes)
    VALUES (NEW.id, NEW.title, NEW.description, NEW.tags, NEW.completion_notes);
END;

CREATE TRIGGER task_text_changed
AFTER UPDATE OF title, description, tags, completion_notes, deleted_at ON tasks
WHEN (OLD.title IS NOT NEW.title OR OLD.description IS NOT NEW.description OR OLD.tags IS NOT NEW.tags
        OR OLD.completion_notes IS NOT NEW.completion_notes
        OR (OLD.deleted_at IS NULL) IS NOT (NEW.deleted_at IS NULL))
    AND NEW.id <= (SELECT up_to FROM tasks_indexed)
BEGIN
    INSERT INTO tasks_text (tasks_text, rowid, title, description, tags, completion_notes)
    SELECT 'delete', OLD.id, OLD.title, OLD.description, OLD.tags, OLD.completion_notes
    WHERE OLD.deleted_at IS NULL;
    INSERT INTO tasks_text (rowid, title, description, tags, completion_notes)
    SELECT NEW.id, NEW.title, NEW.description, NEW.tags, NEW.completion_notes
    WHERE NEW.deleted_at IS NULL;
END;

-- Requests are kept in the order in which they came; that is by age.
DROP INDEX requests_by_age;

-- Append-only: the audit history, the undo log and the feed. Nothing is ever taken out, so that one more
-- than the last number was never given before, and need not be noted elsewhere.
CREATE TABLE history (
    seq        INTEGER PRIMARY KEY,
    at         INTEGER NOT NULL,
    entity     TEXT NOT NULL,
    entity_id  INTEGER NOT NULL,
    action     TEXT NOT NULL,
    actor      TEXT,
    version    INTEGER NOT NULL,
    before     TEXT NOT NULL,
    after      TEXT NOT NULL,
    guard      TEXT,
    request_id TEXT,
    -- A JSON array of further ids whose shown form this changed.
    affects    TEXT NOT NULL,
    -- The change that this one took back.
    undoes     INTEGER
) STRICT;

INSERT INTO history SELECT * FROM changes;
DROP TABLE changes;
CREATE INDEX history_by_entity ON history (entity_id, seq);
