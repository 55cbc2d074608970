//! The keys that an app's web container and each worker have for themselves (spec 1.1 "Inst", 1.9).

use super::{Reader, operation::ROLES};
use crate::{
    diagnostic::Severity,
    fields::Fields,
    files::Flavour,
    model::{Firewall, Mount, MountSource, Relationship, Variables},
    suggest::nearest,
    types,
    yaml::{Entry, Value},
};
use guise_model::{Profile, Size};
use jiff::tz::{TimeZoneDatabase, TimeZoneName};
use serde_json::Value as Json;
use std::{collections::BTreeMap, net::IpAddr};

/// Those keys, for `known` lists.
pub const KEYS: [&str; 11] = [
    "size",
    "relationships",
    "disk",
    "mounts",
    "timezone",
    "access",
    "variables",
    "additional_hosts",
    "firewall",
    "resources",
    "container_profile",
];

pub const SIZES: [(&str, Size); 8] = [
    ("AUTO", Size::Auto),
    ("XS", Size::S),
    ("S", Size::S),
    ("M", Size::M),
    ("L", Size::L),
    ("XL", Size::XL),
    ("2XL", Size::XL2),
    ("4XL", Size::XL4),
];

pub const PROFILES: [(&str, Profile); 4] = [
    ("HIGH_CPU", Profile::HighCpu),
    ("BALANCED", Profile::Balanced),
    ("HIGH_MEMORY", Profile::HighMemory),
    ("HIGHER_MEMORY", Profile::HighMemory),
];

/// What one container of an app has for itself.
#[derive(Clone)]
pub struct Instance {
    pub size: Size,
    pub profile: Profile,
    pub relationships: Vec<Relationship>,
    pub disk_mb: Option<u64>,
    pub mounts: Vec<Mount>,
    pub timezone: Option<String>,
    pub access: BTreeMap<String, String>,
    pub variables: Variables,
    pub additional_hosts: BTreeMap<String, String>,
    pub firewall: Option<Firewall>,
    pub resources: Option<Json>,
}

impl Instance {
    /// What holds when nothing is written.
    pub fn of_type(type_name: &str) -> Self {
        Self {
            size: Size::Auto,
            profile: types::profile(type_name, false),
            relationships: Vec::new(),
            disk_mb: None,
            mounts: Vec::new(),
            timezone: None,
            access: BTreeMap::from([("ssh".into(), "contributor".into())]),
            variables: Variables::new(),
            additional_hosts: BTreeMap::new(),
            firewall: None,
            resources: None,
        }
    }
}

impl Reader<'_> {
    /// What `fields` say; each key that is written replaces the inherited one whole.
    pub fn instance(&mut self, owner: &str, fields: &Fields<'_>, inherited: &Instance) -> Instance {
        let mut instance = inherited.clone();
        let given = |key: &str| fields.node().entry(key).is_some();
        if let Some(size) = self.size(fields) {
            instance.size = size;
        }
        if let Some(profile) = self.profile(fields) {
            instance.profile = profile;
        }
        if given("relationships") {
            let entries = fields.mapping("relationships", self.report);
            instance.relationships = self.relationships(owner, &entries);
        }
        if given("disk") {
            instance.disk_mb = self.disk(fields);
        }
        if given("mounts") {
            let entries = fields.mapping("mounts", self.report);
            instance.mounts = self.mounts(&entries);
        }
        if let Some(timezone) = self.timezone(fields) {
            instance.timezone = Some(timezone);
        }
        if let Some(role) = self.least_role(fields) {
            instance.access = BTreeMap::from([("ssh".into(), role.into())]);
        }
        if given("variables") {
            let entries = fields.mapping("variables", self.report);
            instance.variables = self.variables(&entries);
        }
        if given("additional_hosts") {
            let entries = fields.mapping("additional_hosts", self.report);
            instance.additional_hosts = self.hosts(&entries);
        }
        if given("firewall") {
            instance.firewall = fields.get("firewall").and_then(|node| self.firewall(node));
        }
        if given("resources") {
            instance.resources = fields.get("resources").map(|node| node.to_json());
        }
        self.check_disk(fields, &instance);
        instance
    }

    /// `size`.
    pub fn size(&mut self, fields: &Fields<'_>) -> Option<Size> {
        fields.choice("size", &SIZES, self.report)
    }

    /// `container_profile`.
    pub fn profile(&mut self, fields: &Fields<'_>) -> Option<Profile> {
        fields.choice("container_profile", &PROFILES, self.report)
    }

    /// `timezone`, a name of the time zone database.
    fn timezone(&mut self, fields: &Fields<'_>) -> Option<String> {
        let name = fields.text("timezone", self.report)?;
        let zones = TimeZoneDatabase::bundled();
        if zones.get(&name).is_err() {
            let known: Vec<_> = zones.available().collect();
            let help = match nearest(&name, known.iter().map(TimeZoneName::as_str)) {
                Some(zone) => format!("did you mean `{zone}`?"),
                None => "write one of the time zone database: `UTC`, `Europe/Paris`".into(),
            };
            let span = &fields.get("timezone")?.span;
            let message = format!("there is no time zone `{name}`");
            self.report.error("wrong-value", span, message).help(help);
            return None;
        }
        Some(name)
    }

    /// `access`: who may log in.
    fn least_role(&mut self, fields: &Fields<'_>) -> Option<&'static str> {
        let access = fields.get("access")?;
        let fields = Fields::read(access, "`access`", &["ssh"], Severity::Warning, self.report);
        fields.choice("ssh", &ROLES.map(|(role, _)| (role, role)), self.report)
    }

    fn disk(&mut self, fields: &Fields<'_>) -> Option<u64> {
        const LEAST: u64 = 128;
        let disk = self.megabytes(fields)?;
        if disk < LEAST
            && let Some(node) = fields.get("disk")
        {
            let finding = self
                .report
                .error("disk-too-small", &node.span, format!("{disk} MB is too small"));
            finding.help(format!("`disk` is in MB, {LEAST} at least"));
        }
        Some(disk)
    }

    /// `disk`, a number without a unit.
    pub fn megabytes(&mut self, fields: &Fields<'_>) -> Option<u64> {
        let node = fields.get("disk")?;
        let megabytes = node.as_integer().and_then(|number| u64::try_from(number).ok());
        if megabytes.is_none() {
            let message = "`disk` must be a number of megabytes";
            let finding = self.report.error("wrong-kind", &node.span, message);
            finding.help("write it without a unit: `disk: 2048`");
        }
        megabytes
    }

    /// Local mounts need a disk that says how large (spec 1.1); Upsun has no `disk` key.
    fn check_disk(&mut self, fields: &Fields<'_>, instance: &Instance) {
        let is_local = |mount: &Mount| mount.source == MountSource::Local;
        if self.flavour == Flavour::Upsun || instance.disk_mb.is_some() {
            return;
        }
        if let (true, Some(entry)) = (
            instance.mounts.iter().any(is_local),
            fields.node().entry("mounts"),
        ) {
            let message = "mounts of source `local` need a disk";
            let finding = self.report.error("no-disk", &entry.key.span, message);
            finding.help("say how large, in MB, beside `mounts`: `disk: 512`");
        }
    }

    fn variables(&mut self, entries: &[&Entry]) -> Variables {
        let mut variables = Variables::new();
        for entry in entries {
            let prefix = &entry.key.text;
            if !matches!(entry.value.value, Value::Mapping(_)) && !entry.value.is_null() {
                let message = format!(
                    "`{prefix}` must be a mapping of variables, not {}",
                    entry.value.kind()
                );
                let finding = self.report.error("wrong-kind", &entry.value.span, message);
                finding.help(format!(
                    "variables are grouped by prefix; for an environment variable write `env: {{{prefix}: …}}`"
                ));
                continue;
            }
            let values = entry
                .value
                .entries()
                .map(|entry| (entry.key.text.clone(), entry.value.to_json()));
            variables.insert(prefix.clone(), values.collect());
        }
        variables
    }

    fn hosts(&mut self, entries: &[&Entry]) -> BTreeMap<String, String> {
        let mut hosts = BTreeMap::new();
        for entry in entries {
            let host = &entry.key.text;
            let address = entry.value.as_text().unwrap_or_default();
            let is_host = !host.is_empty()
                && host
                    .bytes()
                    .all(|b| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'-' | b'_'));
            if !is_host {
                self.report.error(
                    "bad-host",
                    &entry.key.span,
                    format!("`{host}` is not a host name"),
                );
            } else if address.parse::<IpAddr>().is_err() {
                let message = format!("`{address}` is not an IP address");
                self.report.error("bad-address", &entry.value.span, message);
            } else {
                hosts.insert(host.clone(), address.into());
            }
        }
        hosts
    }
}
