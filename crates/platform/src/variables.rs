//! The environment variables of builds, apps and hooks (spec 4).

use base64::{Engine, engine::general_purpose::STANDARD};
use guise_config::App;
use serde_json::{Map, Value};
use std::{collections::BTreeMap, net::Ipv4Addr};

use crate::{
    desired::{ENV_FILE, ROUTES_FILE},
    effective::Given,
    store::{EnvironmentRecord, ProjectRecord},
};
use guise_node::{Listen, RunFile};

/// What an app is given at run time.
pub(crate) struct Runtime<'a> {
    /// Its project.
    pub project: &'a ProjectRecord,
    /// Its environment.
    pub environment: &'a EnvironmentRecord,
    /// Its configuration.
    pub app: &'a App,
    /// The tree it was built from.
    pub tree: &'a str,
    /// `PLATFORM_RELATIONSHIPS` before base64.
    pub relationships: &'a Map<String, Value>,
    /// `PLATFORM_ROUTES` before base64.
    pub routes: &'a Value,
    /// Where its start command must listen.
    pub listen: &'a Listen,
    /// Who takes its mail, if it may send any.
    pub relay: Option<Ipv4Addr>,
    /// Its variables, and those that people set.
    pub given: &'a Given,
    /// What its image sets for everyone: `PATH` and the like.
    pub image: &'a BTreeMap<String, String>,
}

/// The run-time environment, routes included. Later levels win: image, variables of the app, the project and the
/// environment, what the platform provides (spec 4.2).
pub(crate) fn at_run_time(runtime: &Runtime<'_>) -> BTreeMap<String, String> {
    let mut env = person(runtime.image);
    relationship_variables(&mut env, runtime.relationships);
    env.extend(runtime.given.env.clone());
    let app = runtime.app;
    provided_everywhere(&mut env, app);
    let commands = &app.web.commands;
    let mut set = |name: &str, value: String| drop(env.insert(name.into(), value));
    set("PLATFORM_APPLICATION", encode(&application(app, runtime.tree)));
    set("PLATFORM_PROJECT", runtime.project.id.to_string());
    set("PLATFORM_PROJECT_ENTROPY", runtime.project.entropy.clone());
    set("PLATFORM_TREE_ID", runtime.tree.into());
    set(
        "PLATFORM_VARIABLES",
        encode(&Value::Object(runtime.given.platform.clone())),
    );
    set("PLATFORM_BRANCH", runtime.environment.name.clone());
    set("PLATFORM_ENVIRONMENT", runtime.environment.machine_name.clone());
    set(
        "PLATFORM_ENVIRONMENT_TYPE",
        runtime.environment.kind.as_str().into(),
    );
    set(
        "PLATFORM_RELATIONSHIPS",
        encode(&Value::Object(runtime.relationships.clone())),
    );
    set("PLATFORM_ROUTES", encode(runtime.routes));
    set(
        "PLATFORM_SMTP_HOST",
        runtime.relay.map(|relay| relay.to_string()).unwrap_or_default(),
    );
    for (name, command) in [
        ("PLATFORM_APP_COMMAND", &commands.start),
        ("PLATFORM_PRE_APP_COMMAND", &commands.pre_start),
        ("PLATFORM_POST_APP_COMMAND", &commands.post_start),
    ] {
        if let Some(command) = command {
            set(name, command.clone());
        }
    }
    if let Some(root) = app
        .web
        .locations
        .iter()
        .find(|l| l.path == "/")
        .and_then(|l| l.root.as_deref())
    {
        set(
            "PLATFORM_DOCUMENT_ROOT",
            format!("/app/{}", root.trim_matches('/'))
                .trim_end_matches('/')
                .into(),
        );
    }
    match runtime.listen {
        Listen::Tcp(port) => set("PORT", port.to_string()),
        Listen::Unix(path) => set("SOCKET", path.clone()),
    }
    env
}

/// What a build is given besides what the build itself knows (its directories, its tree).
pub(crate) fn at_build_time(
    project: &ProjectRecord,
    app: &App,
    given: &Given,
    image: &BTreeMap<String, String>,
) -> BTreeMap<String, String> {
    let mut env = person(image);
    env.extend(given.env.clone());
    provided_everywhere(&mut env, app);
    env.insert("CI".into(), "true".into());
    env.insert("PLATFORM_APPLICATION".into(), encode(&app.build_json()));
    env.insert("PLATFORM_PROJECT".into(), project.id.to_string());
    env.insert("PLATFORM_PROJECT_ENTROPY".into(), project.entropy.clone());
    let variables = Value::Object(given.platform.clone());
    env.insert("PLATFORM_VARIABLES".into(), encode(&variables));
    env.insert("PLATFORM_VENDOR".into(), "platformsh".into());
    env
}

/// The start command's environment as files below `/run`. Apart are the routes and the app's own configuration, so that
/// a changed route or cron restarts nothing: all in it that concerns a running process is seen elsewhere too.
pub fn files(env: &BTreeMap<String, String>) -> Vec<RunFile> {
    let assignment = |(name, value): (&String, &String)| format!("export {name}={}\n", quote(value));
    let (quiet, others): (Vec<_>, Vec<_>) = env
        .iter()
        .filter(|(name, _)| is_identifier(name))
        .partition(|(name, _)| matches!(name.as_str(), "PLATFORM_ROUTES" | "PLATFORM_APPLICATION"));
    let mut content: String = others.into_iter().map(assignment).collect();
    content.push_str(&format!(". /run/{ROUTES_FILE}\n"));
    vec![
        RunFile {
            path: ENV_FILE.into(),
            content,
            mode: 0o600,
        },
        RunFile {
            path: ROUTES_FILE.into(),
            content: quiet.into_iter().map(assignment).collect(),
            mode: 0o600,
        },
    ]
}

/// The image's own variables, and whose processes they are.
fn person(image: &BTreeMap<String, String>) -> BTreeMap<String, String> {
    let mut env = image.clone();
    for (name, value) in [
        ("HOME", "/app"),
        ("USER", "web"),
        ("LOGNAME", "web"),
        ("SHELL", "/bin/bash"),
        ("LANG", "C.UTF-8"),
    ] {
        env.insert(name.into(), value.into());
    }
    env
}

/// What the platform provides at build and at run time alike.
fn provided_everywhere(env: &mut BTreeMap<String, String>, app: &App) {
    for (name, value) in [
        ("PLATFORM_APP_DIR", "/app"),
        ("PLATFORM_DIR", "/app"),
        ("PLATFORM_APPLICATION_NAME", app.name.as_str()),
    ] {
        env.insert(name.into(), value.into());
    }
}

/// `DATABASE_HOST` and so on for the first endpoint of each relationship (spec 4.7).
fn relationship_variables(env: &mut BTreeMap<String, String>, relationships: &Map<String, Value>) {
    for (relationship, endpoints) in relationships {
        let prefix: String = relationship
            .chars()
            .map(|c| {
                if c.is_ascii_alphanumeric() {
                    c.to_ascii_uppercase()
                } else {
                    '_'
                }
            })
            .collect();
        let first = endpoints.get(0).and_then(Value::as_object);
        for (field, value) in first.into_iter().flatten() {
            let text = match value {
                Value::Null => String::new(),
                Value::String(text) => text.clone(),
                // The published form prints a query as Python does: {'is_master': True}.
                Value::Object(_) | Value::Array(_) => spaced_json(value)
                    .replace('"', "'")
                    .replace("true", "True")
                    .replace("false", "False")
                    .replace("null", "None"),
                other => other.to_string(),
            };
            env.insert(format!("{prefix}_{}", field.to_uppercase()), text);
        }
    }
}

/// JSON with `, ` and `: ` between its parts, as the published examples have it.
pub(crate) fn spaced_json(value: &Value) -> String {
    match value {
        Value::Array(items) => {
            format!(
                "[{}]",
                items.iter().map(spaced_json).collect::<Vec<_>>().join(", ")
            )
        }
        Value::Object(fields) => {
            let fields = fields
                .iter()
                .map(|(key, value)| format!("{}: {}", Value::String(key.clone()), spaced_json(value)));
            format!("{{{}}}", fields.collect::<Vec<_>>().join(", "))
        }
        other => other.to_string(),
    }
}

/// `PLATFORM_APPLICATION` before base64: the configuration, and what it became (spec 4.1).
pub(crate) fn application(app: &App, tree: &str) -> Value {
    let mut value = app.normalised_json();
    value["tree_id"] = tree.into();
    value["app_dir"] = "/app".into();
    value
}

/// base64 of JSON: standard alphabet, padded, no line breaks (spec 4.1).
fn encode(value: &Value) -> String {
    STANDARD.encode(value.to_string())
}

/// Whether a shell can assign to it. Other names reach processes that guise starts itself, but no shell.
fn is_identifier(name: &str) -> bool {
    !name.is_empty()
        && !name.starts_with(|c: char| c.is_ascii_digit())
        && name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_')
}

/// A word that a shell reads back as `text`, whatever is in it.
pub(crate) fn quote(text: &str) -> String {
    format!("'{}'", text.replace('\'', "'\\''"))
}

#[cfg(test)]
#[path = "variables_tests.rs"]
mod table;

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_shell_reads_hostile_values_back_as_they_were() {
        let values = [
            "plain",
            "it's",
            "$(reboot) `x` \"y\"",
            "line\nbreak",
            "\\",
            "'",
            "",
        ];
        for value in values {
            let env = BTreeMap::from([("VALUE".to_string(), value.to_string())]);
            let file = &files(&env)[0];
            let script = format!(
                "{}printf %s \"$VALUE\"",
                file.content.replace(". /run/guise/routes\n", "")
            );
            let output = std::process::Command::new("sh")
                .arg("-c")
                .arg(script)
                .output()
                .unwrap();
            assert_eq!(String::from_utf8(output.stdout).unwrap(), value);
        }
    }

    #[test]
    fn names_that_no_shell_can_assign_stay_out_of_the_file() {
        let env = BTreeMap::from([("A-B".to_string(), "1".into()), ("X;reboot".into(), "1".into())]);
        assert_eq!(files(&env)[0].content, ". /run/guise/routes\n");
    }

    #[test]
    fn relationships_become_variables_in_the_published_form() {
        let mut env = BTreeMap::new();
        let relationships = json!({"my-db": [{"host": "my-db.internal", "port": 3306, "fragment": null,
            "public": false, "query": {"is_master": true}}]});
        relationship_variables(&mut env, relationships.as_object().unwrap());
        assert_eq!(env["MY_DB_HOST"], "my-db.internal");
        assert_eq!(env["MY_DB_PORT"], "3306");
        assert_eq!(env["MY_DB_FRAGMENT"], "");
        assert_eq!(env["MY_DB_PUBLIC"], "false");
        assert_eq!(env["MY_DB_QUERY"], "{'is_master': True}");
    }

    #[test]
    fn json_values_are_spaced_like_the_published_ones() {
        assert_eq!(
            spaced_json(&json!(["peanut butter", "jelly"])),
            "[\"peanut butter\", \"jelly\"]"
        );
        assert_eq!(spaced_json(&json!({"a": {"b": 1}})), "{\"a\": {\"b\": 1}}");
    }
}
