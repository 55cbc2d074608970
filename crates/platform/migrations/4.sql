-- Whether the push of a new branch makes an environment that runs, or one that has code only.
ALTER TABLE projects ADD COLUMN push_activates INTEGER NOT NULL DEFAULT TRUE;

ALTER TABLE environments ADD COLUMN clone_parent_on_create INTEGER NOT NULL DEFAULT TRUE;
-- How it is deployed unless a deployment says otherwise: stopstart or rolling.
ALTER TABLE environments ADD COLUMN deployment_strategy TEXT NOT NULL DEFAULT 'stopstart';
