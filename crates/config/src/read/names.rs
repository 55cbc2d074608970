//! Which apps and services there are, so that references to them can be checked where they stand.

use crate::{
    diagnostic::Report,
    files::Written,
    source::Span,
    types::{self, Types},
    yaml::Node,
};
use std::collections::BTreeMap;

/// Whatever a relationship or route can lead to.
#[derive(Debug)]
pub struct Names {
    known: BTreeMap<String, Known>,
}

/// An app or a service that is configured, whether correctly or not.
#[derive(Debug)]
pub struct Known {
    /// Where its name stands.
    pub span: Span,
    /// Whether it is an app.
    pub is_app: bool,
    /// Whether apps can mount it.
    pub is_storage: bool,
    /// The endpoint that is meant when none is named.
    pub default_endpoint: Option<String>,
    /// Its endpoints; `None` when its type is not known, so that nothing can be said.
    pub endpoints: Option<Vec<String>>,
}

impl Names {
    /// All names; one used twice is reported.
    pub fn gather(written: &Written, types: &dyn Types, report: &mut Report) -> Self {
        let mut names = Self {
            known: BTreeMap::new(),
        };
        for app in &written.apps {
            let known = Known {
                span: app.name.span.clone(),
                is_app: true,
                is_storage: false,
                default_endpoint: None,
                endpoints: Some(vec!["http".into()]),
            };
            names.add(&app.name.text, known, report);
        }
        for service in &written.services {
            names.add(
                &service.key.text,
                service_endpoints(&service.key.span, &service.value, types),
                report,
            );
        }
        names
    }

    /// The app or service of a name.
    pub fn get(&self, name: &str) -> Option<&Known> {
        self.known.get(name)
    }

    /// All names.
    pub fn all(&self) -> impl Iterator<Item = &str> {
        self.known.keys().map(String::as_str)
    }

    fn add(&mut self, name: &str, known: Known, report: &mut Report) {
        if let Some(first) = self.known.get(name) {
            let finding = report.error(
                "duplicate-name",
                &known.span,
                format!("the name `{name}` is used twice"),
            );
            finding.label("used again").also(&first.span, "first used here");
            finding.help("apps and services share their names; each needs its own");
            return;
        }
        self.known.insert(name.into(), known);
    }
}

/// A service's endpoints: those it configures, else the one of its type (spec 2.4).
fn service_endpoints(span: &Span, node: &Node, types: &dyn Types) -> Known {
    let type_name = node.get("type").and_then(Node::as_text).unwrap_or_default();
    let type_name = type_name.split(':').next().unwrap_or_default();
    let is_known = types.service_names().iter().any(|name| name == type_name);
    let of_type = types.default_endpoint(type_name);
    let configured = node
        .get("configuration")
        .and_then(|configuration| configuration.get("endpoints"));
    let mut endpoints: Vec<String> = match configured {
        Some(configured) => configured.entries().map(|entry| entry.key.text.clone()).collect(),
        None => of_type.clone().into_iter().collect(),
    };
    if type_name == "varnish" {
        endpoints.push("http+stats".into());
    }
    Known {
        span: span.clone(),
        is_app: false,
        is_storage: type_name == types::NETWORK_STORAGE,
        default_endpoint: of_type.filter(|default| endpoints.contains(default)),
        endpoints: is_known.then_some(endpoints),
    }
}
