//! What people read about configurations that are wrong. Each snapshot is a whole output.

#![allow(clippy::unwrap_used)]

mod commit;

use commit::{Commit, refusal, warnings};

fn app(rest: &str) -> Commit {
    Commit::of([(
        ".platform.app.yaml",
        &format!("name: app\ntype: 'python:3.13'\n{rest}"),
    )])
}

#[test]
fn not_yaml() {
    insta::assert_snapshot!(refusal(&app("hooks:\n  build: |\n    make\n deploy: x\n")));
    insta::assert_snapshot!(refusal(&app("mounts: {a: b\n")));
    insta::assert_snapshot!(refusal(&app("a: *nothing\n")));
}

#[test]
fn unknown_keys_with_what_was_meant_or_what_is_allowed() {
    insta::assert_snapshot!(refusal(&app("relationship:\n  db: 'db:mysql'\nbanana: 1\n")));
}

#[test]
fn unknown_types_and_versions_with_those_that_exist() {
    let commit = Commit::of([
        (
            ".platform/applications.yaml",
            "a: {type: 'pyhton:3.13'}\nb: {type: 'python:2.7'}\nc: {type: 'cobol:1'}\nd: {type: 'mariadb:11.8'}\ne: {}\nf: {type: 'composable:26.05'}\n",
        ),
        (
            ".platform/services.yaml",
            "db: {type: 'postgresql:18', disk: 256}\ncache: {type: 'redys:8.0'}\nx: {disk: 5}\n",
        ),
    ]);
    insta::assert_snapshot!(refusal(&commit));
}

#[test]
fn everything_wrong_in_several_files_at_once() {
    let commit = Commit::of([
        (
            ".platform.app.yaml",
            r#"
name: App
type: 'python:3.13'
relationships:
  database: 'dbs:mysql'
  cache: 'cache:mysql'
  api: 'app'
mounts:
  /: {source: local}
  uploads: {source: lokal}
  uploads/tmp: {source: tmp}
web:
  locations:
    static: {root: ../../etc}
    /: {expires: soon, passthru: true, rules: {'*.css': {allow: true}}}
hooks:
  build: [make]
workers:
  queue: {}
"#,
        ),
        (
            ".platform/services.yaml",
            "db: {type: 'mariadb:11.8'}\ncache: {type: 'redis:8.0', disk: 128}\n",
        ),
        (
            ".platform/routes.yaml",
            r#"
'https://{default}/': {type: upstream, upstream: 'appp:http'}
'https://{default}': {type: redirect, to: 'nowhere'}
'ftp://{default}/': {type: upstreem}
"#,
        ),
    ]);
    insta::assert_snapshot!(refusal(&commit));
}

#[test]
fn a_cron_specification_is_refused_where_it_is_wrong() {
    let commit = Commit::of([(
        ".platform.app.yaml",
        r#"
name: app
type: 'python:3.13'
crons:
  clean: {spec: '0 24 * * *', commands: {start: make clean}}
  often: {spec: 'H/15 * * * mon-fri', cmd: make often}
"#,
    )]);
    insta::assert_snapshot!(refusal(&commit));
}

#[test]
fn words_that_mean_nothing_are_refused_with_those_that_do() {
    insta::assert_snapshot!(refusal(&app(r#"
timezone: Europe/Pariss
access: {ssh: contributer, sftp: viewer}
additional_hosts: {'a b': 10.0.0.1, example.com: example.org}
container_profile: HIGH
web:
  timezone: Middle-Earth
  locations:
    /: {passthru: index.php, rules: {'\.css$': {passthru: yeah}}}
workers:
  queue: {access: {ssh: owner}, commands: {start: run}}
"#)));
}

#[test]
fn a_build_cache_is_refused_where_it_is_wrong() {
    let commit = Commit::of([(
        ".platform.app.yaml",
        r#"
name: app
type: 'python:3.13'
build:
  caches:
    vendor: {watch: composer.*}
    assets: {}
    up: {directory: ../up, watch: lock}
    odd: {directory: odd, watch: [/etc/../../passwd], allow_stale: sometimes, shared: true}
"#,
    )]);
    insta::assert_snapshot!(refusal(&commit));
}

#[test]
fn what_is_not_supported_yet_is_named() {
    let commit = Commit::of([
        (
            ".platform.app.yaml",
            r#"
name: app
type: 'python:3.13'
firewall: {outbound: [{ips: [1.2.3.4/32]}]}
"#,
        ),
        (
            ".platform/routes.yaml",
            r#"
'https://{default}/':
  type: upstream
  upstream: 'app:http'
  cache: {enabled: true}
  ssi: {enabled: true}
  sticky: true
"#,
        ),
    ]);
    insta::assert_snapshot!(refusal(&commit));
}

#[test]
fn redirects_and_tls_settings_that_cannot_be_are_refused() {
    let commit = Commit::of([
        (".platform.app.yaml", "name: app\ntype: 'python:3.13'\n"),
        (
            ".platform/routes.yaml",
            r#"
'https://{default}/':
  type: upstream
  upstream: 'app:http'
  redirects:
    expires: soon
    paths:
      /a: {to: b}
      c: {to: /d}
      '^/e(?=f)': {to: /g, regexp: true}
      /h: {to: /i, code: 303}
      /j: {prefx: false}
  tls:
    min_version: TLSv1.1
    client_authentication: require
'https://{default}/x':
  type: proxy
  to: example.com
  tls: {client_certificate_authorities: [authority.crt]}
"#,
        ),
    ]);
    insta::assert_snapshot!(refusal(&commit));
}

#[test]
fn duplicates_show_both_places() {
    let commit = Commit::of([
        (
            "a/.platform.app.yaml",
            "name: app\ntype: 'python:3.13'\ntype: 'python:3.11'\n",
        ),
        ("b/.platform.app.yaml", "name: app\ntype: 'python:3.13'\n"),
        (".platform/services.yaml", "app: {type: 'redis:8.0'}\n"),
    ]);
    insta::assert_snapshot!(refusal(&commit));
}

#[test]
fn routes_that_contradict_each_other_show_both_places() {
    let mut commit = app("");
    let routes = r#"
'https://{default}/': {type: upstream, upstream: app, id: main, primary: true}
'https://{default}': {type: upstream, upstream: app, id: main}
'https://www.{default}': {type: upstream, upstream: app, primary: true}
'https://{default}/a': {type: upstream, upstream: app, cache: {enabled: true, headers: [Accept, Cookie], cookies: ['/^lang(?=_)/']}}
"#;
    commit.0.insert(".platform/routes.yaml".into(), routes.into());
    insta::assert_snapshot!(refusal(&commit));
}

#[test]
fn includes_that_lead_nowhere_or_out() {
    insta::assert_snapshot!(refusal(&app(
        "hooks: {build: !include {type: string, path: ../../etc/passwd}, deploy: !include {path: no.yaml}}\nvariables: !includ x\n"
    )));
}

#[test]
fn a_file_that_includes_itself_ends() {
    let commit = Commit::of([
        (
            ".platform.app.yaml",
            "name: app\ntype: 'python:3.13'\nvariables: !include loop.yaml\n",
        ),
        ("loop.yaml", "a: !include loop.yaml\nb: !include loop.yaml\n"),
    ]);
    assert!(refusal(&commit).contains("too many files include one another"));
}

#[test]
fn a_file_of_aliases_that_stand_for_billions_of_nodes_is_refused_quickly() {
    let mut text = "name: app\ntype: 'python:3.13'\n.a0: &a0 [1, 1, 1, 1, 1, 1, 1, 1, 1, 1]\n".to_owned();
    for level in 1..12 {
        let aliases = vec![format!("*a{}", level - 1); 10].join(", ");
        text.push_str(&format!(".a{level}: &a{level} [{aliases}]\n"));
    }
    let started = std::time::Instant::now();
    assert!(
        refusal(&Commit::of([(".platform.app.yaml", &text)]))
            .contains("too large once its aliases are followed")
    );
    assert!(started.elapsed().as_secs() < 5);
}

#[test]
fn no_configuration_at_all() {
    insta::assert_snapshot!(refusal(&Commit::of([("README.md", "")])));
}

#[test]
fn warnings_of_what_is_taken() {
    let commit = Commit::of([
        (
            ".platform.app.yaml",
            r#"
name: app
type: 'python:3.12'
relationships: {database: 'db:mysql', other: 'b:http'}
web:
  locations: {/: {passthru: true, colour: blue}}
runtime: {extensions: [redis]}
dependencies: {perl: {x: 1}}
"#,
        ),
        (
            "b/.platform.app.yaml",
            "name: b\ntype: nodejs\nrelationships: {app: 'app:http'}\nweb: {commands: {start: x}}\n",
        ),
        (
            ".platform/services.yaml",
            "db: {type: 'mariadb:10.5', disk: 512}\ncache: {type: 'redis:8.0', disk: 128}\n",
        ),
    ]);
    insta::assert_snapshot!(warnings(&commit));
}

#[test]
fn extensions_that_the_image_does_not_have_are_only_warned_of() {
    let text =
        "name: app\ntype: 'php:8.2'\nruntime:\n  extensions: [redis, {name: blackfire}, pdo_pgsl, json]\n";
    let said = warnings(&Commit::of([(".platform.app.yaml", text)]));
    assert!(
        said.contains("the image php:8.2 has no extension `blackfire`; it is left out"),
        "{said}"
    );
    assert!(said.contains("did you mean `pdo_pgsql`?"), "{said}");
    assert_eq!(said.matches("has no extension").count(), 2, "{said}");
}

#[test]
fn findings_for_machines_have_lines_and_columns() {
    let findings = guise_config::load(&app("banana: 1\n"), &commit::types()).unwrap_err();
    let json = findings[0].to_json();
    assert_eq!(json["code"], "unknown-key");
    assert_eq!(
        (&json["labels"][0]["line"], &json["labels"][0]["column"]),
        (&3.into(), &1.into())
    );
}

#[test]
fn only_network_storage_can_be_mounted() {
    let commit = Commit::of([
        (
            ".platform.app.yaml",
            r#"
name: app
type: 'python:3.13'
mounts:
  fine: {source: service, service: files}
  cache: {source: service, service: cache}
"#,
        ),
        (
            ".platform/services.yaml",
            r#"
files: {type: 'network-storage:1.0', disk: 256}
my_files: {type: 'network-storage:1.0', disk: 256}
cache: {type: 'redis:8.0'}
"#,
        ),
    ]);
    insta::assert_snapshot!(refusal(&commit));
}

#[test]
fn a_root_that_is_no_directory_of_the_repository_is_refused() {
    let commit = Commit::of([
        (
            ".platform/applications.yaml",
            "a: {type: 'python:3.13', source: {root: module/site}}\nb: {type: 'python:3.13', source: {root: ../b}}\n",
        ),
        // A submodule is listed by its path alone.
        ("module", ""),
    ]);
    insta::assert_snapshot!(refusal(&commit));
}

#[test]
fn slips_of_beginners_are_explained() {
    let commit = Commit::of([
        (
            ".platform/applications.yaml",
            "a:\n  type: 'php:8.4'\n  disk: 2GB\n  build: {flavor: composr}\n  dependencies: {pyhton3: {pipenv: '*'}}\n  crons: {a: {spec: '@daily', cmd: x}}\nb: python:3.13\n",
        ),
        (".platform/services.yaml", "db: mariadb\n"),
    ]);
    insta::assert_snapshot!(refusal(&commit));
    let list = Commit::of([(".platform.app.yaml", "- name: app\n")]);
    insta::assert_snapshot!(refusal(&list));
    let tab = Commit::of([(".platform.app.yaml", "name: app\nweb:\n\tcommands: {start: x}\n")]);
    insta::assert_snapshot!(refusal(&tab));
}

#[test]
fn settings_of_php_that_mean_nothing_are_refused_or_told() {
    let commit = Commit::of([(
        ".platform.app.yaml",
        "name: app\ntype: 'php:8.4'\nruntime:\n  extension: [redis]\n  request_terminate_timeout: soon\n  sizing_hints: {request_memory: lots, memory: 5}\n  xdebug: {idekey: 'a b', key: c}\n",
    )]);
    insta::assert_snapshot!(refusal(&commit));
}
