CREATE TABLE projects (
    id             TEXT PRIMARY KEY,
    title          TEXT NOT NULL,
    default_branch TEXT NOT NULL,
    entropy        TEXT NOT NULL,
    created_at     TEXT NOT NULL
) STRICT;

CREATE TABLE environments (
    project      TEXT NOT NULL REFERENCES projects (id) ON DELETE CASCADE,
    name         TEXT NOT NULL,
    machine_name TEXT NOT NULL,
    type         TEXT NOT NULL,
    status       TEXT NOT NULL,
    parent       TEXT,
    head_commit  TEXT,
    deployment   TEXT,
    deployed_at  TEXT,
    created_at   TEXT NOT NULL,
    PRIMARY KEY (project, name)
) STRICT;

-- A component (app, worker, service) of an environment keeps its slot, and so its address and id range, for
-- as long as the environment has it, however often its container is made anew.
CREATE TABLE slots (
    slot        INTEGER PRIMARY KEY,
    project     TEXT NOT NULL,
    environment TEXT NOT NULL,
    component   TEXT NOT NULL,
    UNIQUE (project, environment, component)
) STRICT;

-- Every container on the node has its owner here before it is made.
CREATE TABLE containers (
    id          TEXT PRIMARY KEY,
    project     TEXT NOT NULL,
    environment TEXT NOT NULL,
    component   TEXT NOT NULL
) STRICT;

CREATE TABLE volumes (
    id          TEXT PRIMARY KEY,
    project     TEXT NOT NULL,
    environment TEXT NOT NULL,
    component   TEXT NOT NULL,
    UNIQUE (project, environment, component)
) STRICT;

CREATE TABLE passwords (
    project     TEXT NOT NULL,
    environment TEXT NOT NULL,
    service     TEXT NOT NULL,
    endpoint    TEXT NOT NULL,
    password    TEXT NOT NULL,
    PRIMARY KEY (project, environment, service, endpoint)
) STRICT;

CREATE TABLE builds (
    project    TEXT NOT NULL,
    build      TEXT NOT NULL,
    app        TEXT NOT NULL,
    image      TEXT NOT NULL,
    tree       TEXT NOT NULL,
    created_at TEXT NOT NULL,
    PRIMARY KEY (project, build)
) STRICT;

CREATE TABLE deployments (
    id          TEXT PRIMARY KEY,
    project     TEXT NOT NULL,
    environment TEXT NOT NULL,
    commit_id   TEXT NOT NULL,
    desired     TEXT NOT NULL,
    created_at  TEXT NOT NULL
) STRICT;
CREATE INDEX deployments_of_environment ON deployments (project, environment, created_at);

CREATE TABLE activities (
    id           TEXT PRIMARY KEY,
    type         TEXT NOT NULL,
    project      TEXT,
    environment  TEXT,
    description  TEXT NOT NULL,
    parameters   TEXT NOT NULL,
    state        TEXT NOT NULL,
    result       TEXT,
    percent      INTEGER NOT NULL,
    created_at   TEXT NOT NULL,
    started_at   TEXT,
    completed_at TEXT
) STRICT;
CREATE INDEX activities_of_project ON activities (project, created_at);

-- The journal: what an activity has done and was doing.
CREATE TABLE steps (
    activity     TEXT NOT NULL REFERENCES activities (id) ON DELETE CASCADE,
    number       INTEGER NOT NULL,
    step         TEXT NOT NULL,
    started_at   TEXT NOT NULL,
    completed_at TEXT,
    PRIMARY KEY (activity, number)
) STRICT;
