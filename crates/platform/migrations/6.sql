-- Whether an environment sleeps until somebody asks for it, and after how long: NULL for what its type says.
ALTER TABLE environments ADD COLUMN asleep INTEGER NOT NULL DEFAULT FALSE;
ALTER TABLE environments ADD COLUMN sleep_after TEXT;
