-- People who may reach projects from outside. The machine's root needs no record: it may everything.
CREATE TABLE users (
    name       TEXT PRIMARY KEY,
    -- Whether all projects are theirs to administer.
    is_admin   INTEGER NOT NULL,
    created_at TEXT NOT NULL
) STRICT;

CREATE TABLE ssh_keys (
    -- As OpenSSH shows it: SHA256:…
    fingerprint TEXT PRIMARY KEY,
    user        TEXT NOT NULL REFERENCES users (name) ON DELETE CASCADE,
    title       TEXT NOT NULL,
    -- Algorithm and key as in authorized_keys(5).
    public_key  TEXT NOT NULL,
    created_at  TEXT NOT NULL
) STRICT;
CREATE INDEX ssh_keys_of_user ON ssh_keys (user);

-- What a user is in a project, or in its environments of one type (spec 5.5).
CREATE TABLE roles (
    user    TEXT NOT NULL REFERENCES users (name) ON DELETE CASCADE,
    project TEXT NOT NULL REFERENCES projects (id) ON DELETE CASCADE,
    -- project, or a type of environments.
    scope   TEXT NOT NULL,
    role    TEXT NOT NULL,
    PRIMARY KEY (user, project, scope)
) STRICT;

-- Who did what that is no activity. Names stay when what they name is gone.
CREATE TABLE audit (
    id          INTEGER PRIMARY KEY,
    at          TEXT NOT NULL,
    user        TEXT NOT NULL,
    action      TEXT NOT NULL,
    project     TEXT,
    environment TEXT,
    detail      TEXT NOT NULL
) STRICT;

-- Who asked for it; NULL for guise itself.
ALTER TABLE activities ADD COLUMN user TEXT;
