//! A service (spec 2.1).

use super::{Reader, version::Of};
use crate::{
    diagnostic::Severity,
    fields::{Fields, name},
    files::Flavour,
    model::Service,
    support::{self, Part},
    types,
    yaml::{Entry, Node},
};
use serde_json::Value as Json;

pub const KEYS: [&str; 9] = [
    "type",
    "disk",
    "size",
    "configuration",
    "relationships",
    "access",
    "firewall",
    "resources",
    "container_profile",
];

/// Disk of a service on Upsun, where it is not configured in files (spec 1.18).
const UPSUN_DISK_MB: u64 = 512;

impl Reader<'_> {
    /// A service; `None` when too much is wrong, all of which is reported.
    pub fn service(&mut self, entry: &Entry) -> Option<Service> {
        support::check(Part::Service, &entry.value, self.report);
        let fields = Fields::read(&entry.value, "a service", &KEYS, Severity::Warning, self.report);
        let name = name(&entry.key.text, &entry.key.span, "a service", self.report);
        let kind = match fields.get("type") {
            Some(node) => self.type_of(node, Of::Service),
            None if !fields.is_mapping() && !entry.value.is_null() => None,
            None => {
                let message = format!("the service `{}` has no `type`", entry.key.text);
                let finding = self.report.error("missing-key", &entry.key.span, message);
                finding.help("for example `type: 'mariadb:11.8'`");
                None
            }
        };
        if kind
            .as_ref()
            .is_some_and(|kind| kind.name == types::NETWORK_STORAGE)
            && entry.key.text.contains('_')
        {
            // Its name is a host name on the platform that this configuration is written for (spec 0.1).
            let message = format!("`{}` cannot name a {}", entry.key.text, types::NETWORK_STORAGE);
            let finding = self.report.error("wrong-name", &entry.key.span, message);
            finding.help("lower-case letters, digits and `-` only");
        }
        let size = self.size(&fields).unwrap_or_default();
        let profile = self.profile(&fields);
        let relationships = fields.mapping("relationships", self.report);
        let relationships = self.relationships(&entry.key.text, &relationships);
        fields.mapping("configuration", self.report);
        let kind = kind?;
        let disk_mb = self.service_disk(&fields, entry, &kind.name);
        Some(Service {
            name: name?,
            profile: profile.unwrap_or_else(|| types::profile(&kind.name, true)),
            type_name: kind.name,
            version: kind.version,
            resolved: kind.resolved,
            size,
            disk_mb,
            configuration: match fields.get("configuration") {
                Some(node) => Json::Object(Node::to_json_map(node)),
                None => Json::Object(Default::default()),
            },
            relationships,
        })
    }

    fn service_disk(&mut self, fields: &Fields<'_>, entry: &Entry, type_name: &str) -> Option<u64> {
        let given = self.megabytes(fields);
        let written = fields.node().entry("disk").filter(|entry| !entry.value.is_null());
        let Some(least) = self.types.min_disk_mb(type_name) else {
            if let Some(written) = written {
                let message = format!("`disk` does nothing here: a {type_name} keeps no data on a disk");
                self.report.warning("no-effect", &written.key.span, message);
            }
            return None;
        };
        match (given, written) {
            (Some(disk), Some(written)) if disk < least => {
                let message = format!("{disk} MB is too small for a {type_name}: it gets {least} MB");
                self.report
                    .warning("disk-too-small", &written.value.span, message);
                Some(least)
            }
            (None, None) if self.flavour == Flavour::Upsun => Some(UPSUN_DISK_MB.max(least)),
            (None, None) => {
                let message = format!("the service `{}` needs a disk", entry.key.text);
                let finding = self.report.error("no-disk", &entry.key.span, message);
                finding.help(format!(
                    "say how large, in MB: `disk: {}`",
                    least.max(UPSUN_DISK_MB)
                ));
                None
            }
            _ => given,
        }
    }
}
