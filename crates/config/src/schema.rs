//! The configuration files as JSON Schema (draft 2020-12), so that editors complete and mark them.
//!
//! A schema says less than the reader does: it knows keys and kinds of values, not whether a service exists. Whatever
//! the reader takes, the schema takes too.

mod app;
mod container;
mod route;
mod service;
mod shape;

use serde_json::{Map, Value, json};
use shape::object;

/// A file that has a schema.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SchemaOf {
    /// `.platform.app.yaml`.
    App,
    /// `.platform/applications.yaml`.
    Applications,
    /// `.platform/services.yaml`.
    Services,
    /// `.platform/routes.yaml`.
    Routes,
    /// `.upsun/config.yaml`.
    Upsun,
}

/// A file's schema.
pub fn schema(of: SchemaOf) -> Value {
    let (title, body) = match of {
        SchemaOf::App => (".platform.app.yaml", reference("app")),
        SchemaOf::Applications => (".platform/applications.yaml", applications()),
        SchemaOf::Services => (".platform/services.yaml", named("service")),
        SchemaOf::Routes => (".platform/routes.yaml", named("route")),
        SchemaOf::Upsun => (
            ".upsun/config.yaml",
            object(&[
                ("applications", named("app"), "The apps, by name."),
                ("services", named("service"), "The services, by name."),
                ("routes", named("route"), "The routes, by URL."),
            ]),
        ),
    };
    let mut schema = json!({
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": title,
        "$defs": definitions(),
    });
    for (key, value) in body.as_object().into_iter().flatten() {
        schema[key] = value.clone();
    }
    schema
}

fn definitions() -> Map<String, Value> {
    app::definitions()
        .into_iter()
        .chain([("service", service::service()), ("route", route::route())])
        .map(|(name, schema)| (name.to_owned(), schema))
        .collect()
}

fn reference(name: &str) -> Value {
    json!({"$ref": format!("#/$defs/{name}")})
}

/// A mapping of names to one kind of thing; nothing is an empty one.
fn named(definition: &str) -> Value {
    json!({"type": ["object", "null"], "additionalProperties": reference(definition)})
}

/// A mapping by name, or a list of apps with `name`.
fn applications() -> Value {
    json!({"oneOf": [named("app"), {"type": "array", "items": reference("app")}]})
}

#[cfg(test)]
mod tests;
