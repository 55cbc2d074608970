-- When somebody asked for an activity to stop, whether or not it still did.
ALTER TABLE activities ADD COLUMN cancelled_at TEXT;
