//! Users, their keys and roles, and what they are allowed.

use crate::{
    Platform, PlatformError, actor,
    right::{Grant, InvalidGrant, Rights},
    ssh_key::{InvalidSshKey, SshKey},
    store::{AuditRecord, ProjectRecord, SshKeyRecord, UserRecord, now},
};
use guise_model::{InvalidId, ProjectId, UserName};

/// A request about users that cannot be granted.
#[derive(Debug, thiserror::Error)]
pub enum UserError {
    /// No user of that name.
    #[error("there is no user {given:?}")]
    Unknown {
        /// What was asked for.
        given: String,
        /// Those that exist.
        known: Vec<String>,
    },
    /// There is one.
    #[error("there is a user {name} already")]
    Exists {
        /// The name.
        name: UserName,
    },
    /// The name stands for something else.
    #[error("{name} cannot be a user's name: it is what guise calls itself or the machine's root")]
    Reserved {
        /// The name.
        name: UserName,
    },
    /// The name is none.
    #[error(transparent)]
    Name(#[from] InvalidId),
    /// The role is none.
    #[error(transparent)]
    Grant(#[from] InvalidGrant),
    /// The key is none.
    #[error(transparent)]
    Key(#[from] InvalidSshKey),
    /// Somebody has the key.
    #[error("the key {fingerprint} is {owner}'s already: a key tells who comes")]
    KeyTaken {
        /// The key.
        fingerprint: String,
        /// Its owner.
        owner: UserName,
    },
    /// No such key.
    #[error("there is no SSH key {given:?}")]
    UnknownKey {
        /// What was asked for.
        given: String,
    },
}

impl Platform {
    /// Makes a user.
    ///
    /// # Errors
    /// [`UserError::Exists`], [`UserError::Reserved`], [`UserError::Name`].
    pub fn create_user(&self, name: &str, is_admin: bool) -> Result<UserRecord, PlatformError> {
        let name = UserName::new(name).map_err(UserError::from)?;
        if [actor::ROOT, "guise"].contains(&name.as_str()) {
            return Err(UserError::Reserved { name }.into());
        }
        if !self.store().create_user(&name, is_admin)? {
            return Err(UserError::Exists { name }.into());
        }
        let detail = if is_admin {
            format!("{name}, admin of all projects")
        } else {
            name.to_string()
        };
        self.audit("user.add", None, &detail)?;
        self.user(name.as_str())
    }

    /// All users, oldest first.
    pub fn users(&self) -> Result<Vec<UserRecord>, PlatformError> {
        Ok(self.store().users()?)
    }

    /// A user.
    ///
    /// # Errors
    /// [`UserError::Unknown`].
    pub fn user(&self, given: &str) -> Result<UserRecord, PlatformError> {
        if let Some(user) = self.store().user(given)? {
            return Ok(user);
        }
        let known = self
            .store()
            .users()?
            .into_iter()
            .map(|user| user.name.to_string());
        Err(UserError::Unknown {
            given: given.into(),
            known: known.collect(),
        }
        .into())
    }

    /// Sets whether every project is a user's to administer.
    pub fn set_user_admin(&self, user: &UserRecord, is_admin: bool) -> Result<(), PlatformError> {
        self.store().set_user_admin(&user.name, is_admin)?;
        let what = if is_admin { "is now" } else { "is no longer" };
        self.audit(
            "user.update",
            None,
            &format!("{} {what} admin of all projects", user.name),
        )
    }

    /// Replaces what a user is in a project.
    ///
    /// # Errors
    /// [`UserError::Grant`].
    pub fn set_roles(
        &self,
        user: &UserRecord,
        project: &ProjectRecord,
        roles: &[String],
    ) -> Result<(), PlatformError> {
        let grants: Result<Vec<Grant>, _> = roles.iter().map(|role| role.parse()).collect();
        let grants = grants.map_err(UserError::from)?;
        self.store().set_grants(&user.name, &project.id, &grants)?;
        let roles = if roles.is_empty() {
            "nothing".into()
        } else {
            roles.join(", ")
        };
        let detail = format!("{} is now {roles}", user.name);
        self.audit("user.update", Some((&project.id, None)), &detail)
    }

    /// What a user is in a project.
    pub fn grants(&self, user: &UserRecord, project: &ProjectId) -> Result<Vec<Grant>, PlatformError> {
        Ok(self.store().grants(&user.name, project)?)
    }

    /// All that a user may in a project; the machine's root when there is none.
    ///
    /// # Errors
    /// [`UserError::Unknown`] when the user was deleted meanwhile.
    pub fn rights(&self, user: Option<&UserName>, project: &ProjectId) -> Result<Rights, PlatformError> {
        let Some(user) = user else {
            return Ok(Rights::ROOT);
        };
        let user = self.user(user.as_str())?;
        Ok(Rights {
            is_admin: user.is_admin,
            grants: self.grants(&user, project)?,
        })
    }

    /// Forgets a user with keys and roles. What they did stays in the audit log.
    pub fn delete_user(&self, user: &UserRecord) -> Result<(), PlatformError> {
        self.store().delete_user(&user.name)?;
        self.audit("user.delete", None, user.name.as_str())
    }

    /// Adds a public key, as it is in a `.pub` file, to a user's.
    ///
    /// # Errors
    /// [`UserError::Key`], [`UserError::KeyTaken`].
    pub fn add_ssh_key(
        &self,
        user: &UserRecord,
        text: &str,
        title: Option<String>,
    ) -> Result<SshKeyRecord, PlatformError> {
        let key = SshKey::read(text).map_err(UserError::from)?;
        let record = SshKeyRecord {
            fingerprint: key.fingerprint(),
            user: user.name.clone(),
            title: title.unwrap_or_else(|| key.comment().into()),
            public_key: key.to_string(),
            created_at: now(),
        };
        if !self.store().add_ssh_key(&record)? {
            let owner = self.store().ssh_key(&record.fingerprint)?.map(|known| known.user);
            return Err(UserError::KeyTaken {
                fingerprint: record.fingerprint,
                owner: owner.unwrap_or(record.user),
            }
            .into());
        }
        self.audit(
            "ssh-key.add",
            None,
            &format!("{} for {}", record.fingerprint, user.name),
        )?;
        Ok(record)
    }

    /// The keys of one user or of all.
    pub fn ssh_keys(&self, user: Option<&UserRecord>) -> Result<Vec<SshKeyRecord>, PlatformError> {
        Ok(self.store().ssh_keys(user.map(|user| &user.name))?)
    }

    /// Forgets a key, named by its fingerprint or a beginning of it, with or without `SHA256:`, that no other has.
    ///
    /// # Errors
    /// [`UserError::UnknownKey`].
    pub fn delete_ssh_key(&self, given: &str) -> Result<SshKeyRecord, PlatformError> {
        let wanted = given.strip_prefix("SHA256:").unwrap_or(given);
        let begins = |key: &SshKeyRecord| key.fingerprint["SHA256:".len()..].starts_with(wanted);
        let mut found = self.store().ssh_keys(None)?;
        found.retain(begins);
        let (1, Some(key)) = (found.len(), found.pop()) else {
            return Err(UserError::UnknownKey { given: given.into() }.into());
        };
        self.store().delete_ssh_key(&key.fingerprint)?;
        self.audit(
            "ssh-key.delete",
            None,
            &format!("{} of {}", key.fingerprint, key.user),
        )?;
        Ok(key)
    }

    /// Whose a public key is.
    pub fn owner_of_key(&self, fingerprint: &str) -> Result<Option<UserName>, PlatformError> {
        Ok(self.store().ssh_key(fingerprint)?.map(|key| key.user))
    }

    /// Records what whoever the thread works for has done.
    pub(crate) fn audit(
        &self,
        action: &str,
        target: Option<(&ProjectId, Option<&str>)>,
        detail: &str,
    ) -> Result<(), PlatformError> {
        let user = actor::current().unwrap_or_else(|| "guise".into());
        Ok(self.store().record_audit(&user, action, target, detail)?)
    }

    /// What was done, newest first; by one user and in one project if named.
    pub fn audit_log(
        &self,
        user: Option<&str>,
        project: Option<&ProjectId>,
        limit: u32,
    ) -> Result<Vec<AuditRecord>, PlatformError> {
        Ok(self.store().audit(user, project, limit)?)
    }
}
