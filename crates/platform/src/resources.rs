//! What containers are held to: by the size that the configuration names, or by what the operator says instead.

use crate::{
    Platform, PlatformError,
    store::{ActivityRecord, EnvironmentRecord},
    variable::Level,
};
use guise_model::{Allowance, Limits, Profile, Size};
use std::collections::BTreeMap;

/// What the sizes stand for on this machine, where it is not what the table says.
pub type Sizes = BTreeMap<Size, Allowance>;

/// What the operator gives the containers of an environment.
#[derive(Debug, Clone, Default)]
pub(crate) struct Allowances {
    sizes: Sizes,
    project: BTreeMap<String, Allowance>,
    environment: BTreeMap<String, Allowance>,
}

/// What a container is held to, and by whom.
#[derive(Debug, Clone, PartialEq)]
pub struct ResourcesView {
    /// The app, worker (`app--worker`) or service.
    pub component: String,
    /// What it is held to since the last deployment; `None` for one that is not deployed.
    pub limits: Option<Limits>,
    /// What all environments of the project have.
    pub project: Option<Allowance>,
    /// What this environment has.
    pub environment: Option<Allowance>,
}

impl Allowances {
    /// The limits of a component: each figure from the environment, else the project, else the size.
    pub(crate) fn limits(&self, component: &str, size: Size, profile: Profile) -> Limits {
        let set = |level: &BTreeMap<String, Allowance>| level.get(component).copied().unwrap_or_default();
        let of_size = self.sizes.get(&size).copied().unwrap_or_default();
        set(&self.environment)
            .or(set(&self.project))
            .or(of_size)
            .over(size.limits(profile))
    }
}

impl Platform {
    pub(crate) fn allowances(&self, environment: &EnvironmentRecord) -> Result<Allowances, PlatformError> {
        let project = &environment.project;
        Ok(Allowances {
            sizes: self.config().sizes.clone(),
            project: self.store().allowances(project, None)?,
            environment: self.store().allowances(project, Some(&environment.name))?,
        })
    }

    /// What the containers of an environment are held to, by their names.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub fn resources(&self, environment: &EnvironmentRecord) -> Result<Vec<ResourcesView>, PlatformError> {
        let set = self.allowances(environment)?;
        let components = self
            .deployed(environment)?
            .map(|deployed| deployed.components)
            .unwrap_or_default();
        let mut limits: BTreeMap<String, Option<Limits>> = components
            .into_iter()
            .map(|component| (component.name, Some(component.spec.limits)))
            .collect();
        for component in set.project.keys().chain(set.environment.keys()) {
            limits.entry(component.clone()).or_default();
        }
        let views = limits.into_iter().map(|(component, limits)| ResourcesView {
            project: set.project.get(&component).copied(),
            environment: set.environment.get(&component).copied(),
            component,
            limits,
        });
        Ok(views.collect())
    }

    /// Gives a component of an environment, or of all environments of its project, other limits than its size's:
    /// a figure that is absent stays. `None` takes back what was given. An environment's is applied by the activity
    /// that is answered, a project's by each environment's next deployment.
    ///
    /// # Errors
    /// [`PlatformError::UnknownContainer`] for one that the environment does not have.
    pub fn set_resources(
        &self,
        environment: &EnvironmentRecord,
        level: Level<'_>,
        component: &str,
        wanted: Option<Allowance>,
    ) -> Result<Option<ActivityRecord>, PlatformError> {
        let known = self.resources(environment)?;
        let is_deployed = known.iter().any(|view| view.limits.is_some());
        let found = known.iter().find(|view| view.component == component);
        // Before the first deployment, which may need it, nobody knows the names.
        if found.is_none() && (is_deployed || wanted.is_none()) {
            return Err(PlatformError::UnknownContainer {
                environment: environment.name.clone(),
                given: component.into(),
                known: known.into_iter().map(|view| view.component).collect(),
            });
        }
        let current = found.and_then(|view| match level {
            Level::Project(_) => view.project,
            Level::Environment(_) => view.environment,
        });
        let allowance = wanted.map(|wanted| wanted.or(current.unwrap_or_default()));
        self.store()
            .put_allowance(level.project(), level.environment(), component, allowance)?;
        match level {
            Level::Project(_) => Ok(None),
            Level::Environment(environment) => {
                self.redeploy_if_active("environment.update.resources", environment)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::Store;

    fn allowance(cpu: Option<f64>, memory_mb: Option<u64>) -> Allowance {
        Allowance::new(cpu, memory_mb).unwrap()
    }

    fn figures(allowances: &Allowances, component: &str) -> (u32, u64) {
        let limits = allowances.limits(component, Size::S, Profile::HighCpu);
        (limits.cpu_millis, limits.memory_bytes / 1_000_000)
    }

    #[test]
    fn the_environment_goes_before_the_project_and_the_project_before_the_size() {
        let mut allowances = Allowances::default();
        assert_eq!(figures(&allowances, "app"), (400, 256));
        allowances.sizes.insert(Size::S, allowance(Some(1.0), Some(300)));
        allowances
            .project
            .insert("app".into(), allowance(None, Some(512)));
        assert_eq!(figures(&allowances, "app"), (1000, 512));
        allowances
            .environment
            .insert("app".into(), allowance(Some(0.1), None));
        assert_eq!(figures(&allowances, "app"), (100, 512));
        assert_eq!(figures(&allowances, "db"), (1000, 300));
    }

    #[test]
    fn what_was_given_is_kept_by_level_until_it_is_taken_back() {
        let directory = tempfile::tempdir().unwrap();
        let store = Store::open(&directory.path().join("guise.db")).unwrap();
        let project = store.create_project("Shop", "main").unwrap().id;
        let given = allowance(Some(0.5), None);
        store
            .put_allowance(&project, Some("main"), "app", Some(given))
            .unwrap();
        assert!(store.allowances(&project, None).unwrap().is_empty());
        assert_eq!(
            store.allowances(&project, Some("main")).unwrap(),
            BTreeMap::from([("app".to_string(), given)])
        );
        store.put_allowance(&project, Some("main"), "app", None).unwrap();
        assert!(store.allowances(&project, Some("main")).unwrap().is_empty());
    }
}
