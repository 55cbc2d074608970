//! Users, their keys and their roles.

use super::{Store, StoreError, now};
use crate::right::Grant;
use guise_model::{ProjectId, UserName};
use rusqlite::{OptionalExtension, Row, params};

/// A user as stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UserRecord {
    /// The name.
    pub name: UserName,
    /// Whether every project is theirs to administer.
    pub is_admin: bool,
    /// When they were made.
    pub created_at: String,
}

/// An SSH key as stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SshKeyRecord {
    /// Its fingerprint: `SHA256:…`.
    pub fingerprint: String,
    /// Whose it is.
    pub user: UserName,
    /// What people call it.
    pub title: String,
    /// Algorithm and key.
    pub public_key: String,
    /// When it was added.
    pub created_at: String,
}

pub(super) fn name(row: &Row<'_>, column: &str) -> rusqlite::Result<UserName> {
    let refused = |error: guise_model::InvalidId| super::unreadable(Box::new(error));
    UserName::new(row.get::<_, String>(column)?).map_err(refused)
}

fn user(row: &Row<'_>) -> rusqlite::Result<UserRecord> {
    Ok(UserRecord {
        name: name(row, "name")?,
        is_admin: row.get("is_admin")?,
        created_at: row.get("created_at")?,
    })
}

fn key(row: &Row<'_>) -> rusqlite::Result<SshKeyRecord> {
    Ok(SshKeyRecord {
        fingerprint: row.get("fingerprint")?,
        user: name(row, "user")?,
        title: row.get("title")?,
        public_key: row.get("public_key")?,
        created_at: row.get("created_at")?,
    })
}

impl Store {
    /// Makes a user; `false` when there is one of that name.
    pub fn create_user(&self, name: &UserName, is_admin: bool) -> Result<bool, StoreError> {
        let made = self.connection().execute(
            "INSERT OR IGNORE INTO users (name, is_admin, created_at) VALUES (?, ?, ?)",
            params![name.as_str(), is_admin, now()],
        )?;
        Ok(made == 1)
    }

    /// All users, oldest first.
    pub fn users(&self) -> Result<Vec<UserRecord>, StoreError> {
        let connection = self.connection();
        let mut statement = connection.prepare_cached("SELECT * FROM users ORDER BY created_at, name")?;
        Ok(statement.query_map([], user)?.collect::<Result<_, _>>()?)
    }

    /// One user.
    pub fn user(&self, name: &str) -> Result<Option<UserRecord>, StoreError> {
        let connection = self.connection();
        let mut statement = connection.prepare_cached("SELECT * FROM users WHERE name = ?")?;
        Ok(statement.query_row([name], user).optional()?)
    }

    /// Sets whether every project is a user's to administer.
    pub fn set_user_admin(&self, name: &UserName, is_admin: bool) -> Result<(), StoreError> {
        self.connection().execute(
            "UPDATE users SET is_admin = ? WHERE name = ?",
            params![is_admin, name.as_str()],
        )?;
        Ok(())
    }

    /// Forgets a user with keys and roles.
    pub fn delete_user(&self, name: &UserName) -> Result<(), StoreError> {
        self.connection()
            .execute("DELETE FROM users WHERE name = ?", [name.as_str()])?;
        Ok(())
    }

    /// Adds a key; `false` when somebody has it already.
    pub fn add_ssh_key(&self, key: &SshKeyRecord) -> Result<bool, StoreError> {
        let added = self.connection().execute(
            "INSERT OR IGNORE INTO ssh_keys (fingerprint, user, title, public_key, created_at)
             VALUES (?, ?, ?, ?, ?)",
            params![
                key.fingerprint,
                key.user.as_str(),
                key.title,
                key.public_key,
                key.created_at
            ],
        )?;
        Ok(added == 1)
    }

    /// The keys of one user or of all, oldest first.
    pub fn ssh_keys(&self, user: Option<&UserName>) -> Result<Vec<SshKeyRecord>, StoreError> {
        let connection = self.connection();
        let mut statement = connection.prepare_cached(
            "SELECT * FROM ssh_keys WHERE (?1 IS NULL OR user = ?1) ORDER BY created_at, fingerprint",
        )?;
        let keys = statement
            .query_map([user.map(UserName::as_str)], key)?
            .collect::<Result<_, _>>()?;
        Ok(keys)
    }

    /// One key.
    pub fn ssh_key(&self, fingerprint: &str) -> Result<Option<SshKeyRecord>, StoreError> {
        let connection = self.connection();
        let mut statement = connection.prepare_cached("SELECT * FROM ssh_keys WHERE fingerprint = ?")?;
        Ok(statement.query_row([fingerprint], key).optional()?)
    }

    /// Forgets a key.
    pub fn delete_ssh_key(&self, fingerprint: &str) -> Result<(), StoreError> {
        self.connection()
            .execute("DELETE FROM ssh_keys WHERE fingerprint = ?", [fingerprint])?;
        Ok(())
    }

    /// What a user is in a project.
    pub fn grants(&self, user: &UserName, project: &ProjectId) -> Result<Vec<Grant>, StoreError> {
        let connection = self.connection();
        let mut statement = connection
            .prepare_cached("SELECT scope, role FROM roles WHERE user = ? AND project = ? ORDER BY scope")?;
        let grants = statement
            .query_map([user.as_str(), project.as_str()], |row| {
                let (scope, role): (String, String) = (row.get(0)?, row.get(1)?);
                format!("{scope}:{role}")
                    .parse()
                    .map_err(|error| super::unreadable(Box::<crate::right::InvalidGrant>::new(error)))
            })?
            .collect::<Result<_, _>>()?;
        Ok(grants)
    }

    /// Replaces what a user is in a project.
    pub fn set_grants(
        &self,
        user: &UserName,
        project: &ProjectId,
        grants: &[Grant],
    ) -> Result<(), StoreError> {
        let mut connection = self.connection();
        let transaction = connection.transaction()?;
        transaction.execute(
            "DELETE FROM roles WHERE user = ? AND project = ?",
            [user.as_str(), project.as_str()],
        )?;
        for grant in grants {
            transaction.execute(
                "INSERT OR REPLACE INTO roles (user, project, scope, role) VALUES (?, ?, ?, ?)",
                [
                    user.as_str(),
                    project.as_str(),
                    grant.scope.as_str(),
                    grant.role.as_str(),
                ],
            )?;
        }
        Ok(transaction.commit()?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_deleted_user_leaves_neither_keys_nor_roles() {
        let directory = tempfile::tempdir().unwrap();
        let store = Store::open(&directory.path().join("guise.db")).unwrap();
        let project = store.create_project("Shop", "main").unwrap().id;
        let ada = UserName::new("ada").unwrap();
        assert!(store.create_user(&ada, false).unwrap());
        assert!(!store.create_user(&ada, true).unwrap());
        let grants = vec!["viewer".parse().unwrap(), "staging:admin".parse().unwrap()];
        store.set_grants(&ada, &project, &grants).unwrap();
        assert_eq!(store.grants(&ada, &project).unwrap(), grants);
        let key = SshKeyRecord {
            fingerprint: "SHA256:x".into(),
            user: ada.clone(),
            title: "laptop".into(),
            public_key: "ssh-ed25519 AAAA".into(),
            created_at: now(),
        };
        assert!(store.add_ssh_key(&key).unwrap());
        assert!(!store.add_ssh_key(&key).unwrap());
        store.delete_user(&ada).unwrap();
        assert_eq!(store.user("ada").unwrap(), None);
        assert_eq!(store.ssh_key("SHA256:x").unwrap(), None);
        assert!(store.grants(&ada, &project).unwrap().is_empty());
    }
}
