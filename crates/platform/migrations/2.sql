-- A backup holds all that its restoration needs: it outlives the record of the deployment it is of.
CREATE TABLE backups (
    id          TEXT PRIMARY KEY,
    project     TEXT NOT NULL REFERENCES projects (id) ON DELETE CASCADE,
    environment TEXT NOT NULL,
    status      TEXT NOT NULL,
    commit_id   TEXT NOT NULL,
    deployment  TEXT,
    -- What ran, as JSON; NULL for a backup that came from another machine.
    desired     TEXT,
    safe        INTEGER NOT NULL,
    automated   INTEGER NOT NULL,
    created_at  TEXT NOT NULL,
    expires_at  TEXT
) STRICT;
CREATE INDEX backups_of_environment ON backups (project, environment, created_at);

CREATE TABLE backup_volumes (
    volume    TEXT PRIMARY KEY,
    backup    TEXT NOT NULL REFERENCES backups (id) ON DELETE CASCADE,
    component TEXT NOT NULL,
    UNIQUE (backup, component)
) STRICT;
