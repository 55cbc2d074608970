//! `git push -o`: what a push says besides its commits (spec 5.1).

use crate::{
    store::{EnvironmentStatus, EnvironmentType},
    strategy::Strategy,
};

/// What a push may say.
const KNOWN: [&str; 6] = [
    "environment.status",
    "environment.title",
    "environment.parent",
    "environment.clone_parent_on_create",
    "environment.type",
    "deploy.strategy",
];

/// An option that is not understood.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum PushOptionError {
    /// There is none of this name.
    #[error("there is no push option {given:?}; there are {}", KNOWN.join(", "))]
    Unknown {
        /// As given, up to the `=`.
        given: String,
    },
    /// A value that it cannot have.
    #[error("the push option {option} cannot be {given:?}: it is {allowed}")]
    Value {
        /// The option.
        option: &'static str,
        /// As given, after the `=`.
        given: String,
        /// What it can be, in words.
        allowed: &'static str,
    },
}

/// The options of one push; `None` for what it does not say.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct PushOptions {
    /// Active or inactive: what the environment of the pushed branch shall be.
    pub(crate) status: Option<EnvironmentStatus>,
    /// What a new environment is called.
    pub(crate) title: Option<String>,
    /// What a new environment is branched from.
    pub(crate) parent: Option<String>,
    /// Whether a new environment gets a clone of its parent's data.
    pub(crate) clone_parent: Option<bool>,
    /// A new environment's type.
    pub(crate) kind: Option<EnvironmentType>,
    /// How this push is deployed.
    pub(crate) strategy: Option<Strategy>,
}

impl PushOptions {
    /// Reads `NAME=VALUE` each; the last one of a name counts.
    pub(crate) fn read(given: &[String]) -> Result<Self, PushOptionError> {
        let mut options = Self::default();
        for option in given {
            let (name, value) = option.split_once('=').unwrap_or((option, ""));
            options.set(name, value)?;
        }
        Ok(options)
    }

    fn set(&mut self, name: &str, value: &str) -> Result<(), PushOptionError> {
        let Some(option) = KNOWN.into_iter().find(|known| *known == name) else {
            return Err(PushOptionError::Unknown { given: name.into() });
        };
        let refuse = |allowed| PushOptionError::Value {
            option,
            given: value.into(),
            allowed,
        };
        match option {
            "environment.status" => {
                self.status = Some(match value {
                    "active" => EnvironmentStatus::Active,
                    "inactive" => EnvironmentStatus::Inactive,
                    _ => return Err(refuse("active or inactive")),
                });
            }
            "environment.title" => self.title = Some(value.into()),
            "environment.parent" => self.parent = Some(value.into()),
            "environment.clone_parent_on_create" => {
                self.clone_parent = Some(match value {
                    "True" | "true" => true,
                    "False" | "false" => false,
                    _ => return Err(refuse("True or False")),
                });
            }
            "environment.type" => {
                self.kind = Some(match value {
                    "development" => EnvironmentType::Development,
                    "staging" => EnvironmentType::Staging,
                    _ => return Err(refuse("development or staging")),
                });
            }
            _ => self.strategy = Some(Strategy::find(value).ok_or_else(|| refuse(Strategy::WORDS))?),
        }
        Ok(())
    }

    /// Whether it says something that only a new environment can be told.
    pub(crate) fn is_about_a_new_environment(&self) -> bool {
        self.title.is_some() || self.parent.is_some() || self.clone_parent.is_some() || self.kind.is_some()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(given: &[&str]) -> Result<PushOptions, String> {
        let given: Vec<String> = given.iter().copied().map(String::from).collect();
        PushOptions::read(&given).map_err(|error| error.to_string())
    }

    #[test]
    fn options_are_read_and_the_last_of_a_name_counts() {
        let options = read(&[
            "environment.status=inactive",
            "environment.title=A = b",
            "environment.clone_parent_on_create=False",
            "environment.type=staging",
            "deploy.strategy=stopstart",
            "deploy.strategy=rolling",
        ]);
        let expected = PushOptions {
            status: Some(EnvironmentStatus::Inactive),
            title: Some("A = b".into()),
            parent: None,
            clone_parent: Some(false),
            kind: Some(EnvironmentType::Staging),
            strategy: Some(Strategy::Rolling),
        };
        assert_eq!(options, Ok(expected));
    }

    #[test]
    fn an_unknown_option_is_answered_with_those_there_are() {
        let error = read(&["environment.colour=red"]).unwrap_err();
        assert!(error.contains("\"environment.colour\""), "{error}");
        assert!(KNOWN.iter().all(|known| error.contains(known)), "{error}");
    }

    #[test]
    fn a_wrong_value_is_answered_with_what_it_can_be() {
        for (given, allowed) in [
            ("environment.status=on", "active or inactive"),
            ("environment.clone_parent_on_create", "True or False"),
            ("environment.type=production", "development or staging"),
            ("deploy.strategy=fast", "stopstart or rolling"),
        ] {
            let error = read(&[given]).unwrap_err();
            assert!(error.contains(allowed), "{error}");
        }
    }
}
