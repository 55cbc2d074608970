//! The built images of databases keep what they have, and give each endpoint its own rights.
//! Needs root, and the images in the default cache or Debian's mirror to build them, so it is run by name:
//! `cargo test -p guise-image --test databases -- --ignored`.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod running;

use running::{Running, catalog};
use serde_json::{Value, json};
use std::{
    fs,
    time::{Duration, Instant},
};

#[test]
#[ignore = "needs built images"]
fn mariadb_starts_is_provisioned_and_stops_cleanly() {
    check_mariadb("11.8");
}

#[test]
#[ignore = "needs built images"]
fn the_older_mariadb_does_too() {
    check_mariadb("10.11");
}

#[test]
#[ignore = "needs built images"]
fn a_newer_mariadb_takes_over_the_data_of_an_older_one() {
    take_over(
        "mariadb",
        &json!({}),
        "mariadb --no-defaults -h127.0.0.1 -uuser --skip-ssl -BN main",
        "sv -w 30 stop /run/service/mariadb",
        &[
            ("10.11", "CREATE TABLE t (n INT); INSERT INTO t VALUES (7)", ""),
            ("11.8", "SELECT n FROM t", "7\n"),
        ],
    );
}

/// Runs statements in one version after another, each with the data that the one before has left, and gives the last.
fn take_over(
    name: &str,
    configuration: &Value,
    client: &str,
    stop: &str,
    steps: &[(&str, &str, &str)],
) -> Running {
    let catalog = catalog();
    let mut latest: Option<(&str, Running)> = None;
    for (version, sql, expected) in steps {
        let running = match latest {
            Some((running_version, running)) if running_version == *version => running,
            before => {
                let recipe = catalog.resolve(name, version).unwrap().recipe;
                let context = json!({
                    "name": "db", "version": version, "memory_bytes": 256_000_000, "disk_bytes": null,
                    "configuration": configuration, "passwords": {name: "p"},
                });
                if let Some((_, before)) = &before {
                    before.until(&["sh", "-c", stop], Duration::from_secs(30));
                }
                let before = before.map(|(_, before)| before);
                let running = Running::start_with(before.as_ref(), recipe, version, &context, &[]);
                let service = recipe.service().unwrap();
                let ready: Vec<&str> = service.ready().iter().map(String::as_str).collect();
                running.until(&ready, Duration::from_secs(120));
                let provision = service.provision(&context).unwrap().unwrap();
                for _ in 0..2 {
                    let begun = Instant::now();
                    let output = running.exec(&provision.argv, &provision.stdin);
                    assert!(output.status.success(), "{output:?}\n{}", running.logs());
                    println!("{version} provisioned in {:?}", begun.elapsed());
                }
                running
            }
        };
        let argv: Vec<String> = client.split(' ').map(String::from).collect();
        let output = running.exec(&argv, sql);
        assert!(output.status.success(), "{output:?}\n{}", running.logs());
        assert_eq!(
            String::from_utf8_lossy(&output.stdout),
            *expected,
            "{version}: {sql}"
        );
        latest = Some((version, running));
    }
    latest.unwrap().1
}

#[test]
#[ignore = "needs built images"]
fn mariadb_lets_replicas_read_its_log_and_nobody_else() {
    for version in ["10.11", "11.8"] {
        check_replication(version);
    }
}

/// What each of the privileges allows: to read, to write, to make tables, to see the log, to direct a replica.
const ALLOWED: [(&str, [bool; 5]); 5] = [
    ("ro", [true, false, false, false, false]),
    ("rw", [true, true, false, false, false]),
    ("admin", [true, true, true, false, false]),
    ("replication", [true, false, false, true, false]),
    ("replication-admin", [true, false, false, true, true]),
];

fn check_replication(version: &str) {
    let catalog = catalog();
    let recipe = catalog.resolve("mariadb", version).unwrap().recipe;
    let each = |value: &dyn Fn(&str) -> Value| -> Value {
        let pairs = ALLOWED.iter().map(|(name, _)| (name.to_string(), value(name)));
        Value::Object(pairs.collect())
    };
    let endpoint = |name: &str| json!({"default_schema": "main", "privileges": {"main": name}});
    let context = json!({
        "name": "db", "version": version, "memory_bytes": 256_000_000, "disk_bytes": null,
        "configuration": {"schemas": ["main"], "endpoints": each(&endpoint)}, "passwords": each(&|_| json!("p")),
    });
    let running = Running::start(recipe, version, &context, &[]);
    let service = recipe.service().unwrap();
    let ready: Vec<&str> = service.ready().iter().map(String::as_str).collect();
    running.until(&ready, Duration::from_secs(30));
    let provision = service.provision(&context).unwrap().unwrap();
    for _ in 0..2 {
        let output = running.exec(&provision.argv, &provision.stdin);
        assert!(output.status.success(), "{output:?}");
    }
    let client = |program: &str, user: &str, more: &str, stdin: &str| {
        let common =
            format!("{program} --no-defaults --host=127.0.0.1 --skip-ssl --user={user} --password=p {more}");
        let argv: Vec<String> = common.split_whitespace().map(String::from).collect();
        running.exec(&argv, stdin)
    };
    let may = |user: &str, sql: &str| client("mariadb", user, "main", sql).status.success();
    assert!(may("admin", "CREATE TABLE t (n INT)"));
    for (user, allowed) in ALLOWED {
        let asked = [
            "SELECT * FROM t",
            "INSERT INTO t VALUES (7)",
            "CREATE TABLE made (n INT)",
            "SHOW BINARY LOGS",
            "CHANGE MASTER TO MASTER_HOST = 'other'",
        ];
        assert_eq!(asked.map(|sql| may(user, sql)), allowed, "{version}: {user}");
    }
    let log = "--read-from-remote-server --to-last-log --stop-never-slave-server-id=2 mariadb-bin.000001";
    let read = client("mariadb-binlog", "replication", log, "");
    let text = String::from_utf8_lossy(&read.stdout);
    assert!(text.contains("INSERT INTO t VALUES (7)"), "{read:?}");
    assert!(!client("mariadb-binlog", "admin", log, "").status.success());
}

fn check_mariadb(version: &str) {
    let catalog = catalog();
    let mariadb = catalog.resolve("mariadb", version).unwrap();
    let service = mariadb.recipe.service().unwrap();
    let configuration = json!({
        "schemas": ["main", "le_gacy", "it`s"],
        "endpoints": {
            "admin": {"default_schema": "main", "privileges": {"main": "admin", "it`s": "rw"}},
            "reader": {"default_schema": "le_gacy", "privileges": {"le_gacy": "ro"}},
        },
    });
    let mut context = json!({
        "name": "db", "version": version, "memory_bytes": 256_000_000, "disk_bytes": null,
        "configuration": null, "passwords": {"admin": "a'\\b\"", "reader": "r"},
    });
    let running = Running::start(mariadb.recipe, version, &context, &[]);
    let ready: Vec<&str> = service.ready().iter().map(String::as_str).collect();
    running.until(&ready, Duration::from_secs(30));
    let provision = |context: &Value| {
        let provision = service.provision(context).unwrap().unwrap();
        let begun = Instant::now();
        let output = running.exec(&provision.argv, &provision.stdin);
        assert!(output.status.success(), "{output:?}");
        println!("provisioned in {:?}", begun.elapsed());
    };
    let query = |user: &str, password: &str, schema: &str, sql: &str| {
        let (user, password) = (format!("--user={user}"), format!("--password={password}"));
        let argv = [
            "mariadb",
            "--no-defaults",
            "--host=127.0.0.1",
            "--skip-ssl",
            "--batch",
            &user,
            &password,
            schema,
        ];
        running.exec(&argv.map(String::from), sql)
    };
    provision(&context);
    provision(&context);
    assert!(
        query(
            "user",
            "",
            "main",
            "CREATE TABLE t (n INT); INSERT INTO t VALUES (7);"
        )
        .status
        .success()
    );

    context["configuration"] = configuration;
    provision(&context);
    provision(&context);
    let rows = query(
        "admin",
        "a'\\b\"",
        "main",
        "SELECT n FROM t; CREATE TABLE more (n INT)",
    );
    assert_eq!(String::from_utf8_lossy(&rows.stdout), "n\n7\n", "{rows:?}");
    assert!(query("admin", "a'\\b\"", "it`s", "SELECT 1").status.success());
    assert!(query("reader", "r", "le_gacy", "SELECT 1").status.success());
    assert!(
        !query("reader", "r", "le_gacy", "CREATE TABLE t (n INT)")
            .status
            .success()
    );
    assert!(!query("reader", "wrong", "le_gacy", "SELECT 1").status.success());
    assert!(
        !query("user", "", "main", "SELECT 1").status.success(),
        "the default user is gone"
    );

    let begun = Instant::now();
    running.until(
        &["sv", "-w", "30", "stop", "/run/service/mariadb"],
        Duration::from_secs(30),
    );
    println!("stopped in {:?}", begun.elapsed());
    let log = fs::read_to_string(running.work.path().join("var/log/service.log")).unwrap();
    assert!(log.contains("Shutdown complete"), "{log}");
    println!("{log}");
}

#[test]
#[ignore = "needs built images"]
fn postgresql_starts_is_provisioned_and_stops_cleanly() {
    check_postgresql("17");
}

#[test]
#[ignore = "needs built images"]
fn the_older_postgresql_does_too() {
    check_postgresql("15");
}

#[test]
#[ignore = "needs built images"]
fn a_newer_postgresql_takes_over_the_data_of_an_older_one_that_was_killed() {
    let near = "SELECT count(*) FROM t WHERE ST_DWithin(at, ST_MakePoint(0, 0), 10)";
    let sorted =
        "SELECT count(*) FROM pg_database WHERE datcollversion <> pg_database_collation_actual_version(oid)";
    let newest = take_over(
        "postgresql",
        &json!({"extensions": ["postgis"], "default_collation": "de_DE.UTF-8"}),
        "psql -qtAX -v ON_ERROR_STOP=1 main",
        "sv once /run/service/postgresql && sv kill /run/service/postgresql && sleep 1",
        &[
            (
                "15",
                "CREATE TABLE t (n INT, at geometry); CREATE INDEX ON t USING gist (at)",
                "",
            ),
            (
                "15",
                "INSERT INTO t SELECT n, ST_MakePoint(n, 0) FROM generate_series(1, 1000) n",
                "",
            ),
            ("17", near, "10\n"),
            ("17", sorted, "0\n"),
        ],
    );
    let kept = newest.until(&["ls", "/var/lib/postgresql"], Duration::from_secs(1));
    assert_eq!(
        kept, "15\n17\n",
        "what it was made of is kept until its deployment has succeeded"
    );
}

fn check_postgresql(version: &str) {
    let catalog = catalog();
    let postgresql = catalog.resolve("postgresql", version).unwrap();
    let service = postgresql.recipe.service().unwrap();
    let mut context = json!({
        "name": "db", "version": version, "memory_bytes": 256_000_000, "disk_bytes": null, "configuration": {},
        "passwords": {"postgresql": "p", "owner": "o'\\\"", "writer": "w", "reader": "r"},
    });
    let running = Running::start(postgresql.recipe, version, &context, &[]);
    let ready: Vec<&str> = service.ready().iter().map(String::as_str).collect();
    running.until(&ready, Duration::from_secs(30));
    let provision = |context: &Value| {
        let provision = service.provision(context).unwrap().unwrap();
        let begun = Instant::now();
        let output = running.exec(&provision.argv, &provision.stdin);
        assert!(output.status.success() && output.stderr.is_empty(), "{output:?}");
        println!("provisioned in {:?}", begun.elapsed());
    };
    let query = |user: &str, password: &str, database: &str, sql: &str| {
        let (user, password) = (format!("PGUSER={user}"), format!("PGPASSWORD={password}"));
        let argv = [
            "env",
            "PGHOST=127.0.0.1",
            &user,
            &password,
            "psql",
            "-qtAX",
            "-v",
            "ON_ERROR_STOP=1",
            database,
        ];
        running.exec(&argv.map(String::from), sql)
    };
    provision(&context);
    provision(&context);
    let made = query(
        "main",
        "p",
        "main",
        "CREATE TABLE t (n INT); INSERT INTO t VALUES (7);",
    );
    assert!(made.status.success(), "{made:?}");

    context["configuration"] = json!({
        "databases": ["main", "o'\"ther"],
        "extensions": ["pg_trgm", "earthdistance", "pg_stat_statements"], "default_collation": "fr_FR.UTF-8",
        "endpoints": {
            "owner": {"default_database": "main", "privileges": {"main": "admin", "o'\"ther": "admin"}},
            "writer": {"default_database": "main", "privileges": {"main": "rw"}},
            "reader": {"default_database": "main", "privileges": {"main": "ro"}},
        },
    });
    provision(&context);
    provision(&context);
    let rows = query(
        "owner",
        "o'\\\"",
        "main",
        "SELECT n FROM t; ALTER TABLE t ADD m INT; CREATE TABLE u (n INT)",
    );
    assert_eq!(
        (rows.status.success(), rows.stdout.as_slice()),
        (true, b"7\n".as_slice()),
        "{rows:?}"
    );
    assert!(
        query("writer", "w", "main", "INSERT INTO u VALUES (1)")
            .status
            .success()
    );
    assert!(!query("writer", "w", "main", "DROP TABLE u").status.success());
    assert_eq!(query("reader", "r", "main", "SELECT n FROM u").stdout, b"1\n");
    assert!(
        !query("reader", "r", "main", "INSERT INTO u VALUES (2)")
            .status
            .success()
    );
    assert!(!query("reader", "r", "o'\"ther", "SELECT 1").status.success());
    assert!(!query("reader", "wrong", "main", "SELECT 1").status.success());
    assert!(!query("postgres", "", "main", "SELECT 1").status.success());
    assert!(
        !query("main", "p", "main", "SELECT 1").status.success(),
        "the default user is gone"
    );

    running.until(
        &["sv", "-w", "30", "stop", "/run/service/postgresql"],
        Duration::from_secs(30),
    );
    let log = fs::read_to_string(running.work.path().join("var/log/service.log")).unwrap();
    assert!(
        log.contains("database system is shut down") && log.contains("fast shutdown"),
        "{log}"
    );
}
