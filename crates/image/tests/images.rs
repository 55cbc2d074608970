//! The built images do what their recipes promise, run as containers run them: runit as the image's user, no capability, a
//! read-only root. Needs root, and the images in the default cache or Debian's mirror to build them, so it is run by name:
//! `cargo test -p guise-image --test images -- --ignored`.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use guise_image::{Catalog, Recipe, Store};
use serde_json::{Value, json};
use std::{
    fs,
    io::Write,
    os::unix::fs::{PermissionsExt, chown},
    path::{Path, PathBuf},
    process::{Child, Command, Output, Stdio},
    sync::atomic::AtomicBool,
    time::{Duration, Instant},
};

/// Mounts what a node would, then becomes PID 1 as the image's user.
const START: &str = r#"
set -eu
ip link set lo up
echo 0 >/proc/sys/net/ipv4/ip_unprivileged_port_start
for directory in run tmp var/log app $DATA; do
    mount --bind "$WORK/$directory" "$IMAGE/$directory"
done
mount --bind /dev "$IMAGE/dev"
mount -t proc proc "$IMAGE/proc"
exec chroot "$IMAGE" setpriv --reuid "$ID" --regid "$ID" --clear-groups --inh-caps=-all --bounding-set=-all --no-new-privs \
    env -i "$@" runsvdir -P /run/service
"#;

/// An image that runs; killed and unmounted in the end.
struct Running {
    work: tempfile::TempDir,
    store: Store,
    image: PathBuf,
    user: u32,
    /// Of everything inside: `NAME=VALUE`.
    env: Vec<String>,
    init: Child,
}

impl Running {
    fn start(recipe: &Recipe, version: &str, context: &Value, more: &[(&str, &str)]) -> Self {
        Self::start_with(None, recipe, version, context, more)
    }

    /// Starts with a copy of another one's data.
    fn start_with(
        before: Option<&Self>,
        recipe: &Recipe,
        version: &str,
        context: &Value,
        more: &[(&str, &str)],
    ) -> Self {
        let work = tempfile::tempdir_in("/var/tmp").unwrap();
        let store = Store::open(&work.path().join("state"), Some("/var/cache/guise/images".into())).unwrap();
        let go = AtomicBool::new(false);
        let digest = store
            .build(recipe, version, false, &go, &mut |line| println!("{line}"))
            .unwrap();
        let image = store.attach(&digest).unwrap();
        let (user, _) = recipe.user();
        let data = recipe
            .service()
            .and_then(|service| service.data())
            .map(|data| data.path.trim_start_matches('/'));
        for directory in ["run/guise", "tmp", "var/log", "app"].into_iter().chain(data) {
            fs::create_dir_all(work.path().join(directory)).unwrap();
        }
        if let (Some(before), Some(data)) = (before, data) {
            let (from, to) = (before.work.path().join(data).join("."), work.path().join(data));
            assert!(
                Command::new("cp")
                    .arg("-a")
                    .args([from, to])
                    .status()
                    .unwrap()
                    .success()
            );
        }
        for file in recipe.render_files(version, context).unwrap() {
            write(&work.path().join("run").join(file.path), &file.content, file.mode);
        }
        for (path, content) in more {
            write(&work.path().join(path), content, 0o644);
        }
        fs::set_permissions(work.path(), fs::Permissions::from_mode(0o755)).unwrap();
        for directory in ["run", "tmp", "var", "app"].into_iter().chain(data) {
            give(&work.path().join(directory), user);
        }
        let env: Vec<String> = recipe
            .env()
            .iter()
            .map(|(name, value)| format!("{name}={value}"))
            .collect();
        let init = Command::new("unshare")
            .args(["--mount", "--pid", "--net", "--fork", "sh", "-c", START, "sh"])
            .args(&env)
            .env("IMAGE", &image)
            .env("WORK", work.path())
            .env("ID", user.to_string())
            .env("DATA", data.unwrap_or_default())
            .env("PATH", "/usr/sbin:/usr/bin:/sbin:/bin")
            .spawn()
            .unwrap();
        Self {
            work,
            store,
            image,
            user,
            env,
            init,
        }
    }

    /// PID 1, as the host numbers it.
    fn inner(&self) -> Option<String> {
        let unshare = self.init.id();
        let children = fs::read_to_string(format!("/proc/{unshare}/task/{unshare}/children")).ok()?;
        children.split_whitespace().next().map(ToString::to_string)
    }

    /// The same, once it is there.
    fn await_inner(&self) -> String {
        for _ in 0..500 {
            if let Some(inner) = self.inner() {
                return inner;
            }
            std::thread::sleep(Duration::from_millis(20));
        }
        panic!("the container has no process:\n{}", self.logs());
    }

    /// Runs a command inside.
    fn exec(&self, argv: &[String], stdin: &str) -> Output {
        let mut child = Command::new("nsenter")
            .args(["--mount", "--pid", "--net", "--target", &self.await_inner()])
            .args(["chroot".as_ref(), self.image.as_os_str()])
            .args([
                "setpriv",
                "--reuid",
                &self.user.to_string(),
                "--regid",
                &self.user.to_string(),
                "--clear-groups",
            ])
            .arg("env")
            .args(&self.env)
            .args(argv)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        child.stdin.take().unwrap().write_all(stdin.as_bytes()).unwrap();
        child.wait_with_output().unwrap()
    }

    /// Runs a command inside until it succeeds, and gives what it wrote.
    fn until(&self, argv: &[&str], limit: Duration) -> String {
        let argv: Vec<String> = argv.iter().map(ToString::to_string).collect();
        let begun = Instant::now();
        loop {
            std::thread::sleep(Duration::from_millis(20));
            let output = self.exec(&argv, "");
            if output.status.success() {
                println!("{argv:?} after {:?}", begun.elapsed());
                return String::from_utf8(output.stdout).unwrap();
            }
            assert!(begun.elapsed() < limit, "{argv:?}: {output:?}\n{}", self.logs());
        }
    }

    fn logs(&self) -> String {
        let logs = fs::read_dir(self.work.path().join("var/log")).unwrap();
        logs.map(|log| fs::read_to_string(log.unwrap().path()).unwrap_or_default())
            .collect()
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // unshare's --kill-child does not reach it: the kernel forgets the death signal when the user changes (prctl(2)).
        if let Some(inner) = self.inner() {
            let _ = Command::new("kill").args(["-KILL", &inner]).status();
        }
        let _ = self.init.kill();
        let _ = self.init.wait();
        let _ = self.store.detach_unused(&[]);
    }
}

fn write(path: &Path, content: &str, mode: u32) {
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, content).unwrap();
    fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
}

fn give(path: &Path, user: u32) {
    chown(path, Some(user), Some(user)).unwrap();
    if path.is_dir() {
        fs::read_dir(path)
            .unwrap()
            .for_each(|entry| give(&entry.unwrap().path(), user));
    }
}

fn catalog() -> Catalog {
    Catalog::load(&[Path::new(env!("CARGO_MANIFEST_DIR")).join("../../images")]).unwrap()
}

const NGINX: &str = "
worker_processes 1;
pid /run/nginx.pid;
events {}
http {
  access_log /var/log/access.log;
  server { listen 80; location / { proxy_pass http://127.0.0.1:8888; } }
}
";

#[test]
#[ignore = "needs built images"]
fn python_apps_answer_behind_nginx_and_their_exits_are_noted() {
    let catalog = catalog();
    let python = catalog.resolve("python", "3.13").unwrap();
    let context = json!({
        "web": true, "has_start": true, "start": "python -m http.server --bind 127.0.0.1 $PORT & wait",
        "pre_start": "echo \"it's\" $GREETING >greeting",
    });
    let files = [
        ("run/guise/nginx.conf", NGINX),
        ("run/guise/env", "export PATH=/usr/bin:/bin PORT=8888 HOME=/app\n"),
        ("app/.environment", "GREETING=hello\n"),
    ];
    let running = Running::start(python.recipe, &python.version, &context, &files);
    let limit = Duration::from_secs(20);
    let body = running.until(&["curl", "-sf", "http://127.0.0.1/greeting"], limit);
    assert_eq!(body, "it's hello\n");
    running.until(&["sv", "-w", "5", "restart", "/run/service/app"], limit);
    assert_eq!(
        running.until(&["curl", "-sf", "http://127.0.0.1/greeting"], limit),
        "it's hello\n"
    );
    let exits = fs::read_to_string(running.work.path().join("run/guise/app.exits")).unwrap();
    assert!(
        exits.trim().ends_with(" -1 15") || exits.trim().ends_with(" 143 0"),
        "{exits:?}"
    );
    running.until(&["pip", "--version"], limit);
    assert!(
        running
            .exec(&["touch".into(), "/usr/x".into()], "")
            .stderr
            .ends_with(b"Read-only file system\n")
    );
}

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

#[test]
#[ignore = "needs built images"]
fn redis_answers_and_its_settings_cannot_be_changed() {
    let catalog = catalog();
    let redis = catalog.resolve("redis", "8.0").unwrap();
    let context = json!({"name": "cache", "memory_bytes": 256_000_000, "disk_bytes": null, "configuration": {}, "passwords": {}});
    let running = Running::start(redis.recipe, "8.0", &context, &[]);
    let ready: Vec<&str> = redis
        .recipe
        .service()
        .unwrap()
        .ready()
        .iter()
        .map(String::as_str)
        .collect();
    running.until(&ready, Duration::from_secs(20));
    let redis_cli = |command: &str| {
        running.until(
            &["sh", "-c", &format!("redis-cli {command}")],
            Duration::from_secs(5),
        )
    };
    assert_eq!(redis_cli("set a 1"), "OK\n");
    assert!(redis_cli("config get dir").contains("unknown command"));
    running.until(
        &["sv", "-w", "20", "stop", "/run/service/redis"],
        Duration::from_secs(20),
    );
}

#[test]
#[ignore = "needs built images"]
fn node_apps_answer_and_npm_is_there() {
    let catalog = catalog();
    let nodejs = catalog.resolve("nodejs", "20").unwrap();
    let start = "exec node -e 'require(\"http\").createServer((q, a) => a.end(process.version)).listen(process.env.PORT)'";
    let context = json!({"web": true, "has_start": true, "start": start, "pre_start": null});
    let files = [
        ("run/guise/nginx.conf", NGINX),
        ("run/guise/env", "export PATH=/usr/bin:/bin PORT=8888 HOME=/app\n"),
    ];
    let running = Running::start(nodejs.recipe, &nodejs.version, &context, &files);
    let limit = Duration::from_secs(20);
    assert!(
        running
            .until(&["curl", "-sf", "http://127.0.0.1/"], limit)
            .starts_with("v20.")
    );
    running.until(&["npm", "--version"], limit);
}

/// Services whose readiness is enough to know that they run; each is also provisioned twice and stopped.
const PLAIN: [(&str, &str, &str); 7] = [
    ("valkey", "8.1", "redis"),
    ("valkey-persistent", "8.1", "redis"),
    ("memcached", "1.6", "memcached"),
    ("rabbitmq", "4.0", "rabbitmq"),
    ("influxdb", "1.6", "influxdb"),
    ("varnish", "7.7", "varnish"),
    ("chrome-headless", "156", "chrome"),
];

#[test]
#[ignore = "needs built images"]
fn every_plain_service_gets_ready_is_provisioned_and_stops() {
    let catalog = catalog();
    for (name, version, process) in PLAIN {
        let recipe = catalog.resolve(name, version).unwrap().recipe;
        let service = recipe.service().unwrap();
        let disk = service.data().map(|_| 512_000_000);
        let context = json!({
            "name": "it", "version": version, "memory_bytes": 1_000_000_000, "disk_bytes": disk,
            "configuration": {"vhosts": ["events"]}, "passwords": {"rabbitmq": "secret"},
            "address": "127.0.0.1", "relationships": {"app": {"ip": "127.0.0.1", "port": 80}},
        });
        let running = Running::start(
            recipe,
            version,
            &context,
            &[("run/hosts", "127.0.0.1 localhost\n")],
        );
        let ready: Vec<&str> = service.ready().iter().map(String::as_str).collect();
        running.until(&ready, Duration::from_secs(60));
        for _ in 0..2 {
            let Some(provision) = service.provision(&context).unwrap() else {
                break;
            };
            let output = running.exec(&provision.argv, &provision.stdin);
            assert!(output.status.success(), "{name}: {output:?}");
        }
        running.until(
            &["sv", "-w", "30", "stop", &format!("/run/service/{process}")],
            Duration::from_secs(40),
        );
    }
}

#[test]
#[ignore = "needs Debian's mirror"]
fn a_private_recipe_runs_what_its_archive_brings() {
    let work = tempfile::tempdir_in("/var/tmp").unwrap();
    let (recipes, tree) = (
        work.path().join("recipes/greeter"),
        work.path().join("greeter-1.0/bin"),
    );
    fs::create_dir_all(&recipes).unwrap();
    fs::create_dir_all(&tree).unwrap();
    write(
        &tree.join("greet"),
        "#!/bin/dash\necho hello >/tmp/greeting; exec sleep 1000\n",
        0o755,
    );
    let archive = work.path().join("greeter.tgz");
    let packed = Command::new("tar")
        .args(["--create", "--gzip", "--file"])
        .arg(&archive)
        .arg("--directory")
        .args([work.path(), Path::new("greeter-1.0")])
        .status();
    assert!(packed.unwrap().success());
    let sum = Command::new("sha256sum").arg(&archive).output().unwrap().stdout;
    let sum = String::from_utf8(sum).unwrap();
    let url = serve(fs::read(&archive).unwrap());
    let table = RECIPE
        .replace("URL", &url)
        .replace("SUM", sum.split(' ').next().unwrap());
    write(&recipes.join("recipe.toml"), &table, 0o644);
    write(
        &recipes.join("greet.run"),
        "#!/bin/dash\nexec /opt/greeter/bin/greet\n",
        0o644,
    );
    write(
        &recipes.join("credentials.json"),
        r#"{"scheme": "x", "port": 1}"#,
        0o644,
    );
    let shipped = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../images");
    let catalog = Catalog::load(&[shipped, work.path().join("recipes")]).unwrap();
    let recipe = catalog.resolve("greeter", "1.0").unwrap().recipe;
    let running = Running::start(recipe, "1.0", &json!({}), &[]);
    assert_eq!(
        running.until(&["cat", "/tmp/greeting"], Duration::from_secs(20)),
        "hello\n"
    );
}

const RECIPE: &str = r#"
name = "greeter"
kind = "service"
include = ["_base"]
user = { name = "greeter", uid = 7000, gid = 7000, home = "/tmp" }
env = { PATH = "/usr/bin:/bin" }
versions."1.0" = { suite = "trixie", archives = [{ url = "URL", sha256 = "SUM", into = "/opt/greeter", strip = 1 }] }
files = [{ path = "service/greet/run", template = "greet.run", mode = 0o755 }]
service = { port = 1, default_endpoint = "x", ready = ["true"], credentials = "credentials.json" }
"#;

/// Serves some bytes once, on the loopback.
fn serve(content: Vec<u8>) -> String {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/it.tgz", listener.local_addr().unwrap());
    std::thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        let _ = std::io::Read::read(&mut stream, &mut [0; 4096]);
        let head = format!("HTTP/1.0 200 OK\r\nContent-Length: {}\r\n\r\n", content.len());
        stream.write_all(&[head.as_bytes(), &content].concat()).unwrap();
    });
    url
}
