//! HTTP access control of environments (spec 5.2): set on one, in force on all below it that have none of their own.

use crate::{
    Platform, PlatformError,
    random::letters,
    store::{ActivityRecord, EnvironmentRecord},
};
use guise_access::{AddressRule, HttpAccess, PasswordHash};
use std::collections::BTreeMap;

/// Length of a password's salt, in letters.
const SALT: usize = 20;
/// Most rules, and most users.
const MOST: usize = 100;
/// The property that errors name.
const PROPERTY: &str = "http_access";

/// What is changed; what is absent stays.
#[derive(Debug, Clone, Default)]
pub struct HttpAccessChange {
    /// Whether the rules count.
    pub is_enabled: Option<bool>,
    /// All rules by address.
    pub addresses: Option<Vec<AddressRule>>,
    /// All users with their passwords.
    pub users: Option<BTreeMap<String, String>>,
}

impl Platform {
    /// The rules that are in force on an environment, and the environment that they were set on.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub fn http_access(
        &self,
        environment: &EnvironmentRecord,
    ) -> Result<Option<(HttpAccess, String)>, PlatformError> {
        let mut above = Some(environment.clone());
        while let Some(ancestor) = above {
            if let Some(access) = ancestor.http_access {
                return Ok(Some((access, ancestor.name)));
            }
            above = match ancestor.parent {
                Some(name) => self.store().environment(&ancestor.project, &name)?,
                None => None,
            };
        }
        Ok(None)
    }

    /// Changes the rules of an environment, beginning with those in force; answers the activity that applies them.
    /// Environments below have them from their next deployment on.
    ///
    /// # Errors
    /// [`PlatformError::BadProperty`].
    pub fn set_http_access(
        &self,
        environment: &EnvironmentRecord,
        change: HttpAccessChange,
    ) -> Result<Option<ActivityRecord>, PlatformError> {
        check(&change)?;
        let inherited = self.http_access(environment)?;
        let mut access = inherited.map(|(access, _)| access).unwrap_or_default();
        access.is_enabled = change.is_enabled.unwrap_or(true);
        if let Some(addresses) = change.addresses {
            access.addresses = addresses;
        }
        if let Some(users) = change.users {
            let hashed = users
                .into_iter()
                .map(|(name, password)| (name, PasswordHash::new(&password, letters(SALT))));
            access.basic_auth = hashed.collect();
        }
        self.store().set_http_access(environment, &access)?;
        self.redeploy_if_active("environment.update.http_access", environment)
    }
}

fn check(change: &HttpAccessChange) -> Result<(), PlatformError> {
    let refuse = |value: &str, reason| {
        Err(PlatformError::BadProperty {
            property: PROPERTY,
            value: value.into(),
            reason,
        })
    };
    if change.addresses.as_ref().is_some_and(|rules| rules.len() > MOST) {
        return refuse("addresses", "there may be 100 at most");
    }
    let Some(users) = &change.users else {
        return Ok(());
    };
    if users.len() > MOST {
        return refuse("basic_auth", "there may be 100 at most");
    }
    for (name, password) in users {
        if name.is_empty() || name.chars().any(|c| c == ':' || c.is_control()) {
            return refuse(name, "a user's name has no colon and no control character");
        }
        if password.is_empty() || password.len() > 255 {
            return refuse(name, "a password has 1 to 255 bytes");
        }
    }
    Ok(())
}
