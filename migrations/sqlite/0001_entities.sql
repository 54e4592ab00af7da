-- What the store holds. Ids are time-ordered 64-bit numbers made by the store (see store/ids.rs);
-- times are milliseconds since 1970.

CREATE TABLE meta (
    name  TEXT PRIMARY KEY,
    value TEXT NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE projects (
    id          INTEGER PRIMARY KEY,
    name        TEXT NOT NULL,
    -- The name in lower case: SQLite's NOCASE knows ASCII only, and names are not only English.
    name_key    TEXT NOT NULL UNIQUE,
    description TEXT,
    status      TEXT NOT NULL CHECK (status IN ('active', 'archived')),
    created_at  INTEGER NOT NULL,
    updated_at  INTEGER NOT NULL,
    version     INTEGER NOT NULL
) STRICT;

-- Foreign keys between tasks are deferred: a plan may name a parent that stands further down.
CREATE TABLE tasks (
    id                INTEGER PRIMARY KEY,
    title             TEXT NOT NULL,
    description       TEXT,
    status            TEXT NOT NULL CHECK (status IN ('todo', 'doing', 'done', 'blocked', 'cancelled')),
    -- 0 low, 1 normal, 2 high, 3 urgent: a number, so that an index can order by it.
    priority          INTEGER NOT NULL CHECK (priority BETWEEN 0 AND 3),
    -- A JSON array of texts.
    tags              TEXT NOT NULL,
    -- A JSON object, never touched by SQLite's JSON functions: they would round large integers.
    labels            TEXT NOT NULL,
    parent_id         INTEGER REFERENCES tasks (id) DEFERRABLE INITIALLY DEFERRED,
    project_id        INTEGER REFERENCES projects (id),
    role              TEXT,
    assignee          TEXT,
    due_at            INTEGER,
    created_at        INTEGER NOT NULL,
    updated_at        INTEGER NOT NULL,
    completed_at      INTEGER,
    completion_notes  TEXT,
    deleted_at        INTEGER,
    -- Shared by all tasks that one deletion took along, so that restoring one brings back all.
    deletion          INTEGER,
    version           INTEGER NOT NULL,
    -- How many dependencies are open; kept by triggers, so that "ready" is one index range.
    open_dependencies INTEGER NOT NULL DEFAULT 0
) STRICT;

CREATE INDEX tasks_by_status ON tasks (status, id) WHERE deleted_at IS NULL;
CREATE INDEX tasks_by_priority ON tasks (priority DESC, id) WHERE deleted_at IS NULL;
CREATE INDEX tasks_by_update ON tasks (updated_at, id) WHERE deleted_at IS NULL;
CREATE INDEX tasks_by_due ON tasks (ifnull(due_at, 253402300800000), id) WHERE deleted_at IS NULL;
CREATE INDEX tasks_by_project ON tasks (project_id, id) WHERE deleted_at IS NULL AND project_id IS NOT NULL;
CREATE INDEX tasks_by_parent ON tasks (parent_id, id) WHERE parent_id IS NOT NULL;
CREATE INDEX tasks_by_role ON tasks (role, id) WHERE deleted_at IS NULL AND role IS NOT NULL;
CREATE INDEX tasks_by_assignee ON tasks (assignee, id) WHERE deleted_at IS NULL AND assignee IS NOT NULL;
CREATE INDEX tasks_deleted ON tasks (id) WHERE deleted_at IS NOT NULL;
CREATE INDEX tasks_by_deletion ON tasks (deletion) WHERE deletion IS NOT NULL;
CREATE INDEX tasks_open_by_due ON tasks (due_at, project_id)
    WHERE deleted_at IS NULL AND due_at IS NOT NULL AND status NOT IN ('done', 'cancelled');

-- The queue, in the order in which it is worked off. The status leads although it is always the same:
-- SQLite then sees that these indexes answer as much of the question as tasks_by_status, and the order too.
CREATE INDEX tasks_ready ON tasks (status, priority DESC, id)
    WHERE status = 'todo' AND deleted_at IS NULL AND open_dependencies = 0;
CREATE INDEX tasks_ready_by_project ON tasks (status, project_id, priority DESC, id)
    WHERE status = 'todo' AND deleted_at IS NULL AND open_dependencies = 0 AND project_id IS NOT NULL;
CREATE INDEX tasks_ready_by_role ON tasks (status, role, priority DESC, id)
    WHERE status = 'todo' AND deleted_at IS NULL AND open_dependencies = 0 AND role IS NOT NULL;

CREATE TABLE dependencies (
    task_id    INTEGER NOT NULL REFERENCES tasks (id) DEFERRABLE INITIALLY DEFERRED,
    depends_on INTEGER NOT NULL REFERENCES tasks (id) DEFERRABLE INITIALLY DEFERRED,
    PRIMARY KEY (task_id, depends_on),
    CHECK (task_id <> depends_on)
) STRICT, WITHOUT ROWID;

CREATE INDEX dependents ON dependencies (depends_on, task_id);

CREATE TABLE notes (
    id         INTEGER PRIMARY KEY,
    task_id    INTEGER NOT NULL REFERENCES tasks (id),
    text       TEXT NOT NULL,
    author     TEXT,
    created_at INTEGER NOT NULL
) STRICT;

CREATE INDEX notes_by_task ON notes (task_id, id);

CREATE TABLE documents (
    id           INTEGER PRIMARY KEY,
    uri          TEXT NOT NULL UNIQUE,
    title        TEXT NOT NULL,
    content      TEXT NOT NULL,
    content_hash TEXT NOT NULL,
    bytes        INTEGER NOT NULL,
    chunks       INTEGER NOT NULL,
    project_id   INTEGER REFERENCES projects (id),
    task_id      INTEGER REFERENCES tasks (id),
    created_at   INTEGER NOT NULL,
    updated_at   INTEGER NOT NULL,
    version      INTEGER NOT NULL
) STRICT;

CREATE INDEX documents_by_project ON documents (project_id, id);
CREATE INDEX documents_by_task ON documents (task_id);

CREATE TABLE chunks (
    id          INTEGER PRIMARY KEY,
    document_id INTEGER NOT NULL REFERENCES documents (id),
    -- Title and uri, with the first chunk only: the document's name should be found once.
    heading     TEXT NOT NULL,
    text        TEXT NOT NULL
) STRICT;

CREATE INDEX chunks_by_document ON chunks (document_id, id);

CREATE TABLE executions (
    id               INTEGER PRIMARY KEY,
    task_id          INTEGER NOT NULL REFERENCES tasks (id),
    worker           TEXT NOT NULL,
    status           TEXT NOT NULL CHECK (status IN ('active', 'completed', 'released', 'expired')),
    lease_ms         INTEGER NOT NULL,
    started_at       INTEGER NOT NULL,
    heartbeat_at     INTEGER NOT NULL,
    lease_expires_at INTEGER NOT NULL,
    ended_at         INTEGER
) STRICT;

-- That a task has one holder is a rule of the database, not only of the code.
CREATE UNIQUE INDEX executions_active ON executions (task_id) WHERE status = 'active';
CREATE INDEX executions_by_lease ON executions (lease_expires_at, worker) WHERE status = 'active';
CREATE INDEX executions_by_task ON executions (task_id, id);

-- Append-only: the audit history, the undo log and the feed.
CREATE TABLE changes (
    seq        INTEGER PRIMARY KEY AUTOINCREMENT,
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

CREATE INDEX changes_by_entity ON changes (entity_id, seq);

CREATE TABLE requests (
    request_id TEXT PRIMARY KEY,
    operation  TEXT NOT NULL,
    input_hash BLOB NOT NULL,
    response   TEXT NOT NULL,
    at         INTEGER NOT NULL
) STRICT;

CREATE INDEX requests_by_age ON requests (at);
