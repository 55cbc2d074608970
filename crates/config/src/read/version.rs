//! `type: name:version` of apps and services, against the images there are.

use super::Reader;
use crate::{
    suggest::{listed, nearest},
    types::Resolution,
    yaml::Node,
};

/// A type as written, and the version of the image that stands for it.
pub struct Type {
    pub name: String,
    pub version: String,
    pub resolved: String,
}

/// Whose type it is.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Of {
    App,
    Service,
}

impl Reader<'_> {
    /// The type, if there is an image for it; else it is reported.
    pub fn type_of(&mut self, node: &Node, of: Of) -> Option<Type> {
        let Some(text) = node.as_text() else {
            let message = format!("`type` must be a text, not {}", node.kind());
            self.report.error("wrong-kind", &node.span, message);
            return None;
        };
        let (name, version) = text.split_once(':').unwrap_or((text, ""));
        let (name, version) = (name.trim(), version.trim());
        if name == "composable" {
            let finding = self.report.error(
                "not-supported-yet",
                &node.span,
                "not supported yet: composable images",
            );
            finding.help("use a single language: `type: 'php:8.4'`");
            return None;
        }
        let resolution = match of {
            Of::App => self.types.runtime(name, version),
            Of::Service => self.types.service(name, version),
        };
        let resolved = match resolution {
            Resolution::Exact { version } => version,
            Resolution::Newer { version: newer } => {
                let message = format!("there is no image for `{text}`; `{name}:{newer}` is used");
                let finding = self.report.warning("newer-version", &node.span, message);
                finding.help(format!("write `{name}:{newer}` to silence this"));
                newer
            }
            Resolution::UnknownName => {
                self.report_unknown_type(node, name, of);
                return None;
            }
            Resolution::UnknownVersion { versions } => {
                let message = if version.is_empty() {
                    format!("there is no image for `{name}`")
                } else {
                    format!(
                        "there is no image for version `{version}` of `{name}`, nor for a newer one that could stand in"
                    )
                };
                let finding = self.report.error("unknown-version", &node.span, message);
                finding.help(format!(
                    "there are {}",
                    listed(versions.iter().map(String::as_str))
                ));
                return None;
            }
        };
        if version.is_empty() {
            let message = format!("`{name}` without a version means `{name}:{resolved}` today");
            let finding = self.report.warning("no-version", &node.span, message);
            finding.help(format!("write `{name}:{resolved}`"));
        }
        Some(Type {
            name: name.into(),
            version: version.into(),
            resolved,
        })
    }

    fn report_unknown_type(&mut self, node: &Node, name: &str, of: Of) {
        let (runtimes, services) = (self.types.runtime_names(), self.types.service_names());
        let (here, there, what) = match of {
            Of::App => (runtimes, services, "language"),
            Of::Service => (services, runtimes, "service"),
        };
        let finding = self.report.error(
            "unknown-type",
            &node.span,
            format!("there is no image for a {what} `{name}`"),
        );
        let known = here.iter().map(String::as_str);
        if let Some(word) = nearest(name, known.clone()) {
            finding.help(format!("did you mean `{word}`?"));
        } else if there.iter().any(|other| other == name) && of == Of::App {
            finding.help(format!("`{name}` is a service: it belongs among the services"));
        } else if there.iter().any(|other| other == name) {
            finding.help(format!("`{name}` is a language: it belongs among the apps"));
        } else {
            finding.help(format!("there are {}", listed(known)));
        }
    }
}
