-- Who is told of a project's activities when they have ended.
CREATE TABLE webhooks (
    id         TEXT PRIMARY KEY,
    project    TEXT NOT NULL REFERENCES projects (id) ON DELETE CASCADE,
    url        TEXT NOT NULL,
    -- What messages are signed with, sealed.
    key        BLOB NOT NULL,
    -- Types of activities, separated by commas; all when empty.
    events     TEXT NOT NULL,
    created_at TEXT NOT NULL,
    -- The last activity that was told of: when it ended, and its id.
    told_at    TEXT NOT NULL,
    told_id    TEXT NOT NULL,
    -- How often in a row telling of the next one has failed, when it is tried again, and why it failed last.
    failures   INTEGER NOT NULL,
    next_at    TEXT,
    problem    TEXT
) STRICT;
CREATE INDEX ended_activities ON activities (project, completed_at, id);
