//! API tokens: a secret that stands for a user, and may do no more than it was made for.
//!
//! A secret is 32 random letters and digits (165 bits), so its plain SHA-256 is kept: there is nothing to guess that a slow
//! hash would protect.

use crate::{
    Platform, PlatformError, random,
    store::{ProjectRecord, TokenRecord, UserRecord, now},
};
use jiff::{SignedDuration, Timestamp};
use sha2::{Digest, Sha256};

/// What secrets begin with, so that scanners for leaked ones know them.
pub const PREFIX: &str = "guise_";
const SECRET_LETTERS: usize = 32;

/// A token that cannot be had.
#[derive(Debug, thiserror::Error)]
pub enum TokenError {
    /// No token of that id.
    #[error("there is no token {given:?}")]
    Unknown {
        /// What was asked for.
        given: String,
    },
    /// A time that is none.
    #[error("{given:?} is no time for a token to live: a number with h or d, as 12h or 90d")]
    Life {
        /// As given.
        given: String,
    },
}

/// What a token is made for.
#[derive(Debug, Clone, Default)]
pub struct NewToken {
    /// What people call it.
    pub title: String,
    /// Whether it may change nothing.
    pub read_only: bool,
    /// How long it is good: `12h`, `90d`; for ever when absent.
    pub life: Option<String>,
}

impl Platform {
    /// Makes a token; answers it with its secret, which nobody can be told again.
    ///
    /// # Errors
    /// [`TokenError::Life`].
    pub fn create_token(
        &self,
        user: &UserRecord,
        project: Option<&ProjectRecord>,
        wanted: NewToken,
    ) -> Result<(TokenRecord, String), PlatformError> {
        let expires_at = wanted.life.as_deref().map(end_of_life).transpose()?;
        let secret = format!("{PREFIX}{}", random::letters(SECRET_LETTERS));
        let token = TokenRecord {
            id: random::letters(13),
            user: user.name.clone(),
            title: wanted.title,
            read_only: wanted.read_only,
            project: project.map(|project| project.id.clone()),
            created_at: now(),
            expires_at,
            used_at: None,
        };
        self.store().create_token(&token, &hash(&secret))?;
        self.audit("token.create", None, &format!("{} for {}", token.id, token.user))?;
        Ok((token, secret))
    }

    /// The tokens of one user or of all.
    pub fn tokens(&self, user: Option<&UserRecord>) -> Result<Vec<TokenRecord>, PlatformError> {
        Ok(self.store().tokens(user.map(|user| &user.name))?)
    }

    /// The token of a secret that somebody shows; `None` for one that is not good, or not any more.
    pub fn token_of(&self, secret: &str) -> Result<Option<TokenRecord>, PlatformError> {
        Ok(self.store().use_token(&hash(secret))?)
    }

    /// Makes a token good for nothing.
    ///
    /// # Errors
    /// [`TokenError::Unknown`].
    pub fn revoke_token(&self, id: &str) -> Result<(), PlatformError> {
        if !self.store().delete_token(id)? {
            return Err(TokenError::Unknown { given: id.into() }.into());
        }
        self.audit("token.revoke", None, id)
    }
}

fn hash(secret: &str) -> [u8; 32] {
    Sha256::digest(secret).into()
}

fn end_of_life(given: &str) -> Result<String, TokenError> {
    let refused = || TokenError::Life { given: given.into() };
    let (number, hours) = match given.split_at_checked(given.len().saturating_sub(1)) {
        Some((number, "h")) => (number, 1),
        Some((number, "d")) => (number, 24),
        _ => return Err(refused()),
    };
    let hours = number
        .parse::<u32>()
        .ok()
        .and_then(|number| number.checked_mul(hours))
        .filter(|hours| *hours > 0)
        .ok_or_else(refused)?;
    let end = Timestamp::now().checked_add(SignedDuration::from_hours(hours.into()));
    Ok(format!("{:.3}", end.map_err(|_| refused())?))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::Store;
    use guise_model::UserName;

    #[test]
    fn the_time_a_token_lives_is_hours_or_days() {
        let hours = |given| {
            let end: Timestamp = end_of_life(given).unwrap().parse().unwrap();
            (end.duration_since(Timestamp::now()).as_secs_f64() / 3600.0).round() as i64
        };
        assert_eq!((hours("12h"), hours("90d")), (12, 2160));
        for given in [
            "",
            "h",
            "0d",
            "-1h",
            "90",
            "1w",
            "99999999999d",
            "4294967295d",
            "ä",
        ] {
            assert!(end_of_life(given).is_err(), "{given}");
        }
    }

    #[test]
    fn a_token_is_found_by_its_secret_until_it_expires_or_its_user_goes() {
        let directory = tempfile::tempdir().unwrap();
        let store = Store::open(&directory.path().join("guise.db")).unwrap();
        let ada = UserName::new("ada").unwrap();
        store.create_user(&ada, false).unwrap();
        let token = |id: &str, expires_at: Option<&str>| TokenRecord {
            id: id.into(),
            user: ada.clone(),
            title: "ci".into(),
            read_only: true,
            project: None,
            created_at: now(),
            expires_at: expires_at.map(Into::into),
            used_at: None,
        };
        let secret = "guise_secret";
        store.create_token(&token("good", None), &hash(secret)).unwrap();
        let old = token("old", Some("2020-01-01T00:00:00.000Z"));
        store.create_token(&old, &hash("guise_old")).unwrap();
        assert_eq!(
            store
                .use_token(&hash(secret))
                .unwrap()
                .map(|token| token.id)
                .as_deref(),
            Some("good")
        );
        assert_eq!(store.use_token(&hash("guise_old")).unwrap(), None);
        assert_eq!(store.use_token(&hash("guise_guess")).unwrap(), None);
        assert!(store.tokens(Some(&ada)).unwrap()[0].used_at.is_some());
        store.delete_user(&ada).unwrap();
        assert_eq!(store.use_token(&hash(secret)).unwrap(), None);
    }
}
