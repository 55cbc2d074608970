//! A site that keeps rows in a database and files in a mount, and has no service: quick to deploy, branch and restore.

use anyhow::{Context, Result, ensure};
use journeys::{Guise, Repository, http};
use serde_json::Value;
use std::time::Duration;

const APP: &str = r#"name: app
type: python:3.13
size: S
disk: 128
mounts:
    data:
        source: local
        source_path: data
hooks:
    deploy: touch data/deployed
web:
    commands:
        start: python server.py
    locations:
        /:
            passthru: true
"#;

/// `/` is `page.txt`, `/add/WORD` adds a row and a file, `/data` is all of both.
const SERVER: &str = r#"import http.server, os, sqlite3

database = sqlite3.connect("data/rows.db", check_same_thread=False, isolation_level=None)
database.execute("CREATE TABLE IF NOT EXISTS rows (word TEXT)")

class Site(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        if self.path.startswith("/add/"):
            word = self.path[5:]
            database.execute("INSERT INTO rows VALUES (?)", (word,))
            with open("data/file-" + word, "w") as file:
                file.write(word)
        rows = [row[0] for row in database.execute("SELECT word FROM rows ORDER BY rowid")]
        files = sorted(name[5:] for name in os.listdir("data") if name.startswith("file-"))
        text = " ".join(rows) + " | " + " ".join(files) if self.path != "/" else open("page.txt").read()
        body = text.encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

http.server.HTTPServer(("127.0.0.1", int(os.environ["PORT"])), Site).serve_forever()
"#;

/// How long a site may take to be there once its activity has ended.
const PATIENCE: Duration = Duration::from_secs(5);

/// A person's work tree of the site.
pub struct CrashSite<'a> {
    pub guise: &'a Guise,
    pub repository: Repository,
}

impl<'a> CrashSite<'a> {
    /// Writes and commits it.
    pub fn write(guise: &'a Guise, name: &str) -> Result<Self> {
        let repository = Repository::create(&guise.directory().join(name))?;
        repository.write(".platform.app.yaml", APP)?;
        repository.write("server.py", SERVER)?;
        repository.write("page.txt", "first")?;
        repository.commit("Begin")?;
        Ok(Self { guise, repository })
    }

    /// One that was written.
    pub fn at(guise: &'a Guise, name: &str) -> Self {
        let repository = Repository::at(&guise.directory().join(name));
        Self { guise, repository }
    }

    /// The first URL of one of its environments.
    pub fn url(&self, environment: &str) -> Result<String> {
        let arguments = ["--environment", environment, "url", "--primary"];
        let printed = self.guise.run(self.repository.root(), &arguments)?.ok()?;
        Ok(printed.trim().to_string())
    }

    /// What an environment answers at a path.
    pub fn get(&self, environment: &str, path: &str) -> Result<String> {
        let url = format!("{}{path}", self.url(environment)?);
        let answer = http::get_when(&url, PATIENCE, |response| response.status == 200);
        Ok(answer
            .with_context(|| format!("{environment} is not there"))?
            .text())
    }

    /// That an environment's page says `text`.
    pub fn says(&self, environment: &str, text: &str) -> Result<()> {
        let page = self.get(environment, "")?;
        ensure!(page == text, "{environment} says {page:?} instead of {text:?}");
        Ok(())
    }

    /// Adds a row and a file.
    pub fn add(&self, environment: &str, word: &str) -> Result<()> {
        self.get(environment, &format!("add/{word}")).map(drop)
    }

    /// All rows and files.
    pub fn data(&self, environment: &str) -> Result<String> {
        self.get(environment, "data")
    }

    /// The containers of an environment: their ids and processes.
    pub fn containers(&self, environment: &str) -> Result<Vec<(Value, Value)>> {
        let arguments = ["--environment", environment, "ps"];
        let listed = self.guise.json(self.repository.root(), &arguments)?;
        let listed = listed.as_array().context("`guise ps` lists no containers")?;
        Ok(listed
            .iter()
            .map(|container| (container["id"].clone(), container["pid"].clone()))
            .collect())
    }
}
