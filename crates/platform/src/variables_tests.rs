//! The table of provided variables (spec 4.1), row by row.

use super::*;
use crate::{
    effective::{Levels, Phase},
    routes::{ResolvedRoute, platform_routes},
    run_config,
    store::{EnvironmentStatus, EnvironmentType, Store, variable_for_tests as variable},
};
use guise_config::{Tree, TypeList};
use serde_json::json;

const APP: &str = "
name: app
type: python:3.13
disk: 256
variables:
    env:
        theme: dark
        colour: app
        PLATFORM_BRANCH: mine
    d8config:
        'system.site:name': Shop
mounts:
    files: {source: local, source_path: f}
hooks:
    build: make
    deploy: migrate
web:
    commands: {pre_start: warm, start: serve, post_start: tell}
    locations:
        /: {root: web/public, passthru: true}
        /docs: {root: docs}
crons:
    tidy: {spec: '0 4 * * *', commands: {start: tidy}}
";

struct Commit;

impl Tree for Commit {
    fn read(&self, path: &str) -> Option<Vec<u8>> {
        (path == ".platform.app.yaml").then(|| APP.into())
    }

    fn paths(&self) -> Vec<String> {
        vec![".platform.app.yaml".into()]
    }
}

fn app() -> App {
    let types = TypeList {
        runtimes: BTreeMap::from([("python".into(), vec!["3.13".into()])]),
        ..TypeList::default()
    };
    guise_config::load(&Commit, &types)
        .unwrap()
        .project
        .apps
        .remove(0)
}

fn store() -> (tempfile::TempDir, Store) {
    let directory = tempfile::tempdir().unwrap();
    let store = Store::open(&directory.path().join("guise.db")).unwrap();
    (directory, store)
}

fn project() -> ProjectRecord {
    let mut project = store().1.create_project("Shop", "main").unwrap();
    project.id = guise_model::ProjectId::new("abcdefgh12345").unwrap();
    project
}

fn at_run(app: &App, levels: &Levels, listen: &Listen) -> BTreeMap<String, String> {
    with_runtime(app, levels, listen, at_run_time)
}

fn with_runtime<T>(app: &App, levels: &Levels, listen: &Listen, call: impl FnOnce(&Runtime<'_>) -> T) -> T {
    let (_directory, store) = store();
    let owner = store.create_project("Shop", "main").unwrap().id;
    let mut environment = store
        .create_environment(&owner, "feature/x", EnvironmentType::Staging, None)
        .unwrap();
    environment.status = EnvironmentStatus::Active;
    let database = json!([{"host": "database.internal", "port": 3306, "query": {"is_master": true}}]);
    let relationships = Map::from_iter([("database".to_owned(), database)]);
    let route = ResolvedRoute::upstream("https://{default}/", "http://a.localhost/", "app");
    call(&Runtime {
        relay: Some([192, 0, 2, 25].into()),
        project: &project(),
        environment: &environment,
        app,
        tree: "9851a01",
        relationships: &relationships,
        routes: &platform_routes(&[route]),
        listen,
        given: &levels.given(app, Phase::Run),
        image: &BTreeMap::from([("PATH".into(), "/app/.global/bin:/bin".into())]),
    })
}

fn run() -> BTreeMap<String, String> {
    at_run(&app(), &Levels::default(), &Listen::Tcp(8888))
}

fn build() -> BTreeMap<String, String> {
    let app = app();
    let given = Levels::default().given(&app, Phase::Build);
    at_build_time(&project(), &app, &given, &BTreeMap::new())
}

fn decoded(env: &BTreeMap<String, String>, name: &str) -> Value {
    let text = &env[name];
    assert!(!text.contains('\n') && text.len().is_multiple_of(4), "{name}");
    serde_json::from_slice(&STANDARD.decode(text).unwrap()).unwrap()
}

#[test]
fn each_variable_is_there_when_the_table_says_so() {
    // Name, at build, at run. What the build makes itself (cache, output, tree) is tested there.
    let table = [
        ("CI", true, false),
        ("PLATFORM_APPLICATION", true, true),
        ("PLATFORM_APPLICATION_NAME", true, true),
        ("PLATFORM_APP_DIR", true, true),
        ("PLATFORM_DIR", true, true),
        ("PLATFORM_APP_COMMAND", false, true),
        ("PLATFORM_PRE_APP_COMMAND", false, true),
        ("PLATFORM_POST_APP_COMMAND", false, true),
        ("PLATFORM_BRANCH", false, true),
        ("PLATFORM_DOCUMENT_ROOT", false, true),
        ("PLATFORM_ENVIRONMENT", false, true),
        ("PLATFORM_ENVIRONMENT_TYPE", false, true),
        ("PLATFORM_PROJECT", true, true),
        ("PLATFORM_PROJECT_ENTROPY", true, true),
        ("PLATFORM_RELATIONSHIPS", false, true),
        ("PLATFORM_ROUTES", false, true),
        ("PLATFORM_SMTP_HOST", false, true),
        ("PLATFORM_SOURCE_DIR", false, false),
        ("PLATFORM_VARIABLES", true, true),
        ("PLATFORM_VENDOR", true, false),
        ("PLATFORM_CLUSTER", false, false),
        ("PLATFORM_MODE", false, false),
        ("PORT", false, true),
        ("SOCKET", false, false),
    ];
    let (build, run) = (build(), run());
    for (name, at_build, at_run) in table {
        let found = (build.contains_key(name), run.contains_key(name));
        // The app of this test sets PLATFORM_BRANCH, which is an ordinary variable where the platform provides none.
        let expected = (at_build || name == "PLATFORM_BRANCH", at_run);
        assert_eq!(found, expected, "{name}");
    }
}

#[test]
fn plain_variables_have_the_values_of_the_table() {
    let run = run();
    for (name, value) in [
        ("PLATFORM_APPLICATION_NAME", "app"),
        ("PLATFORM_APP_DIR", "/app"),
        ("PLATFORM_APP_COMMAND", "serve"),
        ("PLATFORM_PRE_APP_COMMAND", "warm"),
        ("PLATFORM_POST_APP_COMMAND", "tell"),
        ("PLATFORM_BRANCH", "feature/x"),
        ("PLATFORM_DOCUMENT_ROOT", "/app/web/public"),
        ("PLATFORM_ENVIRONMENT_TYPE", "staging"),
        ("PLATFORM_PROJECT", "abcdefgh12345"),
        ("PLATFORM_SMTP_HOST", "192.0.2.25"),
        ("PLATFORM_TREE_ID", "9851a01"),
        ("PORT", "8888"),
        ("HOME", "/app"),
        ("USER", "web"),
        ("SHELL", "/bin/bash"),
        ("PATH", "/app/.global/bin:/bin"),
        ("DATABASE_HOST", "database.internal"),
        ("DATABASE_QUERY", "{'is_master': True}"),
    ] {
        assert_eq!(run[name], value, "{name}");
    }
    assert!(run["PLATFORM_ENVIRONMENT"].starts_with("feature-x-"));
    assert_eq!(run["PLATFORM_PROJECT_ENTROPY"].len(), 56);
}

#[test]
fn an_app_that_asks_for_a_socket_is_told_only_that() {
    let socket = at_run(&app(), &Levels::default(), &Listen::Unix("/run/app.sock".into()));
    assert_eq!(socket["SOCKET"], "/run/app.sock");
    assert!(!socket.contains_key("PORT"));
}

#[test]
fn encoded_variables_have_the_published_shape() {
    let run = run();
    let application = decoded(&run, "PLATFORM_APPLICATION");
    for key in [
        "disk",
        "size",
        "timezone",
        "mounts",
        "name",
        "hooks",
        "runtime",
        "variables",
        "type",
        "access",
        "relationships",
        "preflight",
        "web",
        "tree_id",
        "app_dir",
        "crons",
        "workers",
        "build",
        "dependencies",
        "source",
    ] {
        assert!(application.get(key).is_some(), "{key}");
    }
    assert_eq!(application["web"]["locations"]["/"]["expires"], "-1s");
    assert_eq!(application["web"]["move_to_root"], false);
    let relationships = decoded(&run, "PLATFORM_RELATIONSHIPS");
    assert_eq!(relationships["database"][0]["port"], 3306);
    let routes = decoded(&run, "PLATFORM_ROUTES");
    assert_eq!(
        routes["http://a.localhost/"]["original_url"],
        "https://{default}/"
    );
    assert_eq!(routes["http://a.localhost/"]["upstream"], "app");
    assert_eq!(
        decoded(&run, "PLATFORM_VARIABLES"),
        json!({"d8config:system.site:name": "Shop"})
    );
}

#[test]
fn a_build_does_not_see_what_only_the_running_app_has() {
    let application = decoded(&build(), "PLATFORM_APPLICATION");
    assert_eq!(application["hooks"], json!({"build": "make"}));
    for key in ["crons", "relationships", "disk", "size"] {
        assert!(application.get(key).is_none(), "{key}");
    }
}

#[test]
fn what_people_set_wins_over_the_app_and_loses_to_the_platform() {
    let mut colour = variable("env:COLOUR", "project");
    colour.is_sensitive = true;
    let mut json = variable("limits", "{\"a\": 1}");
    json.is_json = true;
    let branch = variable("env:PLATFORM_BRANCH", "mine");
    let levels = Levels(vec![vec![colour, json, branch]]);
    let run = at_run(&app(), &levels, &Listen::Tcp(8888));
    assert_eq!(
        (run["COLOUR"].as_str(), run["THEME"].as_str()),
        ("project", "dark")
    );
    assert_eq!(run["PLATFORM_BRANCH"], "feature/x");
    let variables = decoded(&run, "PLATFORM_VARIABLES");
    assert_eq!(variables["limits"], json!({"a": 1}));
}

#[test]
fn one_file_has_all_that_an_app_is_given() {
    let limits = guise_model::Limits {
        cpu_millis: 1500,
        memory_bytes: 512_000_000,
        pids: 100,
    };
    let (app, listen) = (app(), Listen::Tcp(8888));
    let file = with_runtime(&app, &Levels::default(), &listen, |runtime| {
        run_config::file(runtime, limits)
    });
    assert_eq!(
        (file.path.as_str(), file.mode),
        ("config.json", 0o600),
        "it has passwords"
    );
    let content: Value = serde_json::from_str(&file.content).unwrap();
    assert_eq!(content["info"]["limits"], json!({"cpu": 1.5, "memory": 512}));
    let run = run();
    for (key, variable) in [
        ("application", "PLATFORM_APPLICATION"),
        ("relationships", "PLATFORM_RELATIONSHIPS"),
        ("routes", "PLATFORM_ROUTES"),
        ("variables", "PLATFORM_VARIABLES"),
    ] {
        assert_eq!(content[key], decoded(&run, variable), "{key}");
    }
}
