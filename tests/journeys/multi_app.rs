//! A project of several apps, one inside of another, and the operations that its people start.

use crate::site::says;
use anyhow::{Context, Result, ensure};
use journeys::{Guise, Push, Repository, http};

/// Whom the nested app may talk to, once it may not to everybody: what base images are made from, which is there.
const FIREWALL: &str = "  firewall: {outbound: [{domains: [deb.debian.org], ports: [80]}]}\n";

/// Says which of two ports of that host can be connected to.
const KNOCK: &str = r#"import socket
for port in 80, 443:
    try:
        socket.create_connection(("deb.debian.org", port), 3)
        print(port, "open")
    except OSError:
        print(port, "closed")
"#;

/// Answers what it is called, and what the app says that it has a relationship to.
const SERVER: &str = r#"import http.server, os, urllib.request

class Page(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        body = open("page.txt").read().strip()
        if "API_HOST" in os.environ:
            body += " and " + urllib.request.urlopen("http://" + os.environ["API_HOST"] + "/").read().decode()
        self.send_response(200)
        self.end_headers()
        self.wfile.write(body.encode())

http.server.ThreadingHTTPServer(("127.0.0.1", int(os.environ["PORT"])), Page).serve_forever()
"#;

/// The list form, with a source operation that two apps have.
const APPLICATIONS: &str = r#"- name: front
  type: python:3.13
  source:
    root: /
    operations:
      rename:
        command: |
          set -e
          test "$PLATFORM_SOURCE_DIR" = /app
          echo "front $NAME" > page.txt
          git commit -qam "Rename the front to $NAME"
  relationships:
    api: {service: api, endpoint: http}
  hooks:
    build: |
      echo built $PLATFORM_APPLICATION_NAME
      [ ! -f $PLATFORM_CACHE_DIR/kept ] || cat $PLATFORM_CACHE_DIR/kept
      echo kept by an earlier build > $PLATFORM_CACHE_DIR/kept
  operations:
    greet: {commands: {start: 'echo hello from $PLATFORM_APPLICATION_NAME; touch /tmp/greeted'}}
    fail: {commands: {start: 'exit 3'}}
    wait: {commands: {start: 'trap "echo good night; exit 1" TERM; while true; do sleep 0.1; done'}, timeout: 1}
  web: {commands: {start: python server.py}}
- name: api
  type: python:3.13
  source:
    root: services/api
    operations:
      rename:
        command: |
          echo "api $NAME" > page.txt
          git commit -qam "Rename the api to $NAME"
  hooks: {build: 'echo built $PLATFORM_APPLICATION_NAME'}
  web: {commands: {start: python server.py}}
"#;

const ROUTES: &str = r#"'http://{default}/': {type: upstream, upstream: 'front:http'}
'http://api.{default}/': {type: upstream, upstream: 'api:http'}
"#;

struct Shop<'a> {
    guise: &'a Guise,
    repository: Repository,
}

pub fn is_built_and_operated(guise: &Guise) -> Result<()> {
    let repository = Repository::create(&guise.directory().join("shop"))?;
    for directory in ["", "services/api/"] {
        repository.write(&format!("{directory}server.py"), SERVER)?;
    }
    repository.write("page.txt", "front one\n")?;
    repository.write("services/api/page.txt", "api one\n")?;
    repository.write(".platform/applications.yaml", APPLICATIONS)?;
    repository.write(".platform/routes.yaml", ROUTES)?;
    repository.commit("Begin")?;
    guise.run(repository.root(), &["up"])?.ok()?;
    let shop = Shop { guise, repository };
    shop.serves("front one and api one", "api one")?;
    shop.each_is_built_for_its_own_changes()?;
    shop.builds_keep_what_they_want_until_it_is_cleared()?;
    shop.runtime_operations_run()?;
    shop.a_firewall_holds()?;
    shop.source_operations_are_deployed()
}

impl Shop<'_> {
    fn each_is_built_for_its_own_changes(&self) -> Result<()> {
        let repository = &self.repository;
        repository.write("services/api/page.txt", "api two\n")?;
        let push = self.push("Change the nested app")?;
        // The outer app's tree has the nested one's.
        says(&push, &["[front]   built front", "[api]   built api"])?;
        self.serves("front one and api two", "api two")?;

        repository.write("page.txt", "front two\n")?;
        let push = self.push("Change the outer app")?;
        says(&push, &["[front]   built front", "[api] Reusing existing build"])?;
        self.serves("front two and api two", "api two")?;

        repository.append(
            ".platform/routes.yaml",
            "'http://www.{default}/': {type: redirect, to: 'http://{default}/'}\n",
        )?;
        let push = self.push("Change the routes")?;
        ensure!(
            !push.output.contains("built "),
            "routes build something:\n{}",
            push.output
        );

        // The mapping form means the same, so nothing is built.
        repository.write(".platform/applications.yaml", &as_mapping(APPLICATIONS))?;
        let push = self.push("Write a mapping")?;
        ensure!(
            !push.output.contains("built "),
            "another form builds something:\n{}",
            push.output
        );
        self.serves("front two and api two", "api two")
    }

    fn builds_keep_what_they_want_until_it_is_cleared(&self) -> Result<()> {
        self.repository.write("page.txt", "front two again\n")?;
        let push = self.push("Build once more")?;
        says(&push, &["kept by an earlier build"])?;
        let ran = self.run(&["project", "clear-build-cache"])?;
        ensure!(ran.stderr.contains("api, front"), "{ran:?}");
        self.repository.write("page.txt", "front two\n")?;
        let push = self.push("Build without what was kept")?;
        let cleared = !push.output.contains("kept by an earlier build");
        ensure!(cleared, "the cache is there after all:\n{}", push.output);
        Ok(())
    }

    fn a_firewall_holds(&self) -> Result<()> {
        let file = ".platform/applications.yaml";
        let nested = "  type: python:3.13\n  source:\n    root: services/api\n";
        self.repository
            .replace(file, nested, &format!("{FIREWALL}{nested}"))?;
        let push = self.push("Add a firewall")?;
        says(&push, &["Connecting api"])?;
        let arguments = ["exec", "--container", "api", "--", "python3", "-c", KNOCK];
        let knocked = self.run(&arguments)?.ok()?;
        ensure!(knocked == "80 open\n443 closed\n", "{knocked}");
        self.serves("front two and api two", "api two")
    }

    fn runtime_operations_run(&self) -> Result<()> {
        let listed = self.guise.json(self.repository.root(), &["operation", "list"])?;
        let first = &listed[0];
        ensure!(first["name"] == "greet" && first["app"] == "front", "{listed}");
        let ran = self.run(&["operation", "run", "greet"])?;
        ensure!(
            ran.code == Some(0) && ran.stderr.contains("hello from front"),
            "{ran:?}"
        );
        self.run(&["exec", "--container", "front", "--", "ls", "/tmp/greeted"])?
            .ok()?;
        let ran = self.run(&["operation", "run", "fail"])?;
        let failed = ran.code == Some(1) && ran.stderr.contains("ended with status 3");
        ensure!(failed, "{ran:?}");
        let ran = self.run(&["operation", "run", "wait"])?;
        let stopped = ran.stderr.contains("good night") && ran.stderr.contains("its timeout of 1 s");
        ensure!(ran.code == Some(1) && stopped, "{ran:?}");
        let ran = self.run(&["operation", "run", "nothing"])?;
        ensure!(
            ran.code == Some(2) && ran.stderr.contains("greet of front"),
            "{ran:?}"
        );
        self.serves("front two and api two", "api two")
    }

    fn source_operations_are_deployed(&self) -> Result<()> {
        let arguments = [
            "source-operation",
            "run",
            "rename",
            "--variable",
            "env:NAME=three",
        ];
        let ran = self.run(&arguments)?;
        let built = ["[front]   built front", "[api]   built api"];
        let deployed = built.iter().all(|words| ran.stderr.contains(words));
        ensure!(ran.code == Some(0) && deployed, "{ran:?}");
        self.serves("front three and api three", "api three")?;
        self.repository.git(&["pull", "--quiet", "guise", "main"])?;
        let log = self.repository.git(&["log", "-2", "--format=%an: %s"])?;
        ensure!(
            log == "guise: Rename the api to three\nguise: Rename the front to three",
            "{log}"
        );
        // Without a change git commits nothing, which is the command's failure here.
        let ran = self.run(&arguments)?;
        ensure!(
            ran.code == Some(1) && ran.stderr.contains("the source operation failed"),
            "{ran:?}"
        );
        self.serves("front three and api three", "api three")
    }

    fn run(&self, arguments: &[&str]) -> Result<journeys::Ran> {
        self.guise.run(self.repository.root(), arguments)
    }

    fn push(&self, message: &str) -> Result<Push> {
        let push = self.repository.push(message)?;
        ensure!(push.accepted, "the push is refused:\n{}", push.output);
        Ok(push)
    }

    fn serves(&self, front: &str, api: &str) -> Result<()> {
        let environment = self
            .guise
            .json(self.repository.root(), &["environment", "info"])?;
        let routes = environment["routes"].as_array().context("no routes")?;
        for (app, wanted) in [("front", front), ("api", api)] {
            let route = routes.iter().find(|route| route["to"] == app);
            let url = route
                .and_then(|route| route["url"].as_str())
                .context("no route")?;
            let page = http::get(url)?.text();
            ensure!(page == wanted, "{url} says {page:?} instead of {wanted:?}");
        }
        Ok(())
    }
}

/// The list form's apps as a mapping.
fn as_mapping(list: &str) -> String {
    let mut mapping = String::new();
    for line in list.lines() {
        let line = match line.strip_prefix("- name: ") {
            Some(name) => format!("{name}:"),
            None => line.to_owned(),
        };
        mapping.push_str(&line);
        mapping.push('\n');
    }
    mapping
}
