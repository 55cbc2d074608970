//! What right configurations mean.

#![allow(clippy::unwrap_used)]

mod commit;

use commit::{Commit, loaded};
use guise_config::{MountSource, Passthru, Role, RouteKind, Scheme, Target};
use serde_json::json;

fn guestbook() -> Commit {
    Commit::of([
        (
            ".platform.app.yaml",
            r#"
name: app
type: 'python:3.13'
relationships:
  database: 'db:mysql'
disk: 512
mounts:
  '/var/uploads': {source: local, source_path: uploads}
variables:
  env: {FLASK_DEBUG: 0, GREETING: "hello"}
hooks:
  build: |
    pip install -r requirements.txt
  deploy: python migrate.py
web:
  commands:
    start: "gunicorn -b 127.0.0.1:$PORT app:app"
  locations:
    '/': {passthru: true}
    '/static': {root: static, expires: 1h, allow: true}
workers:
  queue:
    commands: {start: python worker.py}
"#,
        ),
        (
            ".platform/services.yaml",
            "db: {type: 'mariadb:11.8', disk: 512}\n",
        ),
        (
            ".platform/routes.yaml",
            "'https://{default}/': {type: upstream, upstream: 'app:http'}\n",
        ),
    ])
}

#[test]
fn an_ordinary_project_is_understood() {
    let project = loaded(&guestbook()).project;
    let app = &project.apps[0];
    assert_eq!(
        (
            app.name.as_str(),
            app.runtime.resolved.as_str(),
            app.source_root.as_str()
        ),
        ("app", "3.13", "")
    );
    assert_eq!(app.relationships[0].endpoint, "mysql");
    assert!(matches!(&app.relationships[0].target, Target::Service(name) if name.as_str() == "db"));
    assert_eq!(app.mounts[0].path, "var/uploads");
    assert_eq!(app.mounts[0].source, MountSource::Local);
    assert_eq!(app.variables["env"]["FLASK_DEBUG"], json!(0));
    assert_eq!(app.web.locations[0].passthru, Passthru::Yes);
    assert_eq!(app.workers[0].mounts, app.mounts, "workers inherit");
    assert_eq!(project.services[0].disk_mb, Some(512));
    let route = &project.routes[0];
    assert_eq!((route.url.scheme, route.url.path.as_str()), (Scheme::Https, "/"));
    assert!(
        matches!(&route.kind, RouteKind::Upstream { name, endpoint } if name.as_str() == "app" && endpoint == "http")
    );
}

#[test]
fn the_application_variable_has_every_default_filled_in() {
    let json = loaded(&guestbook()).project.apps[0].normalised_json();
    insta::assert_snapshot!(serde_json::to_string_pretty(&json).unwrap());
}

#[test]
fn the_build_does_not_depend_on_what_only_matters_at_run_time() {
    let before = loaded(&guestbook()).project.apps[0].build_json();
    let mut commit = guestbook();
    let text = String::from_utf8(commit.0[".platform.app.yaml"].clone()).unwrap();
    let text = text
        .replace("migrate.py", "other.py")
        .replace("disk: 512", "disk: 1024\nsize: L")
        .replace("1h", "2h");
    commit
        .0
        .insert(".platform.app.yaml".into(), text.clone().into_bytes());
    assert_eq!(loaded(&commit).project.apps[0].build_json(), before);
    commit.0.insert(
        ".platform.app.yaml".into(),
        text.replace("-r requirements", "-r other").into_bytes(),
    );
    assert_ne!(loaded(&commit).project.apps[0].build_json(), before);
}

#[test]
fn without_routes_the_first_app_answers() {
    let mut commit = guestbook();
    commit.0.remove(".platform/routes.yaml");
    assert_eq!(loaded(&commit).project.routes[0].original, "https://{default}/");
}

#[test]
fn apps_are_found_in_directories_maps_and_lists() {
    let commit = Commit::of([
        (
            "api/.platform.app.yaml",
            "name: api\ntype: nodejs:20\nweb: {commands: {start: x}, locations: {'/': {passthru: true}}}\n",
        ),
        (
            ".platform/applications.yaml",
            "- name: site\n  type: python:3.13\n  source: {root: /web/site}\n",
        ),
        ("web/site/index.html", ""),
    ]);
    let project = loaded(&commit).project;
    let roots: Vec<_> = project
        .apps
        .iter()
        .map(|app| (app.name.as_str(), app.source_root.as_str()))
        .collect();
    assert_eq!(roots, [("site", "web/site"), ("api", "api")]);

    let commit = Commit::of([(
        ".platform/applications.yaml",
        "a: {type: 'nodejs:20'}\nb: {type: 'nodejs:20'}\n",
    )]);
    assert_eq!(loaded(&commit).project.apps.len(), 2);
}

#[test]
fn in_upsun_files_the_later_file_wins_whole() {
    let commit = Commit::of([
        (
            ".upsun/a.yaml",
            "applications:\n  app: {type: 'nodejs:20', timezone: Europe/Vienna}\nservices:\n  db: {type: 'postgresql:17'}\n",
        ),
        (
            ".upsun/b.yaml",
            "applications:\n  app:\n    type: 'nodejs:18'\n    relationships: {db: }\n    mounts: {data: {source: local}}\n",
        ),
        (".upsun/sub/c.yaml", "nonsense: true\n"),
    ]);
    let project = loaded(&commit).project;
    assert_eq!(project.apps[0].runtime.version, "18");
    assert_eq!(project.apps[0].timezone, None);
    assert_eq!(project.apps[0].mounts[0].source, MountSource::Storage);
    assert_eq!(project.services[0].disk_mb, Some(512));
}

#[test]
fn anchors_merge_keys_and_hidden_keys_work() {
    let commit = Commit::of([(
        ".platform/applications.yaml",
        r#"
.base: &base
  type: 'nodejs:20'
  disk: 256
  mounts: {.cache: {source: local}, /.npm: {source: local}}
a:
  <<: *base
b:
  <<: [*base]
  disk: 512
"#,
    )]);
    let project = loaded(&commit).project;
    assert_eq!(
        project.apps.iter().map(|app| app.disk_mb).collect::<Vec<_>>(),
        [Some(256), Some(512)]
    );
    assert_eq!(project.apps[0].mounts.len(), 1);
    assert_eq!(project.apps[0].mounts[0].path, ".npm");
}

#[test]
fn includes_are_resolved_and_archives_keep_their_directory() {
    let commit = Commit::of([
        (
            "app/.platform.app.yaml",
            "name: app\ntype: nodejs:20\nhooks:\n  build: !include {type: string, path: build.sh}\nvariables: !include ../vars.yaml\n",
        ),
        ("app/build.sh", "make\n"),
        ("vars.yaml", "env: {A: !include {type: binary, path: app/blob}}\n"),
        ("app/blob", "Man!"),
        (
            ".platform/services.yaml",
            "search:\n  type: solr:9.9\n  disk: 512\n  configuration: {cores: {main: {conf_dir: !archive solr/conf}}, endpoints: {main: {core: main}}}\n",
        ),
        (".platform/solr/conf/schema.xml", ""),
    ]);
    let mut commit = commit;
    commit.0.insert(
        "vars.yaml".into(),
        b"env: {A: !include {type: binary, path: blob}}\n".to_vec(),
    );
    let project = loaded(&commit).project;
    assert_eq!(project.apps[0].hooks.build.as_deref(), Some("make\n"));
    assert_eq!(project.apps[0].variables["env"]["A"], json!("TWFuIQ=="));
    let configuration = &project.services[0].configuration;
    assert_eq!(
        configuration["cores"]["main"]["conf_dir"],
        json!({"$archive": ".platform/solr/conf"})
    );
}

#[test]
fn legacy_forms_mean_what_they_meant() {
    let commit = Commit::of([(
        ".platform.app.yaml",
        r#"
name: app
toolstack: "php:symfony"
disk: 512
mounts: {"/public/files": "shared:files/public"}
web:
  document_root: /public
  passthru: /index.php
  index_files: [index.php]
  blacklist: ['\.secret$']
"#,
    )]);
    let app = &loaded(&commit).project.apps[0];
    assert_eq!(
        (app.runtime.name.as_str(), app.build.flavor.as_deref()),
        ("php", Some("symfony"))
    );
    assert_eq!(app.mounts[0].source_path, "public");
    let location = &app.web.locations[0];
    assert_eq!(
        (location.path.as_str(), location.root.as_deref()),
        ("/", Some("public"))
    );
    assert_eq!(location.passthru, Passthru::To("/index.php".into()));
    assert_eq!(location.rules[0].allow, Some(false));
}

#[test]
fn relationships_have_many_forms() {
    let commit = Commit::of([
        (
            ".platform.app.yaml",
            r#"
name: app
type: nodejs:20
relationships:
  db:
  cache: {service: redis}
  redis: {endpoint: redis}
  replica: "db:mysql-replica"
  admin: {service: multi, endpoint: admin}
"#,
        ),
        (
            ".platform/services.yaml",
            r#"
db: {type: 'mariadb:11.8', disk: 256}
redis: {type: 'redis:8.0'}
multi:
  type: postgresql:17
  disk: 256
  configuration: {databases: [main], endpoints: {admin: {default_database: main, privileges: {main: admin}}}}
"#,
        ),
    ]);
    let app = &loaded(&commit).project.apps[0];
    let found: Vec<_> = app
        .relationships
        .iter()
        .map(|r| format!("{} {} {}", r.name, r.target.name(), r.endpoint))
        .collect();
    assert_eq!(
        found,
        [
            "db db mysql",
            "cache redis redis",
            "redis redis redis",
            "replica db mysql",
            "admin multi admin"
        ]
    );
}

#[test]
fn a_start_command_without_locations_gets_every_request() {
    let commit = Commit::of([(
        ".platform.app.yaml",
        "name: app\ntype: nodejs:20\nweb: {commands: {start: npm start}}\n",
    )]);
    let loaded = loaded(&commit);
    let location = &loaded.project.apps[0].web.locations[0];
    assert_eq!(
        (location.path.as_str(), &location.passthru),
        ("/", &Passthru::Yes)
    );
}

#[test]
fn operations_and_outbound_rules_have_their_defaults_filled_in() {
    let commit = Commit::of([(
        ".platform.app.yaml",
        r#"
name: app
type: nodejs:20
source: {operations: {update: {command: make update}}}
operations:
  clear: {commands: {start: make clear}}
  stop: {commands: {start: make wait, stop: make end}, timeout: 60, role: admin}
"#,
    )]);
    let app = &loaded(&commit).project.apps[0];
    let json = app.normalised_json();
    assert_eq!(json["source"]["operations"]["update"]["command"], "make update");
    assert_eq!(
        json["operations"]["clear"].to_string(),
        r#"{"commands":{"start":"make clear","stop":null},"timeout":86400,"role":"contributor"}"#
    );
    assert_eq!(json["operations"]["stop"]["commands"]["stop"], "make end");
    assert_eq!(
        (app.operations[1].timeout, app.operations[1].role),
        (60, Role::Admin)
    );
}
