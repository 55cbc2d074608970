//! Realistic projects, all of which are understood.

#![allow(clippy::unwrap_used)]

mod commit;

use commit::{Commit, loaded};
use std::path::Path;

/// A project as one text: `--- path` before each file's content.
fn project(text: &str) -> Commit {
    let mut commit = Commit::default();
    let mut path = String::new();
    for line in text.lines() {
        match line.strip_prefix("--- ") {
            Some(next) => {
                path = next.to_owned();
                commit.0.entry(path.clone()).or_default();
            }
            None => commit
                .0
                .entry(path.clone())
                .or_default()
                .extend(format!("{line}\n").bytes()),
        }
    }
    commit
}

#[test]
fn realistic_projects_are_understood() {
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/corpus");
    let mut names: Vec<_> = std::fs::read_dir(directory)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .collect();
    names.sort();
    assert!(names.len() >= 12);
    let mut summary = String::new();
    for path in names {
        let name = path.file_stem().unwrap().to_string_lossy().into_owned();
        let loaded = loaded(&project(&std::fs::read_to_string(&path).unwrap()));
        let project = &loaded.project;
        let apps: Vec<_> = project
            .apps
            .iter()
            .map(|app| format!("{} in /{}", app.name, app.source_root))
            .collect();
        let services: Vec<_> = project
            .services
            .iter()
            .map(|s| format!("{} {}", s.name, s.as_written()))
            .collect();
        let codes: Vec<_> = loaded.warnings.iter().map(|warning| warning.code).collect();
        let (apps, services, codes) = (apps.join(", "), services.join(", "), codes.join(" "));
        summary.push_str(&format!(
            "{name}: {apps}; {services}; {} routes; {codes}\n",
            project.routes.len()
        ));
    }
    insta::assert_snapshot!(summary);
}
