-- What people set of an environment besides its type and its parent (spec 5.1).
ALTER TABLE environments ADD COLUMN title TEXT;
ALTER TABLE environments ADD COLUMN restrict_robots INTEGER NOT NULL DEFAULT TRUE;
