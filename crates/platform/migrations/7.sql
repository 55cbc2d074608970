-- What the operator gives an app, worker or service in place of its size.
CREATE TABLE allowances (
    project     TEXT NOT NULL REFERENCES projects (id) ON DELETE CASCADE,
    -- Empty for all environments of the project.
    environment TEXT NOT NULL,
    component   TEXT NOT NULL,
    -- As JSON.
    allowance   TEXT NOT NULL,
    PRIMARY KEY (project, environment, component)
) STRICT;
