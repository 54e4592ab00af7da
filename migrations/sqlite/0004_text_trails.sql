-- The full-text index of tasks trails the rows: putting a text in costs more than its row, and many
-- together cost much less than each alone. New tasks are listed here in the transaction that adds them,
-- and leave the list in the one that indexes them. Whatever is in the index is what its row says: a task
-- that changes is brought up to date at once if it is in the index already.

CREATE TABLE tasks_unindexed (
    id INTEGER PRIMARY KEY
) STRICT;

DROP TRIGGER task_text_added;

CREATE TRIGGER task_text_added AFTER INSERT ON tasks
WHEN NEW.deleted_at IS NULL
BEGIN
    INSERT INTO tasks_unindexed (id) VALUES (NEW.id);
END;

DROP TRIGGER task_text_changed;

CREATE TRIGGER task_text_changed
AFTER UPDATE OF title, description, tags, completion_notes, deleted_at ON tasks
WHEN (OLD.title IS NOT NEW.title OR OLD.description IS NOT NEW.description OR OLD.tags IS NOT NEW.tags
        OR OLD.completion_notes IS NOT NEW.completion_notes
        OR (OLD.deleted_at IS NULL) IS NOT (NEW.deleted_at IS NULL))
    AND NOT EXISTS (SELECT 1 FROM tasks_unindexed WHERE id = NEW.id)
BEGIN
    INSERT INTO tasks_text (tasks_text, rowid, title, description, tags, completion_notes)
    SELECT 'delete', OLD.id, OLD.title, OLD.description, OLD.tags, OLD.completion_notes
    WHERE OLD.deleted_at IS NULL;
    INSERT INTO tasks_text (rowid, title, description, tags, completion_notes)
    SELECT NEW.id, NEW.title, NEW.description, NEW.tags, NEW.completion_notes
    WHERE NEW.deleted_at IS NULL;
END;
