//! `build.caches`: directories that builds of an app find again (spec 1.13).

use super::Reader;
use crate::{diagnostic::Severity, fields::Fields, model::BuildCache, source::join, yaml::Entry};
use std::collections::BTreeMap;

const KEYS: [&str; 4] = ["directory", "watch", "allow_stale", "share_between_apps"];

impl Reader<'_> {
    /// The caches of a build by name; wrong ones are reported and left out.
    pub fn build_caches(&mut self, build: &Fields<'_>) -> BTreeMap<String, BuildCache> {
        let entries = build.mapping("caches", self.report);
        let caches = entries.into_iter().filter_map(|entry| {
            let cache = self.build_cache(entry)?;
            Some((entry.key.text.clone(), cache))
        });
        caches.collect()
    }

    fn build_cache(&mut self, entry: &Entry) -> Option<BuildCache> {
        let fields = Fields::read(&entry.value, "a cache", &KEYS, Severity::Error, self.report);
        let place = fields.get("directory").map_or(&entry.key.span, |node| &node.span);
        let directory = match fields.text("directory", self.report) {
            Some(directory) => directory,
            None => entry.key.text.clone(),
        };
        let directory = join("", &directory).filter(|path| !path.is_empty());
        if directory.is_none() {
            let message = format!("the cache `{}` has no directory to keep", entry.key.text);
            let finding = self.report.error("cache-directory", place, message);
            finding.help("`directory` is a directory below the app's root; without it, the cache's name is");
        }
        let watch = self.watched(entry, &fields);
        let directory = directory?;
        if !self.is_one_line(&directory, place, "a cache's directory") {
            return None;
        }
        Some(BuildCache {
            directory,
            watch: watch?,
            allow_stale: fields.truth("allow_stale", self.report).unwrap_or(false),
            share_between_apps: fields.truth("share_between_apps", self.report).unwrap_or(false),
        })
    }

    /// Patterns of files below the app's root; at least one.
    fn watched(&mut self, entry: &Entry, fields: &Fields<'_>) -> Option<Vec<String>> {
        let patterns = fields.texts("watch", self.report);
        if patterns.is_empty() {
            let message = format!("the cache `{}` watches no file", entry.key.text);
            let finding = self.report.error("missing-key", &entry.key.span, message);
            finding
                .help("name in `watch` what must be unchanged for it to be used: `watch: package-lock.json`");
            return None;
        }
        let place = fields.get("watch").map_or(&entry.key.span, |node| &node.span);
        let mut watch = Vec::new();
        for pattern in patterns {
            match join("", &pattern).filter(|path| !path.is_empty()) {
                Some(path) => watch.push(path),
                None => {
                    let message = format!("`{pattern}` is no file below the app's root");
                    self.report.error("cache-watch", place, message);
                }
            }
        }
        Some(watch)
    }
}
