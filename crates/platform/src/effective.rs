//! Which of the variables that people set an app is given: levels, inheritance, scope, visibility (spec 4.2, 4.3).

use crate::store::VariableRecord;
use guise_config::App;
use serde_json::{Map, Value};
use std::collections::BTreeMap;

/// When a variable is seen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Phase {
    /// While an app is built.
    Build,
    /// While it runs.
    Run,
}

/// The variables of a project and of an environment with its ancestors: the project's, then those of each ancestor from
/// the root of the tree on, then the environment's own. Later ones hide earlier ones of the same name.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Levels(pub(crate) Vec<Vec<VariableRecord>>);

impl Levels {
    /// What an app sees of them, by full name. One that is not visible in this phase hides nothing; one that is disabled
    /// hides what is below it.
    pub(crate) fn seen(&self, app: &str, phase: Phase) -> BTreeMap<&str, &VariableRecord> {
        let mut seen = BTreeMap::new();
        let own = self.0.len().saturating_sub(1);
        for (level, variables) in self.0.iter().enumerate() {
            for variable in variables {
                let scope = &variable.application_scope;
                let visible = match phase {
                    Phase::Build => variable.visible_build,
                    Phase::Run => variable.visible_runtime,
                };
                let passes_on = level == own || variable.environment.is_none() || variable.is_inheritable;
                if !visible || !passes_on || !(scope.is_empty() || scope.iter().any(|name| name == app)) {
                    continue;
                }
                if variable.is_enabled {
                    seen.insert(variable.name.as_str(), variable);
                } else {
                    seen.remove(variable.name.as_str());
                }
            }
        }
        seen
    }

    /// All that an app is given in a phase: its own variables below those that people set.
    pub(crate) fn given(&self, app: &App, phase: Phase) -> Given {
        let mut given = Given::default();
        for (prefix, values) in &app.variables {
            for (name, value) in values {
                given.add(&format!("{prefix}:{name}"), value.clone());
            }
        }
        for (name, variable) in self.seen(app.name.as_str(), phase) {
            // A variable of the environment keeps the text that was typed, JSON or not: a shell has nothing else.
            let parsed = serde_json::from_str(&variable.value);
            let value = match parsed {
                Ok(value) if variable.is_json && !name.starts_with("env:") => value,
                _ => Value::String(variable.value.clone()),
            };
            given.add(name, value);
        }
        given
    }

    /// What of them a build depends on: name and value of each that it sees.
    pub(crate) fn of_build(&self, app: &str) -> BTreeMap<String, String> {
        let seen = self.seen(app, Phase::Build).into_iter();
        seen.map(|(name, variable)| (name.to_owned(), variable.value.clone()))
            .collect()
    }
}

/// Variables by where they arrive (spec 4.4).
#[derive(Clone, Default, PartialEq)]
pub(crate) struct Given {
    /// Unix variables.
    pub(crate) env: BTreeMap<String, String>,
    /// Lines of php.ini.
    pub(crate) php: BTreeMap<String, Value>,
    /// `PLATFORM_VARIABLES`.
    pub(crate) platform: Map<String, Value>,
}

impl Given {
    fn add(&mut self, name: &str, value: Value) {
        if let Some(name) = name.strip_prefix("env:") {
            self.env.insert(name.to_uppercase(), text(&value));
        } else if let Some(name) = name.strip_prefix("php:") {
            self.php.insert(name.into(), value);
        } else {
            self.platform.insert(name.into(), value);
        }
    }
}

fn text(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        other => crate::variables::spaced_json(other),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::variable_for_tests as variable;

    fn of(environment: &str, name: &str, value: &str) -> VariableRecord {
        VariableRecord {
            environment: Some(environment.into()),
            ..variable(name, value)
        }
    }

    fn seen(levels: &Levels, phase: Phase) -> Vec<(&str, &str)> {
        let seen = levels.seen("app", phase).into_iter();
        seen.map(|(name, variable)| (name, variable.value.as_str()))
            .collect()
    }

    #[test]
    fn the_nearest_level_wins() {
        let levels = Levels(vec![
            vec![variable("a", "project"), variable("b", "project")],
            vec![
                of("main", "b", "main"),
                of("main", "c", "main"),
                of("main", "d", "main"),
            ],
            vec![of("dev", "c", "dev")],
            vec![of("feature", "d", "feature")],
        ]);
        assert_eq!(
            seen(&levels, Phase::Run),
            [("a", "project"), ("b", "main"), ("c", "dev"), ("d", "feature")]
        );
    }

    #[test]
    fn what_is_not_inheritable_stays_where_it_is() {
        let mut own = of("main", "a", "main");
        own.is_inheritable = false;
        let parent = Levels(vec![vec![variable("a", "project")], vec![own.clone()]]);
        assert_eq!(seen(&parent, Phase::Run), [("a", "main")]);
        let child = Levels(vec![vec![variable("a", "project")], vec![own], vec![]]);
        assert_eq!(seen(&child, Phase::Run), [("a", "project")]);
    }

    #[test]
    fn what_is_disabled_hides_what_it_would_hide() {
        let mut off = of("main", "a", "main");
        off.is_enabled = false;
        let levels = Levels(vec![vec![variable("a", "project")], vec![off]]);
        assert_eq!(seen(&levels, Phase::Run), []);
    }

    #[test]
    fn builds_and_apps_see_what_is_visible_to_them() {
        let mut build = of("main", "a", "main");
        build.visible_runtime = false;
        let mut run = of("main", "b", "main");
        run.visible_build = false;
        let levels = Levels(vec![
            vec![variable("a", "project"), variable("b", "project")],
            vec![build, run],
        ]);
        assert_eq!(seen(&levels, Phase::Build), [("a", "main"), ("b", "project")]);
        assert_eq!(seen(&levels, Phase::Run), [("a", "project"), ("b", "main")]);
        assert_eq!(levels.of_build("app").len(), 2);
    }

    #[test]
    fn a_scope_names_the_apps_that_see_it() {
        let mut scoped = variable("a", "1");
        scoped.application_scope = vec!["other".into()];
        let levels = Levels(vec![vec![scoped]]);
        assert_eq!(seen(&levels, Phase::Run), []);
        assert_eq!(levels.seen("other", Phase::Run).len(), 1);
    }

    #[test]
    fn a_prefix_says_where_a_variable_arrives() {
        let mut given = Given::default();
        given.add("env:colour", Value::String("blue".into()));
        given.add("env:list", serde_json::json!(["peanut butter", "jelly"]));
        given.add("php:memory_limit", Value::String("1G".into()));
        given.add("drupalsettings:system.site:name", Value::String("Shop".into()));
        given.add("plain", serde_json::json!({"a": 1}));
        assert_eq!(given.env["COLOUR"], "blue");
        assert_eq!(given.env["LIST"], "[\"peanut butter\", \"jelly\"]");
        assert_eq!(given.php.len(), 1);
        assert_eq!(
            Value::Object(given.platform).to_string(),
            r#"{"drupalsettings:system.site:name":"Shop","plain":{"a":1}}"#
        );
    }
}
