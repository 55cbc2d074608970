//! Which files configure a commit, and what they say before it is understood (spec 0.1).

use crate::{
    diagnostic::Report,
    include::{Included, Includes},
    parse::parse,
    source::{SourceFile, Tree, join},
    suggest::{listed, nearest},
    yaml::{Entry, Key, Node, Value},
};
use std::sync::Arc;

/// The two dialects of configuration.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Flavour {
    /// `.platform.app.yaml` and `.platform/`.
    Fixed,
    /// `.upsun/`.
    Upsun,
}

/// All that the files say.
#[derive(Debug)]
pub struct Written {
    pub flavour: Flavour,
    pub apps: Vec<WrittenApp>,
    pub services: Vec<Entry>,
    pub routes: Vec<Entry>,
}

/// An app as it is written.
#[derive(Debug)]
pub struct WrittenApp {
    pub name: Key,
    pub node: Node,
    /// The file it stands in.
    pub file: String,
    /// Its directory; empty for the repository's root.
    pub source_root: String,
}

const APP_FILE: &str = ".platform.app.yaml";

/// What a file of `.upsun/` may hold.
const SECTIONS: [&str; 3] = ["applications", "services", "routes"];

/// Reads every configuration file of a commit.
pub fn read(tree: &dyn Tree, report: &mut Report) -> Written {
    let paths = tree.paths();
    let upsun: Vec<&String> = paths.iter().filter(|path| is_upsun(path)).collect();
    let mut files = Files {
        tree,
        report,
        included: Included::default(),
    };
    let written = files.read_upsun(&upsun);
    if !written.apps.is_empty() {
        if let Some(path) = paths.iter().find(|path| is_app_file(path)) {
            files.warn_of_unused(path);
        }
        return written;
    }
    let mut written = files.read_fixed(&paths);
    if written.apps.is_empty() && !files.report.has_errors() {
        let finding = files.report.error_nowhere("no-app", "no app is configured");
        finding.help(format!(
            "put a file `{APP_FILE}` with `name` and `type` into the app's directory, or use `.upsun/config.yaml`"
        ));
    }
    written.apps.sort_by(|a, b| {
        a.file
            .cmp(&b.file)
            .then(a.name.span.range.start.cmp(&b.name.span.range.start))
    });
    written
}

fn is_upsun(path: &str) -> bool {
    path.strip_prefix(".upsun/")
        .is_some_and(|name| !name.contains('/') && (name.ends_with(".yaml") || name.ends_with(".yml")))
}

fn is_app_file(path: &str) -> bool {
    path.rsplit('/').next() == Some(APP_FILE)
}

struct Files<'a> {
    tree: &'a dyn Tree,
    report: &'a mut Report,
    included: Included,
}

impl Files<'_> {
    /// A file's document; `None` when there is no such file or it cannot be read, which is then reported.
    fn document(&mut self, path: &str) -> Option<Node> {
        let bytes = self.tree.read(path)?;
        match String::from_utf8(bytes) {
            Ok(text) => parse(
                &Arc::new(SourceFile {
                    path: path.into(),
                    text,
                }),
                self.report,
            ),
            Err(_) => {
                self.report
                    .error_nowhere("not-utf8", format!("`{path}` is not a UTF-8 text"));
                None
            }
        }
    }

    fn resolve(&mut self, node: Node, app_root: Option<&str>) -> Node {
        let mut includes = Includes {
            tree: self.tree,
            app_root,
            included: &mut self.included,
        };
        includes.resolve(node, self.report)
    }

    /// What stands in place of a part that is included whole.
    fn open(&mut self, node: Node) -> Node {
        let mut includes = Includes {
            tree: self.tree,
            app_root: None,
            included: &mut self.included,
        };
        includes.open(node, self.report)
    }

    fn warn_of_unused(&mut self, path: &str) {
        if let Some(node) = self.document(path) {
            let finding = self
                .report
                .warning("unused-file", &node.span, format!("`{path}` is not used"));
            finding.help("`.upsun/` configures this project; delete the file if that is right");
        }
    }

    fn read_upsun(&mut self, paths: &[&String]) -> Written {
        let mut written = Written {
            flavour: Flavour::Upsun,
            apps: Vec::new(),
            services: Vec::new(),
            routes: Vec::new(),
        };
        for path in paths {
            let Some(node) = self.document(path) else { continue };
            for entry in node.entries() {
                match entry.key.text.as_str() {
                    "applications" => {
                        for app in self.apps(&entry.value, path) {
                            written.apps.retain(|known| known.name.text != app.name.text);
                            written.apps.push(app);
                        }
                    }
                    "services" => self.merge(&mut written.services, &entry.value),
                    "routes" => self.merge(&mut written.routes, &entry.value),
                    other => {
                        let message = format!("unknown key `{other}`");
                        let finding = self.report.error("unknown-key", &entry.key.span, message);
                        finding.help(match nearest(other, SECTIONS) {
                            Some(word) => format!("did you mean `{word}`?"),
                            None => format!("the keys here are {}", listed(SECTIONS)),
                        });
                    }
                }
            }
        }
        written
    }

    /// Of two definitions the later file's counts, whole.
    fn merge(&mut self, known: &mut Vec<Entry>, section: &Node) {
        for entry in self.entries(section.clone()) {
            known.retain(|old| old.key.text != entry.key.text);
            known.push(entry);
        }
    }

    fn read_fixed(&mut self, paths: &[String]) -> Written {
        let mut apps = Vec::new();
        for path in paths.iter().filter(|path| is_app_file(path)) {
            let Some(node) = self.document(path) else { continue };
            match wrapped(&node, "applications") {
                Some(inner) => apps.extend(self.apps(inner, path)),
                None => apps.extend(self.named_app(node, path)),
            }
        }
        let path = ".platform/applications.yaml";
        if let Some(node) = self.document(path) {
            apps.extend(self.apps(wrapped(&node, "applications").unwrap_or(&node), path));
        }
        let mut section = |name: &str| {
            let node = self.document(&format!(".platform/{name}.yaml"));
            node.map(|node| self.entries(wrapped(&node, name).unwrap_or(&node).clone()))
                .unwrap_or_default()
        };
        Written {
            flavour: Flavour::Fixed,
            services: section("services"),
            routes: section("routes"),
            apps,
        }
    }

    fn entries(&mut self, section: Node) -> Vec<Entry> {
        let section = self.resolve(section, None);
        if !matches!(section.value, Value::Mapping(_)) && !section.is_null() {
            let message = format!("this must be a mapping, not {}", section.kind());
            self.report.error("wrong-kind", &section.span, message);
        }
        section.entries().cloned().collect()
    }

    /// Several apps: a mapping by name, or a list of which each names itself.
    fn apps(&mut self, section: &Node, file: &str) -> Vec<WrittenApp> {
        match &section.value {
            Value::Mapping(_) if section.tag.is_none() => {
                let entries = section.entries().cloned();
                entries
                    .map(|Entry { key, value }| self.app(key, value, file))
                    .collect()
            }
            Value::Sequence(items) => items
                .iter()
                .filter_map(|item| self.named_app(item.clone(), file))
                .collect(),
            _ if section.tag.is_some() => {
                let section = self.open(section.clone());
                if section.tag.is_none() && !section.is_null() {
                    self.apps(&section, file)
                } else {
                    Vec::new()
                }
            }
            _ => {
                let message = format!("apps must be a mapping or a list, not {}", section.kind());
                self.report.error("wrong-kind", &section.span, message);
                Vec::new()
            }
        }
    }

    /// An app that names itself.
    fn named_app(&mut self, node: Node, file: &str) -> Option<WrittenApp> {
        let node = self.open(node);
        let name = node.get("name").and_then(|name| {
            Some(Key {
                text: name.as_text()?.to_owned(),
                span: name.span.clone(),
            })
        });
        if !matches!(node.value, Value::Mapping(_)) && !node.is_null() {
            let message = format!("an app must be a mapping, not {}", node.kind());
            self.report.error("wrong-kind", &node.span, message);
        } else if name.is_none() {
            let finding = self
                .report
                .error("missing-key", &node.span, "an app needs the key `name`");
            finding.help("for example `name: app`");
        }
        Some(self.app(name?, node, file))
    }

    fn app(&mut self, name: Key, node: Node, file: &str) -> WrittenApp {
        let node = self.open(node);
        let source_root = self.source_root(&node, file);
        let node = self.resolve(node, Some(&source_root));
        WrittenApp {
            name,
            node,
            file: file.into(),
            source_root,
        }
    }

    fn source_root(&mut self, node: &Node, file: &str) -> String {
        let default = file
            .strip_suffix(APP_FILE)
            .map(|directory| directory.trim_end_matches('/'))
            .unwrap_or("");
        let Some(root) = node.get("source").and_then(|source| source.get("root")) else {
            return default.into();
        };
        let directory = root.as_text().and_then(|text| join("", text));
        let exists = |directory: &str| {
            directory.is_empty()
                || self
                    .tree
                    .paths()
                    .iter()
                    .any(|path| path.starts_with(&format!("{directory}/")))
        };
        match &directory {
            Some(directory) if exists(directory) => directory.clone(),
            _ => {
                let text = root.as_text().unwrap_or_default();
                let message = format!("there is no directory `{text}` in the repository");
                let is_elsewhere = directory.as_deref().is_some_and(|directory| {
                    let paths = self.tree.paths();
                    paths.iter().any(|path| {
                        directory
                            .strip_prefix(path.as_str())
                            .is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
                    })
                });
                let help = if is_elsewhere {
                    "a file or a submodule is there; an app's root is a directory of the repository itself"
                } else {
                    "`source.root` is a directory relative to the repository's root; `/` is the root itself"
                };
                self.report
                    .error("no-source-root", &root.span, message)
                    .help(help);
                default.into()
            }
        }
    }
}

/// The value of a key that wraps a whole file, as some printed examples have it.
fn wrapped<'a>(node: &'a Node, key: &str) -> Option<&'a Node> {
    let inner = node.get(key)?;
    let alone = node.entries().count() == 1;
    let is_itself_an_entry = inner.get("type").is_some_and(|kind| kind.as_text().is_some());
    (alone && !is_itself_an_entry).then_some(inner)
}
