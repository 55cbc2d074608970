-- When its days begin: an automated backup of a day is made at four in the morning there.
ALTER TABLE projects ADD COLUMN timezone TEXT NOT NULL DEFAULT 'UTC';
