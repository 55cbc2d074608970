//! Whether a service may take over the data that an earlier one of its name has left.
//!
//! Data is never deleted by a deployment, so what a service finds on its disk may be another program's, or a newer
//! version's. It would refuse to start, or worse, not refuse: this is found before anything is touched.

use crate::{
    Platform, PlatformError,
    desired::{ComponentKind, Desired},
    store::EnvironmentRecord,
};
use guise_config::Service;
use guise_image::{Catalog, TakesDataOf};

/// A service as an earlier deployment had it.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Predecessor {
    type_name: String,
    version: String,
}

/// Why a service cannot follow on another one.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Unfit {
    /// Another program's data.
    #[error(
        "the service {service} was a {before} and cannot become a {after}: its data would be of no use. \
         Give the {after} another name; the data of {service} is kept"
    )]
    OtherType {
        /// The service.
        service: String,
        /// Its type before.
        before: String,
        /// Its type now.
        after: String,
    },
    /// A newer version's data.
    #[error(
        "the service {service} cannot go back from {before} to {after}: an older version does not read a newer \
         one's data. Keep {before}, or restore a backup"
    )]
    Older {
        /// The service.
        service: String,
        /// Its type and version before.
        before: String,
        /// Its type and version now.
        after: String,
    },
    /// Data that only its own version reads.
    #[error(
        "the service {service} cannot go from {before} to {after} in place: each version reads its own data only. \
         Add a {after} under another name, copy the data (`guise db dump` from one, `guise db sql` into the other), \
         then point the relationship to it"
    )]
    OtherVersion {
        /// The service.
        service: String,
        /// Its type and version before.
        before: String,
        /// Its type and version now.
        after: String,
    },
}

impl Platform {
    /// What is wrong with the services of a configuration, in view of what the environment has run before.
    pub(crate) fn unfit_services(
        &self,
        environment: &EnvironmentRecord,
        services: &[Service],
    ) -> Result<Vec<Unfit>, PlatformError> {
        let mut deployments = self
            .store()
            .deployments(&environment.project, &environment.name)?;
        // The one that runs comes first, whatever was deployed later and taken back.
        deployments.sort_by_key(|record| Some(&record.id) != environment.deployment.as_ref());
        let catalog = self.node().catalog();
        let unfit = services.iter().filter_map(|service| {
            let before = deployments
                .iter()
                .find_map(|record| predecessor(&record.desired, service.name.as_str()))?;
            follows(catalog, &before, service).err()
        });
        Ok(unfit.collect())
    }
}

fn predecessor(desired: &Desired, name: &str) -> Option<Predecessor> {
    let component = desired
        .components
        .iter()
        .find(|component| component.kind == ComponentKind::Service && component.name == name)?;
    let (type_name, version) = component.image_type.split_once(':')?;
    Some(Predecessor {
        type_name: type_name.into(),
        version: version.into(),
    })
}

/// Whether a service can be what comes after another one. A type that there is no recipe for any more is no obstacle.
fn follows(catalog: &Catalog, before: &Predecessor, service: &Service) -> Result<(), Unfit> {
    let (Ok(had), Ok(has)) = (
        catalog.resolve(&before.type_name, &before.version),
        catalog.resolve(&service.type_name, &service.resolved),
    ) else {
        return Ok(());
    };
    let name = service.name.to_string();
    if had.recipe.name() != has.recipe.name() {
        return Err(Unfit::OtherType {
            service: name,
            before: before.type_name.clone(),
            after: service.type_name.clone(),
        });
    }
    let takes = has
        .recipe
        .service()
        .map_or(TakesDataOf::Any, |facts| facts.takes_data_of());
    let versions = has.recipe.versions();
    let age = |version: &str| versions.iter().position(|known| known == version);
    let (before, after) = (
        format!("{}:{}", before.type_name, had.version),
        format!("{}:{}", service.type_name, has.version),
    );
    match takes {
        _ if had.version == has.version => Ok(()),
        TakesDataOf::Any => Ok(()),
        TakesDataOf::Older if age(&had.version) < age(&has.version) => Ok(()),
        TakesDataOf::Older => Err(Unfit::Older {
            service: name,
            before,
            after,
        }),
        TakesDataOf::Same => Err(Unfit::OtherVersion {
            service: name,
            before,
            after,
        }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;
    use std::path::Path;

    fn after(before: &str, now: &str) -> Result<(), String> {
        let catalog = Catalog::load(&[Path::new(env!("CARGO_MANIFEST_DIR")).join("../../images")]).unwrap();
        let (type_name, version) = before.split_once(':').unwrap();
        let before = Predecessor {
            type_name: type_name.into(),
            version: version.into(),
        };
        let (type_name, version) = now.split_once(':').unwrap();
        let resolved = catalog.resolve(type_name, version).unwrap().version;
        let service = json!({
            "name": "db", "type_name": type_name, "version": version, "resolved": resolved, "size": "S",
            "profile": "HIGH_MEMORY", "disk_mb": 256, "configuration": {}, "relationships": [],
        });
        let service: Service = serde_json::from_value(service).unwrap();
        follows(&catalog, &before, &service).map_err(|unfit| unfit.to_string())
    }

    #[test]
    fn a_newer_version_takes_the_data_over_and_an_older_one_is_refused() {
        assert_eq!(after("mariadb:10.11", "mariadb:11.8"), Ok(()));
        assert_eq!(after("mariadb:11.8", "mysql:11.4"), Ok(()), "both are 11.8 here");
        let refused = after("mariadb:11.8", "mariadb:10.11").unwrap_err();
        assert!(
            refused.contains("from mariadb:11.8 to mariadb:10.11"),
            "{refused}"
        );
    }

    #[test]
    fn postgresql_goes_forward_only() {
        assert_eq!(after("postgresql:15", "postgresql:15"), Ok(()));
        assert_eq!(after("postgresql:15", "postgresql:17"), Ok(()));
        let refused = after("postgresql:17", "postgresql:15").unwrap_err();
        assert!(refused.contains("cannot go back from postgresql:17"), "{refused}");
    }

    #[test]
    fn another_type_under_the_same_name_is_refused() {
        let refused = after("redis:8.0", "redis-persistent:8.0").unwrap_err();
        assert!(
            refused.contains("was a redis and cannot become a redis-persistent"),
            "{refused}"
        );
        assert_eq!(after("redis:7.0", "redis:8.0"), Ok(()));
        assert_eq!(
            after("redis:8.0", "redis:7.0"),
            Ok(()),
            "a cache has nothing to lose"
        );
    }
}
