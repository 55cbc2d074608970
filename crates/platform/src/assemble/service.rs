//! Service containers, from their recipes.

use super::{Assembly, id_to_come, init, scratch};
use crate::{
    PlatformError,
    desired::{Component, ComponentKind, Life, Provision},
};
use guise_config::Service;
use guise_image::{Recipe, RecipeError};
use guise_model::{ImageDigest, Limits};
use guise_node::{ContainerSpec, Egress, Link, RunFile, User, VolumeMount};
use serde_json::{Map, Value, json};

impl Assembly<'_> {
    pub(super) fn service(&self, service: &Service, base: &ImageDigest) -> Result<Component, PlatformError> {
        let recipe = self.recipe_of(service)?;
        let facts = recipe.service().ok_or_else(|| no_service(service))?;
        let related = self.related(&service.relationships)?;
        let mut context = self.service_context(service, recipe)?;
        context["relationships"] = related
            .credentials
            .iter()
            .map(|(name, targets)| (name.clone(), targets[0].clone()))
            .collect::<Map<_, _>>()
            .into();
        let name = service.name.to_string();
        let (slot, address) = self.place(&name);
        context["address"] = json!(address);
        let user = user_of(recipe);
        let mut volumes = Vec::new();
        let mut mounts = Vec::new();
        if let Some(data) = facts.data() {
            let (volume, want) = self.volume(&name, service.disk_mb, user, data.mode)?;
            volumes.push(want);
            let (source_path, target, read_only) = (String::new(), data.path.clone(), false);
            mounts.push(VolumeMount {
                volume,
                source_path,
                target,
                read_only,
                owner: user,
            });
        }
        let files = recipe
            .render_files(&service.resolved, &context)
            .map_err(bad_recipe)?;
        let files = files.into_iter().map(|file| RunFile {
            path: file.path,
            content: file.content,
            mode: file.mode,
        });
        let provision = facts.provision(&context).map_err(bad_recipe)?;
        Ok(Component {
            kind: ComponentKind::Service,
            image_type: service.as_written(),
            spec: ContainerSpec {
                id: id_to_come(),
                name: self.full_name(&name),
                hostname: Self::hostname(&name),
                slot,
                base: base.clone(),
                app: None,
                mounts,
                scratch: scratch(user),
                files: files.collect(),
                process: init(user, recipe.env().clone()),
                limits: self.limits(service),
                stop_grace_seconds: facts.stop_grace_seconds(),
                link: Link {
                    address,
                    hosts: related.hosts,
                    egress: Egress::Deny,
                    mail: false,
                    connect: related.connect,
                },
            },
            volumes,
            env: recipe.env().clone(),
            life: Life::Service {
                port: facts.port(),
                ready: facts.ready().to_vec(),
                provision: provision.map(|p| Provision {
                    argv: p.argv,
                    stdin: p.stdin,
                }),
            },
            name,
        })
    }

    fn limits(&self, service: &Service) -> Limits {
        let name = service.name.as_str();
        self.allowances.limits(name, service.size, service.profile)
    }

    pub(super) fn recipe_of(&self, service: &Service) -> Result<&Recipe, PlatformError> {
        let catalog = self.platform.node().catalog();
        match catalog.resolve(&service.type_name, &service.resolved) {
            Ok(resolved) => Ok(resolved.recipe),
            Err(unknown) => Err(PlatformError::UnknownImage {
                reason: unknown.to_string(),
            }),
        }
    }

    /// What a service's templates may use: its configuration, its limits, a password for each of its endpoints.
    pub(super) fn service_context(&self, service: &Service, recipe: &Recipe) -> Result<Value, PlatformError> {
        let configured = service.configuration.get("endpoints").and_then(Value::as_object);
        let mut names: Vec<&str> = configured
            .into_iter()
            .flat_map(|map| map.keys())
            .map(String::as_str)
            .collect();
        let default = recipe
            .service()
            .map(|facts| facts.default_endpoint().to_string())
            .unwrap_or_default();
        names.push(&default);
        let mut passwords = Map::new();
        for endpoint in names {
            let (project, environment) = (&self.project.id, &self.environment.name);
            let password =
                self.platform
                    .store()
                    .password(project, environment, service.name.as_str(), endpoint)?;
            passwords.insert(endpoint.into(), json!(password));
        }
        let limits = self.limits(service);
        Ok(json!({
            "name": service.name,
            "version": service.resolved,
            "memory_bytes": limits.memory_bytes,
            "disk_bytes": service.disk_mb.map(|megabytes| megabytes * 1_000_000),
            "configuration": service.configuration,
            "passwords": passwords,
        }))
    }
}

pub(super) fn user_of(recipe: &Recipe) -> User {
    let (uid, gid) = recipe.user();
    User { uid, gid }
}

pub(super) fn bad_recipe(error: RecipeError) -> PlatformError {
    PlatformError::UnknownImage {
        reason: error.to_string(),
    }
}

pub(super) fn no_service(service: &Service) -> PlatformError {
    PlatformError::UnknownImage {
        reason: format!("{} is no service but a language", service.type_name),
    }
}
