-- Secrets that stand for a user at the API.
CREATE TABLE tokens (
    id         TEXT PRIMARY KEY,
    user       TEXT NOT NULL REFERENCES users (name) ON DELETE CASCADE,
    title      TEXT NOT NULL,
    -- SHA-256 of the secret.
    hash       BLOB NOT NULL UNIQUE,
    -- Whether it may change nothing.
    read_only  INTEGER NOT NULL,
    -- The only project that it is good for; NULL for all of its user's.
    project    TEXT REFERENCES projects (id) ON DELETE CASCADE,
    created_at TEXT NOT NULL,
    expires_at TEXT,
    used_at    TEXT
) STRICT;
