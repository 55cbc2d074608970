//! Mounts (spec 1.8).

use super::Reader;
use crate::{
    diagnostic::Severity,
    fields::{Fields, name},
    files::Flavour,
    model::{Mount, MountSource},
    source::join,
    suggest::{listed, nearest},
    types::NETWORK_STORAGE,
    yaml::Entry,
};

pub const SOURCES: [&str; 6] = ["local", "storage", "service", "instance", "tmp", "temporary"];

impl Reader<'_> {
    /// The mounts of one container; wrong ones are reported and left out.
    pub fn mounts(&mut self, entries: &[&Entry]) -> Vec<Mount> {
        let mut read: Vec<(Mount, &Entry)> = Vec::new();
        for entry in entries {
            let Some(mount) = self.mount(entry) else { continue };
            for (other, place) in &read {
                self.check_nesting(&mount, entry, other, place);
            }
            read.push((mount, entry));
        }
        read.into_iter().map(|(mount, _)| mount).collect()
    }

    fn mount(&mut self, entry: &Entry) -> Option<Mount> {
        let path = join("", &entry.key.text).filter(|path| !path.is_empty());
        let Some(path) = path else {
            let message = format!("`{}` cannot be a mount", entry.key.text);
            let finding = self.report.error("mount-path", &entry.key.span, message);
            finding.help("a mount is a directory below the app's root");
            return None;
        };
        if !self.is_one_line(&path, &entry.key.span, "a mount's path") {
            return None;
        }
        if let Some(text) = entry.value.as_text() {
            return self.legacy_mount(path, text, entry);
        }
        let known = ["source", "source_path", "service"];
        let fields = Fields::read(&entry.value, "a mount", &known, Severity::Error, self.report);
        let source = fields.required_text("source", self.report)?;
        let service = match fields.get("service") {
            Some(node) => Some(name(
                node.as_text().unwrap_or_default(),
                &node.span,
                "a service",
                self.report,
            )?),
            None => None,
        };
        let source = match (source.as_str(), service) {
            ("local", _) if self.flavour == Flavour::Upsun => MountSource::Storage,
            ("local", _) => MountSource::Local,
            ("storage", None) => MountSource::Storage,
            ("storage", Some(app)) if self.names.get(app.as_str()).is_some_and(|known| known.is_app) => {
                MountSource::StorageOf(app)
            }
            ("storage", Some(other)) => {
                let span = fields
                    .get("service")
                    .map_or(&entry.value.span, |node| &node.span)
                    .clone();
                self.report
                    .error("unknown-target", &span, format!("there is no app `{other}`"));
                return None;
            }
            ("instance", _) => MountSource::Instance,
            ("tmp" | "temporary", _) => MountSource::Tmp,
            ("service", Some(service)) if self.is_storage(service.as_str()) => MountSource::Service(service),
            ("service", Some(other)) => {
                let span = fields.get("service").map_or(&entry.value.span, |node| &node.span);
                let message = format!("`{other}` is no service of type `{NETWORK_STORAGE}`");
                let finding = self.report.error("unknown-target", span, message);
                finding.help(
                    "only those can be mounted; `source: storage` shares a disk among one app's containers",
                );
                return None;
            }
            ("service", None) => {
                let span = &entry.value.span;
                self.report.error(
                    "missing-key",
                    span,
                    "a mount of source `service` needs the key `service`",
                );
                return None;
            }
            (other, _) => {
                let span = fields.get("source").map_or(&entry.value.span, |node| &node.span);
                let help = match nearest(other, SOURCES) {
                    Some(word) => format!("did you mean `{word}`?"),
                    None => format!("the sources are {}", listed(SOURCES)),
                };
                self.report
                    .error("wrong-value", span, format!("there is no source `{other}`"))
                    .help(help);
                return None;
            }
        };
        let source_path = match fields.text("source_path", self.report) {
            // An empty text means the whole volume; only an absent one means the mount's own path.
            Some(text) => text,
            None => path.clone(),
        };
        self.finish(path, source, &source_path, entry)
    }

    fn is_storage(&self, service: &str) -> bool {
        self.names.get(service).is_some_and(|known| known.is_storage)
    }

    /// `"web/files": "shared:files/web"`: the part behind `shared:files/` is the directory on the local disk.
    fn legacy_mount(&mut self, path: String, text: &str, entry: &Entry) -> Option<Mount> {
        let Some(source_path) = text.strip_prefix("shared:files") else {
            let message = format!("`{text}` is not a mount");
            let finding = self.report.error("wrong-value", &entry.value.span, message);
            finding.help("write `{source: local, source_path: directory}`");
            return None;
        };
        let source = if self.flavour == Flavour::Upsun {
            MountSource::Storage
        } else {
            MountSource::Local
        };
        self.finish(path, source, source_path, entry)
    }

    fn finish(
        &mut self,
        path: String,
        source: MountSource,
        source_path: &str,
        entry: &Entry,
    ) -> Option<Mount> {
        let Some(inside) = join("", source_path) else {
            let message = format!("`{source_path}` leads out of the volume");
            self.report.error("mount-path", &entry.value.span, message);
            return None;
        };
        let clean = self.is_one_line(&inside, &entry.value.span, "a mount's source path");
        clean.then_some(Mount {
            path,
            source,
            source_path: inside,
        })
    }

    fn check_nesting(&mut self, mount: &Mount, entry: &Entry, other: &Mount, place: &Entry) {
        if mount.path == other.path {
            let message = format!("the directory `/{}` is mounted twice", mount.path);
            let finding = self.report.error("duplicate-mount", &entry.key.span, message);
            finding.also(&place.key.span, "first mounted here");
            return;
        }
        let inside = |inner: &Mount, outer: &Mount| {
            inner
                .path
                .strip_prefix(&outer.path)
                .is_some_and(|rest| rest.starts_with('/'))
        };
        let nested = inside(mount, other) || inside(other, mount);
        let kind = std::mem::discriminant::<MountSource>;
        if nested && kind(&mount.source) != kind(&other.source) {
            let message = "a mount lies inside a mount of another source";
            let finding = self.report.error("nested-mounts", &entry.key.span, message);
            finding.also(&place.key.span, "the other mount");
        }
    }
}
