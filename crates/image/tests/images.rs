//! The built images of languages do what their recipes promise, and so does a private recipe.
//! Needs root, and the images in the default cache or Debian's mirror to build them, so it is run by name:
//! `cargo test -p guise-image --test images -- --ignored`.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod running;

use guise_image::Catalog;
use running::{Running, catalog, write};
use serde_json::json;
use std::{fs, io::Write, path::Path, process::Command, time::Duration};

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
