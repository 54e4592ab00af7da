-- What is derived from the rows, kept in the transaction that changes them: nobody can forget it.

-- Open dependencies ------------------------------------------------------------------------

CREATE TRIGGER dependency_added AFTER INSERT ON dependencies
WHEN EXISTS (
    SELECT 1 FROM tasks
    WHERE id = NEW.depends_on AND deleted_at IS NULL AND status NOT IN ('done', 'cancelled')
)
BEGIN
    UPDATE tasks SET open_dependencies = open_dependencies + 1 WHERE id = NEW.task_id;
END;

CREATE TRIGGER dependency_removed AFTER DELETE ON dependencies
WHEN EXISTS (
    SELECT 1 FROM tasks
    WHERE id = OLD.depends_on AND deleted_at IS NULL AND status NOT IN ('done', 'cancelled')
)
BEGIN
    UPDATE tasks SET open_dependencies = open_dependencies - 1 WHERE id = OLD.task_id;
END;

CREATE TRIGGER dependency_closed AFTER UPDATE OF status, deleted_at ON tasks
WHEN (OLD.deleted_at IS NULL AND OLD.status NOT IN ('done', 'cancelled'))
    AND NOT (NEW.deleted_at IS NULL AND NEW.status NOT IN ('done', 'cancelled'))
BEGIN
    UPDATE tasks SET open_dependencies = open_dependencies - 1
    WHERE id IN (SELECT task_id FROM dependencies WHERE depends_on = NEW.id);
END;

CREATE TRIGGER dependency_reopened AFTER UPDATE OF status, deleted_at ON tasks
WHEN NOT (OLD.deleted_at IS NULL AND OLD.status NOT IN ('done', 'cancelled'))
    AND (NEW.deleted_at IS NULL AND NEW.status NOT IN ('done', 'cancelled'))
BEGIN
    UPDATE tasks SET open_dependencies = open_dependencies + 1
    WHERE id IN (SELECT task_id FROM dependencies WHERE depends_on = NEW.id);
END;

-- Counts -----------------------------------------------------------------------------------

-- Tasks that are not deleted, by what the dashboard and the projects count. 0 is "no project".
CREATE TABLE task_counts (
    project_id INTEGER NOT NULL,
    status     TEXT NOT NULL,
    priority   INTEGER NOT NULL,
    waiting    INTEGER NOT NULL,
    count      INTEGER NOT NULL,
    PRIMARY KEY (project_id, status, priority, waiting)
) STRICT, WITHOUT ROWID;

CREATE TRIGGER task_counted AFTER INSERT ON tasks
WHEN NEW.deleted_at IS NULL
BEGIN
    INSERT INTO task_counts
    VALUES (ifnull(NEW.project_id, 0), NEW.status, NEW.priority, NEW.open_dependencies > 0, 1)
    ON CONFLICT DO UPDATE SET count = count + 1;
END;

CREATE TRIGGER task_uncounted
AFTER UPDATE OF status, priority, project_id, deleted_at, open_dependencies ON tasks
WHEN OLD.deleted_at IS NULL
BEGIN
    UPDATE task_counts SET count = count - 1
    WHERE project_id = ifnull(OLD.project_id, 0) AND status = OLD.status
        AND priority = OLD.priority AND waiting = (OLD.open_dependencies > 0);
END;

CREATE TRIGGER task_recounted
AFTER UPDATE OF status, priority, project_id, deleted_at, open_dependencies ON tasks
WHEN NEW.deleted_at IS NULL
BEGIN
    INSERT INTO task_counts
    VALUES (ifnull(NEW.project_id, 0), NEW.status, NEW.priority, NEW.open_dependencies > 0, 1)
    ON CONFLICT DO UPDATE SET count = count + 1;
END;

-- Tags -------------------------------------------------------------------------------------

CREATE TABLE task_tags (
    tag     TEXT NOT NULL,
    task_id INTEGER NOT NULL,
    PRIMARY KEY (tag, task_id)
) STRICT, WITHOUT ROWID;

CREATE TRIGGER task_tagged AFTER INSERT ON tasks
WHEN NEW.tags <> '[]'
BEGIN
    INSERT OR IGNORE INTO task_tags SELECT value, NEW.id FROM json_each(NEW.tags);
END;

CREATE TRIGGER task_retagged AFTER UPDATE OF tags ON tasks
WHEN OLD.tags <> NEW.tags
BEGIN
    DELETE FROM task_tags
    WHERE task_id = OLD.id AND tag IN (SELECT value FROM json_each(OLD.tags));
    INSERT OR IGNORE INTO task_tags SELECT value, NEW.id FROM json_each(NEW.tags);
END;
