//! Services: an app that writes a value to each, reads it back from each, and what becomes of it afterwards.

use anyhow::{Context, Result, ensure};
use journeys::{Guise, Repository, http};
use serde_json::{Value, json};

const APP: &str = ".platform.app.yaml";
const SERVICES: &str = ".platform/services.yaml";
const ROUTES: &str = ".platform/routes.yaml";

const CONFIGURATION: &str = r#"
name: app
type: python:3.13
size: M
disk: 256
web:
  commands: {start: python server.py}
  locations: {"/": {passthru: true}}
mounts:
  shared: {source: service, service: files, source_path: shared}
  kept: {source: storage}
  instance: {source: instance}
  scratch: {source: tmp}
workers:
  copy:
    size: S
    mounts:
      theirs: {source: service, service: files, source_path: shared}
    commands:
      start: |
        while sleep 0.1; do [ ! -f theirs/it ] || cp theirs/it theirs/worker; done
relationships:
  cache: "cache:valkey"
  store: "store:valkey"
  memory: "memory:memcached"
"#;

const FEW: &str = r#"
cache: {type: "valkey:8.1"}
store: {type: "valkey-persistent:8.1", disk: 256}
memory: {type: "memcached:1.6"}
files: {type: "network-storage:1.0", disk: 256}
"#;

/// Those whose images take longer to build.
const MORE: &str = r#"
old: {type: "redis-persistent:7.2", disk: 256}
queue: {type: "rabbitmq:4.0", disk: 512, size: L, configuration: {vhosts: [events]}}
metrics: {type: "influxdb:1.6", disk: 256}
browser: {type: "chrome-headless:156", size: 2XL}
front: {type: "varnish:7.7", relationships: {app: "app:http"}}
db: {type: "mariadb:10.11", disk: 256}
sql: {type: "postgresql:15", disk: 256}
"#;

const MORE_RELATIONSHIPS: &str = r#"  old: "old:redis"
  queue: "queue:rabbitmq"
  metrics: "metrics:influxdb"
  browser: "browser:http"
"#;

const FRONT: &str = r#"
"http://{default}/": {type: upstream, upstream: "app:http"}
"http://cached.{default}/": {type: upstream, upstream: "front:http"}
"#;

pub fn keep_what_they_should(guise: &Guise) -> Result<()> {
    let site = Repository::create(&guise.directory().join("services"))?;
    site.write("server.py", include_str!("services/server.py"))?;
    site.write(APP, CONFIGURATION)?;
    site.write(SERVICES, FEW)?;
    site.commit("Begin")?;
    guise.run(site.root(), &["up"])?.ok()?;
    let few = [
        "cache", "store", "memory", "shared", "worker", "kept", "instance", "scratch",
    ];
    each_gives_back(guise, &site, &few)?;

    site.replace(
        SERVICES,
        "valkey:8.1\"}",
        "valkey:8.1\", configuration: {maxmemory_policy: allkeys-lfu}}",
    )?;
    site.replace(SERVICES, "disk: 256}\nmemory", "disk: 256, size: L}\nmemory")?;
    let push = site.push("Change two services")?;
    ensure!(push.accepted, "{}", push.output);
    let kept = answers(guise, &site, "get")?;
    ensure!(
        kept["cache"] == "$-1",
        "a cache that was made anew has kept something: {kept}"
    );
    ensure!(
        kept["store"] == "one" && kept["shared"] == "one",
        "what has a disk has lost something: {kept}"
    );

    is_refused(
        &site,
        "valkey-persistent:8.1",
        "redis-persistent:8.0",
        "cannot become a redis-persistent",
    )?;
    if std::env::var_os("GUISE_TEST_ALL").is_some() {
        more(guise, &site)?;
    }
    Ok(())
}

/// The services of the long form, a cache in the way of requests, and what versions may follow on which.
fn more(guise: &Guise, site: &Repository) -> Result<()> {
    site.append(SERVICES, MORE)?;
    site.append(APP, MORE_RELATIONSHIPS)?;
    site.write(ROUTES, FRONT)?;
    let push = site.push("Add services")?;
    ensure!(
        push.accepted && push.output.contains("`redis-persistent:8.0` is used"),
        "{}",
        push.output
    );
    each_gives_back(guise, site, &["old", "queue", "metrics", "browser"])?;
    let cached = guise.url(site.root())?.replacen("http://", "http://cached.", 1);
    let response = http::get(&cached)?;
    ensure!(
        response.status == 200 && response.header("x-varnish").is_some(),
        "not by way of varnish: {response:?}"
    );

    let sql = |query: &str| {
        guise
            .run(site.root(), &["db", "sql", "--relationship", "db", query])?
            .ok()
    };
    site.append(APP, "  db: \"db:mysql\"\n  sql: \"sql:postgresql\"\n")?;
    site.push("Relate to the databases")?;
    let pgsql = |query: &str| {
        guise
            .run(
                site.root(),
                &["db", "sql", "--raw", "--relationship", "sql", query],
            )?
            .ok()
    };
    sql("CREATE TABLE t (n INT); INSERT INTO t VALUES (7)")?;
    pgsql("CREATE TABLE t (n INT); INSERT INTO t VALUES (7)")?;
    site.replace(SERVICES, "mariadb:10.11", "mariadb:11.8")?;
    site.replace(SERVICES, "postgresql:15", "postgresql:17")?;
    let push = site.push("Upgrade the databases")?;
    ensure!(push.accepted, "{}", push.output);
    let row = sql("SELECT n FROM t")?;
    ensure!(
        row.contains('7'),
        "the newer version does not have the row: {row}"
    );
    let row = pgsql("SELECT n FROM t")?;
    ensure!(
        row.trim() == "7",
        "the newer version does not have the row: {row}"
    );
    is_refused(
        site,
        "mariadb:11.8",
        "mariadb:10.11",
        "cannot go back from mariadb:11.8",
    )?;
    is_refused(
        site,
        "postgresql:17",
        "postgresql:15",
        "cannot go back from postgresql:17",
    )
}

fn each_gives_back(guise: &Guise, site: &Repository, names: &[&str]) -> Result<()> {
    answers(guise, site, "set/one")?;
    // The worker copies what it sees in a moment of its own.
    std::thread::sleep(std::time::Duration::from_millis(500));
    let answers = answers(guise, site, "get")?;
    for name in names {
        ensure!(
            answers[name] == json!("one"),
            "{name} gives {} back: {answers}",
            answers[name]
        );
    }
    Ok(())
}

fn answers(guise: &Guise, site: &Repository, path: &str) -> Result<Value> {
    let response = http::get(&format!("{}{path}", guise.url(site.root())?))?;
    let text = response.text();
    serde_json::from_str(&text).with_context(|| format!("status {}: {text}", response.status))
}

/// That a push which replaces one type by another is refused with these words.
fn is_refused(site: &Repository, old: &str, new: &str, words: &str) -> Result<()> {
    site.replace(SERVICES, old, new)?;
    if old.starts_with("valkey") {
        // Its endpoint has its name.
        site.replace(APP, "store:valkey", "store:redis")?;
    }
    let push = site.push("Become something else")?;
    ensure!(
        !push.accepted && push.output.contains(words),
        "{words:?} is not why:\n{}",
        push.output
    );
    site.take_back()
}
