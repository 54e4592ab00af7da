-- Full text. The indexes hold no copy of the text; they read it from the tables when a snippet is
-- wanted. A deleted task leaves its index; its notes stay in theirs, and the search that meets one
-- looks at the task.

CREATE VIRTUAL TABLE tasks_text USING fts5 (
    title, description, tags, completion_notes,
    content = 'tasks', content_rowid = 'id', tokenize = 'unicode61 remove_diacritics 2'
);

CREATE TRIGGER task_text_added AFTER INSERT ON tasks
WHEN NEW.deleted_at IS NULL
BEGIN
    INSERT INTO tasks_text (rowid, title, description, tags, completion_notes)
    VALUES (NEW.id, NEW.title, NEW.description, NEW.tags, NEW.completion_notes);
END;

-- One trigger and not two: SQLite does not say which of two would fire first, and the old text has
-- to leave before the new one comes.
CREATE TRIGGER task_text_changed
AFTER UPDATE OF title, description, tags, completion_notes, deleted_at ON tasks
WHEN OLD.title IS NOT NEW.title OR OLD.description IS NOT NEW.description OR OLD.tags IS NOT NEW.tags
    OR OLD.completion_notes IS NOT NEW.completion_notes
    OR (OLD.deleted_at IS NULL) IS NOT (NEW.deleted_at IS NULL)
BEGIN
    INSERT INTO tasks_text (tasks_text, rowid, title, description, tags, completion_notes)
    SELECT 'delete', OLD.id, OLD.title, OLD.description, OLD.tags, OLD.completion_notes
    WHERE OLD.deleted_at IS NULL;
    INSERT INTO tasks_text (rowid, title, description, tags, completion_notes)
    SELECT NEW.id, NEW.title, NEW.description, NEW.tags, NEW.completion_notes
    WHERE NEW.deleted_at IS NULL;
END;

CREATE VIRTUAL TABLE projects_text USING fts5 (
    name, description,
    content = 'projects', content_rowid = 'id', tokenize = 'unicode61 remove_diacritics 2'
);

CREATE TRIGGER project_text_added AFTER INSERT ON projects
BEGIN
    INSERT INTO projects_text (rowid, name, description) VALUES (NEW.id, NEW.name, NEW.description);
END;

CREATE TRIGGER project_text_replaced AFTER UPDATE OF name, description ON projects
BEGIN
    INSERT INTO projects_text (projects_text, rowid, name, description)
    VALUES ('delete', OLD.id, OLD.name, OLD.description);
    INSERT INTO projects_text (rowid, name, description) VALUES (NEW.id, NEW.name, NEW.description);
END;

CREATE VIRTUAL TABLE notes_text USING fts5 (
    text,
    content = 'notes', content_rowid = 'id', tokenize = 'unicode61 remove_diacritics 2'
);

CREATE TRIGGER note_text_added AFTER INSERT ON notes
BEGIN
    INSERT INTO notes_text (rowid, text) VALUES (NEW.id, NEW.text);
END;

CREATE TRIGGER note_text_removed AFTER DELETE ON notes
BEGIN
    INSERT INTO notes_text (notes_text, rowid, text) VALUES ('delete', OLD.id, OLD.text);
END;

CREATE VIRTUAL TABLE chunks_text USING fts5 (
    heading, text,
    content = 'chunks', content_rowid = 'id', tokenize = 'unicode61 remove_diacritics 2'
);

CREATE TRIGGER chunk_text_added AFTER INSERT ON chunks
BEGIN
    INSERT INTO chunks_text (rowid, heading, text) VALUES (NEW.id, NEW.heading, NEW.text);
END;

CREATE TRIGGER chunk_text_removed AFTER DELETE ON chunks
BEGIN
    INSERT INTO chunks_text (chunks_text, rowid, heading, text)
    VALUES ('delete', OLD.id, OLD.heading, OLD.text);
END;
