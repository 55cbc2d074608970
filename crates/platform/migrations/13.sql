-- Who may see an environment, as JSON with hashed passwords; NULL for what its parent says.
ALTER TABLE environments ADD COLUMN http_access TEXT;
