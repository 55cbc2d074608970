//! What people set of an environment or a project by `info PROPERTY VALUE` (spec 5.1, 6).

use crate::{
    Platform, PlatformError, SleepAfter,
    store::{ActivityRecord, EnvironmentRecord, EnvironmentType, ProjectRecord},
    strategy::Strategy,
};
use jiff::tz::TimeZone;
use rusqlite::ToSql;

/// The longest title, in bytes.
const LONGEST_TITLE: usize = 255;

/// A property of an environment that can be set.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Property {
    Title,
    Type,
    Parent,
    RestrictRobots,
    EnableSmtp,
    DeploymentStrategy,
    SleepAfter,
}

impl Property {
    const ALL: [Self; 7] = [
        Self::Title,
        Self::Type,
        Self::Parent,
        Self::RestrictRobots,
        Self::EnableSmtp,
        Self::DeploymentStrategy,
        Self::SleepAfter,
    ];

    fn name(self) -> &'static str {
        match self {
            Self::Title => "title",
            Self::Type => "type",
            Self::Parent => "parent",
            Self::RestrictRobots => "restrict_robots",
            Self::EnableSmtp => "enable_smtp",
            Self::SleepAfter => "sleep_after",
            Self::DeploymentStrategy => "deployment_strategy",
        }
    }

    fn find(given: &str) -> Result<Self, PlatformError> {
        let found = Self::ALL.into_iter().find(|property| property.name() == given);
        found.ok_or_else(|| PlatformError::UnknownProperty {
            given: given.into(),
            known: Self::ALL.map(|property| property.name().into()).into(),
        })
    }

    fn refuse(self, value: &str, reason: &'static str) -> PlatformError {
        PlatformError::BadProperty {
            property: self.name(),
            value: value.into(),
            reason,
        }
    }

    /// A value that is a truth.
    fn truth(self, value: &str) -> Result<bool, PlatformError> {
        truth(value).ok_or_else(|| self.refuse(value, "it is true or false"))
    }
}

impl Platform {
    /// Sets a property of an environment; answers the activity that applies it, if it needs one.
    ///
    /// # Errors
    /// [`PlatformError::UnknownProperty`], [`PlatformError::BadProperty`].
    pub fn set_environment_property(
        &self,
        environment: &EnvironmentRecord,
        property: &str,
        value: &str,
    ) -> Result<Option<ActivityRecord>, PlatformError> {
        let property = Property::find(property)?;
        match property {
            Property::Title => {
                check_title(property.name(), value)?;
                self.store()
                    .set_environment_column(environment, "title", Some(&value))?;
                Ok(None)
            }
            Property::Type => {
                let kind = check_type(environment.kind, value)?;
                self.store()
                    .set_environment_column(environment, "type", Some(&kind.as_str()))?;
                Ok(None)
            }
            Property::DeploymentStrategy => {
                let strategy = Strategy::find(value)
                    .ok_or_else(|| property.refuse(value, "it is stopstart or rolling"))?;
                self.store().set_environment_column(
                    environment,
                    "deployment_strategy",
                    Some(&strategy.as_str()),
                )?;
                Ok(None)
            }
            Property::Parent => self.set_parent(environment, value).map(|()| None),
            Property::SleepAfter => {
                let refuse = |_| {
                    property.refuse(
                        value,
                        "it is off, or a number with s, m, h or d, or - for its type's",
                    )
                };
                let own = (value != "-")
                    .then(|| value.parse::<SleepAfter>().map_err(refuse))
                    .transpose()?;
                let own = own.map(|own| own.to_string());
                let own = own.as_ref().map(|own| own as &dyn ToSql);
                self.store()
                    .set_environment_column(environment, "sleep_after", own)?;
                self.reset_sleep_watch();
                Ok(None)
            }
            Property::EnableSmtp => {
                let enable = property.truth(value)?;
                self.store()
                    .set_environment_column(environment, "enable_smtp", Some(&enable))?;
                self.redeploy_if_active("environment.update.smtp", environment)
            }
            Property::RestrictRobots => {
                let restrict = property.truth(value)?;
                self.store()
                    .set_environment_column(environment, "restrict_robots", Some(&restrict))?;
                self.redeploy_if_active("environment.update.restrict_robots", environment)
            }
        }
    }

    /// Sets a property of a project.
    ///
    /// # Errors
    /// [`PlatformError::UnknownProperty`], [`PlatformError::BadProperty`].
    pub fn set_project_property(
        &self,
        project: &ProjectRecord,
        property: &str,
        value: &str,
    ) -> Result<(), PlatformError> {
        match property {
            "title" => {
                check_title("title", value)?;
                if value.is_empty() {
                    return Err(Property::Title.refuse(value, "a project is found by it"));
                }
                Ok(self.store().set_project_column(&project.id, "title", &value)?)
            }
            "push_activates" => {
                let activates = truth(value).ok_or_else(|| PlatformError::BadProperty {
                    property: "push_activates",
                    value: value.into(),
                    reason: "it is true or false",
                })?;
                Ok(self
                    .store()
                    .set_project_column(&project.id, "push_activates", &activates)?)
            }
            "default_branch" => {
                let environment = self.environment(project, value)?;
                self.store().set_default_branch(project, &environment.name)?;
                Ok(self
                    .repository(&project.id)
                    .set_default_branch(&environment.name)?)
            }
            "timezone" => {
                if TimeZone::get(value).is_err() {
                    return Err(PlatformError::BadProperty {
                        property: "timezone",
                        value: value.into(),
                        reason: "it is a name like UTC or Europe/Paris",
                    });
                }
                Ok(self.store().set_project_column(&project.id, "timezone", &value)?)
            }
            _ => Err(PlatformError::UnknownProperty {
                given: property.into(),
                known: ["title", "push_activates", "default_branch", "timezone"]
                    .map(String::from)
                    .into(),
            }),
        }
    }

    /// Hangs an environment on another one, or on none for `-`.
    fn set_parent(&self, environment: &EnvironmentRecord, value: &str) -> Result<(), PlatformError> {
        let refuse = |reason| Err(Property::Parent.refuse(value, reason));
        if environment.kind == EnvironmentType::Production {
            return refuse("production has no parent");
        }
        if value == "-" {
            return Ok(self.store().set_environment_column(environment, "parent", None)?);
        }
        let project = self.project_by_id(&environment.project)?;
        let mut above = Some(self.environment(&project, value)?);
        while let Some(ancestor) = above {
            if ancestor.name == environment.name {
                return refuse("it descends from the environment itself");
            }
            above = match ancestor.parent {
                Some(name) => self.store().environment(&project.id, &name)?,
                None => None,
            };
        }
        Ok(self
            .store()
            .set_environment_column(environment, "parent", Some(&value))?)
    }

    /// Deploys an active environment again, so that it runs by a setting that was changed. Another one will by its
    /// next deployment.
    pub(crate) fn redeploy_if_active(
        &self,
        kind: &str,
        environment: &EnvironmentRecord,
    ) -> Result<Option<ActivityRecord>, PlatformError> {
        use crate::{deploy::Reason, store::EnvironmentStatus::Active, task::Task};
        let head = self.repository(&environment.project).head_of(&environment.name)?;
        let (Active, Some(commit)) = (environment.status, head) else {
            return Ok(None);
        };
        let description = format!("Redeploy {} by its new settings", environment.name);
        let task = Task::Deploy {
            commit,
            reason: Reason::Redeploy,
            strategy: None,
        };
        self.submit(kind, environment, &description, &task).map(Some)
    }
}

fn truth(value: &str) -> Option<bool> {
    match value {
        "true" | "yes" | "1" => Some(true),
        "false" | "no" | "0" => Some(false),
        _ => None,
    }
}

pub(crate) fn check_title(property: &'static str, value: &str) -> Result<(), PlatformError> {
    let reason = if value.len() > LONGEST_TITLE {
        "it is longer than 255 bytes"
    } else if value.chars().any(char::is_control) {
        "it has control characters"
    } else {
        return Ok(());
    };
    Err(PlatformError::BadProperty {
        property,
        value: value.into(),
        reason,
    })
}

/// There is exactly one production environment, that of the default branch (spec 5.1).
fn check_type(current: EnvironmentType, value: &str) -> Result<EnvironmentType, PlatformError> {
    let refuse = |reason| Err(Property::Type.refuse(value, reason));
    match (current, value) {
        (EnvironmentType::Production, "production") => Ok(EnvironmentType::Production),
        (EnvironmentType::Production, _) => refuse("the default branch's environment is production"),
        (_, "staging") => Ok(EnvironmentType::Staging),
        (_, "development") => Ok(EnvironmentType::Development),
        (_, "production") => refuse("only the default branch's environment is production"),
        _ => refuse("it is staging or development"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn production_is_the_default_branch_and_nothing_else() {
        let is = |current, value| check_type(current, value).is_ok();
        assert!(is(EnvironmentType::Production, "production"));
        assert!(!is(EnvironmentType::Production, "staging"));
        assert!(is(EnvironmentType::Development, "staging"));
        assert!(is(EnvironmentType::Staging, "development"));
        assert!(!is(EnvironmentType::Staging, "production"));
        assert!(!is(EnvironmentType::Staging, "test"));
    }

    #[test]
    fn an_unknown_property_is_answered_with_those_there_are() {
        let Err(PlatformError::UnknownProperty { known, .. }) = Property::find("colour") else {
            panic!("found");
        };
        for settable in ["title", "parent", "deployment_strategy"] {
            assert!(known.contains(&settable.into()), "{known:?}");
        }
    }

    #[test]
    fn titles_are_one_line() {
        assert!(check_title("title", "Größer & besser").is_ok());
        assert!(check_title("title", "a\nb").is_err());
        assert!(check_title("title", &"x".repeat(256)).is_err());
    }
}
