-- Variables that people set (spec 4). Each value is sealed with the key beside the database.
CREATE TABLE variables (
    project           TEXT NOT NULL REFERENCES projects (id) ON DELETE CASCADE,
    -- Empty for a variable of the project.
    environment       TEXT NOT NULL,
    name              TEXT NOT NULL,
    value             BLOB NOT NULL,
    is_json           INTEGER NOT NULL,
    is_sensitive      INTEGER NOT NULL,
    visible_build     INTEGER NOT NULL,
    visible_runtime   INTEGER NOT NULL,
    is_inheritable    INTEGER NOT NULL,
    is_enabled        INTEGER NOT NULL,
    -- Names of apps as a JSON list; empty for all.
    application_scope TEXT NOT NULL,
    created_at        TEXT NOT NULL,
    updated_at        TEXT NOT NULL,
    PRIMARY KEY (project, environment, name)
) STRICT;
