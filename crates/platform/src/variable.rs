//! Making, changing and deleting the variables that people set (spec 4.2 to 4.5).

use crate::{
    Platform, PlatformError,
    effective::Levels,
    store::{ActivityRecord, EnvironmentRecord, ProjectRecord, VariableRecord, now},
};

/// The longest value, in bytes: half of what Linux allows for one string of a new process's environment (execve(2)).
const LONGEST_VALUE: usize = 64 * 1024;
/// The longest name, in bytes.
const LONGEST_NAME: usize = 256;

/// Whose a variable is.
#[derive(Debug, Clone, Copy)]
pub enum Level<'a> {
    /// The project's: every environment sees it.
    Project(&'a ProjectRecord),
    /// One environment's.
    Environment(&'a EnvironmentRecord),
}

/// What is set of a variable; the rest stays, or has its default in a new one.
#[derive(Clone, Default, PartialEq, Eq)]
#[allow(missing_docs)]
pub struct VariableChange {
    pub value: Option<String>,
    pub is_json: Option<bool>,
    pub is_sensitive: Option<bool>,
    pub visible_build: Option<bool>,
    pub visible_runtime: Option<bool>,
    pub is_inheritable: Option<bool>,
    pub is_enabled: Option<bool>,
    pub application_scope: Option<Vec<String>>,
}

/// A variable that cannot be as it was asked for. No message has a value in it.
#[derive(Debug, thiserror::Error)]
#[allow(missing_docs)]
pub enum VariableError {
    #[error("there is a variable {name} already")]
    Exists { name: String },
    #[error("there is no variable {name} at the level of {level}")]
    Unknown { name: String, level: String },
    #[error("{name:?} cannot be a variable: {reason}")]
    BadName { name: String, reason: &'static str },
    #[error("{name} cannot have that value: {reason}")]
    BadValue { name: String, reason: String },
    #[error("{name} is sensitive and stays so: delete it and make another one")]
    StaysSensitive { name: String },
    #[error("{name} is of the project: only an environment's variable can be {what}")]
    OnlyOfEnvironment { name: String, what: &'static str },
}

impl Level<'_> {
    pub(crate) fn project(&self) -> &guise_model::ProjectId {
        match self {
            Self::Project(project) => &project.id,
            Self::Environment(environment) => &environment.project,
        }
    }

    pub(crate) fn environment(&self) -> Option<&str> {
        match self {
            Self::Project(_) => None,
            Self::Environment(environment) => Some(&environment.name),
        }
    }
}

impl Platform {
    /// The variables of a level; those of an environment with the ones it inherits from its ancestors.
    pub fn variables(&self, level: Level<'_>) -> Result<Vec<VariableRecord>, PlatformError> {
        let Level::Environment(environment) = level else {
            return Ok(self.store().variables(level.project(), None)?);
        };
        let Levels(levels) = self.levels(environment)?;
        let mut variables: Vec<VariableRecord> = Vec::new();
        for variable in levels.into_iter().skip(1).flatten() {
            let own = variable.environment.as_deref() == Some(&environment.name);
            if own || variable.is_inheritable {
                variables.retain(|known| known.name != variable.name);
                variables.push(variable);
            }
        }
        variables.sort_by(|a, b| a.name.cmp(&b.name));
        Ok(variables)
    }

    /// One variable of exactly this level.
    ///
    /// # Errors
    /// [`VariableError::Unknown`].
    pub fn variable(&self, level: Level<'_>, name: &str) -> Result<VariableRecord, PlatformError> {
        let variables = self.store().variables(level.project(), level.environment())?;
        let found = variables.into_iter().find(|variable| variable.name == name);
        Ok(found.ok_or_else(|| VariableError::Unknown {
            name: name.into(),
            level: level.environment().unwrap_or("the project").into(),
        })?)
    }

    /// Makes a variable. An environment's is applied at once, by the activity that is answered; a project's by each
    /// environment's next deployment.
    ///
    /// # Errors
    /// [`VariableError`].
    pub fn create_variable(
        &self,
        level: Level<'_>,
        name: &str,
        change: VariableChange,
    ) -> Result<Option<ActivityRecord>, PlatformError> {
        if self.variable(level, name).is_ok() {
            return Err(VariableError::Exists { name: name.into() }.into());
        }
        check_name(name)?;
        let blank = VariableRecord {
            environment: level.environment().map(String::from),
            name: name.into(),
            value: String::new(),
            is_json: false,
            is_sensitive: false,
            // The project's are, an environment's only on request (spec 4.3).
            visible_build: level.environment().is_none(),
            visible_runtime: true,
            is_inheritable: true,
            is_enabled: true,
            application_scope: Vec::new(),
            created_at: now(),
            updated_at: now(),
        };
        self.put(level, changed(blank, change)?, "create")
    }

    /// Changes a variable; applied as a new one is.
    ///
    /// # Errors
    /// [`VariableError`].
    pub fn update_variable(
        &self,
        level: Level<'_>,
        name: &str,
        change: VariableChange,
    ) -> Result<Option<ActivityRecord>, PlatformError> {
        let current = self.variable(level, name)?;
        if current.is_sensitive && change.is_sensitive == Some(false) {
            return Err(VariableError::StaysSensitive { name: name.into() }.into());
        }
        self.put(level, changed(current, change)?, "update")
    }

    /// Deletes a variable; applied as a new one is.
    ///
    /// # Errors
    /// [`VariableError::Unknown`].
    pub fn delete_variable(
        &self,
        level: Level<'_>,
        name: &str,
    ) -> Result<Option<ActivityRecord>, PlatformError> {
        self.variable(level, name)?;
        self.store()
            .delete_variable(level.project(), level.environment(), name)?;
        self.apply(level, "delete")
    }

    /// The variables that an environment is given, level by level.
    pub(crate) fn levels(&self, environment: &EnvironmentRecord) -> Result<Levels, PlatformError> {
        let (store, project) = (self.store(), &environment.project);
        let mut line = vec![environment.name.clone()];
        let mut parent = environment.parent.clone();
        // Parents in a circle end where it closes.
        while let Some(name) = parent.filter(|name| !line.contains(name)) {
            parent = store.environment(project, &name)?.and_then(|found| found.parent);
            line.push(name);
        }
        let mut levels = vec![store.variables(project, None)?];
        for name in line.iter().rev() {
            levels.push(store.variables(project, Some(name))?);
        }
        Ok(Levels(levels))
    }

    fn put(
        &self,
        level: Level<'_>,
        variable: VariableRecord,
        verb: &str,
    ) -> Result<Option<ActivityRecord>, PlatformError> {
        self.store().put_variable(level.project(), &variable)?;
        self.apply(level, verb)
    }

    fn apply(&self, level: Level<'_>, verb: &str) -> Result<Option<ActivityRecord>, PlatformError> {
        match level {
            Level::Project(_) => Ok(None),
            Level::Environment(environment) => {
                self.redeploy_if_active(&format!("environment.variable.{verb}"), environment)
            }
        }
    }
}

fn changed(mut variable: VariableRecord, change: VariableChange) -> Result<VariableRecord, VariableError> {
    let of_environment = [
        ("kept from its children", change.is_inheritable),
        ("disabled", change.is_enabled),
    ];
    for (what, set) in of_environment {
        if variable.environment.is_none() && set == Some(false) {
            let name = variable.name;
            return Err(VariableError::OnlyOfEnvironment { name, what });
        }
    }
    fn set<T>(field: &mut T, value: Option<T>) {
        if let Some(value) = value {
            *field = value;
        }
    }
    set(&mut variable.value, change.value);
    set(&mut variable.is_json, change.is_json);
    set(&mut variable.is_sensitive, change.is_sensitive);
    set(&mut variable.visible_build, change.visible_build);
    set(&mut variable.visible_runtime, change.visible_runtime);
    set(&mut variable.is_inheritable, change.is_inheritable);
    set(&mut variable.is_enabled, change.is_enabled);
    set(&mut variable.application_scope, change.application_scope);
    check_value(&variable)?;
    Ok(variable)
}

fn check_name(name: &str) -> Result<(), VariableError> {
    let identifier = |name: &str| {
        !name.is_empty()
            && !name.starts_with(|c: char| c.is_ascii_digit())
            && name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_')
    };
    let reason = if name.is_empty() || name.len() > LONGEST_NAME {
        "a name has 1 to 256 bytes"
    } else if !name.bytes().all(|b| b.is_ascii_graphic()) {
        "a name is of visible ASCII characters"
    } else if name.strip_prefix("env:").is_some_and(|name| !identifier(name)) {
        "behind env: stand letters, digits and _, and no digit first"
    } else {
        return Ok(());
    };
    Err(VariableError::BadName {
        name: name.into(),
        reason,
    })
}

fn check_value(variable: &VariableRecord) -> Result<(), VariableError> {
    let reason = if variable.value.len() > LONGEST_VALUE {
        "it is longer than 64 KiB".into()
    } else if variable.value.contains('\0') {
        "it has a zero byte".into()
    } else if variable.is_json
        && let Err(error) = serde_json::from_str::<serde_json::Value>(&variable.value)
    {
        // The position only: serde's message could quote the value.
        format!("it is no JSON, from column {} on", error.column())
    } else {
        return Ok(());
    };
    Err(VariableError::BadValue {
        name: variable.name.clone(),
        reason,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::variable_for_tests as variable;

    #[test]
    fn names_that_no_process_could_be_given_are_refused() {
        for good in [
            "plain",
            "env:COLOUR",
            "env:_a1",
            "php:memory_limit",
            "drupal:a.b:c-d",
        ] {
            assert!(check_name(good).is_ok(), "{good}");
        }
        for bad in ["", "env:", "env:1A", "env:A-B", "env:A=B", "a b", "ä", "a\nb"] {
            assert!(check_name(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn a_refused_value_is_not_repeated() {
        let json = VariableChange {
            value: Some("hunter2".into()),
            is_json: Some(true),
            ..VariableChange::default()
        };
        let error = changed(variable("token", ""), json).unwrap_err().to_string();
        assert!(error.contains("no JSON") && !error.contains("hunter2"), "{error}");
        let zero = VariableChange {
            value: Some("hunter2\0".into()),
            ..VariableChange::default()
        };
        let error = changed(variable("token", ""), zero).unwrap_err().to_string();
        assert!(!error.contains("hunter2"), "{error}");
    }

    #[test]
    fn what_is_not_named_stays() {
        let mut current = variable("env:A", "1");
        current.visible_build = false;
        current.application_scope = vec!["app".into()];
        let change = VariableChange {
            value: Some("2".into()),
            ..VariableChange::default()
        };
        let after = changed(current.clone(), change).unwrap();
        current.value = "2".into();
        assert!(after == current);
    }

    #[test]
    fn a_project_has_no_disabled_variable() {
        let off = VariableChange {
            is_enabled: Some(false),
            ..VariableChange::default()
        };
        assert!(matches!(
            changed(variable("a", "1"), off),
            Err(VariableError::OnlyOfEnvironment { .. })
        ));
    }
}
