//! The reader and the schemas know the same keys, and agree on real files.

#![allow(clippy::unwrap_used)]

use super::*;
use crate::{diagnostic::Report, parse::parse, read, source::SourceFile};
use std::{collections::BTreeSet, path::Path, sync::Arc};

fn keys_of(definition: &str) -> BTreeSet<String> {
    let schema = schema(SchemaOf::Upsun);
    let properties = schema["$defs"][definition]["properties"].as_object().unwrap();
    properties.keys().cloned().collect()
}

fn set<'a>(keys: impl IntoIterator<Item = &'a &'a str>) -> BTreeSet<String> {
    keys.into_iter().map(|key| (*key).to_owned()).collect()
}

#[test]
fn every_key_that_is_read_is_in_the_schema_and_no_other() {
    assert_eq!(keys_of("app"), set(&read::app::KEYS));
    assert_eq!(keys_of("service"), set(&read::service::KEYS));
    assert_eq!(keys_of("location"), set(&read::location::KEYS));
    assert_eq!(keys_of("rule"), set(&read::location::RULE_KEYS));
    let route = read::route::KEYS.iter().chain(&read::route::LATER_KEYS);
    assert_eq!(keys_of("route"), set(route));
    let own = ["commands", "upstream", "locations"];
    let web = own
        .iter()
        .chain(&read::instance::KEYS)
        .chain(&read::legacy::WEB_KEYS);
    assert_eq!(keys_of("web"), set(web));
    assert_eq!(
        keys_of("worker"),
        set(["commands"].iter().chain(&read::instance::KEYS))
    );
}

/// What a file holds, as JSON: keys that begin with a dot are left out.
fn json_of(path: &str, text: &str) -> Option<Value> {
    let file = SourceFile {
        path: path.into(),
        text: text.into(),
    };
    Some(parse(&Arc::new(file), &mut Report::default())?.to_json())
}

fn schema_of(path: &str) -> Option<SchemaOf> {
    Some(match path.rsplit('/').next()? {
        ".platform.app.yaml" => SchemaOf::App,
        "applications.yaml" => SchemaOf::Applications,
        "services.yaml" => SchemaOf::Services,
        "routes.yaml" => SchemaOf::Routes,
        _ if path.starts_with(".upsun/") => SchemaOf::Upsun,
        _ => return None,
    })
}

fn accepts(of: SchemaOf, instance: &Value) -> Result<(), String> {
    let mut schemas = boon::Schemas::new();
    let mut compiler = boon::Compiler::new();
    compiler.add_resource("guise.json", schema(of)).unwrap();
    let index = compiler.compile("guise.json", &mut schemas).unwrap();
    schemas
        .validate(instance, index)
        .map_err(|error| error.to_string())
}

#[test]
fn realistic_files_are_taken() {
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/corpus");
    let mut checked = 0;
    for project in std::fs::read_dir(directory).unwrap() {
        let text = std::fs::read_to_string(project.unwrap().path()).unwrap();
        for part in text.split("--- ").skip(1) {
            let (path, text) = part.split_once('\n').unwrap();
            let (Some(of), Some(json)) = (schema_of(path), json_of(path, text)) else {
                continue;
            };
            // Included files and wrapper keys are the reader's alone.
            let is_wrapped = ["applications", "services", "routes"]
                .iter()
                .any(|key| json.get(key).is_some());
            if text.contains("!include") || is_wrapped && of != SchemaOf::Upsun {
                continue;
            }
            accepts(of, &json).unwrap_or_else(|error| panic!("{path}: {error}\n{text}"));
            checked += 1;
        }
    }
    assert!(checked > 20, "only {checked} files were checked");
}

#[test]
fn slips_are_marked() {
    for (of, text) in [
        (SchemaOf::App, "{name: a, typ: 'php:8.4'}"),
        (SchemaOf::App, "{name: a, type: 'php:8.4', disk: much}"),
        (SchemaOf::App, "{name: a, type: 'php:8.4', size: HUGE}"),
        (
            SchemaOf::App,
            "{name: a, type: 'php:8.4', web: {locations: {/: {rood: x}}}}",
        ),
        (
            SchemaOf::App,
            "{name: a, type: 'php:8.4', mounts: {x: {source: lokal}}}",
        ),
        (
            SchemaOf::App,
            "{name: a, type: 'php:8.4', crons: {x: {commands: {start: y}}}}",
        ),
        (SchemaOf::Services, "{db: {disk: 5}}"),
        (
            SchemaOf::Routes,
            "{'https://{default}/': {type: upstreem, upstream: 'a:http'}}",
        ),
        (SchemaOf::Upsun, "{application: {a: {type: 'php:8.4'}}}"),
    ] {
        let json = json_of("x.yaml", text).unwrap();
        assert!(accepts(of, &json).is_err(), "{text}");
    }
}
