//! Relationships in all their forms, and the cycles among them (spec 1.11).

use super::Reader;
use crate::{
    diagnostic::Severity,
    fields::{Fields, name},
    model::{App, Relationship, Service, Target},
    source::Span,
    suggest::{listed, nearest},
    yaml::{Entry, Node, Value},
};
use std::collections::{BTreeMap, BTreeSet};

impl Reader<'_> {
    /// The relationships of an app, worker or service; wrong ones are reported and left out.
    pub fn relationships(&mut self, owner: &str, entries: &[&Entry]) -> Vec<Relationship> {
        entries
            .iter()
            .filter_map(|entry| self.relationship(owner, entry))
            .collect()
    }

    fn relationship(&mut self, owner: &str, entry: &Entry) -> Option<Relationship> {
        let relationship = name(&entry.key.text, &entry.key.span, "a relationship", self.report)?;
        let Written { target, endpoint } = self.written(entry)?;
        let (text, place) = match &target {
            Some(target) => (target.text.as_str(), &target.span),
            // Without a target the relationship's name is the service's, too.
            None => (entry.key.text.as_str(), &entry.key.span),
        };
        let Some(known) = self.names.get(text) else {
            self.report_unknown_target(text, place);
            return None;
        };
        let is_app = known.is_app;
        let endpoint = match &endpoint {
            Some(endpoint) => self.endpoint(text, Some(&endpoint.text), &endpoint.span)?,
            None => self.endpoint(text, None, place)?,
        };
        let target = name(text, place, "an app or service", self.report)?;
        self.places
            .insert((owner.into(), entry.key.text.clone()), entry.key.span.clone());
        let target = if is_app {
            Target::App(target)
        } else {
            Target::Service(target)
        };
        Some(Relationship {
            name: relationship,
            target,
            endpoint,
        })
    }

    /// The endpoint that `given` (or nothing) means on an app or service; `None` when there is none, reported.
    pub fn endpoint(&mut self, target: &str, given: Option<&str>, span: &Span) -> Option<String> {
        let known = self.names.get(target)?;
        let Some(endpoints) = &known.endpoints else {
            // Its type is wrong, which is reported where that stands.
            return None;
        };
        let what = if known.is_app { "app" } else { "service" };
        let Some(given) = given else {
            if let Some(default) = &known.default_endpoint {
                return Some(default.clone());
            }
            let message = format!("the {what} `{target}` has no default endpoint");
            let help = format!("name one: {}", listed(endpoints.iter().map(String::as_str)));
            self.report.error("no-default-endpoint", span, message).help(help);
            return None;
        };
        // Replicas are one and the same as their primary here (spec 1.11 [D]).
        let primary = ["-replica", "-all"]
            .iter()
            .find_map(|suffix| given.strip_suffix(suffix));
        // As apps' endpoints were called at first: `php:php`.
        let former = (known.is_app && given == "php").then_some("http");
        let meant = [Some(given), primary, former]
            .into_iter()
            .flatten()
            .find(|e| endpoints.iter().any(|k| k == e));
        if meant.is_none() {
            let message = format!("the {what} `{target}` has no endpoint `{given}`");
            let help = format!("it has {}", listed(endpoints.iter().map(String::as_str)));
            self.report.error("unknown-endpoint", span, message).help(help);
        }
        meant.map(str::to_owned)
    }

    /// Target and endpoint as far as they are written; `None` for what is no relationship, reported.
    fn written(&mut self, entry: &Entry) -> Option<Written> {
        let node = &entry.value;
        let placed = |text: &str, node: &Node| {
            Some(Placed {
                text: text.into(),
                span: node.span.clone(),
            })
        };
        if let Some(text) = node.as_text() {
            let (target, endpoint) = text.split_once(':').map_or((text, None), |(t, e)| (t, Some(e)));
            let endpoint = endpoint.and_then(|endpoint| placed(endpoint, node));
            return Some(Written {
                target: placed(target, node),
                endpoint,
            });
        }
        if let Value::Sequence(_) = node.value {
            let finding = self
                .report
                .error("wrong-kind", &node.span, "a relationship must not be a list");
            finding.help("write `service:endpoint`, or `{service: …, endpoint: …}`");
            return None;
        }
        let known = ["service", "endpoint"];
        let fields = Fields::read(node, "a relationship", &known, Severity::Error, self.report);
        let value = |key: &str| fields.get(key).and_then(|node| placed(node.as_text()?, node));
        Some(Written {
            target: value("service"),
            endpoint: value("endpoint"),
        })
    }

    /// Reports a name that is no app's and no service's.
    pub fn report_unknown_target(&mut self, target: &str, span: &Span) {
        let known = self.names.all();
        let help = match nearest(target, known) {
            Some(word) => format!("did you mean `{word}`?"),
            None => format!("there are {}", listed(self.names.all())),
        };
        let message = format!("there is no app or service `{target}`");
        self.report.error("unknown-target", span, message).help(help);
    }

    /// Takes out the relationships that close a circle, services' ones being kept before apps' ones: a varnish
    /// must reach its app.
    pub fn skip_cycles(&mut self, services: &mut [Service], apps: &mut [App]) {
        let mut graph = Graph::default();
        for service in services {
            let owner = service.name.to_string();
            service
                .relationships
                .retain(|relationship| self.keeps(&mut graph, &owner, relationship));
        }
        for app in apps {
            let owner = app.name.to_string();
            app.relationships
                .retain(|relationship| self.keeps(&mut graph, &owner, relationship));
            for worker in &mut app.workers {
                // A worker may well call its own app.
                worker.relationships.retain(|relationship| {
                    let target = relationship.target.name().as_str();
                    target == owner || !graph.reaches(target, &owner)
                });
            }
        }
    }

    fn keeps(&mut self, graph: &mut Graph, owner: &str, relationship: &Relationship) -> bool {
        let target = relationship.target.name().as_str();
        if !graph.reaches(target, owner) {
            graph.0.entry(owner.into()).or_default().insert(target.into());
            return true;
        }
        if let Some(span) = self
            .places
            .get(&(owner.to_owned(), relationship.name.to_string()))
            .cloned()
        {
            let message = format!("the relationship `{}` is left out", relationship.name);
            let finding = self.report.warning("cycle", &span, message);
            finding.help(format!(
                "`{target}` already reaches `{owner}`, and containers start one after the other"
            ));
        }
        false
    }
}

/// A relationship as it is written.
struct Written {
    target: Option<Placed>,
    endpoint: Option<Placed>,
}

/// A text and its place.
struct Placed {
    text: String,
    span: Span,
}

/// Who reaches whom.

#[derive(Default)]
struct Graph(BTreeMap<String, BTreeSet<String>>);

impl Graph {
    fn reaches(&self, from: &str, to: &str) -> bool {
        from == to
            || self
                .0
                .get(from)
                .into_iter()
                .flatten()
                .any(|next| self.reaches(next, to))
    }
}
