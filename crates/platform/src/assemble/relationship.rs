//! Relationships: credentials, names and allowed connections (spec 1.11, 2.2).

use super::Assembly;
use crate::PlatformError;
use guise_config::{Relationship, Service, Target};
use guise_node::HostEntry;
use serde_json::{Map, Value, json};
use std::net::Ipv4Addr;

/// What a component's relationships give it.
#[derive(Debug, Default)]
pub(super) struct Related {
    /// `PLATFORM_RELATIONSHIPS` before base64.
    pub(super) credentials: Map<String, Value>,
    /// `<relationship>.internal`.
    pub(super) hosts: Vec<HostEntry>,
    /// What it may connect to.
    pub(super) connect: Vec<(Ipv4Addr, u16)>,
}

impl Assembly<'_> {
    pub(super) fn related(&self, relationships: &[Relationship]) -> Result<Related, PlatformError> {
        let mut related = Related::default();
        for relationship in relationships {
            let target = relationship.target.name().as_str();
            let (_, address) = self.place(target);
            let (credentials, port) = match &relationship.target {
                Target::App(_) => (self.app_credentials(relationship, address), 80),
                Target::Service(name) => match self.config.services.iter().find(|s| s.name == *name) {
                    Some(service) => self.service_credentials(relationship, service, address)?,
                    None => continue,
                },
            };
            let host = format!("{}.internal", relationship.name);
            related
                .credentials
                .insert(relationship.name.to_string(), json!([credentials]));
            related.hosts.push(HostEntry { name: host, address });
            related.connect.push((address, port));
        }
        related.connect.sort_unstable();
        related.connect.dedup();
        Ok(related)
    }

    /// Fields that every relationship has.
    fn common(&self, relationship: &Relationship, address: Ipv4Addr, image_type: &str) -> Map<String, Value> {
        let service = relationship.target.name();
        let environment = self.environment;
        let cluster = format!("{}-{}", environment.project, environment.machine_name);
        let id = hostname_id(&cluster, service.as_str());
        let domain = &self.platform.config().domain;
        let fields = json!({
            "host": format!("{}.internal", relationship.name),
            "hostname": format!("{id}.{service}.service._.{domain}"),
            "ip": address,
            "instance_ips": [address],
            "cluster": cluster,
            "service": service,
            "rel": relationship.endpoint,
            "type": image_type,
        });
        match fields {
            Value::Object(fields) => fields,
            _ => Map::new(),
        }
    }

    fn app_credentials(&self, relationship: &Relationship, address: Ipv4Addr) -> Value {
        let target = relationship.target.name();
        let app = self.config.apps.iter().find(|app| app.name == *target);
        let image_type = app.map(|app| app.runtime.as_written()).unwrap_or_default();
        let mut fields = self.common(relationship, address, &image_type);
        let constants = json!({
            "scheme": "http", "port": 80, "username": null, "password": null, "path": null, "fragment": null,
            "query": {}, "public": false, "host_mapped": false, "epoch": 0,
        });
        fields.extend(constants.as_object().cloned().unwrap_or_default());
        Value::Object(fields)
    }

    fn service_credentials(
        &self,
        relationship: &Relationship,
        service: &Service,
        address: Ipv4Addr,
    ) -> Result<(Value, u16), PlatformError> {
        let recipe = self.recipe_of(service)?;
        let facts = recipe
            .service()
            .ok_or_else(|| super::service::no_service(service))?;
        let mut context = self.service_context(service, recipe)?;
        context["endpoint"] = json!(relationship.endpoint);
        let mut fields = self.common(relationship, address, &service.as_written());
        fields.extend(facts.credentials(&context).map_err(super::service::bad_recipe)?);
        Ok((Value::Object(fields), facts.port()))
    }
}

/// 26 characters that stay the same for a service of an environment.
fn hostname_id(cluster: &str, service: &str) -> String {
    use sha2::{Digest, Sha256};
    let digest = Sha256::digest(format!("{cluster}/{service}"));
    digest
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect::<String>()[..26]
        .to_string()
}
