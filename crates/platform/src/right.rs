//! What a user may do, decided by values alone (spec 5.5).

use crate::store::EnvironmentType;
use std::{fmt, str::FromStr};

/// What somebody is to an environment. Each may all that those before it may.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Role {
    /// Sees it: fetches its code.
    Viewer,
    /// Works on it: pushes, branches, opens shells.
    Contributor,
    /// Everything: rewrites history, deletes.
    Admin,
}

impl Role {
    /// The word that is stored and shown.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Viewer => "viewer",
            Self::Contributor => "contributor",
            Self::Admin => "admin",
        }
    }

    fn find(word: &str) -> Option<Self> {
        [Self::Viewer, Self::Contributor, Self::Admin]
            .into_iter()
            .find(|role| role.as_str() == word)
    }
}

/// Where a role holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scope {
    /// In the whole project.
    Project,
    /// In its environments of one type.
    Type(EnvironmentType),
}

impl Scope {
    const ALL: [Self; 4] = [
        Self::Project,
        Self::Type(EnvironmentType::Production),
        Self::Type(EnvironmentType::Staging),
        Self::Type(EnvironmentType::Development),
    ];

    /// The word that is stored and shown.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Project => "project",
            Self::Type(kind) => kind.as_str(),
        }
    }

    fn find(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|scope| scope.as_str() == word)
    }
}

/// A role and where it holds, written `admin` or `development:contributor`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Grant {
    /// Where.
    pub scope: Scope,
    /// What.
    pub role: Role,
}

/// Text that is no [`Grant`].
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "{given:?} is no role: write admin or viewer for the whole project, or TYPE:ROLE with production, staging or \
     development and admin, contributor or viewer"
)]
pub struct InvalidGrant {
    /// What was given.
    pub given: String,
}

impl FromStr for Grant {
    type Err = InvalidGrant;

    fn from_str(text: &str) -> Result<Self, InvalidGrant> {
        let (scope, role) = text.split_once(':').unwrap_or(("project", text));
        match (Scope::find(scope), Role::find(role)) {
            // Nobody contributes to a project as such: pushing to production is to be said by name.
            (Some(Scope::Project), Some(Role::Contributor)) | (None, _) | (_, None) => {
                Err(InvalidGrant { given: text.into() })
            }
            (Some(scope), Some(role)) => Ok(Self { scope, role }),
        }
    }
}

impl fmt::Display for Grant {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.scope {
            Scope::Project => f.write_str(self.role.as_str()),
            scope => write!(f, "{}:{}", scope.as_str(), self.role.as_str()),
        }
    }
}

/// All that one user is in one project.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rights {
    /// Whether every project is theirs to administer.
    pub is_admin: bool,
    /// The roles given in this project.
    pub grants: Vec<Grant>,
}

impl Rights {
    /// Those of the machine's root.
    pub const ROOT: Self = Self {
        is_admin: true,
        grants: Vec::new(),
    };

    /// What the user is to environments of a type; `None` when they must not know of them.
    pub fn role_on(&self, kind: EnvironmentType) -> Option<Role> {
        if self.is_admin {
            return Some(Role::Admin);
        }
        let applies = |grant: &&Grant| [Scope::Project, Scope::Type(kind)].contains(&grant.scope);
        self.grants.iter().filter(applies).map(|grant| grant.role).max()
    }

    /// Whether the user is at least `role` to environments of a type.
    pub fn include(&self, role: Role, kind: EnvironmentType) -> bool {
        self.role_on(kind) >= Some(role)
    }

    /// Whether the project is known to the user at all, its code included: a repository is fetched as a whole.
    pub fn include_project(&self) -> bool {
        self.is_admin || !self.grants.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use EnvironmentType::{Development, Production, Staging};

    fn rights(grants: &[&str]) -> Rights {
        Rights {
            is_admin: false,
            grants: grants.iter().map(|grant| grant.parse().unwrap()).collect(),
        }
    }

    #[test]
    fn a_role_is_read_as_it_is_shown() {
        for text in [
            "admin",
            "viewer",
            "production:viewer",
            "development:contributor",
            "staging:admin",
        ] {
            assert_eq!(text.parse::<Grant>().unwrap().to_string(), text);
        }
        for text in [
            "",
            "contributor",
            "owner",
            "live:admin",
            "development:",
            "a:b:c",
            "Admin",
        ] {
            assert!(text.parse::<Grant>().is_err(), "{text}");
        }
    }

    #[test]
    fn the_strongest_role_that_applies_counts() {
        let some = rights(&["viewer", "development:contributor"]);
        assert_eq!(some.role_on(Development), Some(Role::Contributor));
        assert_eq!(some.role_on(Production), Some(Role::Viewer));
        let weaker_for_type = rights(&["admin", "development:viewer"]);
        assert_eq!(weaker_for_type.role_on(Development), Some(Role::Admin));
    }

    #[test]
    fn a_type_without_a_role_is_closed() {
        let one = rights(&["staging:admin"]);
        assert_eq!(one.role_on(Production), None);
        assert!(one.include(Role::Admin, Staging) && !one.include(Role::Viewer, Development));
        assert!(one.include_project() && !rights(&[]).include_project());
    }

    #[test]
    fn admins_of_all_need_no_grant() {
        assert!(Rights::ROOT.include(Role::Admin, Production) && Rights::ROOT.include_project());
    }
}
