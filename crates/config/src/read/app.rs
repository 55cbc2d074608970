//! An app.

use super::{
    Reader,
    instance::{self, Instance},
    version::Of,
};
use crate::{
    diagnostic::Severity,
    fields::{Fields, name},
    files::WrittenApp,
    model::{App, Build, Commands, Hooks, Runtime, Worker},
    suggest::{listed, nearest},
    support::{self, Part},
    yaml::{Entry, Node},
};
use serde_json::{Map, Value as Json, json};

pub const KEYS: [&str; 25] = [
    "name",
    "type",
    "size",
    "relationships",
    "disk",
    "mounts",
    "web",
    "workers",
    "timezone",
    "access",
    "variables",
    "build",
    "dependencies",
    "hooks",
    "crons",
    "source",
    "runtime",
    "additional_hosts",
    "operations",
    "firewall",
    "preflight",
    "resources",
    "container_profile",
    "stack",
    "toolstack",
];

/// Each worker gets a copy of what it inherits, so that a short file could fill the memory.
const MOST_WORKERS: usize = 100;

/// Flavors of the recipes that come with guise, and those of former years.
const FLAVORS: [&str; 5] = ["none", "default", "composer", "symfony", "drupal"];

const LANGUAGES: [&str; 6] = ["php", "python", "python2", "python3", "nodejs", "ruby"];

impl Reader<'_> {
    /// An app; `None` when too much is wrong, all of which is reported.
    pub fn app(&mut self, written: &WrittenApp) -> Option<App> {
        support::check(Part::App, &written.node, self.report);
        let fields = Fields::read(&written.node, "an app", &KEYS, Severity::Error, self.report);
        let name = name(&written.name.text, &written.name.span, "an app", self.report);
        let (runtime, legacy_flavor) = self.runtime(&fields);
        let type_name = runtime
            .as_ref()
            .map(|runtime| runtime.name.clone())
            .unwrap_or_default();

        let owner = &written.name.text;
        let top = self.instance(owner, &fields, &Instance::of_type(&type_name));
        let web = self.web(&fields, &type_name);
        let own = self.web_instance(owner, &fields, &top);
        let workers = self.workers(owner, &fields, &top);
        let crons = fields.mapping("crons", self.report);
        let crons = self.crons(&crons);
        let hooks = self.hooks(&fields);
        let mut build = self.build(&fields);
        build.flavor = build.flavor.or(legacy_flavor);
        let dependencies = self.dependencies(&fields);
        let runtime_settings = self.runtime_settings(&fields, &type_name);
        if let (Some(runtime), Some(settings)) = (&runtime, fields.get("runtime")) {
            self.check_extensions(runtime, settings);
        }
        let operations = self.operations(&fields);
        let source_operations = self.source_operations(fields.get("source"));
        Some(App {
            name: name?,
            runtime: runtime?,
            config_file: written.file.clone(),
            source_root: written.source_root.clone(),
            size: own.size,
            profile: own.profile,
            relationships: own.relationships,
            disk_mb: own.disk_mb,
            mounts: own.mounts,
            web,
            workers,
            crons,
            hooks,
            build,
            dependencies,
            variables: own.variables,
            timezone: own.timezone,
            access: own.access,
            additional_hosts: own.additional_hosts,
            runtime_settings,
            operations,
            source_operations,
            firewall: own.firewall,
            preflight: preflight(fields.get("preflight")),
            resources: own.resources,
        })
    }

    /// `type`, or the legacy `toolstack: "php:drupal"`, which names the flavor where the version stands today.
    fn runtime(&mut self, fields: &Fields<'_>) -> (Option<Runtime>, Option<String>) {
        let (node, flavor) = match (fields.get("type"), fields.get("toolstack")) {
            (Some(node), _) => (node.clone(), None),
            (None, Some(node)) => self.toolstack(node),
            (None, None) => {
                // Composable images and what is no mapping are refused as such; a missing type would only add noise.
                if fields.get("stack").is_none() && (fields.is_mapping() || fields.node().is_null()) {
                    let message = "an app needs the key `type`";
                    let finding = self.report.error("missing-key", &fields.node().span, message);
                    finding.help("for example `type: 'python:3.13'`");
                }
                return (None, None);
            }
        };
        let found = self.type_of(&node, Of::App);
        let runtime = found.map(|t| Runtime {
            name: t.name,
            version: t.version,
            resolved: t.resolved,
        });
        (runtime, flavor)
    }

    fn web_instance(&mut self, owner: &str, fields: &Fields<'_>, top: &Instance) -> Instance {
        match fields.get("web") {
            // Its keys are checked where the locations are read.
            Some(node) => self.instance(owner, &Fields::checked_elsewhere(node, "`web`"), top),
            None => top.clone(),
        }
    }

    fn workers(&mut self, owner: &str, fields: &Fields<'_>, top: &Instance) -> Vec<Worker> {
        let entries = fields.mapping("workers", self.report);
        if let Some(one_more) = entries.get(MOST_WORKERS) {
            let message = format!("an app has {MOST_WORKERS} workers at most");
            self.report.error("too-many-workers", &one_more.key.span, message);
        }
        entries
            .into_iter()
            .take(MOST_WORKERS)
            .filter_map(|entry| self.worker(owner, entry, top))
            .collect()
    }

    fn worker(&mut self, owner: &str, entry: &Entry, top: &Instance) -> Option<Worker> {
        let known: Vec<&'static str> = ["commands"].into_iter().chain(instance::KEYS).collect();
        let fields = Fields::read(&entry.value, "a worker", &known, Severity::Warning, self.report);
        let name = name(&entry.key.text, &entry.key.span, "a worker", self.report);
        let own = self.instance(owner, &fields, top);
        let commands = self.commands(&fields);
        if commands.start.is_none() {
            let message = format!("the worker `{}` has no start command", entry.key.text);
            let finding = self.report.error("missing-key", &entry.key.span, message);
            finding.help("write `commands: {start: …}`");
            return None;
        }
        Some(Worker {
            name: name?,
            commands,
            size: own.size,
            profile: own.profile,
            relationships: own.relationships,
            disk_mb: own.disk_mb,
            mounts: own.mounts,
            variables: own.variables,
            timezone: own.timezone,
            access: own.access,
            additional_hosts: own.additional_hosts,
            firewall: own.firewall,
            resources: own.resources,
        })
    }

    /// `commands` of `web` or a worker.
    pub fn commands(&mut self, fields: &Fields<'_>) -> Commands {
        let Some(node) = fields.get("commands") else {
            return Commands::default();
        };
        let known = ["pre_start", "start", "post_start", "stop"];
        let fields = Fields::read(node, "`commands`", &known, Severity::Warning, self.report);
        Commands {
            pre_start: fields.text("pre_start", self.report),
            start: fields.text("start", self.report),
            post_start: fields.text("post_start", self.report),
        }
    }

    fn hooks(&mut self, fields: &Fields<'_>) -> Hooks {
        let Some(node) = fields.get("hooks") else {
            return Hooks::default();
        };
        let known = ["build", "deploy", "post_deploy"];
        let fields = Fields::read(node, "`hooks`", &known, Severity::Warning, self.report);
        Hooks {
            build: fields.text("build", self.report),
            deploy: fields.text("deploy", self.report),
            post_deploy: fields.text("post_deploy", self.report),
        }
    }

    fn build(&mut self, fields: &Fields<'_>) -> Build {
        let Some(node) = fields.get("build") else {
            return Build::default();
        };
        let fields = Fields::read(
            node,
            "`build`",
            &["flavor", "caches"],
            Severity::Warning,
            self.report,
        );
        let flavor = fields.text("flavor", self.report);
        if let (Some(flavor), Some(node)) = (&flavor, fields.get("flavor"))
            && !FLAVORS.contains(&flavor.as_str())
            && let Some(word) = nearest(flavor, FLAVORS)
        {
            // An operator's recipe may have others: only a slip is told.
            let message = format!("the flavor `{flavor}` does nothing unless a recipe has it");
            let finding = self.report.warning("wrong-value", &node.span, message);
            finding.help(format!("did you mean `{word}`?"));
        }
        Build {
            flavor,
            caches: self.build_caches(&fields),
        }
    }

    fn dependencies(&mut self, fields: &Fields<'_>) -> Map<String, Json> {
        let mut dependencies = Map::new();
        for entry in fields.mapping("dependencies", self.report) {
            if !LANGUAGES.contains(&entry.key.text.as_str()) {
                let message = format!("nothing installs dependencies of `{}`", entry.key.text);
                let finding = self.report.warning("unknown-key", &entry.key.span, message);
                finding.help(match nearest(&entry.key.text, LANGUAGES) {
                    Some(word) => format!("did you mean `{word}`?"),
                    None => format!("the keys here are {}", listed(LANGUAGES)),
                });
            }
            dependencies.insert(entry.key.text.clone(), entry.value.to_json());
        }
        dependencies
    }

    /// `runtime:` configures PHP only.
    fn runtime_settings(&mut self, fields: &Fields<'_>, type_name: &str) -> Map<String, Json> {
        let Some(entry) = fields.node().entry("runtime") else {
            return Map::new();
        };
        if !entry.value.is_null() && !matches!(type_name, "php" | "") {
            let message = format!("`runtime` does nothing for a {type_name} app");
            self.report
                .warning("no-effect", &entry.key.span, message)
                .help("it configures PHP");
        }
        let known = [
            "extensions",
            "disabled_extensions",
            "request_terminate_timeout",
            "sizing_hints",
            "xdebug",
        ];
        let settings = Fields::read(&entry.value, "`runtime`", &known, Severity::Warning, self.report);
        if let Some(node) = settings.get("xdebug") {
            self.xdebug(node);
        }
        let mut written = entry.value.to_json_map();
        self.numbers(&settings, &["request_terminate_timeout"], &mut written);
        if let (Some(node), Some(Json::Object(hints))) =
            (settings.get("sizing_hints"), written.get_mut("sizing_hints"))
        {
            let known = ["request_memory", "reserved_memory"];
            let fields = Fields::read(node, "`sizing_hints`", &known, Severity::Warning, self.report);
            self.numbers(&fields, &known, hints);
        }
        written
    }

    /// Keys that are numbers, also when they stood in quotes: templates calculate with them.
    fn numbers(&mut self, fields: &Fields<'_>, keys: &[&str], written: &mut Map<String, Json>) {
        for key in keys {
            if let Some(number) = fields.number(key, self.report) {
                written.insert((*key).into(), number.into());
            }
        }
    }

    /// The key goes into a command line, and visitors send it as a cookie: one word.
    fn xdebug(&mut self, node: &Node) {
        let fields = Fields::read(node, "`xdebug`", &["idekey"], Severity::Warning, self.report);
        let key = fields.text("idekey", self.report).unwrap_or_default();
        let is_word = |key: &str| {
            key.bytes()
                .all(|b| b.is_ascii_alphanumeric() || b"-_.".contains(&b))
        };
        if let Some(node) = fields.get("idekey")
            && (key.is_empty() || !is_word(&key))
        {
            let message = format!("`{key}` cannot be a key of Xdebug");
            let finding = self.report.error("wrong-value", &node.span, message);
            finding.help("allowed are letters, digits, `-`, `_` and `.`");
        }
    }
}

fn preflight(node: Option<&Node>) -> Json {
    let mut settings = json!({"enabled": true, "ignored_rules": []});
    for entry in node.into_iter().flat_map(Node::entries) {
        settings[&entry.key.text] = entry.value.to_json();
    }
    settings
}
