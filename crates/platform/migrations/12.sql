-- Whether an environment may send mail; null for what its type says.
ALTER TABLE environments ADD COLUMN enable_smtp INTEGER;
