//! The recipes that come with guise: they can be read, and their templates can be filled in.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use guise_image::{Catalog, Recipe, RecipeKind, Service};
use serde_json::{Value, json};
use std::path::Path;

fn catalog() -> Catalog {
    Catalog::load(&[Path::new(env!("CARGO_MANIFEST_DIR")).join("../../images")]).unwrap()
}

fn with_recipe(name: &str, check: impl FnOnce(&Recipe)) {
    let catalog = catalog();
    check(catalog.resolve(name, "").unwrap().recipe);
}

fn with_service(name: &str, check: impl FnOnce(&Service)) {
    with_recipe(name, |recipe| check(recipe.service().unwrap()));
}

/// A web container's facts, with some of them replaced.
fn app_context(facts: Value) -> Value {
    let mut context = json!({
        "web": true, "has_start": true, "start": null, "pre_start": null, "listen": "/run/app.sock",
        "memory_mb": 512, "cpu_millis": 400, "runtime": {}, "variables": {},
    });
    for (name, value) in facts.as_object().unwrap() {
        context[name] = value.clone();
    }
    context
}

/// A file of the php image, as an app with these facts gets it.
fn php_file(path: &str, facts: Value) -> String {
    let catalog = catalog();
    let php = catalog.resolve("php", "8.2").unwrap();
    let files = php
        .recipe
        .render_files(&php.version, &app_context(facts))
        .unwrap();
    files.into_iter().find(|file| file.path == path).unwrap().content
}

fn service_context(configuration: Value) -> Value {
    json!({
        "name": "db", "version": "1", "memory_bytes": 512_000_000_u64, "disk_bytes": 512_000_000_u64,
        "configuration": configuration,
        "address": "169.254.1.1", "relationships": {"app": {"ip": "169.254.1.2", "port": 80}},
        "passwords": {"mysql": "p1", "postgresql": "p1", "rabbitmq": "p1", "admin": "it's \\", "reader": "p3"},
    })
}

fn at(endpoint: &str, configuration: Value) -> Value {
    let mut context = service_context(configuration);
    context["endpoint"] = endpoint.into();
    context
}

#[test]
fn every_recipe_renders_all_its_files_for_a_plain_configuration() {
    for recipe in catalog().recipes() {
        let contexts = match recipe.kind() {
            RecipeKind::Runtime => vec![
                app_context(json!({"start": "run", "pre_start": "prepare"})),
                app_context(json!({"web": false, "has_start": false, "listen": null})),
            ],
            RecipeKind::Service => vec![service_context(json!({})), service_context(Value::Null)],
        };
        for context in contexts {
            let newest = recipe.versions().pop().unwrap();
            for file in recipe.render_files(&newest, &context).unwrap() {
                assert!(
                    !file.path.starts_with('/') && !file.content.is_empty(),
                    "{file:?}"
                );
                assert!(
                    !file.path.ends_with("/run") || file.content.starts_with("#!/bin/dash\n"),
                    "{file:?}"
                );
            }
            let Some(service) = recipe.service() else { continue };
            service.provision(&context).unwrap();
            let credentials = service
                .credentials(&at(service.default_endpoint(), json!({})))
                .unwrap();
            // Services that know no users have the short form (spec 2.2).
            if !credentials.contains_key("username") {
                assert_eq!(credentials.len(), 2, "{credentials:?}");
            }
            let long = credentials.contains_key("username");
            let fields = [
                "scheme",
                "port",
                "username",
                "password",
                "path",
                "query",
                "fragment",
                "public",
                "host_mapped",
                "epoch",
            ];
            for field in fields.into_iter().take(if long { usize::MAX } else { 2 }) {
                assert!(credentials.contains_key(field), "{} lacks {field}", recipe.name());
            }
            assert_eq!(credentials["port"], json!(service.port()));
        }
    }
}

#[test]
fn a_worker_has_no_web_server_and_a_static_site_no_app() {
    with_recipe("python", |python| {
        let paths = |context: Value| -> Vec<String> {
            python
                .render_files("3.13", &context)
                .unwrap()
                .into_iter()
                .map(|file| file.path)
                .collect()
        };
        let worker = json!({"web": false, "has_start": true, "start": "work", "pre_start": null});
        assert_eq!(
            paths(worker),
            ["service/app/run", "service/app/control/t", "service/app/finish"]
        );
        let site = json!({"web": true, "has_start": false, "start": null, "pre_start": null});
        assert_eq!(paths(site), ["service/nginx/run"]);
    });
}

#[test]
fn a_start_command_with_quotes_reaches_its_shell_as_written() {
    with_recipe("python", |python| {
        let context = json!({"web": true, "has_start": true, "start": "echo 'a' \"$B\"", "pre_start": null});
        let files = python.render_files("3.13", &context).unwrap();
        let run = files.iter().find(|file| file.path == "service/app/run").unwrap();
        assert!(
            run.content
                .ends_with("exec chpst -P dash -c 'echo '\\''a'\\'' \"$B\"'\n"),
            "{}",
            run.content
        );
    });
}

#[test]
fn mariadb_without_configuration_has_the_schema_main_and_a_user_without_password() {
    with_service("mysql", |mariadb| {
        let credentials = mariadb.credentials(&at("mysql", json!({}))).unwrap();
        assert_eq!(
            (
                &credentials["username"],
                &credentials["password"],
                &credentials["path"]
            ),
            (&json!("user"), &json!(""), &json!("main"))
        );
        let sql = mariadb
            .provision(&service_context(json!({})))
            .unwrap()
            .unwrap()
            .stdin;
        assert!(sql.contains("CREATE DATABASE IF NOT EXISTS `main`;"), "{sql}");
        assert!(
            sql.contains("SET PASSWORD FOR 'user'@'%' = PASSWORD('');"),
            "{sql}"
        );
        assert!(sql.contains("ON `main`.* TO 'user'@'%';"), "{sql}");
    });
}

#[test]
fn mariadb_endpoints_have_their_own_users_passwords_and_rights() {
    let configuration = json!({
        "schemas": ["a_b", "it`s"],
        "endpoints": {
            "admin": {"default_schema": "a_b", "privileges": {"a_b": "admin", "it`s": "ro"}},
            "reader": {"privileges": {"a_b": "ro"}},
        },
    });
    with_service("mariadb", |mariadb| {
        let admin = mariadb.credentials(&at("admin", configuration.clone())).unwrap();
        assert_eq!(
            (&admin["username"], &admin["path"]),
            (&json!("admin"), &json!("a_b"))
        );
        let reader = mariadb.credentials(&at("reader", configuration.clone())).unwrap();
        assert_eq!(
            (&reader["password"], &reader["path"]),
            (&json!("p3"), &Value::Null)
        );
        let unknown = mariadb
            .credentials(&at("nobody", configuration.clone()))
            .unwrap_err()
            .to_string();
        assert!(
            unknown.contains("the service db has no endpoint nobody"),
            "{unknown}"
        );

        let sql = mariadb
            .provision(&service_context(configuration))
            .unwrap()
            .unwrap()
            .stdin;
        assert!(sql.contains("PASSWORD('it''s \\\\')"), "{sql}");
        assert!(
            sql.contains("GRANT SELECT, CREATE TEMPORARY TABLES, SHOW VIEW ON `a\\_b`.* TO 'reader'@'%';"),
            "{sql}"
        );
        assert!(sql.contains("CREATE DATABASE IF NOT EXISTS `it``s`;"), "{sql}");
        assert!(
            !sql.contains("`main`"),
            "no default is added to a configuration: {sql}"
        );
    });
}

#[test]
fn hostile_settings_are_refused_with_their_reason() {
    with_service("mariadb", |mariadb| {
        let configuration = json!({"schemas": ["a\nDELIMITER //"], "endpoints": {}});
        let refused = mariadb
            .provision(&service_context(configuration))
            .unwrap_err()
            .to_string();
        assert!(refused.contains("control character"), "{refused}");
    });
    with_recipe("mariadb", |mariadb| {
        let properties = json!({"properties": {"default_charset": "utf8\nplugin-load=x"}});
        assert!(
            mariadb
                .render_files("11.8", &service_context(properties))
                .is_err()
        );
    });
}

#[test]
fn types_and_versions_resolve_to_recipes_by_the_mapping_policy() {
    let catalog = catalog();
    let exact = catalog.resolve("python", "3.13").unwrap();
    assert_eq!(
        (exact.recipe.name(), exact.version.as_str(), exact.warning),
        ("python", "3.13", None)
    );
    let newer = catalog.resolve("mysql", "11.4").unwrap();
    assert_eq!((newer.recipe.name(), newer.version.as_str()), ("mariadb", "11.8"));
    assert_eq!(
        newer.warning.unwrap(),
        "mysql:11.4 is not available, mysql:11.8 is used instead"
    );
    let unknown = catalog.resolve("mariadb", "12.3").unwrap_err().to_string();
    assert_eq!(
        unknown,
        "there is no image for mariadb:12.3; there are mariadb:10.11, mariadb:11.8"
    );
    assert!(
        catalog
            .resolve("cobol", "85")
            .unwrap_err()
            .to_string()
            .contains("python")
    );
}

#[test]
fn python_dependencies_are_shell_words() {
    with_recipe("python", |python| {
        let packages = json!({"poetry": "*", "black": "24.1", "x; rm": ">=1,<2"});
        let script = python.dependency_script("python3", &packages).unwrap();
        assert!(
            script.contains(" 'poetry' 'black==24.1' 'x; rm>=1,<2'\n"),
            "{script}"
        );
        let refused = python
            .dependency_script("cobol", &packages)
            .unwrap_err()
            .to_string();
        assert_eq!(
            refused,
            "python images cannot install dependencies of cobol: they know python3"
        );
    });
}

#[test]
fn a_disk_makes_redis_and_valkey_keep_what_they_have() {
    for (name, policy, maxmemory) in [
        ("redis", "allkeys-lru", 384_000_000),
        ("valkey", "allkeys-lru", 384_000_000),
        ("redis-persistent", "noeviction", 128_000_000),
        ("valkey-persistent", "noeviction", 128_000_000),
    ] {
        with_recipe(name, |recipe| {
            let service = recipe.service().unwrap();
            let mut context = service_context(json!({}));
            context["disk_bytes"] = service.data().map_or(Value::Null, |_| json!(256_000_000));
            let files = recipe.render_files("1", &context).unwrap();
            let conf = files.iter().find(|file| file.path == "redis/redis.conf").unwrap();
            assert!(
                conf.content.contains(&format!("maxmemory {maxmemory}\n")),
                "{name}: {}",
                conf.content
            );
            assert!(
                conf.content.contains(&format!("maxmemory-policy {policy}\n")),
                "{name}"
            );
            assert_eq!(
                conf.content.contains("appendonly yes"),
                name.ends_with("-persistent")
            );
            let scheme = name.trim_end_matches("-persistent");
            assert_eq!(
                service.credentials(&at(scheme, json!({}))).unwrap()["scheme"],
                json!(scheme)
            );
        });
    }
}

#[test]
fn php_serves_as_many_requests_at_a_time_as_fit_into_the_memory() {
    let children = |facts: Value| {
        let file = php_file("php/php-fpm.conf", facts);
        let line = file.lines().find(|line| line.starts_with("pm.max_children"));
        line.unwrap().replace("pm.max_children = ", "")
    };
    assert_eq!(children(json!({})), "10");
    assert_eq!(children(json!({"memory_mb": 128})), "2");
    assert_eq!(children(json!({"memory_mb": 64})), "2");
    let hints = json!({"sizing_hints": {"request_memory": 5, "reserved_memory": 12}});
    assert_eq!(children(json!({"memory_mb": 270, "runtime": hints})), "20");
    assert_eq!(children(json!({"memory_mb": 5000})), "24");
    assert_eq!(children(json!({"memory_mb": 5000, "cpu_millis": 10_000})), "50");
}

#[test]
fn a_second_php_with_xdebug_is_there_only_for_apps_that_are_debugged() {
    let catalog = catalog();
    let php = catalog.resolve("php", "8.4").unwrap();
    let render = |facts: Value| {
        let files = php
            .recipe
            .render_files(&php.version, &app_context(facts))
            .unwrap();
        let run = files.iter().find(|file| file.path == "service/xdebug/run");
        run.map(|run| run.content.clone())
    };
    assert_eq!(render(json!({})), None);
    let debugger = json!({"key": "KEY", "listen": "/run/xdebug.sock"});
    let run = render(json!({"debugger": debugger})).unwrap();
    assert!(
        run.contains("-d zend_extension=xdebug ") && run.contains("idekey='KEY'"),
        "{run}"
    );
    let loaded = json!({"debugger": debugger, "runtime": {"extensions": ["xdebug"]}});
    assert!(!render(loaded).unwrap().contains("zend_extension"));
}

#[test]
fn php_loads_the_usual_extensions_but_for_disabled_ones_and_those_that_are_asked_for_with_what_they_need() {
    let runtime = json!({
        "extensions": ["redis", {"name": "imagick", "configuration": {"imagick.skip_version_check": true}}, "newrelic"],
        "disabled_extensions": ["soap"],
    });
    let file = php_file("php/guise.ini", json!({"runtime": runtime}));
    let loaded: Vec<&str> = file
        .lines()
        .filter_map(|line| line.split_once("extension = "))
        .map(|(_, name)| name)
        .collect();
    assert_eq!(loaded[..3], ["mysqlnd", "opcache", "pdo"]);
    let place = |name| loaded.iter().position(|loaded| *loaded == name);
    assert!(place("igbinary").unwrap() < place("redis").unwrap());
    assert!(place("imagick").is_some() && place("pdo_mysql").is_some());
    for absent in ["soap", "xdebug", "pgsql", "newrelic"] {
        assert_eq!(place(absent), None, "{absent}");
    }
    assert!(file.contains("zend_extension = opcache\n"), "{file}");
    assert!(file.contains("imagick.skip_version_check = On\n"), "{file}");
}

#[test]
fn variables_of_php_become_lines_of_its_configuration() {
    let variables =
        json!({"php": {"memory_limit": "256M", "error_reporting": "E_ALL & ~E_NOTICE"}, "env": {"A": "1"}});
    let file = php_file("php/variables.ini", json!({"variables": variables}));
    assert!(
        file.ends_with("memory_limit = 256M\nerror_reporting = E_ALL & ~E_NOTICE\n"),
        "{file}"
    );
}

#[test]
fn a_private_recipe_extends_a_shipped_one_and_wins_over_one_of_its_name() {
    let own = tempfile::tempdir().unwrap();
    let write = |name: &str, file: &str, text: &str| {
        std::fs::create_dir_all(own.path().join(name)).unwrap();
        std::fs::write(own.path().join(name).join(file), text).unwrap();
    };
    write(
        "queue",
        "recipe.toml",
        "name = \"queue\"\nextends = \"redis-persistent\"\n",
    );
    write(
        "memcached",
        "recipe.toml",
        "name = \"memcached\"\nextends = \"redis\"\n",
    );
    let shipped = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../images");
    let catalog = Catalog::load(&[shipped, own.path().into()]).unwrap();
    let queue = catalog.resolve("queue", "8.0").unwrap().recipe;
    assert_eq!(queue.service().unwrap().min_disk_mb(), Some(128));
    assert!(
        !queue
            .render_files("8.0", &service_context(json!({})))
            .unwrap()
            .is_empty()
    );
    let memcached = catalog.resolve("memcached", "").unwrap().recipe;
    assert_eq!(memcached.service().unwrap().port(), 6379);
}

#[test]
fn images_of_all_languages_install_packages_of_the_others() {
    let packages = json!({"sass": "*", "x; rm": "~> 3.4"});
    for language in ["elixir", "golang", "java", "ruby", "rust"] {
        with_recipe(language, |recipe| {
            for other in ["nodejs", "python3", "ruby"] {
                let script = recipe.dependency_script(other, &packages).unwrap();
                assert!(script.contains("'x; rm"), "{script}");
            }
            let script = recipe.dependency_script("ruby", &packages).unwrap();
            assert!(
                script.contains("/app/.global/bin --version '~> 3.4' 'x; rm'\n"),
                "{script}"
            );
            assert!(script.contains("/app/.global/bin 'sass'\n"), "{script}");
            assert_eq!(recipe.env()["GEM_PATH"], "/app/.global:");
        });
    }
}
