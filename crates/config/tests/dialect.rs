//! The dialect of YAML, and the forms of former years (spec 0.2).

#![allow(clippy::unwrap_used)]

mod commit;

use commit::{Commit, loaded, refusal};
use guise_config::{App, Expires, MountSource, Passthru, RouteKind};
use serde_json::{Value, json};

fn only_app(files: &[(&str, &str)]) -> App {
    let files = files
        .iter()
        .map(|(path, text)| (path.to_string(), text.as_bytes().to_vec()));
    loaded(&Commit(files.collect())).project.apps.remove(0)
}

/// An app in the directory `site`, with `rest` in its file and other files beside it.
fn app(rest: &str, others: &[(&str, &str)]) -> App {
    let text = format!("name: app\ntype: nodejs:20\n{rest}");
    let mut files = vec![("site/.platform.app.yaml", text.as_str())];
    files.extend(others);
    only_app(&files)
}

/// What an expression in YAML, which may use the anchors `*a` and `*b`, means as a variable.
fn value(expression: &str) -> Value {
    let text = format!(
        ".a: &a {{x: 1, y: 2}}\n.b: &b {{y: 3, z: 4}}\nvariables: {{test: {{value: {expression}}}}}\n"
    );
    app(&text, &[]).variables["test"]["value"].clone()
}

#[test]
fn values_are_those_of_yaml_1_1_as_the_platform_reads_it() {
    let table = [
        ("1", json!(1)),
        ("'1'", json!("1")),
        ("!!str 1", json!("1")),
        ("1.50", json!(1.5)),
        ("0x1f", json!(31)),
        ("0o17", json!(15)),
        ("-3", json!(-3)),
        ("yes", json!(true)),
        ("Off", json!(false)),
        ("'yes'", json!("yes")),
        ("~", json!(null)),
        ("null", json!(null)),
        ("'null'", json!("null")),
        ("''", json!("")),
        ("[]", json!([])),
        ("{}", json!({})),
        ("1.2.3", json!("1.2.3")),
        ("2026-01-01", json!("2026-01-01")),
        ("'a\\n'", json!("a\\n")),
        ("\"a\\n\\u00fc\"", json!("a\nü")),
        ("[1, [a, {b: c}]]", json!([1, ["a", {"b": "c"}]])),
    ];
    for (expression, expected) in table {
        assert_eq!(value(expression), expected, "{expression}");
    }
}

#[test]
fn aliases_and_merge_keys_mean_what_yaml_says() {
    let table = [
        ("*a", json!({"x": 1, "y": 2})),
        ("[*a, *a]", json!([{"x": 1, "y": 2}, {"x": 1, "y": 2}])),
        ("{<<: *a}", json!({"x": 1, "y": 2})),
        // Own keys win, wherever they stand.
        ("{<<: *a, x: 9}", json!({"x": 9, "y": 2})),
        ("{x: 9, <<: *a}", json!({"x": 9, "y": 2})),
        ("{<<: *a, x: ~}", json!({"x": null, "y": 2})),
        // Of several mappings the earlier one wins.
        ("{<<: [*a, *b]}", json!({"x": 1, "y": 2, "z": 4})),
        ("{<<: [*b, *a]}", json!({"x": 1, "y": 3, "z": 4})),
        ("{<<: {<<: *a, y: 7}}", json!({"x": 1, "y": 7})),
        ("{<<: ~, x: 1}", json!({"x": 1})),
        ("{<<: []}", json!({})),
        // Only one level: what a mapping holds is not merged.
        ("{<<: {in: *a}, in: *b}", json!({"in": {"y": 3, "z": 4}})),
        ("{'<<': 1}", json!({"<<": 1})),
    ];
    for (expression, expected) in table {
        assert_eq!(value(expression), expected, "{expression}");
    }
    let said = refusal(&Commit::of([(
        ".platform.app.yaml",
        "name: app\ntype: nodejs:20\nvariables: {<<: 1}\n",
    )]));
    assert!(said.contains("`<<` needs a mapping"), "{said}");
}

#[test]
fn keys_with_a_dot_are_ignored_everywhere() {
    let text = "
.anything: [1, {2: 3}]
variables: {.x: 1, env: {.HIDDEN: 1, SHOWN: 2}}
mounts: {.cache: {source: nonsense}, /.cache: {source: tmp}}
hooks: {.build: [not, a, text]}
crons: {.never: {}}
workers: {.none: {}}
web: {commands: {start: x}, locations: {.old: 1, /: {passthru: true, .rule: 1}}}
";
    let app = app(text, &[]);
    assert_eq!(
        serde_json::to_value(&app.variables).unwrap(),
        json!({"env": {"SHOWN": 2}})
    );
    assert_eq!(
        app.mounts
            .iter()
            .map(|mount| mount.path.as_str())
            .collect::<Vec<_>>(),
        [".cache"]
    );
    assert_eq!(
        (app.crons.len(), app.workers.len(), app.web.locations.len()),
        (0, 0, 1)
    );
    assert_eq!(app.hooks.build, None);
}

/// What a tag in `variables.test.value` of the app in `site` becomes.
fn included(tag: &str) -> Value {
    let files = [
        ("site/part.yaml", "{a: [1, yes], .hidden: 2}"),
        ("site/text.sh", "echo 'ü'\n"),
        ("site/blob", "\u{0}\u{1}"),
        (
            "site/deep/er.yaml",
            "{inner: !include part2.yaml, up: !include part.yaml}",
        ),
        ("site/deep/part2.yaml", "beside the including file"),
        ("site/conf/schema.xml", ""),
        ("shared/part.yaml", "outside of the app"),
        ("part.yaml", "at the root"),
    ];
    app(&format!("variables: {{test: {{value: {tag}}}}}\n"), &files).variables["test"]["value"].clone()
}

#[test]
fn include_has_many_forms() {
    let table = [
        ("!include part.yaml", json!({"a": [1, true]})),
        ("!include ./part.yaml", json!({"a": [1, true]})),
        ("!include 'part.yaml'", json!({"a": [1, true]})),
        ("!include {path: part.yaml}", json!({"a": [1, true]})),
        ("!include {type: yaml, path: part.yaml}", json!({"a": [1, true]})),
        (
            "!include {type: string, path: part.yaml}",
            json!("{a: [1, yes], .hidden: 2}"),
        ),
        ("!include {type: string, path: text.sh}", json!("echo 'ü'\n")),
        ("!include {type: binary, path: blob}", json!("AAE=")),
        (
            "!include {type: archive, path: conf}",
            json!({"$archive": "site/conf"}),
        ),
        ("!archive conf", json!({"$archive": "site/conf"})),
        ("!archive './conf/'", json!({"$archive": "site/conf"})),
        ("!include ../shared/part.yaml", json!("outside of the app")),
        ("!include ../part.yaml", json!("at the root")),
        (
            "[!include ../part.yaml, !include {type: string, path: text.sh}]",
            json!(["at the root", "echo 'ü'\n"]),
        ),
        // Beside the including file, and below the app.
        (
            "!include deep/er.yaml",
            json!({"inner": "beside the including file", "up": {"a": [1, true]}}),
        ),
    ];
    for (tag, expected) in table {
        assert_eq!(included(tag), expected, "{tag}");
    }
}

#[test]
fn whole_apps_may_be_included() {
    let app =
        "type: nodejs:20\nhooks: {build: !include {type: string, path: build.sh}}\nsource: {root: api}\n";
    let tables: [&[(&str, &str)]; 4] = [
        &[
            (".platform/applications.yaml", "api: !include app.yaml"),
            (".platform/app.yaml", app),
        ],
        &[
            (
                ".platform/applications.yaml",
                "api: !include {path: ../api/app.yaml}",
            ),
            ("api/app.yaml", app),
        ],
        &[
            (
                ".upsun/config.yaml",
                "applications: {api: !include parts/api.yaml}",
            ),
            (".upsun/parts/api.yaml", app),
        ],
        &[
            (
                ".upsun/config.yaml",
                "applications: !include {type: yaml, path: parts/apps.yaml}",
            ),
            (".upsun/parts/apps.yaml", "api: !include ../../api/app.yaml"),
            ("api/app.yaml", app),
        ],
    ];
    for files in tables {
        let build = ("api/build.sh", "make api\n");
        let app = only_app(&[files, &[build]].concat());
        assert_eq!(
            (app.name.as_str(), app.source_root.as_str()),
            ("api", "api"),
            "{files:?}"
        );
        assert_eq!(app.hooks.build.as_deref(), Some("make api\n"), "{files:?}");
    }
}

#[test]
fn services_and_routes_include_from_their_own_directory() {
    let files = [
        (".platform.app.yaml", "name: app\ntype: nodejs:20\n"),
        (
            ".platform/services.yaml",
            "front:\n  type: varnish:7.7\n  relationships: {app: 'app:http'}\n  configuration:\n    vcl: !include {type: string, path: config.vcl}\n",
        ),
        (".platform/config.vcl", "sub vcl_recv {}\n"),
        (
            ".platform/routes.yaml",
            "'https://{default}/': !include routes/main.yaml\n",
        ),
        (
            ".platform/routes/main.yaml",
            "{type: upstream, upstream: 'app:http', id: main}\n",
        ),
    ];
    let project = loaded(&Commit::of(files)).project;
    assert_eq!(project.services[0].configuration["vcl"], "sub vcl_recv {}\n");
    assert_eq!(project.routes[0].id.as_deref(), Some("main"));
}

#[test]
fn what_cannot_be_included_is_named() {
    let table = [
        ("!include none.yaml", "there is no file `none.yaml`"),
        ("!include ../../x", "`../../x` leads out of the repository"),
        ("!include {type: strange, path: a}", "unknown type of include"),
        ("!include {type: string}", "`!include` names no file"),
        ("!include", "`!include` names no file"),
        ("!include [a]", "`!include` names no file"),
        ("!archive none", "there is no directory `none`"),
        ("!archive", "`!archive` names no directory"),
        ("!archives x", "unknown tag `!archives`"),
        (
            "!include .platform.app.yaml",
            "too many files include one another",
        ),
    ];
    for (tag, expected) in table {
        let text = format!("name: app\ntype: nodejs:20\nvariables: {{env: {{A: {tag}}}}}\n");
        let said = refusal(&Commit::of([(".platform.app.yaml", &text)]));
        assert!(said.contains(expected), "{tag}: {said}");
    }
}

#[test]
fn mounts_crons_and_types_have_former_forms() {
    let text = "
name: app
type: nodejs
disk: 256
mounts: {/a: 'shared:files/sub/dir', b: 'shared:files', c/: 'shared:files/'}
crons: {old: {spec: '0 1 * * *', cmd: tidy}, new: {spec: 'H 1 * * *', commands: {start: tidy, stop: end}}}
relationships: {database: 'db:mysql', cache: 'cache:redis'}
";
    let services = "db: {type: 'mysql:11.8', disk: 256}\ncache: {type: 'redis:8.0'}\n";
    let app = only_app(&[
        (".platform.app.yaml", text),
        (".platform/services.yaml", services),
    ]);
    let mounts: Vec<_> = app
        .mounts
        .iter()
        .map(|mount| (mount.path.as_str(), mount.source_path.as_str()))
        .collect();
    assert_eq!(mounts, [("a", "sub/dir"), ("b", ""), ("c", "")]);
    assert!(app.mounts.iter().all(|mount| mount.source == MountSource::Local));
    assert_eq!(
        (app.crons[0].start.as_str(), app.crons[0].stop.as_deref()),
        ("tidy", None)
    );
    assert_eq!(app.crons[1].stop.as_deref(), Some("end"));
    assert_eq!(app.runtime.resolved, "20", "the newest");
    let relationships: Vec<_> = app
        .relationships
        .iter()
        .map(|r| (r.name.as_str(), r.endpoint.as_str()))
        .collect();
    assert_eq!(relationships, [("database", "mysql"), ("cache", "redis")]);
}

#[test]
fn the_keys_of_web_before_there_were_locations_are_a_location() {
    let text = "
name: app
type: 'php:8.4'
web:
    document_root: '/web'
    passthru: index.php
    index_files: [index.php, index.html]
    expires: 300
    whitelist: ['\\.css$', '\\.js$']
    blacklist: ['\\.secret\\.css$']
    move_to_root: false
";
    let web = only_app(&[(".platform.app.yaml", text)]).web;
    let location = &web.locations[0];
    assert_eq!(
        (location.path.as_str(), location.root.as_deref()),
        ("/", Some("web"))
    );
    assert_eq!(location.passthru, Passthru::To("/index.php".into()));
    assert_eq!(location.index, ["index.php", "index.html"]);
    assert_eq!(location.expires, Expires::AfterMillis(300_000));
    assert!(!location.allow, "a whitelist forbids the rest");
    let rules: Vec<_> = location
        .rules
        .iter()
        .map(|rule| (rule.pattern.as_str(), rule.allow))
        .collect();
    let expected = [
        (r"\.secret\.css$", Some(false)),
        (r"\.css$", Some(true)),
        (r"\.js$", Some(true)),
    ];
    assert_eq!(rules, expected);

    let both = format!("{text}    locations: {{/: {{passthru: true}}}}\n");
    let said = refusal(&Commit::of([(".platform.app.yaml", &both)]));
    assert!(
        said.contains("`document_root` and `locations` exclude each other"),
        "{said}"
    );
}

#[test]
fn upsun_reads_every_file_of_its_first_level_in_order() {
    let files = [
        (
            ".upsun/10-first.yaml",
            "applications: {a: {type: 'nodejs:18', hooks: {build: first}}}\nroutes: {'https://{default}/': {type: upstream, upstream: 'a:http'}}\n",
        ),
        (
            ".upsun/20-second.yml",
            "applications: {b: {type: 'nodejs:20'}}\nservices: {db: {type: 'postgresql:17'}}\n",
        ),
        (
            ".upsun/30-third.yaml",
            ".part: &part {type: 'nodejs:20'}\napplications: {a: {<<: *part, relationships: {db: }}}\n",
        ),
        (
            ".upsun/parts/ignored.yaml",
            "applications: {c: {type: 'nodejs:20'}}\n",
        ),
        (".upsun/notes.txt", "{{{"),
    ];
    let project = loaded(&Commit::of(files)).project;
    let apps: Vec<_> = project
        .apps
        .iter()
        .map(|app| {
            (
                app.name.as_str(),
                app.runtime.version.as_str(),
                app.hooks.build.as_deref(),
            )
        })
        .collect();
    assert_eq!(apps.len(), 2);
    assert!(
        apps.contains(&("a", "20", None)),
        "the later file's app replaces the whole: {apps:?}"
    );
    assert_eq!((project.services.len(), project.routes.len()), (1, 1));
}

#[test]
fn routes_have_former_forms() {
    let routes =
        "'http://{default}/': {type: upstream, upstream: 'app:php', primary: 1, cache: {enabled: 0}}\n";
    let commit = Commit::of([
        (".platform.app.yaml", "name: app\ntype: 'php:8.4'\n"),
        (".platform/routes.yaml", routes),
    ]);
    let project = loaded(&commit).project;
    assert!(project.routes[0].primary == Some(true));
    let RouteKind::Upstream { name, endpoint } = &project.routes[0].kind else {
        panic!("{:?}", project.routes[0].kind);
    };
    assert_eq!((name.as_str(), endpoint.as_str()), ("app", "http"));
}
