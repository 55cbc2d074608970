//! An app as `PLATFORM_APPLICATION` shows it: every default filled in (spec 4.1).

use super::{
    App, Commands, Cron, Expires, Firewall, Location, Mount, MountSource, Operation, Passthru, Relationship,
    Rule, SourceOperation, Worker,
};
use serde_json::{Map, Value, json};

/// Keys that cannot change what a build makes, so that the build neither sees them nor depends on them
/// (spec 1.2). Mounts stay: their mount points are made in the image.
const RUN_TIME_ONLY: [&str; 13] = [
    "access",
    "relationships",
    "crons",
    "size",
    "disk",
    "timezone",
    "firewall",
    "additional_hosts",
    "operations",
    "container_profile",
    "resources",
    "web",
    "workers",
];

impl App {
    /// The app at run time.
    pub fn normalised_json(&self) -> Value {
        json!({
            "name": self.name,
            "type": self.runtime.as_written(),
            "size": self.size.to_string(),
            "container_profile": self.profile,
            "disk": self.disk_mb,
            "access": self.access,
            "relationships": relationships(&self.relationships),
            "additional_hosts": self.additional_hosts,
            "mounts": mounts(&self.mounts),
            "timezone": self.timezone,
            "variables": self.variables,
            "firewall": self.firewall.as_ref().map(firewall),
            "resources": self.resources,
            "operations": self.operations.iter().map(|o| (o.name.clone(), operation(o))).collect::<Map<_, _>>(),
            "build": {"flavor": self.build.flavor, "caches": self.build.caches},
            "dependencies": self.dependencies,
            "runtime": self.runtime_settings,
            "preflight": self.preflight,
            "hooks": {
                "build": self.hooks.build,
                "deploy": self.hooks.deploy,
                "post_deploy": self.hooks.post_deploy,
            },
            "crons": self.crons.iter().map(|cron| (cron.name.clone(), cron_json(cron))).collect::<Map<_, _>>(),
            "source": {"root": root(&self.source_root), "operations": source_operations(&self.source_operations)},
            "web": self.web_json(),
            "workers": self.workers.iter().map(|w| (w.name.to_string(), worker(w))).collect::<Map<_, _>>(),
        })
    }

    /// The app as its build sees it; equal values here and an equal tree make an equal image.
    pub fn build_json(&self) -> Value {
        let mut app = self.normalised_json();
        if let Value::Object(fields) = &mut app {
            fields.retain(|key, _| !RUN_TIME_ONLY.contains(&key.as_str()));
            fields.insert("hooks".into(), json!({"build": self.hooks.build}));
            fields.insert("web".into(), json!({"mounts": mounts(&self.mounts)}));
            let workers = self.workers.iter();
            let workers = workers.map(|w| (w.name.to_string(), json!({"mounts": mounts(&w.mounts)})));
            fields.insert("workers".into(), Value::Object(workers.collect()));
        }
        app
    }

    fn web_json(&self) -> Value {
        let locations = self.web.locations.iter().map(|l| (l.path.clone(), location(l)));
        json!({
            "locations": locations.collect::<Map<_, _>>(),
            "commands": commands(&self.web.commands),
            "upstream": self.web.upstream,
            "move_to_root": self.web.move_to_root,
        })
    }
}

fn root(source_root: &str) -> String {
    format!("/{source_root}")
}

fn relationships(relationships: &[Relationship]) -> Value {
    let pairs = relationships.iter().map(|relationship| {
        let target = json!({"service": relationship.target.name(), "endpoint": relationship.endpoint});
        (relationship.name.to_string(), target)
    });
    Value::Object(pairs.collect())
}

fn mounts(mounts: &[Mount]) -> Value {
    let pairs = mounts.iter().map(|mount| {
        let (source, service) = match &mount.source {
            MountSource::Local => ("local", None),
            MountSource::Storage => ("storage", None),
            MountSource::StorageOf(app) => ("storage", Some(app)),
            MountSource::Instance => ("instance", None),
            MountSource::Tmp => ("tmp", None),
            MountSource::Service(service) => ("service", Some(service)),
        };
        let mut fields = Map::from_iter([
            ("source".to_string(), json!(source)),
            ("source_path".to_string(), json!(mount.source_path)),
        ]);
        if let Some(service) = service {
            fields.insert("service".into(), json!(service));
        }
        (format!("/{}", mount.path), Value::Object(fields))
    });
    Value::Object(pairs.collect())
}

fn commands(commands: &Commands) -> Value {
    json!({"pre_start": commands.pre_start, "start": commands.start, "post_start": commands.post_start})
}

fn cron_json(cron: &Cron) -> Value {
    json!({
        "spec": cron.spec,
        "commands": {"start": cron.start, "stop": cron.stop},
        "shutdown_timeout": cron.shutdown_timeout,
        "timeout": cron.timeout,
    })
}

fn operation(operation: &Operation) -> Value {
    json!({
        "commands": {"start": operation.start, "stop": operation.stop},
        "timeout": operation.timeout,
        "role": operation.role,
    })
}

fn source_operations(operations: &[SourceOperation]) -> Value {
    let pairs = operations.iter();
    Value::Object(
        pairs
            .map(|o| (o.name.clone(), json!({"command": o.command})))
            .collect(),
    )
}

fn firewall(firewall: &Firewall) -> Value {
    let rules = firewall.outbound.iter().map(|rule| {
        let ips = rule.ips.iter().map(ToString::to_string);
        json!({
            "protocol": "tcp",
            "ips": ips.collect::<Vec<_>>(),
            "domains": rule.domains,
            "ports": rule.ports,
        })
    });
    json!({"outbound": rules.collect::<Vec<_>>()})
}

fn worker(worker: &Worker) -> Value {
    json!({
        "commands": commands(&worker.commands),
        "size": worker.size.to_string(),
        "container_profile": worker.profile,
        "disk": worker.disk_mb,
        "access": worker.access,
        "relationships": relationships(&worker.relationships),
        "additional_hosts": worker.additional_hosts,
        "mounts": mounts(&worker.mounts),
        "timezone": worker.timezone,
        "variables": worker.variables,
        "firewall": worker.firewall.as_ref().map(firewall),
        "resources": worker.resources,
    })
}

fn location(location: &Location) -> Value {
    json!({
        "root": location.root,
        "expires": expires(location.expires),
        "passthru": passthru(&location.passthru),
        "scripts": location.scripts,
        "index": if location.index.is_empty() { Value::Null } else { json!(location.index) },
        "allow": location.allow,
        "headers": location.headers,
        "rules": location.rules.iter().map(|r| (r.pattern.clone(), rule(r))).collect::<Map<_, _>>(),
        "request_buffering": {
            "enabled": location.request_buffering.enabled,
            "max_request_size": location.request_buffering.max_request_bytes.to_string(),
        },
    })
}

fn rule(rule: &Rule) -> Value {
    json!({
        "expires": rule.expires.map(expires),
        "passthru": rule.passthru.as_ref().map(passthru),
        "scripts": rule.scripts,
        "allow": rule.allow,
        "headers": rule.headers,
    })
}

fn passthru(passthru: &Passthru) -> Value {
    match passthru {
        Passthru::No => json!(false),
        Passthru::Yes => json!(true),
        Passthru::To(uri) => json!(uri),
    }
}

/// Seconds with their unit, `-1s` for never, as in the published payloads.
fn expires(expires: Expires) -> Value {
    match expires {
        Expires::Never => json!("-1s"),
        Expires::AfterMillis(millis) if millis % 1000 == 0 => json!(format!("{}s", millis / 1000)),
        Expires::AfterMillis(millis) => json!(format!("{millis}ms")),
    }
}
