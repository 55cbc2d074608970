//! API tokens: hashes of secrets that stand for their users.

use super::{Store, StoreError, now, unreadable, users::name};
use guise_model::{ProjectId, UserName};
use rusqlite::{OptionalExtension, Row, params};

/// A token as stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TokenRecord {
    /// Its id, which is no secret.
    pub id: String,
    /// Whom it stands for.
    pub user: UserName,
    /// What people call it.
    pub title: String,
    /// Whether it may change nothing.
    pub read_only: bool,
    /// The only project that it is good for, if it is not good for all of its user's.
    pub project: Option<ProjectId>,
    /// When it was made.
    pub created_at: String,
    /// When it stops being good.
    pub expires_at: Option<String>,
    /// When it was last used, to the minute.
    pub used_at: Option<String>,
}

fn token(row: &Row<'_>) -> rusqlite::Result<TokenRecord> {
    Ok(TokenRecord {
        id: row.get("id")?,
        user: name(row, "user")?,
        title: row.get("title")?,
        read_only: row.get("read_only")?,
        project: row
            .get::<_, Option<String>>("project")?
            .map(ProjectId::new)
            .transpose()
            .map_err(|error| unreadable(Box::new(error)))?,
        created_at: row.get("created_at")?,
        expires_at: row.get("expires_at")?,
        used_at: row.get("used_at")?,
    })
}

impl Store {
    /// Records a token by the hash of its secret.
    pub fn create_token(&self, token: &TokenRecord, hash: &[u8]) -> Result<(), StoreError> {
        self.connection().execute(
            "INSERT INTO tokens (id, user, title, hash, read_only, project, created_at, expires_at)
             VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
            params![
                token.id,
                token.user.as_str(),
                token.title,
                hash,
                token.read_only,
                token.project.as_ref().map(ProjectId::as_str),
                token.created_at,
                token.expires_at
            ],
        )?;
        Ok(())
    }

    /// The tokens of one user or of all, oldest first.
    pub fn tokens(&self, user: Option<&UserName>) -> Result<Vec<TokenRecord>, StoreError> {
        let connection = self.connection();
        let mut statement = connection
            .prepare_cached("SELECT * FROM tokens WHERE (?1 IS NULL OR user = ?1) ORDER BY created_at, id")?;
        let tokens = statement
            .query_map([user.map(UserName::as_str)], token)?
            .collect::<Result<_, _>>()?;
        Ok(tokens)
    }

    /// The token whose secret has this hash, and is good at this moment; that it was used is remembered.
    pub fn use_token(&self, hash: &[u8]) -> Result<Option<TokenRecord>, StoreError> {
        let connection = self.connection();
        let mut statement = connection.prepare_cached(
            "SELECT * FROM tokens WHERE hash = ?1 AND (expires_at IS NULL OR expires_at > ?2)",
        )?;
        let now = now();
        let found = statement.query_row(params![hash, now], token).optional()?;
        // A write for each request would cost a sync of the disk for each.
        let minute = |time: &str| time.get(..16).map(str::to_owned);
        if let Some(found) = &found
            && found.used_at.as_deref().and_then(minute) != minute(&now)
        {
            connection.execute(
                "UPDATE tokens SET used_at = ? WHERE id = ?",
                params![now, found.id],
            )?;
        }
        Ok(found)
    }

    /// Forgets a token; `false` when there is none of that id.
    pub fn delete_token(&self, id: &str) -> Result<bool, StoreError> {
        Ok(self
            .connection()
            .execute("DELETE FROM tokens WHERE id = ?", [id])?
            == 1)
    }
}
