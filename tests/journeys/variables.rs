//! What people set and what the platform provides, as the published config-reader libraries of Python and Node.js read
//! it inside of pushed apps; and the data behind a relationship, from the command line.

use anyhow::{Context, Result, ensure};
use journeys::{Guise, Repository, http};
use serde_json::{Value, json};
use std::{
    fs::{self, File},
    path::Path,
};

const APPLICATIONS: &str = r#"- name: python
  type: python:3.13
  source: {root: python}
  disk: 256
  relationships: {database: 'db:mysql', other: 'nodejs:http'}
  variables: {env: {theme: app, colour: app}, d8config: {'system.site:name': Shop}}
  mounts: {files: {source: local, source_path: files}}
  hooks: {build: 'pip install -q platformshconfig && echo "$COLOUR" > colour.txt'}
  web: {commands: {start: python server.py}}
- name: nodejs
  type: nodejs:20
  source: {root: nodejs}
  web: {commands: {start: node server.js}}
"#;

const SERVICES: &str = "db: {type: 'mariadb:11.8', disk: 256}\n";

const ROUTES: &str = r#"'https://{default}/': {type: upstream, upstream: 'python:http', id: main}
'https://node.{default}/': {type: upstream, upstream: 'nodejs:http', id: node}
"#;

const PYTHON: &str = r#"import http.server, json, os
from platformshconfig import Config

def read():
    config = Config()
    return {
        "valid": config.is_valid_platform(), "runtime": bool(config.in_runtime()), "build": config.in_build(),
        "name": config.application()["name"], "branch": config.branch,
        "scheme": config.credentials("database")["scheme"], "other": config.credentials("other")["host"],
        "site": config.variable("d8config:system.site:name"), "limits": config.variable("limits"),
        "upstream": config.get_route("main")["upstream"], "entropy": len(config.projectEntropy),
        "colour": os.environ.get("COLOUR"), "theme": os.environ.get("THEME"), "token": os.environ.get("TOKEN"),
        "built": open("colour.txt").read().strip(),
    }

class Page(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        body = json.dumps(read()).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

http.server.ThreadingHTTPServer(("127.0.0.1", int(os.environ["PORT"])), Page).serve_forever()
"#;

const NODEJS: &str = r#"const config = require("platformsh-config").config();
const read = () => ({
  valid: Boolean(config.isValidPlatform()), runtime: Boolean(config.inRuntime()), build: Boolean(config.inBuild()),
  name: config.application().name, branch: config.branch,
  limits: config.variable("limits"), upstream: config.getRoute("node").upstream,
  colour: process.env.COLOUR ?? null, token: process.env.TOKEN ?? null,
});
require("http").createServer((_, answer) => answer.end(JSON.stringify(read()))).listen(process.env.PORT);
"#;

const PACKAGE: &str = r#"{"name": "reads", "version": "1.0.0", "dependencies": {"platformsh-config": "2"}}"#;

const SECRET: &str = "hunter2-is-secret";

pub fn arrive_as_published(guise: &Guise) -> Result<()> {
    let repository = Repository::create(&guise.directory().join("reads"))?;
    for (path, content) in [
        (".platform/applications.yaml", APPLICATIONS),
        (".platform/services.yaml", SERVICES),
        (".platform/routes.yaml", ROUTES),
        ("python/server.py", PYTHON),
        ("nodejs/server.js", NODEJS),
        ("nodejs/package.json", PACKAGE),
    ] {
        repository.write(path, content)?;
    }
    repository.commit("Begin")?;
    let reads = Reads { guise, repository };
    reads.guise(&["up"])?;
    reads.libraries_read_what_is_provided()?;
    reads.variables_arrive_and_secrets_stay()?;
    reads.a_branch_inherits()?;
    reads.databases_are_asked_and_dumped()?;
    reads.mounts_are_copied()
}

struct Reads<'a> {
    guise: &'a Guise,
    repository: Repository,
}

impl Reads<'_> {
    fn libraries_read_what_is_provided(&self) -> Result<()> {
        let python = self.page("python", "main")?;
        expect(
            &python,
            json!({
                "valid": true, "runtime": true, "build": false, "name": "python",
                "branch": "main", "scheme": "mysql", "other": "other.internal", "site": "Shop", "limits": null,
                "upstream": "python", "entropy": 56, "colour": "app", "theme": "app", "token": null, "built": "app",
            }),
        )?;
        let nodejs = self.page("nodejs", "main")?;
        expect(
            &nodejs,
            json!({
                "valid": true, "runtime": true, "build": false, "name": "nodejs",
                "branch": "main", "limits": null, "upstream": "nodejs", "colour": null, "token": null,
            }),
        )
    }

    fn variables_arrive_and_secrets_stay(&self) -> Result<()> {
        let create = |arguments: &[&str]| self.guise(&[&["variable", "create"], arguments].concat());
        create(&[
            "--level",
            "project",
            "limits",
            "--json",
            "--value",
            r#"{"a": [1, 2]}"#,
        ])?;
        create(&[
            "--level",
            "project",
            "env:TOKEN",
            "--sensitive",
            "--app-scope",
            "python",
            "--value",
            SECRET,
        ])?;
        ensure!(
            self.page("python", "main")?["token"] == Value::Null,
            "a variable of the project counts from the next deployment on"
        );
        let log = create(&[
            "--level",
            "environment",
            "env:colour",
            "--value",
            "blue",
            "--visible-build",
        ])?;
        let python = self.page("python", "main")?;
        for (key, value) in [
            ("limits", json!({"a": [1, 2]})),
            ("token", json!(SECRET)),
            ("colour", json!("blue")),
            ("built", json!("blue")),
            ("theme", json!("app")),
        ] {
            ensure!(python[key] == value, "{key} is {}", python[key]);
        }
        let nodejs = self.page("nodejs", "main")?;
        ensure!(
            nodejs["token"] == Value::Null && nodejs["colour"] == "blue",
            "{nodejs}"
        );
        let told = [
            log,
            self.guise(&["variable", "list", "--format", "json"])?,
            self.guise(&["variable", "get", "env:TOKEN"])?,
            self.guise(&["activity", "list", "--format", "json"])?,
            self.guise(&["ps", "-v"])?,
            fs::read_to_string(self.guise.state().join("guised.log"))?,
        ];
        ensure!(
            !told.iter().any(|text| text.contains(SECRET)),
            "the secret was told: {told:?}"
        );
        for file in ["guise.db", "guise.db-wal"] {
            let bytes = fs::read(self.guise.state().join(file))?;
            let shows = bytes
                .windows(SECRET.len())
                .any(|window| window == SECRET.as_bytes());
            ensure!(!shows, "{file} shows the secret");
        }
        Ok(())
    }

    fn a_branch_inherits(&self) -> Result<()> {
        let own = [
            "variable",
            "create",
            "--level",
            "environment",
            "env:theme",
            "--value",
            "parent",
        ];
        self.guise(&[&own[..], &["--inheritable", "false"]].concat())?;
        self.guise(&["branch", "child"])?;
        let child = self.page("python", "child")?;
        ensure!(
            child["branch"] == "child" && child["colour"] == "blue" && child["theme"] == "app",
            "{child}"
        );
        self.guise(&[
            "-e",
            "child",
            "variable",
            "create",
            "--level",
            "environment",
            "env:colour",
            "--value",
            "red",
        ])?;
        ensure!(
            self.page("python", "child")?["colour"] == "red",
            "the nearest wins"
        );
        ensure!(
            self.page("python", "main")?["colour"] == "blue",
            "a child's is not its parent's"
        );
        self.guise(&["environment", "delete", "child", "--yes"]).map(drop)
    }

    fn databases_are_asked_and_dumped(&self) -> Result<()> {
        self.guise(&[
            "sql",
            "CREATE TABLE books (title TEXT); INSERT INTO books VALUES ('Dune'), ('Ubik')",
        ])?;
        let dump = self.guise.directory().join("books.sql.gz");
        let path = dump.to_str().context("a path of this test is text")?;
        self.guise(&["db", "dump", "-z", "-f", path])?;
        self.guise(&["sql", "DROP TABLE books"])?;
        let wrong = self.run(&["sql", "SELECT * FROM books"])?;
        ensure!(wrong.code == Some(1), "a failed query ends with {:?}", wrong.code);
        let unpacked = self.guise.directory().join("books.sql");
        let status = std::process::Command::new("gzip")
            .arg("-dc")
            .arg(&dump)
            .stdout(File::create(&unpacked)?)
            .status()?;
        ensure!(status.success(), "the dump is no gzip file");
        let mut import = self.guise.command(self.repository.root(), &["db:sql"]);
        ensure!(
            import.stdin(File::open(&unpacked)?).status()?.success(),
            "the dump is not imported"
        );
        let books = self.guise(&["sql", "--raw", "SELECT title FROM books ORDER BY title"])?;
        ensure!(books == "Dune\nUbik\n", "{books:?}");
        Ok(())
    }

    fn mounts_are_copied(&self) -> Result<()> {
        let (here, back) = (
            self.guise.directory().join("up"),
            self.guise.directory().join("down"),
        );
        fs::create_dir(&here)?;
        fs::write(here.join("a.txt"), "a")?;
        std::os::unix::fs::symlink("/etc/passwd", here.join("out"))?;
        let copy = |verb: &str, option: &str, directory: &Path| {
            let directory = directory.to_str().context("a path of this test is text")?;
            self.guise(&["mount", verb, option, directory, "--delete", "--yes", "--quiet"])
        };
        copy("upload", "--source", &here)?;
        let inside = self.guise(&[
            "exec",
            "--",
            "sh",
            "-c",
            "stat -c '%U %n' files/*; ln -s /etc/shadow files/evil",
        ])?;
        ensure!(inside == "web files/a.txt\n", "{inside:?}");
        fs::create_dir(&back)?;
        fs::write(back.join("old.txt"), "only here")?;
        copy("download", "--target", &back)?;
        let names: Vec<_> = fs::read_dir(&back)?
            .map(|entry| entry.map(|entry| entry.file_name()))
            .collect();
        ensure!(names.len() == 1 && back.join("a.txt").is_file(), "{names:?}");
        Ok(())
    }

    fn run(&self, arguments: &[&str]) -> Result<journeys::Ran> {
        self.guise.run(self.repository.root(), arguments)
    }

    fn guise(&self, arguments: &[&str]) -> Result<String> {
        let told = || format!("guise {}", arguments.join(" "));
        self.run(arguments)?.ok().with_context(told)
    }

    /// What an app of an environment answers.
    fn page(&self, app: &str, environment: &str) -> Result<Value> {
        let found = self.guise.json(
            self.repository.root(),
            &["-e", environment, "environment", "info"],
        )?;
        let routes = found["routes"].as_array().cloned().unwrap_or_default();
        let url = routes
            .iter()
            .find(|route| route["to"] == app && route["type"] == "upstream");
        let url = url
            .and_then(|route| route["url"].as_str())
            .context("the app has no route")?;
        let text = http::get(url)?.text();
        serde_json::from_str(&text).with_context(|| format!("{app} answered {text:?}"))
    }
}

fn expect(found: &Value, expected: Value) -> Result<()> {
    ensure!(*found == expected, "read {found}\nnot  {expected}");
    Ok(())
}
